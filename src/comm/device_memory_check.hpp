// Whether the memory that a call names is memory that a GPU's kernels can reach.
#pragma once

#include <cstddef>

#include "comm/batch.hpp"
#include "device/gpu.hpp"

namespace stretto {

struct DeviceMemoryCheck {
  Gpu& gpu;
  Rank rank = 0;
  int n_ranks = 1;

  /// Throws Error(strettoInvalidArgument).
  void check(const Operation& operation) const;

 private:
  void check_buffer(const void* buffer, std::size_t bytes, const char* field) const;
  void check_vectors(const Operation& operation) const;
};

}  // namespace stretto
