// The real System: clock, randomness, identity, the texts of refusals, and ownership of descriptors.
#include "base/posix_system.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/affinity.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

const char* remedy(int os_error) {
  switch (os_error) {
    case EMFILE:
      return "this process has no descriptors left: raise its limit (ulimit -n), or close files";
    case ENFILE:
      return "this host has no descriptors left: raise fs.file-max, or end processes that hold many";
    case ENOMEM:
      return "memory is exhausted or limited: free some, or raise the limit (ulimit -v, the container's memory, "
             "vm.max_map_count)";
    case ENOSPC:
      return "a resource of this host is used up: for wait sets raise fs.epoll.max_user_watches";
    case ENOBUFS:
      return "the kernel has no memory for socket buffers: free some, or raise net.core and net.ipv4.tcp_mem";
    case EADDRINUSE:
      return "another socket has this address: choose another port (0 lets the system choose)";
    case EADDRNOTAVAIL:
      return "this host does not have this address: choose one that `ip address` shows";
    case EAFNOSUPPORT:
      return "this kernel does not have this address family: use the other of IPv4 and IPv6";
    case EACCES:
    case EPERM:
      return "the process may not do this: check the port (below 1024?), the container's profile and seccomp";
    case ENODEV:
      return "the interface of this address does not exist: check the scope of the IPv6 address";
    case EFBIG:
      return "the size is beyond what the system allows (ulimit -f)";
    default:
      return "check the argument and the limits of this process";
  }
}

std::string read_line(const char* path) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {};
  char text[128];
  const ssize_t bytes = read(descriptor, text, sizeof(text));
  ::close(descriptor);
  std::string line(text, bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  while (!line.empty() && line.back() == '\n') line.pop_back();
  return line;
}

/// The number of a namespace; 0 where the kernel has none of the kind (then all processes share it).
std::uint64_t namespace_number(const char* path) {
  struct stat facts {};
  return stat(path, &facts) == 0 ? facts.st_ino : 0;
}

/// This boot of this kernel. If it cannot be told, a number of this process alone: it then shares memory with nobody,
/// which is slower but never wrong.
std::string boot_id() {
  static const std::string id = [] {
    std::string line = read_line("/proc/sys/kernel/random/boot_id");
    if (!line.empty()) return line;
    std::uint64_t number[2] = {};
    posix_system().fill_random(std::as_writable_bytes(std::span(number)));
    return format("unknown-{:x}{:x}", number[0], number[1]);
  }();
  return id;
}

}  // namespace

void throw_system_error(const char* call, const std::string& argument, int os_error) {
  throw Error(strettoSystemError, format("{}({}) failed: {} (errno {}); {}", call, argument, std::strerror(os_error),
                                         os_error, remedy(os_error)));
}

System& posix_system() {
  // Never destroyed: handles in other objects of static lifetime may be closed after main.
  static PerProcess<PosixSystem> system;
  return system.get();
}

std::int64_t PosixSystem::now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void PosixSystem::fill_random(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system_error("getrandom", format("{} bytes", bytes.size()), errno);
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

HostIdentity PosixSystem::identity() {
  HostIdentity identity;
  char name[256] = {};
  gethostname(name, sizeof(name) - 1);
  identity.host_name = name;
  // Memory is handed over an abstract local socket (which belongs to a network namespace) to a process of the same
  // user (which has a meaning within a user namespace). Mount, IPC and process namespaces may differ.
  identity.host_id = format("{}/net:{}/user:{}/uid:{}", boot_id(), namespace_number("/proc/self/ns/net"),
                            namespace_number("/proc/self/ns/user"), geteuid());
  identity.process = getpid();
  const Affinity cores = affinity();
  identity.n_cores = cores.n_cores;
  identity.socket = cores.socket;
  return identity;
}

std::uint32_t PosixSystem::user() { return geteuid(); }

Handle PosixSystem::adopt(int descriptor, const char* call, const std::string& argument) {
  if (descriptor < 0) throw_system_error(call, argument, errno);
  return own(descriptor);
}

Handle PosixSystem::own(int descriptor) {
  own_descriptor(descriptor);
  return Handle(*this, descriptor);
}

void PosixSystem::close(int handle) noexcept {
  if (generation_ != process_generation()) return;  // the parent's: closed at the fork, and the number may be another's
  {
    const std::lock_guard lock(mutex_);
    connects_.erase(handle);
    // The kernel forgets a closed descriptor only when no copy is left, and a forked child may hold one: without this
    // an epoll set would report the dead connection for ever.
    for (const int epoll : wait_sets_) epoll_ctl(epoll, EPOLL_CTL_DEL, handle, nullptr);
  }
  disown_descriptor(handle);
  ::close(handle);
}

void PosixSystem::unmap(std::byte* data, std::size_t bytes) noexcept {
  if (generation_ != process_generation()) return;  // the parent's: children do not have it
  STRETTO_ASSERT(munmap(data, bytes) == 0);
}

}  // namespace stretto
