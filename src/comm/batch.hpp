// What a call asks for, with its buffers; and the calls that are issued together.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "exec/binding.hpp"

namespace stretto {

struct Operation {
  Request request;
  const void* input = nullptr;
  void* output = nullptr;
  std::int64_t timeout_ns = 0;  ///< 0: the communicator's own
};

/// Operations of one communicator that are issued as one, in the order of the calls.
using Batch = std::vector<Operation>;

inline std::int64_t longest_timeout_ns(const Batch& batch) {
  std::int64_t longest_ns = 0;
  for (const Operation& operation : batch) longest_ns = std::max(longest_ns, operation.timeout_ns);
  return longest_ns;
}

}  // namespace stretto
