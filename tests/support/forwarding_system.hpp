// Systems for tests that are the real one but for what a test changes.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/system.hpp"

namespace stretto {

class ForwardingSystem : public System {
 public:
  explicit ForwardingSystem(System& inner = posix_system()) : inner_(inner) {}
  std::int64_t now_ns() override { return inner_.now_ns(); }
  void fill_random(std::span<std::byte> bytes) override { inner_.fill_random(bytes); }
  HostIdentity identity() override { return inner_.identity(); }
  std::uint32_t user() override { return inner_.user(); }
  Handle listen_tcp(Endpoint& endpoint) override { return inner_.listen_tcp(endpoint); }
  Handle accept(int listener) override { return inner_.accept(listener); }
  Handle connect_tcp(const Endpoint& endpoint) override { return inner_.connect_tcp(endpoint); }
  ConnectStatus connect_status(int socket, int& os_error) override { return inner_.connect_status(socket, os_error); }
  Endpoint local_endpoint(int socket) override { return inner_.local_endpoint(socket); }
  IoResult send(int socket, std::span<const std::byte> bytes) override { return inner_.send(socket, bytes); }
  IoResult receive(int socket, std::span<std::byte> bytes) override { return inner_.receive(socket, bytes); }
  Handle listen_local(const std::string& name) override { return inner_.listen_local(name); }
  Handle connect_local(const std::string& name) override { return inner_.connect_local(name); }
  PeerCredentials peer_credentials(int socket) override { return inner_.peer_credentials(socket); }
  IoResult send_memory(int socket, int memory) override { return inner_.send_memory(socket, memory); }
  IoResult receive_memory(int socket, Handle& memory) override { return inner_.receive_memory(socket, memory); }
  Handle create_memory(std::size_t bytes, const char* label) override { return inner_.create_memory(bytes, label); }
  std::size_t memory_bytes(int memory) override { return inner_.memory_bytes(memory); }
  Mapping map_memory(int memory, std::size_t bytes) override { return inner_.map_memory(memory, bytes); }
  std::unique_ptr<WaitSet> make_wait_set() override { return inner_.make_wait_set(); }

 protected:
  System& inner_;

 private:
  // Handles and mappings belong to the inner system, which closes them, unless a test makes its own.
  void close(int) noexcept override {}
  void unmap(std::byte*, std::size_t) noexcept override {}
};

/// A clock that takes no notice of a stalled machine: from one look at it to the next, by whatever thread, it moves by
/// ten milliseconds at most. For tests that poll all ranks in turn: a deadline of theirs is not eaten by one stall.
class StallFreeSystem : public ForwardingSystem {
 public:
  std::int64_t now_ns() override {
    const std::lock_guard lock(clock_mutex_);
    const std::int64_t real_ns = inner_.now_ns();
    now_ns_ += std::min(real_ns - seen_ns_, kMostPerLook_ns);
    seen_ns_ = real_ns;
    return now_ns_;
  }

 private:
  static constexpr std::int64_t kMostPerLook_ns = 10'000'000;
  std::mutex clock_mutex_;
  std::int64_t seen_ns_ = inner_.now_ns();
  std::int64_t now_ns_ = seen_ns_;
};

/// Maps a memory object once per process, however often it is asked. Ranks that are threads then use the same
/// addresses, without which ThreadSanitizer could not see that two of them touch the same word.
class OneMappingSystem final : public StallFreeSystem {
 public:
  Mapping map_memory(int memory, std::size_t bytes) override {
    struct stat facts {};
    if (fstat(memory, &facts) != 0) return {};
    const std::lock_guard lock(mutex_);
    Shared& shared = mappings_[facts.st_ino];
    if (shared.users++ == 0) shared.mapping = inner_.map_memory(memory, bytes);
    return Mapping(*this, shared.mapping.data(), bytes);
  }

 private:
  struct Shared {
    Mapping mapping;
    int users = 0;
  };

  void unmap(std::byte* data, std::size_t) noexcept override {
    const std::lock_guard lock(mutex_);
    for (auto it = mappings_.begin(); it != mappings_.end(); ++it) {
      if (it->second.mapping.data() != data) continue;
      if (--it->second.users == 0) mappings_.erase(it);
      return;
    }
  }

  std::mutex mutex_;
  std::map<ino_t, Shared> mappings_;
};

}  // namespace stretto
