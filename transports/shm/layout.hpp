// What lies where in the shared memory object.
//
//   control blocks, one per connection:   | slot line 0 | ... | slot line S-1 | pad to 128 | credit line | pad to 128 |
//   data blocks, one per connection:      | slot 0 | ... | slot S-1 | pad to a page |
//
// A connection is an ordered pair of ranks and a channel. A slot line is one cache line that only the sender writes:
// flag, tag and, if it fits, the payload, so that a tiny message costs one line transfer. The credit line is written
// by the receiver only, 128 bytes away from what the sender writes because processors prefetch lines in pairs.
//
// Size: with L ranks, C channels and S slots of B bytes it is L * (L - 1) * C * (64 S + 128 + S * B), each term rounded
// up as drawn: 8 ranks, 4 slots of 64 KiB: 14 MiB per channel. It is address space. Pages are taken when touched: a
// ring over 8 ranks takes 8 data blocks (2 MiB in all per channel), messages of up to 32 bytes take no data page.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/op_tag.hpp"

namespace stretto::shm {

constexpr std::size_t kInlineBytes = 32;
constexpr std::size_t kPairBytes = 128;  ///< lines are fetched in pairs of 64 bytes
constexpr std::size_t kPageBytes = 4096;

/// Written by the sender only. The flag is stored last, in one piece: low half the sequence number of the message
/// (its position + 1), high half its bytes. A receiver that sees the sequence number it expects sees all the rest.
struct alignas(64) SlotLine {
  std::atomic<std::uint64_t> flag;
  OpTag tag;
  alignas(16) std::byte payload[kInlineBytes];
};
static_assert(sizeof(SlotLine) == 64 && offsetof(SlotLine, payload) == 32);

/// Written by the receiver only: the position up to which it has released.
struct alignas(kPairBytes) CreditLine {
  std::atomic<std::uint32_t> released;
};

// In memory shared between processes, and zero when fresh: the atomics must be plain words without a lock.
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && sizeof(std::atomic<std::uint64_t>) == 8);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free && sizeof(std::atomic<std::uint32_t>) == 4);

/// One connection's part of the mapped memory.
struct Connection {
  SlotLine* lines = nullptr;
  CreditLine* credits = nullptr;
  std::byte* data = nullptr;
};

/// Pure arithmetic. Ranks are indices among the ranks of the host.
class Layout {
 public:
  /// Throws Error(strettoInvalidArgument) if a number is out of range or the size does not fit into 63 bits.
  Layout(std::size_t n_ranks, std::size_t channels, std::uint32_t slots, std::size_t slot_bytes);

  std::size_t bytes() const { return bytes_; }
  std::uint32_t slots() const { return slots_; }
  std::size_t slot_bytes() const { return slot_bytes_; }

  Connection at(std::byte* base, std::size_t source, std::size_t destination, std::size_t channel) const;

 private:
  std::size_t n_ranks_;
  std::size_t channels_;
  std::uint32_t slots_;
  std::size_t slot_bytes_;
  std::size_t lines_bytes_ = 0;    ///< of one connection
  std::size_t control_bytes_ = 0;  ///< of one connection
  std::size_t data_bytes_ = 0;     ///< of one connection
  std::size_t data_offset_ = 0;    ///< of the first data block
  std::size_t bytes_ = 0;
};

}  // namespace stretto::shm
