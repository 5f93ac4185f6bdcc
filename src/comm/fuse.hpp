// Small operations of one batch that run as one: where a message is short its latency is all that it costs, so many of
// them cost as much as one when they are copied together. What is fused depends only on what is equal on all ranks:
// collectives, counts, types, operations, roots, and the order of the calls.
//
// The sums of a fused all-reduce may be taken in another order than those of its parts: a plan deals its ranks' turns
// by where an element lies in the vector. So floating-point results may differ in rounding from those of single calls;
// on all ranks in the same way.
#pragma once

#include <cstddef>
#include <vector>

#include "comm/batch.hpp"

namespace stretto {

/// Operations [first, first + count) of a batch, run as one if there are several.
struct Unit {
  std::size_t first = 0;
  std::size_t count = 1;

  friend bool operator==(const Unit&, const Unit&) = default;
};

/// Parts of more bytes than this are not fused: their bandwidth counts, and a copy costs.
constexpr std::size_t kLargestFusedPartBytes = 8192;
constexpr std::size_t kLargestFusedBytes = 256 * 1024;

/// Sends and receives of a group depend on one another in ways that nobody but the caller knows, so all of them go at
/// once, before the group's collectives: on every rank, whatever the order of the calls in its group.
Batch pairs_first(Batch batch);

/// Pure. All operations of a batch whose pairs come first, in order. All its sends and receives are one unit.
std::vector<Unit> fuse(const Batch& batch);

/// A unit of several operations as one, over a buffer of its own.
class FusedOperation {
 public:
  FusedOperation(const Batch& batch, Unit unit, Rank rank);

  /// In place in the buffer, which lives as long as this object.
  Operation operation();
  /// Gives every part its result.
  void unpack() const;

 private:
  std::vector<Operation> parts_;
  Request request_;
  std::int64_t timeout_ns_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace stretto
