// A block of a kernel as the machine that device programs run on (interpreter.hpp has the contract).
//
// Order. publish: the block's barrier makes its threads' stores visible to thread 0, whose fence orders them before the
// relaxed store of the counter, for the whole system. poll and consume: the mirror image, the barrier that follows a
// wait handing it to the other threads. Packets need no order: each word says itself whether it is new. Credits need
// none either: the loads of what is given back have returned, since their values were stored or added before the
// barrier; and what a credit allows depends on the branch that saw it. docs/ordering.md has the whole argument.
#pragma once

#include "device/kernel_arguments.hpp"
#include "device/ptx.cuh"

namespace stretto::device {

/// What the threads of a block share.
struct CudaBlock {
  std::uint32_t failed;
};

/// `Passed`: how the fault words come to what is rarely called. By reference is less code where the call is, but the
/// address, computed beforehand, is one more line of constants that every launch reads.
template <class Passed>
class BasicCudaMachine {
 public:
  /// Between two looks at the clock and at the host's word, which lies across PCIe.
  static constexpr std::uint32_t kSpinsPerLook = 1024;
  static constexpr std::uint32_t kLeastThreads = 32;
  static constexpr bool kLogs = false;

  class Patience {
   public:
    __device__ __forceinline__ explicit Patience(const BasicCudaMachine&) {}
    std::uint32_t spins = 0;
    std::uint64_t since_ns = 0;
    bool was_behind = false;  ///< at the look before: a peer that had gone on without this rank's credit
  };

  __device__ __forceinline__ BasicCudaMachine(CudaBlock& block, const FaultWords& faults, bool dead)
      : block_(block), faults_(faults), failed_(dead) {}

  __device__ __forceinline__ std::uint32_t thread() const { return threadIdx.x; }
  __device__ __forceinline__ std::uint32_t threads() const { return blockDim.x; }
  __device__ __forceinline__ void barrier() { failed_ = __syncthreads_or(failed_ ? 1 : 0) != 0; }

  __device__ __forceinline__ std::uint32_t load_credit(const std::uint32_t* word) const {
    return ptx::load_relaxed(word);
  }
  __device__ __forceinline__ void give_credit(std::uint32_t* word, std::uint32_t value) {
    ptx::store_relaxed(word, value);
  }
  __device__ __forceinline__ std::uint32_t poll(const std::uint32_t* word) const { return ptx::load_relaxed(word); }
  __device__ __forceinline__ void consume() { ptx::fence_system(); }
  __device__ __forceinline__ void publish(std::uint32_t* word, std::uint32_t value) {
    ptx::fence_system();
    ptx::store_relaxed(word, value);
  }
  __device__ __forceinline__ void count(std::uint32_t* word) {
    ptx::fence_device();
    atomicAdd(word, 1U);
  }
  __device__ __forceinline__ std::uint32_t mark(std::uint32_t* word, std::uint32_t value) const {
    return atomicExch(word, value);
  }
  __device__ __forceinline__ void settle() { ptx::fence_system(); }

  __device__ __forceinline__ std::uint64_t load_word(const std::uint64_t* word) const {
    return ptx::load_relaxed(word);
  }
  __device__ __forceinline__ void store_word(std::uint64_t* word, std::uint64_t value) {
    ptx::store_relaxed(word, value);
  }

  __device__ __forceinline__ Packet load_packet(const Packet* from) const {
    Packet packet;
    ptx::load_relaxed_pair(from, packet.words[0], packet.words[1]);
    return packet;
  }
  __device__ __forceinline__ void store_packet(Packet* to, const Packet& packet) {
    ptx::store_relaxed_pair(to, packet.words[0], packet.words[1]);
  }

