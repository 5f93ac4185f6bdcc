// From a unique id to a control plane. Rank 0's process listens (Rendezvous); every rank proves that it knows the
// id's key, tells where it listens itself, and is told its parent in a tree, so that the root's work is O(n).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "bootstrap/control_plane.hpp"
#include "stretto/stretto.h"

namespace stretto {

struct BootstrapConfig {
  Rank rank = 0;
  int n_ranks = 1;
  std::int64_t deadline_ns = 0;  ///< of set-up, on System::now_ns
  std::int64_t heartbeat_interval_ns = 0;
  std::int64_t heartbeat_timeout_ns = 0;
};

/// The listener behind one unique id; a non-blocking state machine. Strangers, duplicates and slow or broken peers are
/// turned away one by one (and counted) without harm to the others.
class Rendezvous {
 public:
  virtual ~Rendezvous() = default;
  virtual const strettoUniqueId& id() const = 0;
  /// True when it has served all ranks, or its deadline (that of the first member to give up, a little before) passed,
  /// in which case every rank that came was told which ones are missing.
  virtual bool poll() = 0;
  /// The same after a wait of the set that was given to watch(), but reads only what that has found ready: with n ranks
  /// connected, to try each one's socket for each message would be work of n^2.
  virtual bool poll_ready(std::span<const int> ready_handles) = 0;
  /// Call again after each poll (looks only at what has changed).
  virtual void watch(WaitSet& waits) = 0;
  virtual std::int64_t next_deadline_ns() const = 0;
  struct Counts {
    std::uint64_t frames_sent = 0;  ///< to and from members
    std::uint64_t frames_received = 0;
    std::uint64_t turned_away = 0;  ///< connections that did not prove to be a member's
  };
  virtual Counts counts() const = 0;
  /// No rank has joined.
  virtual bool unused() const = 0;
};

/// A communicator of one rank needs no rendezvous: its Bootstrap never calls here, and poll() stays false.
/// @param address where to listen, port 0 for any; it goes into the id, so other ranks must be able to reach it
/// @param key the id's, where the ranks have one already; else a random one
std::unique_ptr<Rendezvous> make_rendezvous(System& system, const Endpoint& address,
                                            const std::optional<std::array<std::byte, 32>>& key = std::nullopt);

/// One rank's way in; a non-blocking state machine.
class Bootstrap {
 public:
  virtual ~Bootstrap() = default;
  /// The control plane when connected, nullptr before. Throws Error: bad id, wrong key, rank out of range or taken,
  /// n_ranks different from the root's, deadline (naming the missing ranks if the root said).
  virtual std::unique_ptr<ControlPlane> poll() = 0;
  /// Whether the rendezvous has been told of this rank, so that it tells the others if the rank goes.
  virtual bool is_known() const = 0;
  virtual void watch(WaitSet& waits) = 0;
  virtual std::int64_t next_deadline_ns() const = 0;
};

std::unique_ptr<Bootstrap> make_bootstrap(System& system, const strettoUniqueId& id, const BootstrapConfig& config);

/// The 32-byte secret in an id, from which transports derive theirs. Throws Error(strettoInvalidArgument) if the bytes
/// are not an id (magic, version, checksum).
std::array<std::byte, 32> key_of(const strettoUniqueId& id);

}  // namespace stretto
