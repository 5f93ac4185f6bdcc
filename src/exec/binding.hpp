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

/// All of an operation but its buffers and its number: reusable for every call with the same arguments.
struct Binding {
  const PreparedPlan* plan = nullptr;
  OpTag tag;                        ///< operation number excepted
  ReduceFunction reduce = nullptr;  ///< nullptr for collectives that do not reduce
  int divisor = 1;                  ///< applied by the reduce that completes a chunk
  std::size_t element_bytes = 1;
  std::size_t block_bytes = 0;
  std::vector<ChannelGeometry> channels;  ///< by channel
};

/// Pure. The arguments were checked: type and operation exist, the buffers' sizes fit in memory.
Binding bind_request(const Request& request, const PreparedPlan& plan, std::size_t slot_bytes);

/// "all_reduce(count=8, float, sum) as operation 3 by plan 0badcafe".
std::string to_string(const OpTag& tag);
/// The first argument in which two tags differ: "collective", "count", "datatype", "op", "root", "plan"; or
/// "operation" if one rank is further than the other.
const char* differing_field(const OpTag& a, const OpTag& b);

}  // namespace stretto
