// Systems for tests that are the real one but for what a test changes.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/system.hpp"

namespace stretto {

class ForwardingSystem : public System {
 public:
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
  System& inner_ = posix_system();

 private:
  // Handles and mappings belong to the inner system, which closes them, unless a test makes its own.
  void close(int) noexcept override {}
  void unmap(std::byte*, std::size_t) noexcept override {}
};

/// Maps a memory object once per process, however often it is asked. Ranks that are threads then use the same
/// addresses, without which ThreadSanitizer could not see that two of them touch the same word.
class OneMappingSystem final : public ForwardingSystem {
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
