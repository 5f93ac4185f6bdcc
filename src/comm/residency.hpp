// The ledger of a GPU at work: launches that would not find room beside what is in flight wait, in their streams, for
// the oldest of it. The rules are residency_ledger.hpp's.
//
// While all that the communicators of a GPU could launch fits it, a launch costs two atomic accesses here. Otherwise an
// event follows each operation that is counted.
//
// What it does not see: other processes on the GPU, graphs (their replays are not this library's calls), and the
// application's own kernels (which end by themselves).
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "comm/residency_ledger.hpp"
#include "device/gpu.hpp"

namespace stretto {

/// A rank of a communicator, in the ledger of its GPU.
class ResidencyChain {
 public:
  /// Operations up to this one had to wait for others on the GPU, or others for them.
  bool was_short_of_room(std::uint64_t operation) const {
    return short_until_.load(std::memory_order_acquire) > operation;
  }

 private:
  friend class Residency;
  void note_shortage(std::uint64_t operation) { short_until_.store(operation + 1, std::memory_order_release); }

  ResidencyLedger::Chain chain_ = 0;
  std::function<std::uint32_t()> ended_;
  // What was launched uncounted, by the issuing thread:
  std::atomic<std::uint32_t> uncounted_until_{0};  ///< strands launched then
  std::atomic<std::uint32_t> uncounted_blocks_{0};
  std::atomic<std::uint64_t> short_until_{0};
};

class Residency {
 public:
  explicit Residency(std::shared_ptr<Gpu> gpu) : gpu_(std::move(gpu)), ledger_(gpu_->resident_blocks()) {}
  ~Residency();
  Residency(const Residency&) = delete;
  Residency& operator=(const Residency&) = delete;

  /// @param group the same for the ranks of a communicator
  /// @param ended how many strands of the rank have ended so far; called by any thread until remove()
  std::shared_ptr<ResidencyChain> add(std::uint64_t group, std::uint32_t most_blocks,
                                      std::function<std::uint32_t()> ended);
  void remove(ResidencyChain& chain);

  /// A launch, from before to after it.
  class Turn {
   public:
    Turn(Residency& residency, ResidencyChain& chain) : residency_(residency), chain_(chain) {}
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    struct Launch {
      strettoStream_t stream = nullptr;
      std::uint64_t stream_id = 0;
      std::uint64_t number = 0;
      bool is_collective = true;
      bool follows_own = true;
      std::int64_t timeout_ns = 0;
    } launch;
    /// Before the launch: makes the stream wait for what must end before. Throws Error.
    /// @param strands_before launched by the rank
    void take(std::uint32_t blocks, std::uint32_t strands, std::uint32_t strands_before);
    void launched();

   private:
    Residency& residency_;
    ResidencyChain& chain_;
    std::optional<ResidencyLedger::Reference> operation_;  ///< counted, and not launched yet
  };

 private:
  ResidencyLedger::Plan settle(std::unique_lock<std::mutex>& lock, const ResidencyLedger::Launch& launch,
                               std::int64_t timeout_ns);
  bool waits_for_a_launch(const ResidencyLedger::Plan& plan) const;
  ResidencyLedger::Reference begin(ResidencyChain& own, const Turn::Launch& turn, std::uint32_t blocks);
  void sweep();
  void count_the_uncounted(ResidencyLedger::Regime before);
  Gpu::Event spare_event();

  const std::shared_ptr<Gpu> gpu_;
  std::atomic<ResidencyLedger::Regime> regime_{ResidencyLedger::Regime::free};
  std::mutex mutex_;
  std::condition_variable changed_;
  ResidencyLedger ledger_;
  std::vector<std::shared_ptr<ResidencyChain>> chains_;
  std::vector<Gpu::Event> spare_events_;
};

/// A communicator's rank in its GPU's ledger, from construction to destruction.
class ResidencyMember {
 public:
  ResidencyMember(std::shared_ptr<Residency> residency, std::shared_ptr<ResidencyChain> chain)
      : residency_(std::move(residency)), chain_(std::move(chain)) {}
  ~ResidencyMember() { leave(); }
  ResidencyMember(const ResidencyMember&) = delete;
  ResidencyMember& operator=(const ResidencyMember&) = delete;

  void leave() {
    if (residency_) std::exchange(residency_, nullptr)->remove(*chain_);
  }
  Residency& residency() const { return *residency_; }
  ResidencyChain& chain() const { return *chain_; }
  std::shared_ptr<const ResidencyChain> shared_chain() const { return chain_; }

 private:
  std::shared_ptr<Residency> residency_;
  std::shared_ptr<ResidencyChain> chain_;
};

/// One for each GPU of the process.
std::shared_ptr<Residency> residency_of(const std::shared_ptr<Gpu>& gpu);

}  // namespace stretto
