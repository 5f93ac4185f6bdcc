// A block of host threads as the machine that device programs run on: what they wait for is what kernels wait for, and
// ThreadSanitizer judges the order of their memory accesses.
#pragma once

#include <sched.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstring>
#include <functional>
#include <mutex>
#include <random>
#include <vector>

#include "device/granule.hpp"
#include "device/kernel_arguments.hpp"
#include "device/window.hpp"

namespace stretto::test {

struct LoggedStep {
  std::uint32_t strand = 0;
  std::uint32_t step = 0;
  std::uint32_t round = 0;
  std::uint64_t moment = 0;  ///< among all steps of all blocks: who is after another has the larger one
};

struct Failure {
  std::uint32_t strand = 0;
  std::uint32_t step = 0;
  std::uint32_t peer = 0;
  device::KernelFailure reason = device::KernelFailure::deadline;
};

/// What the threads of a block share.
struct ThreadBlock {
  ThreadBlock(std::uint32_t strand_index, std::uint32_t threads, bool dead)
      : strand(strand_index), n_threads(threads), all(threads), failed(dead) {}

  std::uint32_t strand;
  std::uint32_t n_threads;
  std::barrier<> all;
  std::atomic<bool> failed;
  /// Packets have no order, but what depends on them has: a plan may have one strand read a granule and send it, and
  /// another write it when its sum has come back. ThreadSanitizer knows no dependencies, so for such plans, and only
  /// for them, packets are given an order here.
  bool packets_are_ordered = false;
  std::chrono::steady_clock::time_point deadline;
  const std::uint32_t* abort_word = nullptr;  ///< not 0: give up
  std::mutex mutex;
  std::vector<LoggedStep> steps;  ///< of thread 0
  std::vector<Failure> failures;  ///< of any
  /// Of the first one, before the block ends.
  std::function<void(const Failure&)> on_failure;
};

class ThreadMachine {
 public:
  static constexpr std::uint32_t kLeastThreads = 1;
  static constexpr bool kLogs = true;

  class Patience {
   public:
    explicit Patience(ThreadMachine&) {}
    bool was_behind = false;
  };

  ThreadMachine(ThreadBlock& block, std::uint32_t thread, std::uint64_t seed)
      : block_(block), thread_(thread), failed_(block.failed), random_(seed) {}

  std::uint32_t thread() const { return thread_; }
  std::uint32_t threads() const { return block_.n_threads; }
  void barrier() {
    block_.all.arrive_and_wait();
    failed_ = block_.failed.load();
    block_.all.arrive_and_wait();  // nobody fails anew before all have looked
  }
  std::uint32_t load_credit(const std::uint32_t* word) const { return word_of(word).load(std::memory_order_acquire); }
  void give_credit(std::uint32_t* word, std::uint32_t value) {
    stall();
    word_of(word).store(value, std::memory_order_release);
  }
  std::uint32_t poll(const std::uint32_t* word) const { return word_of(word).load(std::memory_order_acquire); }
  void consume() {}
  void publish(std::uint32_t* word, std::uint32_t value) {
    stall();
    word_of(word).store(value, std::memory_order_release);
  }
  std::uint32_t mark(std::uint32_t* word, std::uint32_t value) const {
    return word_of(word).exchange(value, std::memory_order_relaxed);
  }
  void settle() {}
  void count(std::uint32_t* word) { word_of(word).fetch_add(1, std::memory_order_release); }

  std::uint64_t load_word(const std::uint64_t* word) const { return word_of(word).load(std::memory_order_relaxed); }
  void store_word(std::uint64_t* word, std::uint64_t value) {
    stall();
    word_of(word).store(value, std::memory_order_relaxed);
  }

