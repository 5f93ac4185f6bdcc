// The contract of what ranks on GPUs have instead of transports: the windows (device/window.hpp) of all ranks, as one
// rank's GPU addresses them. Kernels do the rest.
//
// A rank has several windows of one shape, side by side in one allocation: its lanes. Eager operations use the first;
// those of captured graphs the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "base/system.hpp"
#include "device/gpu.hpp"
#include "device/window.hpp"

namespace stretto {

class PeerWindows {
 public:
  /// Unmaps; no kernel of this rank may use them any more. This rank's own live on as long as its peers use them, whose
  /// kernels may still hand back credits.
  virtual ~PeerWindows() = default;

  /// What other ranks need to map this one's.
  virtual std::vector<std::byte> describe() = 0;
  /// Once. Throws Error naming the peer.
  /// @param blobs what every rank's describe() gave, by rank
  /// @param deadline_ns on System::now_ns, for what comes from other processes
  virtual void start(std::span<const std::vector<std::byte>> blobs, std::int64_t deadline_ns) = 0;
  /// After it, until true: whether all windows can be used. Does not wait. Throws Error naming the peer, after the
  /// deadline too.
  virtual bool poll_setup() = 0;
  /// Registers the sockets that poll_setup() waits for; call again after each.
  virtual void watch(WaitSet& waits) = 0;

  virtual const device::WindowShape& shape() const noexcept = 0;
  virtual int lanes() const noexcept = 0;
  /// Window of a rank, as this rank's kernels address it.
  virtual std::byte* window(Rank rank, int lane) const = 0;
  /// Device memory: such addresses by rank, for kernels. nullptr where kernel parameters have room for them.
  virtual std::byte* const* table(int lane) const = 0;
  /// Device memory that this rank has taken.
  virtual std::size_t bytes() const noexcept = 0;
};

/// The best that there are for these ranks. Allocates. `lanes` >= 1.
std::unique_ptr<PeerWindows> make_peer_windows(std::shared_ptr<Gpu> gpu, const device::WindowShape& shape, Rank rank,
                                               int lanes);

}  // namespace stretto
