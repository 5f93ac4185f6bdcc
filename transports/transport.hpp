// The contract of a transport: it carries chunks from rank to rank over connections, each a queue of slots (see
// plan/plan.hpp for the discipline that the plan's steps follow). A transport knows nothing of collectives.
//
// Set-up, driven by src/comm without blocking:
//   1. describe() on every rank; the blobs are gathered by the control plane;
//   2. start(blobs) and then poll_setup() until it is true;
//   3. when every rank has said so (a barrier), finish_setup(), which gives up what only set-up needed.
// Data, driven by the executor in the communicator's thread: ports, and progress() while it waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/op_tag.hpp"
#include "base/system.hpp"

namespace stretto {

/// The sending end of one connection. After wait_credit() there is a current slot until signal(). One thread.
class SendPort {
 public:
  virtual ~SendPort() = default;
  /// If the next slot is free, makes it the current one.
  virtual bool try_acquire() = 0;
  /// Memory of the current slot, to be filled with exactly `bytes` bytes by the caller; aligned to 16 bytes.
  virtual std::byte* slot(std::size_t bytes) = 0;
  /// Fills the current slot from `source`. May keep an alias instead of a copy until drained().
  virtual void put(const void* source, std::size_t bytes) = 0;
  /// Hands the current slot, holding `bytes` bytes, to the receiver.
  virtual void signal(std::size_t bytes, const OpTag& tag) = 0;
  /// True when no slot that was signalled aliases this rank's memory any more.
  virtual bool drained() = 0;
};

/// The receiving end. After wait there is a current slot until release(). One thread.
class ReceivePort {
 public:
  virtual ~ReceivePort() = default;
  /// If the next slot is filled, makes it the current one.
  virtual bool try_wait() = 0;
  // Of the current slot:
  virtual const OpTag& tag() const = 0;
  virtual std::size_t bytes() const = 0;
  virtual const std::byte* slot() const = 0;  ///< its bytes, in place; aligned to 16 bytes
  virtual void get(void* destination, std::size_t bytes) = 0;
  virtual void release() = 0;
};

struct TransportConfig {
  Rank rank = 0;
  int n_ranks = 1;
  int channels = 1;
  std::size_t slot_bytes = 1 << 16;  ///< a multiple of 64
  std::uint32_t slots = 4;           ///< per connection; a power of two
  std::span<const std::byte> key;    ///< the communicator's secret, to authenticate peers
  std::int64_t deadline_ns = 0;      ///< of set-up, on System::now_ns
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// What other ranks need to know to reach this one.
  virtual std::vector<std::byte> describe() = 0;
  /// @param blobs what every rank's describe() gave  @param peers the ranks to be reached, this one not among them
  virtual void start(std::span<const std::vector<std::byte>> blobs, std::span<const Rank> peers) = 0;
  /// True when all peers can be reached. Throws Error when that cannot be or the deadline passed, naming the peer.
  virtual bool poll_setup() = 0;
  /// Registers the sockets that set-up waits for; call again after each poll_setup().
  virtual void watch(WaitSet& waits) = 0;
  /// When poll_setup() must be called again at the latest, on System::now_ns.
  virtual std::int64_t next_deadline_ns() const = 0;
  virtual void finish_setup() = 0;

  virtual SendPort& send_port(Rank peer, int channel) = 0;
  virtual ReceivePort& receive_port(Rank peer, int channel) = 0;
  /// Moves what needs moving; called often while the executor waits. Nothing to do where memory is shared.
  virtual void progress() = 0;
};

/// One row per transport, best first; src/comm takes the first that reaches a pair.
struct TransportRow {
  std::string_view name;
  bool (*reaches)(const HostIdentity& a, const HostIdentity& b);
  std::unique_ptr<Transport> (*make)(System& system, const TransportConfig& config);
};

std::span<const TransportRow> transport_rows() noexcept;

}  // namespace stretto
