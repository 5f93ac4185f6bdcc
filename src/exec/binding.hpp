// A request bound to a plan: everything that an operation needs but its buffers and its number, worked out once.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/op_tag.hpp"
#include "exec/prepared_plan.hpp"
#include "exec/reduce/reduce.hpp"
#include "plan/geometry.hpp"

namespace stretto {

/// What the caller asks for, but for the buffers. `count` as the C function has it: elements of a block.
struct Request {
  Collective collective = Collective::all_reduce;
  std::size_t count = 0;
  strettoDataType_t type = strettoFloat32;
  strettoRedOp_t op = strettoSum;  ///< of collectives that reduce
  Rank root = -1;                  ///< of rooted ones

  friend bool operator==(const Request&, const Request&) = default;
};

/// Blocks of unequal sizes, as one rank sees them: counts by rank, offsets by the block's position in the buffer.
struct BlockSizes {
  std::vector<std::size_t> counts;
  std::vector<std::size_t> input_offsets_bytes;
  std::vector<std::size_t> output_offsets_bytes;

  bool empty() const { return counts.empty(); }
  friend bool operator==(const BlockSizes&, const BlockSizes&) = default;
};

/// What a pre-multiplied sum does to this rank's input.
struct PreMultiply {
  ScaleFunction scale = nullptr;  ///< nullptr: nothing
  std::uint64_t scalar = 0;
};

/// All of an operation but its buffers and its number: reusable for every call with the same arguments.
struct Binding {
  const PreparedPlan* plan = nullptr;
  OpTag tag;                        ///< operation number excepted
  ReduceFunction reduce = nullptr;  ///< nullptr for collectives that do not reduce
  int divisor = 1;                  ///< applied by the reduce that completes a chunk
  std::size_t element_bytes = 1;
  std::size_t block_bytes = 0;
  std::vector<ChannelGeometry> channels;  ///< by channel, or by channel and block where sizes differ
  std::vector<std::size_t> rounds;        ///< by channel: the most that any block needs
  std::size_t geometries_per_channel = 1;
  std::vector<std::size_t> part_strides_bytes;   ///< by channel: from one part of a slot to the next
  std::vector<std::size_t> input_offsets_bytes;  ///< by position; empty: position * block_bytes
  std::vector<std::size_t> output_offsets_bytes;
  PreMultiply pre_multiply;
  std::size_t scratch_stride_bytes = 0;  ///< of one scratch chunk
  std::size_t scratch_bytes = 0;         ///< of the plan's scratch chunks, and of the product if there is one

  const ChannelGeometry* geometries_of(int channel) const {
    return &channels[static_cast<std::size_t>(channel) * geometries_per_channel];
  }
};

/// Pure. The arguments were checked: type and operation exist, the buffers' sizes fit in memory.
Binding bind_request(const Request& request, const PreparedPlan& plan, std::size_t slot_bytes);
/// Makes it a binding for blocks of these sizes, of the variant `collective` of what the plan does.
void bind_sizes(Binding& binding, Collective collective, const BlockSizes& sizes, std::size_t slot_bytes);
/// Makes it one for inputs that are multiplied first.
void bind_pre_multiply(Binding& binding, PreMultiply pre_multiply);

/// How far this rank's buffers reach from their begins.
struct BufferExtents {
  std::size_t input_bytes = 0;
  std::size_t output_bytes = 0;
};
/// `counts`: of blocks of unequal sizes, by rank; else empty.
BufferExtents extents_of(const Binding& binding, const std::vector<std::size_t>& counts);
/// Whether buffers of these extents have a byte in common.
bool overlap(const void* input, const void* output, const BufferExtents& extents);

/// Stands in a tag for operations that users made.
constexpr std::uint8_t kUserOpInTag = 255;

/// A flag of tags: of what debug mode exchanges after the operation.
constexpr std::uint8_t kCheckInTag = 1;

/// "all_reduce(count=8, float, sum) as operation 3 by plan 0badcafe".
std::string to_string(const OpTag& tag);
/// The first argument in which two tags differ: "collective", "count", "datatype", "op", "root", "plan"; or
/// "operation" if one rank is further than the other.
const char* differing_field(const OpTag& a, const OpTag& b);
/// Both sides of a disagreement about a collective.
std::string disagreement_text(Rank rank, const OpTag& tag, Rank peer, const OpTag& theirs);

}  // namespace stretto
