// The last collectives that a rank has called, by number. The thread that runs them writes; the service thread reads,
// to hold them against what other ranks say that they wait in.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <optional>
#include <tuple>

#include "base/op_tag.hpp"

namespace stretto {

class CallHistory {
 public:
  /// No rank can be further ahead of one that waits than messages of this many operations, in practice.
  static constexpr std::size_t kCalls = 64;

  /// The call of that number, which is one more than the last. One thread at a time.
  void begin(std::uint64_t operation, const OpTag& tag) noexcept {
    Entry& entry = entries_[operation % kCalls];
    const auto words = std::bit_cast<Words>(tag);
    entry.number.store(kNone, std::memory_order_relaxed);
    // Each releases: a reader that sees a word of this call also sees that the entry is no longer the old one's.
    for (std::size_t i = 0; i < words.size(); ++i) entry.words[i].store(words[i], std::memory_order_release);
    entry.number.store(operation, std::memory_order_release);
    begun_.store(operation + 1, std::memory_order_release);
  }
  /// Any thread. nullopt: not called yet, or forgotten.
  std::optional<OpTag> find(std::uint64_t operation) const noexcept {
    const Entry& entry = entries_[operation % kCalls];
    if (operation == kNone || entry.number.load(std::memory_order_acquire) != operation) return std::nullopt;
    Words words;
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = entry.words[i].load(std::memory_order_acquire);
    if (entry.number.load(std::memory_order_relaxed) != operation) return std::nullopt;  // overwritten meanwhile
    return std::bit_cast<OpTag>(words);
  }
  /// How many have been called. A number below that which find() does not know afterwards is forgotten.
  std::uint64_t begun() const noexcept { return begun_.load(std::memory_order_acquire); }

 private:
  using Words = std::array<std::uint64_t, sizeof(OpTag) / sizeof(std::uint64_t)>;
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  struct Entry {
    std::atomic<std::uint64_t> number{kNone};
    std::array<std::atomic<std::uint64_t>, std::tuple_size_v<Words>> words{};
  };

  std::array<Entry, kCalls> entries_{};
  std::atomic<std::uint64_t> begun_{0};
};

}  // namespace stretto
