// What a call asks for, with its buffers; and the calls that are issued together.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "comm/user_ops.hpp"
#include "exec/binding.hpp"

namespace stretto {

/// What only some calls have.
struct CallDetails {
  std::optional<UserOp> user_op;            ///< of a sum that is pre-multiplied
  BlockSizes sizes;                         ///< of the v-variants; all_to_all_v: the counts to be sent
  std::vector<std::size_t> receive_counts;  ///< of all_to_all_v, by peer
};

/// A send's peer is its request's root, its memory the input; a receive's memory is the output.
struct Operation {
  Request request;
  const void* input = nullptr;
  void* output = nullptr;
  std::int64_t timeout_ns = 0;  ///< 0: the communicator's own
  std::shared_ptr<const CallDetails> details{};
};

/// Operations of one communicator that are issued as one, in the order of the calls.
using Batch = std::vector<Operation>;

/// Throws Error(strettoInvalidUsage) where sends and receives of a rank to itself do not match within a batch.
void check_self_messages(Rank rank, std::span<const Operation> operations);

inline std::int64_t longest_timeout_ns(std::span<const Operation> batch) {
  std::int64_t longest_ns = 0;
  for (const Operation& operation : batch) longest_ns = std::max(longest_ns, operation.timeout_ns);
  return longest_ns;
}

}  // namespace stretto
