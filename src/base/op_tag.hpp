// What one rank believes it is doing, in 24 bytes that ride beside the flag of every message. The receiver compares
// them with its own: ranks that disagree are found at the first message they exchange, and both sides are known
// without a further word.
#pragma once

#include <cstdint>

namespace stretto {

struct OpTag {
  std::uint64_t count = 0;      ///< elements, as the caller gave them
  std::uint32_t operation = 0;  ///< low 32 bits of the operation's number on this communicator
  std::int32_t root = -1;
  std::uint8_t collective = 0;  ///< Collective
  std::uint8_t datatype = 0;    ///< strettoDataType_t
  std::uint8_t red_op = 0;      ///< strettoRedOp_t, 255 for user-made ones
  std::uint8_t flags = 0;       ///< kCheckInTag, or 0
  std::uint32_t plan = 0;       ///< low 32 bits of the plan's hash

  friend bool operator==(const OpTag&, const OpTag&) = default;
};
static_assert(sizeof(OpTag) == 24 && alignof(OpTag) == 8);

}  // namespace stretto
