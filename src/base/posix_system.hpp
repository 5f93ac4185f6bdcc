// The real System, on Linux: what its parts share. Included by base/posix_system*.cpp only; everyone else sees
// base/system.hpp.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <map>
#include <mutex>
#include <set>

#include "base/error.hpp"
#include "base/fork.hpp"
#include "base/system.hpp"

namespace stretto {

/// Throws Error(strettoSystemError): call, argument, the error's text, and what to do about it.
[[noreturn]] void throw_system_error(const char* call, const std::string& argument, int os_error);

/// Handles are file descriptors, all close-on-exec; sockets are non-blocking.
class PosixSystem final : public System {
 public:
  std::int64_t now_ns() override;
  void fill_random(std::span<std::byte> bytes) override;
  HostIdentity identity() override;
  std::uint32_t user() override;

  Handle listen_tcp(Endpoint& endpoint) override;
  Handle accept(int listener) override;
  Handle connect_tcp(const Endpoint& endpoint) override;
  ConnectStatus connect_status(int socket, int& os_error) override;
  Endpoint local_endpoint(int socket) override;
  IoResult send(int socket, std::span<const std::byte> bytes) override;
  IoResult receive(int socket, std::span<std::byte> bytes) override;

  Handle listen_local(const std::string& name) override;
  Handle connect_local(const std::string& name) override;
  PeerCredentials peer_credentials(int socket) override;
  IoResult send_memory(int socket, int memory) override;
  IoResult receive_memory(int socket, Handle& memory) override;

  Handle create_memory(std::size_t bytes, const char* label) override;
  std::size_t memory_bytes(int memory) override;
  Mapping map_memory(int memory, std::size_t bytes) override;

  std::unique_ptr<WaitSet> make_wait_set() override;
  void forget_wait_set(int epoll);

 private:
  /// What is known of a connect that the kernel did not take over.
  struct Connect {
    int os_error = 0;       ///< why it failed; 0: a local listener's backlog was full, to be tried again
    sockaddr_un address{};  ///< of that listener
    socklen_t address_bytes = 0;
  };

  void close(int handle) noexcept override;
  void unmap(std::byte* data, std::size_t bytes) noexcept override;
  Handle own(int descriptor);
  Handle adopt(int descriptor, const char* call, const std::string& argument);
  void start_connect(int socket, const sockaddr* address, socklen_t address_bytes);
  void remember_failure(int socket, int os_error);

  const std::uint32_t generation_ = process_generation();
  std::mutex mutex_;  ///< guards what follows
  std::map<int, Connect> connects_;
  std::set<int> wait_sets_;  ///< their epoll descriptors
};

}  // namespace stretto