  static constexpr std::uint32_t kWidePieces = 1;
  __device__ __forceinline__ std::uint32_t lane() const { return threadIdx.x % 32; }
  __device__ __forceinline__ bool all(bool condition) const { return __all_sync(~0U, condition ? 1 : 0) != 0; }
  __device__ __forceinline__ bool load_wide(const std::byte* at, bool ends, std::uint64_t flag,
                                            Granule<8> (&to)[2]) const {
    ptx::load_relaxed_pair(at, to[0].words[0], to[1].words[0]);
    return !ends || to[1].words[0] == flag;
  }
  /// The warp's threads come here together, behind all(): their stores are one.
  __device__ __forceinline__ void store_wide(std::byte* at, bool ends, std::uint64_t flag,
                                             const Granule<8> (&from)[2]) {
    ptx::store_relaxed_pair(at, from[0].words[0], ends ? flag : from[1].words[0]);
  }

  template <int size_bytes>
  __device__ __forceinline__ Granule<size_bytes> load_slot(const std::byte* from) const {
    static_assert(size_bytes == 16);
    Granule<size_bytes> granule;
    ptx::load_streaming_pair(from, granule.words[0], granule.words[1]);
    return granule;
  }
  template <int size_bytes>
  __device__ __forceinline__ void store_slot(std::byte* to, const Granule<size_bytes>& granule) {
    static_assert(size_bytes == 16);
    ptx::store_pair(to, granule.words[0], granule.words[1]);
  }

  __device__ __forceinline__ bool keep_waiting(Patience& patience) {
    if (failed_) return false;
    if (++patience.spins % kSpinsPerLook != 0) return true;
    const Look look = look_around(block_, faults_, patience.since_ns);
    patience.since_ns = look.since_ns;
    reason_ = look.reason;
    return look.goes_on;
  }

  __device__ __forceinline__ bool has_looked(const Patience& patience) const {
    return patience.spins % kSpinsPerLook == 0;
  }
  __device__ __forceinline__ void disagree(std::uint32_t step, std::uint32_t peer) {
    reason_ = KernelFailure::disagreement;
    fail(step, peer);
  }
  __device__ __forceinline__ void collide() {
    reason_ = KernelFailure::concurrent;
    fail(0, 0);
  }
  __device__ __forceinline__ void fail(std::uint32_t step, std::uint32_t peer) {
    failed_ = true;
    if (reason_ != KernelFailure::none) report(block_, faults_, reason_, step, peer);
  }
  __device__ __forceinline__ void give_up() { failed_ = true; }
  __device__ __forceinline__ bool failed() const { return failed_; }
  __device__ __forceinline__ void log(std::uint32_t, std::uint32_t) {}

 private:
  // What is rare is code of its own, that gets values: a pointer to this object would keep it out of registers.
  struct Look {
    KernelFailure reason;
    std::uint64_t since_ns;
    bool goes_on;
  };
  __device__ static __noinline__ Look look_around(const CudaBlock& block, Passed faults, std::uint64_t since_ns) {
    if (*static_cast<const volatile std::uint32_t*>(&block.failed) != 0) return {KernelFailure::none, since_ns, false};
    if (ptx::load_relaxed(faults.abort_word) != 0) return {KernelFailure::aborted, since_ns, false};
    const std::uint64_t now_ns = ptx::global_timer_ns();
    if (since_ns == 0) since_ns = now_ns;
    if (now_ns - since_ns < faults.timeout_ns) return {KernelFailure::none, since_ns, true};
    return {KernelFailure::deadline, since_ns, false};
  }

  /// Of the block's threads the first that gives up tells.
  __device__ static __noinline__ void report(CudaBlock& block, Passed faults, KernelFailure reason, std::uint32_t step,
                                             std::uint32_t peer) {
    if (atomicExch(&block.failed, 1) != 0) return;
    KernelReport& report = faults.reports[blockIdx.x];
    report.step = step;
    report.peer = peer;
    report.operation = faults.operation_number;
    ptx::fence_system();
    ptx::store_relaxed(&report.reason, static_cast<std::uint32_t>(reason));
  }

  CudaBlock& block_;
  const FaultWords& faults_;
  bool failed_;
  KernelFailure reason_ = KernelFailure::none;
};
using CudaMachine = BasicCudaMachine<const FaultWords&>;
using ShortCudaMachine = BasicCudaMachine<FaultWords>;

}  // namespace stretto::device
