// The lanes of a device communicator: windows by which captured graphs meet beside eager operations and beside each
// other. Each capture has its own, and when its graph is gone on all ranks another one gets it. Which one is the
// ledger's to know (lane_ledger.hpp); this carries its words, in the service thread, sees graphs die, and makes banks.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "comm/lane.hpp"
#include "comm/lane_ledger.hpp"
#include "comm/membership_task.hpp"
#include "comm/service.hpp"

namespace stretto {

/// Set when a graph is gone, with all that was made of it, and nothing of it runs any more.
using GraphGone = std::shared_ptr<std::atomic<bool>>;

/// What kernels of graphs may touch; to be kept until the graphs are gone.
struct LanesLeft {
  std::vector<std::unique_ptr<PeerWindows>> banks;
  std::vector<GraphGone> graphs;
};

class DeviceLanes : public ServiceTask {
 public:
  /// @param bank lanes 1 to bank->lanes()
  /// @param setup_timeout_ns for the windows of other processes, of each further bank
  DeviceLanes(std::shared_ptr<MembershipTask> task, std::shared_ptr<Gpu> gpu, Rank rank,
              std::unique_ptr<PeerWindows> bank, int lanes_most, std::int64_t setup_timeout_ns);

  /// A lane for the next capture, and what its graph is to set. Waits where none is free, at most `timeout_ns`: for the
  /// service threads of the other ranks, but for no call of theirs. Throws Error. For the issuing thread.
  Lane take(std::int64_t timeout_ns, GraphGone gone);
  std::size_t bytes() const;
  int lanes() const;
  /// Graphs that are not gone yet. With the service's lock held, like the rest.
  LanesLeft end();

  void poll() override;
  bool finished() const override { return ended_; }
  void watch(WaitSet&) override {}
  std::int64_t next_deadline_ns() override;

 private:
  struct Life {
    std::uint64_t capture;
    GraphGone gone;
  };

  void see_deaths();
  void step();
  void make_bank(int bank);
  void open_bank(std::span<const std::vector<std::byte>> descriptions);
  void see_opened();
  void opened(const Error* error);
  void trouble(const std::exception& error);
  [[noreturn]] void refuse(LaneLedger::Refusal why, std::size_t alive) const;
  [[noreturn]] void give_up(std::int64_t timeout_ns) const;
  bool someone_left() const;

  const std::shared_ptr<MembershipTask> task_;
  const std::shared_ptr<Gpu> gpu_;
  const Rank rank_;
  const int n_ranks_;
  const int bank_lanes_;
  const std::int64_t setup_timeout_ns_;
  LaneLedger ledger_;
  std::vector<std::unique_ptr<PeerWindows>> banks_;  ///< the last one may be under way
  bool making_ = false;                              ///< the last one is, or was, and has not failed
  bool opening_ = false;                             ///< it is made, and those of other processes are awaited
  std::vector<Life> lives_;
  std::uint64_t captures_ = 0;
  bool ended_ = false;
};

}  // namespace stretto
