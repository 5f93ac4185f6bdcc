// The seam for the operating system: clock, randomness, sockets, shared memory, waiting. Bootstrap, transports and
// set-up see the world only through it, and never block in it, so that a simulator can run many ranks in one thread
// with delays, partial I/O and crashes (tests/sim). The real one is base/posix_system.
//
// Every call is non-blocking except WaitSet::wait, which only src/comm uses. Implementations are thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace stretto {

/// An internet address and port. IPv4 addresses occupy the first four bytes.
struct Endpoint {
  bool ipv6 = false;
  std::array<std::uint8_t, 16> address{};
  std::uint32_t scope = 0;  ///< interface index of a link-local IPv6 address
  std::uint16_t port = 0;   ///< host byte order

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// "127.0.0.1:4000", "[::1]:4000".
std::string to_string(const Endpoint& endpoint);
/// The inverse, port optional (0). nullopt if it is neither form (names are not resolved).
std::optional<Endpoint> parse_endpoint(const std::string& text);

enum class IoStatus : std::uint8_t { ok, would_block, closed, failed };

struct IoResult {
  IoStatus status = IoStatus::ok;
  std::size_t bytes = 0;  ///< moved; may be fewer than asked for
  int os_error = 0;       ///< errno if failed
};

class System;

/// Owns a handle of System: a socket or a memory object. Closes it on destruction.
class Handle {
 public:
  Handle() = default;
  Handle(System& system, int id) : system_(&system), id_(id) {}
  Handle(Handle&& other) noexcept : system_(other.system_), id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      system_ = other.system_;
      id_ = std::exchange(other.id_, -1);
    }
    return *this;
  }
  ~Handle() { reset(); }

  explicit operator bool() const { return id_ >= 0; }
  int id() const { return id_; }  ///< the file descriptor, for the real system
  void reset();

 private:
  System* system_ = nullptr;
  int id_ = -1;
};

/// A shared mapping; unmaps on destruction.
class Mapping {
 public:
  Mapping() = default;
  Mapping(System& system, std::byte* data, std::size_t bytes) : system_(&system), data_(data), bytes_(bytes) {}
  Mapping(Mapping&& other) noexcept
      : system_(other.system_), data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    if (this != &other) {
      reset();
      system_ = other.system_;
      data_ = std::exchange(other.data_, nullptr);
      bytes_ = other.bytes_;
    }
    return *this;
  }
  ~Mapping() { reset(); }

  explicit operator bool() const { return data_ != nullptr; }
  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  void reset();

 private:
  System* system_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

enum class ConnectStatus : std::uint8_t { pending, connected, failed };

/// The processes at the two ends of a local socket, as the kernel vouches for them.
struct PeerCredentials {
  std::uint32_t user = 0;
  std::int32_t process = 0;
};

/// Blocks until a watched handle is ready, it is woken, or the time is up. One thread waits; wake() is for any.
class WaitSet {
 public:
  enum Events : std::uint8_t { readable = 1, writable = 2 };
  virtual ~WaitSet() = default;
  /// Sets the events watched for `handle`; 0 forgets it (do so before it is closed).
  virtual void watch(int handle, std::uint8_t events) = 0;
  virtual void wait(std::int64_t timeout_ns) = 0;
  /// What the last wait() found ready, in no order; valid until the next one. Not all of it, perhaps: what stays ready
  /// is found again. For who holds so many handles that it cannot try each one.
  virtual std::span<const int> ready_handles() const = 0;
  virtual void wake() = 0;
};

/// Facts of this process and host that other ranks compare with theirs.
struct HostIdentity {
  std::string host_name;
  std::string host_id;  ///< equal iff two processes can share memory: boot id and namespaces
  std::int32_t process = 0;
  std::int32_t n_cores = 0;  ///< that this process may run on
  std::int32_t socket = -1;  ///< that all of them are on; -1: on several, or not known
};

/// Every function that makes something throws Error(strettoSystemError) naming the call, its argument and the remedy
/// when the system refuses it (for instance, descriptors exhausted).
class System {
 public:
  virtual ~System() = default;

  virtual std::int64_t now_ns() = 0;  ///< monotonic
  virtual void fill_random(std::span<std::byte> bytes) = 0;
  virtual HostIdentity identity() = 0;
  /// The effective user of this process: what the other end of a local socket sees in peer_credentials.
  virtual std::uint32_t user() = 0;

  // Stream sockets. Port 0 of a listener is replaced by the one given.
  virtual Handle listen_tcp(Endpoint& endpoint) = 0;
  /// Empty if nobody waits. Exhausted descriptors throw.
  virtual Handle accept(int listener) = 0;
  virtual Handle connect_tcp(const Endpoint& endpoint) = 0;
  virtual ConnectStatus connect_status(int socket, int& os_error) = 0;
  /// This side's address and port of a connected stream socket: where it can be reached by who is at the other end.
  virtual Endpoint local_endpoint(int socket) = 0;
  virtual IoResult send(int socket, std::span<const std::byte> bytes) = 0;
  virtual IoResult receive(int socket, std::span<std::byte> bytes) = 0;

  // Local (same host) stream sockets: as above, plus memory handles and credentials.
  virtual Handle listen_local(const std::string& name) = 0;
  virtual Handle connect_local(const std::string& name) = 0;
  virtual PeerCredentials peer_credentials(int socket) = 0;
  /// Sends one byte with a memory handle attached.
  virtual IoResult send_memory(int socket, int memory) = 0;
  virtual IoResult receive_memory(int socket, Handle& memory) = 0;

  // Memory that several processes map. Pages are zero and taken when first touched.
  virtual Handle create_memory(std::size_t bytes, const char* label) = 0;
  virtual std::size_t memory_bytes(int memory) = 0;
  virtual Mapping map_memory(int memory, std::size_t bytes) = 0;

  virtual std::unique_ptr<WaitSet> make_wait_set() = 0;

 private:
  friend class Handle;
  friend class Mapping;
  virtual void close(int handle) noexcept = 0;
  virtual void unmap(std::byte* data, std::size_t bytes) noexcept = 0;
};

/// The real one; lives for the whole process.
System& posix_system();

}  // namespace stretto