  device::Packet load_packet(const device::Packet* packet) const {
    const auto order = block_.packets_are_ordered ? std::memory_order_acquire : std::memory_order_relaxed;
    return {{word_of(&packet->words[0]).load(order), word_of(&packet->words[1]).load(order)}};
  }
  /// The second word first, and the first perhaps much later: they have no order.
  void store_packet(device::Packet* packet, const device::Packet& value) {
    const auto order = block_.packets_are_ordered ? std::memory_order_release : std::memory_order_relaxed;
    word_of(&packet->words[1]).store(value.words[1], order);
    stall();
    word_of(&packet->words[0]).store(value.words[0], order);
  }
  // A thread is a warp, and has whole wide packets: the words in any order, and then the flag.
  static constexpr std::uint32_t kWidePieces = device::WidePacket::kPieces;
  static constexpr std::uint32_t kFlagAt = 2 * kWidePieces - 1;
  std::uint32_t lane() const { return 0; }
  bool all(bool condition) const { return condition; }
  bool load_wide(const std::byte* at, bool, std::uint64_t flag, device::Granule<8> (&to)[2 * kWidePieces]) const {
    const std::uint64_t* const words = reinterpret_cast<const device::WidePacket*>(at)->words;
    if (word_of(&words[kFlagAt]).load(std::memory_order_acquire) != flag) return false;
    for (std::uint32_t i = 0; i < kFlagAt; ++i) to[i].words[0] = words[i];
    return true;
  }
  void store_wide(std::byte* at, bool, std::uint64_t flag, const device::Granule<8> (&from)[2 * kWidePieces]) {
    std::uint64_t* const words = reinterpret_cast<device::WidePacket*>(at)->words;
    for (std::uint32_t i = kFlagAt; i-- > 0;) words[i] = from[i].words[0];
    stall();
    word_of(&words[kFlagAt]).store(flag, std::memory_order_release);
  }
  template <int size_bytes>
  device::Granule<size_bytes> load_slot(const std::byte* from) const {
    return device::load_plain<size_bytes>(from, size_bytes);
  }
  template <int size_bytes>
  void store_slot(std::byte* to, const device::Granule<size_bytes>& granule) {
    device::store_plain<size_bytes>(to, granule, size_bytes);
  }

  bool keep_waiting(Patience&) {
    sched_yield();
    if (block_.abort_word != nullptr && word_of(block_.abort_word).load(std::memory_order_relaxed) != 0) return false;
    return !failed_ && !block_.failed && std::chrono::steady_clock::now() < block_.deadline;
  }
  void fail(std::uint32_t step, std::uint32_t peer) {
    if (failed_) return;  // this wait is none of its own any more
    failed_ = true;
    block_.failed = true;
    const std::lock_guard lock(block_.mutex);
    block_.failures.push_back({block_.strand, step, peer, reason_});
    if (block_.on_failure && block_.failures.size() == 1) block_.on_failure(block_.failures.front());
  }
  bool has_looked(const Patience&) const { return true; }
  void disagree(std::uint32_t step, std::uint32_t peer) {
    reason_ = device::KernelFailure::disagreement;
    fail(step, peer);
  }
  void collide() {
    reason_ = device::KernelFailure::concurrent;
    fail(0, 0);
  }
  void give_up() {
    failed_ = true;
    block_.failed = true;
  }
  bool failed() const { return failed_; }
  void log(std::uint32_t step, std::uint32_t round) {
    stall();
    static std::atomic<std::uint64_t> moments{0};
    if (thread_ == 0)
      block_.steps.push_back({block_.strand, step, round, moments.fetch_add(1, std::memory_order_relaxed)});
  }

 private:
  template <typename T>
  static std::atomic_ref<T> word_of(const T* word) {
    return std::atomic_ref<T>(const_cast<T&>(*word));
  }
  /// Now and then, somewhere.
  void stall() {
    if (random_() % 16 == 0) sched_yield();
  }

  ThreadBlock& block_;
  std::uint32_t thread_;
  bool failed_;
  device::KernelFailure reason_ = device::KernelFailure::deadline;
  std::minstd_rand random_;
};

}  // namespace stretto::test
