// The real System: internet stream sockets.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <cerrno>
#include <cstring>

#include "base/posix_system.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress to_address(const Endpoint& endpoint) {
  SocketAddress address;
  if (endpoint.ipv6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    v6.sin6_scope_id = endpoint.scope;
    std::memcpy(&v6.sin6_addr, endpoint.address.data(), sizeof(v6.sin6_addr));
    std::memcpy(&address.storage, &v6, sizeof(v6));
    address.bytes = sizeof(v6);
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.data(), sizeof(v4.sin_addr));
    std::memcpy(&address.storage, &v4, sizeof(v4));
    address.bytes = sizeof(v4);
  }
  return address;
}

Endpoint to_endpoint(const SocketAddress& address) {
  Endpoint endpoint;
  endpoint.ipv6 = address.storage.ss_family == AF_INET6;
  if (endpoint.ipv6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address.storage, sizeof(v6));
    endpoint.port = ntohs(v6.sin6_port);
    endpoint.scope = v6.sin6_scope_id;
    std::memcpy(endpoint.address.data(), &v6.sin6_addr, sizeof(v6.sin6_addr));
  } else {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.storage, sizeof(v4));
    endpoint.port = ntohs(v4.sin_port);
    std::memcpy(endpoint.address.data(), &v4.sin_addr, sizeof(v4.sin_addr));
  }
  return endpoint;
}

void set_option(int socket, int level, int option, int value, const char* name) {
  if (setsockopt(socket, level, option, &value, sizeof(value)) != 0) throw_system_error("setsockopt", name, errno);
}

/// Errors of accept that concern the connection that was to be accepted (see accept(2)), not this process.
bool concerns_the_stranger(int os_error) {
  switch (os_error) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
    case EPERM:  // a firewall's rule
      return true;
    default:
      return false;
  }
}

constexpr int accept_backlog = 4096;  // the kernel lowers it to net.core.somaxconn

}  // namespace

Handle PosixSystem::listen_tcp(Endpoint& endpoint) {
  const std::string argument = to_string(endpoint);
  const int family = endpoint.ipv6 ? AF_INET6 : AF_INET;
  Handle handle = adopt(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket", argument);
  if (endpoint.ipv6) set_option(handle.id(), IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY");
  SocketAddress address = to_address(endpoint);
  // The port must be usable again at once when this listener has gone, though connections linger, which needs the
  // option on both generations. Where the system chooses, it is set after bind: the choice is to be an unused port.
  if (endpoint.port != 0) set_option(handle.id(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  if (bind(handle.id(), address.get(), address.bytes) != 0) throw_system_error("bind", argument, errno);
  set_option(handle.id(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  if (listen(handle.id(), accept_backlog) != 0) throw_system_error("listen", argument, errno);
  endpoint.port = local_endpoint(handle.id()).port;
  return handle;
}

namespace {

/// Leaves errno as it is.
bool somebody_waits(int listener) {
  const int error = errno;
  pollfd one{listener, POLLIN, 0};
  const bool waits = poll(&one, 1, 0) != 0;
  errno = error;
  return waits;
}

}  // namespace

Handle PosixSystem::accept(int listener) {
  for (;;) {
    const int descriptor = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      const int on = 1;
      setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // refused by local sockets: not needed
      return own(descriptor);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Handle();
    // Linux takes the descriptor before it looks for a connection: out of descriptors may still mean that nobody waits.
    if ((errno == EMFILE || errno == ENFILE) && !somebody_waits(listener)) return Handle();
    if (errno != EINTR && !concerns_the_stranger(errno)) throw_system_error("accept", format("{}", listener), errno);
  }
}

Endpoint PosixSystem::local_endpoint(int socket) {
  SocketAddress address;
  address.bytes = sizeof(address.storage);
  if (getsockname(socket, address.get(), &address.bytes) != 0)
    throw_system_error("getsockname", format("{}", socket), errno);
  return to_endpoint(address);
}

void PosixSystem::remember_failure(int socket, int os_error) {
  const std::lock_guard lock(mutex_);
  connects_[socket].os_error = os_error;
}

void PosixSystem::start_connect(int socket, const sockaddr* address, socklen_t address_bytes) {
  if (connect(socket, address, address_bytes) == 0 || errno == EINPROGRESS || errno == EINTR) return;
  // Told by connect_status, as a refusal that takes time would be: callers have one path.
  remember_failure(socket, errno);
}

Handle PosixSystem::connect_tcp(const Endpoint& endpoint) {
  const int family = endpoint.ipv6 ? AF_INET6 : AF_INET;
  Handle handle = adopt(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket", to_string(endpoint));
  set_option(handle.id(), IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
  const SocketAddress address = to_address(endpoint);
  start_connect(handle.id(), address.get(), address.bytes);
  return handle;
}

ConnectStatus PosixSystem::connect_status(int socket, int& os_error) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = connects_.find(socket); found != connects_.end()) {
      Connect& attempt = found->second;
      if (attempt.os_error == 0) {  // a local listener's backlog was full; local connects end at once
        const auto* address = reinterpret_cast<const sockaddr*>(&attempt.address);
        const int failure = connect(socket, address, attempt.address_bytes) == 0 ? 0 : errno;
        if (failure == EAGAIN || failure == EINTR) return ConnectStatus::pending;
        if (failure == 0) return connects_.erase(found), ConnectStatus::connected;
        attempt.os_error = failure;
      }
      os_error = attempt.os_error;
      return ConnectStatus::failed;
    }
  }
  pollfd query{socket, POLLOUT, 0};
  if (::poll(&query, 1, 0) <= 0) return ConnectStatus::pending;
  int failure = 0;
  socklen_t bytes = sizeof(failure);
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &failure, &bytes) != 0) failure = errno;
  if (failure == 0) return ConnectStatus::connected;
  remember_failure(socket, failure);  // reading it has cleared it
  os_error = failure;
  return ConnectStatus::failed;
}

namespace {

IoResult failure(int os_error) {
  if (os_error == EAGAIN || os_error == EWOULDBLOCK) return {IoStatus::would_block, 0, 0};
  if (os_error == EPIPE || os_error == ECONNRESET) return {IoStatus::closed, 0, os_error};
  return {IoStatus::failed, 0, os_error};
}

}  // namespace

IoResult PosixSystem::send(int socket, std::span<const std::byte> bytes) {
  for (;;) {
    const ssize_t moved = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (moved >= 0) return {IoStatus::ok, static_cast<std::size_t>(moved), 0};
    if (errno != EINTR) return failure(errno);
  }
}

IoResult PosixSystem::receive(int socket, std::span<std::byte> bytes) {
  for (;;) {
    const ssize_t moved = recv(socket, bytes.data(), bytes.size(), 0);
    if (moved == 0 && !bytes.empty()) return {IoStatus::closed, 0, 0};
    if (moved >= 0) return {IoStatus::ok, static_cast<std::size_t>(moved), 0};
    if (errno != EINTR) return failure(errno);
  }
}

}  // namespace stretto
