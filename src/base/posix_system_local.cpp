// The real System: local sockets in the abstract namespace, memory objects and their passage between processes.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/posix_system.hpp"
#include "base/text.hpp"

// Kernels from 6.3 on want to be told that the memory is not for executing; older ones do not know the flag.
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace stretto {
namespace {

/// An abstract name: a zero byte, then the name; it is no file, and goes with its socket.
socklen_t to_address(const std::string& name, sockaddr_un& address) {
  address = {};
  address.sun_family = AF_UNIX;
  const std::size_t limit_bytes = sizeof(address.sun_path) - 1;
  if (name.empty() || name.size() > limit_bytes) {
    throw Error(strettoInvalidArgument, format("the local socket name \"{}\" has {} bytes; 1 to {} are possible", name,
                                               name.size(), limit_bytes));
  }
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

int local_socket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

/// Room for two descriptors, because the alignment of control messages leaves it anyway: both must be closed if two
/// come.
union ControlBuffer {
  cmsghdr align;
  std::byte bytes[CMSG_SPACE(2 * sizeof(int))];
};

}  // namespace

Handle PosixSystem::listen_local(const std::string& name) {
  sockaddr_un address{};
  const socklen_t address_bytes = to_address(name, address);
  Handle handle = adopt(local_socket(), "socket", "local " + name);
  if (bind(handle.id(), reinterpret_cast<const sockaddr*>(&address), address_bytes) != 0)
    throw_system_error("bind", "local " + name, errno);
  if (listen(handle.id(), 4096) != 0) throw_system_error("listen", "local " + name, errno);
  return handle;
}

Handle PosixSystem::connect_local(const std::string& name) {
  Connect attempt;
  attempt.address_bytes = to_address(name, attempt.address);
  Handle handle = adopt(local_socket(), "socket", "local " + name);
  const auto* address = reinterpret_cast<const sockaddr*>(&attempt.address);
  if (connect(handle.id(), address, attempt.address_bytes) != 0) {
    // EAGAIN here means that the listener's backlog is full: nothing is under way, connect_status tries again.
    attempt.os_error = errno == EAGAIN || errno == EINTR ? 0 : errno;
    const std::lock_guard lock(mutex_);
    connects_[handle.id()] = attempt;
  }
  return handle;
}

PeerCredentials PosixSystem::peer_credentials(int socket) {
  ucred credentials{};
  socklen_t bytes = sizeof(credentials);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0)
    throw_system_error("getsockopt", "SO_PEERCRED", errno);
  return {credentials.uid, credentials.pid};
}

IoResult PosixSystem::send_memory(int socket, int memory) {
  std::byte payload{};
  iovec part{&payload, 1};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = CMSG_SPACE(sizeof(int));
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &memory, sizeof(memory));
  for (;;) {
    const ssize_t moved = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (moved >= 0) return {IoStatus::ok, static_cast<std::size_t>(moved), 0};
    if (errno == EAGAIN) return {IoStatus::would_block, 0, 0};
    if (errno == EPIPE || errno == ECONNRESET) return {IoStatus::closed, 0, errno};
    if (errno != EINTR) return {IoStatus::failed, 0, errno};
  }
}

IoResult PosixSystem::receive_memory(int socket, Handle& memory) {
  std::byte payload{};
  iovec part{&payload, 1};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof(control.bytes);
  ssize_t moved = -1;
  do {
    moved = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (moved < 0 && errno == EINTR);
  if (moved < 0 && errno == EAGAIN) return {IoStatus::would_block, 0, 0};
  if (moved == 0 || (moved < 0 && errno == ECONNRESET)) return {IoStatus::closed, 0, moved < 0 ? errno : 0};
  if (moved < 0) return {IoStatus::failed, 0, errno};

  // Every descriptor that came is owned from here on, so that none outlives an error.
  Handle received;
  int n_received = 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < n; ++i, ++n_received) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      received = own(descriptor);
    }
  }
  if (n_received == 0 && (message.msg_flags & MSG_CTRUNC) != 0) {
    // The kernel had no slot to install it in. The byte is consumed: there is no second try.
    throw_system_error("recvmsg", "SCM_RIGHTS", EMFILE);
  }
  if (n_received != 1 || (message.msg_flags & MSG_CTRUNC) != 0) return {IoStatus::failed, 0, EBADMSG};
  memory = std::move(received);
  return {IoStatus::ok, 1, 0};
}

Handle PosixSystem::create_memory(std::size_t bytes, const char* label) {
  const std::string argument = format("{}, {} bytes", label, bytes);
  if (bytes == 0) throw_system_error("memfd_create", argument, EINVAL);
  int descriptor = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (descriptor < 0 && errno == EINVAL) descriptor = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  Handle handle = adopt(descriptor, "memfd_create", argument);
  // Beyond the limit of file sizes, ftruncate would not only fail: it would raise SIGXFSZ, which kills.
  rlimit file_bytes{};
  getrlimit(RLIMIT_FSIZE, &file_bytes);
  if (bytes > std::min<rlim_t>(file_bytes.rlim_cur, PTRDIFF_MAX)) throw_system_error("ftruncate", argument, EFBIG);
  if (ftruncate(handle.id(), static_cast<off_t>(bytes)) != 0) throw_system_error("ftruncate", argument, errno);
  // From now on nobody can change its size, so nobody can take pages away from under a mapping (SIGBUS).
  if (fcntl(handle.id(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    throw_system_error("fcntl", "F_ADD_SEALS", errno);
  return handle;
}

std::size_t PosixSystem::memory_bytes(int memory) {
  struct stat facts {};
  if (fstat(memory, &facts) != 0) throw_system_error("fstat", format("{}", memory), errno);
  return static_cast<std::size_t>(facts.st_size);
}

Mapping PosixSystem::map_memory(int memory, std::size_t bytes) {
  // It may have come from another process: it must be memory (only that has seals), of at least this size, for good.
  const int seals = fcntl(memory, F_GET_SEALS);
  const std::size_t available_bytes = memory_bytes(memory);
  if (bytes == 0 || seals < 0 || (seals & F_SEAL_SHRINK) == 0 || available_bytes < bytes) {
    throw Error(strettoSystemError,
                format("shared memory of {} bytes cannot be mapped with {} bytes: the peer sent something that is too "
                       "small or is not sealed memory; check that all ranks run the same version",
                       available_bytes, bytes));
  }
  void* const data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (data == MAP_FAILED) throw_system_error("mmap", format("{} bytes", bytes), errno);
  madvise(data, bytes, MADV_DONTFORK);  // a child that wrote there would take part; refused by old kernels only
  return Mapping(*this, static_cast<std::byte*>(data), bytes);
}

}  // namespace stretto
