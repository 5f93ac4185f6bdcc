// What a collective demands, from its row alone: which values the inputs hold when an operation begins, and which the
// outputs must hold when it ends. Out of place an input cannot be harmed: no step and no alias writes to one.
#pragma once

#include <span>
#include <vector>

#include "plan/checker_memory.hpp"

namespace stretto::checker {

class Goal {
 public:
  Goal(std::span<const CheckedOperation> operations, const Model& model);

  void fill_inputs(Memory& memory, std::int32_t operation, Rank rank) const;
  /// Throws Found if an output chunk of the rank is not what the row demands.
  void check_outputs(const Memory& memory, std::int32_t operation, Rank rank);

 private:
  struct Chunk {
    Tag tag = -1;
    std::int32_t channel = 0;
    std::int32_t round = 0;
    std::int32_t number = 0;
    Location at = -1;
  };

  template <typename Visit>
  void for_each_chunk(std::int32_t operation, const Window& window, Visit visit) const;
  void check_chunk(const Memory& memory, std::int32_t operation, Rank rank, const Chunk& chunk);

  std::span<const CheckedOperation> operations_;
  const Model& model_;
  std::vector<std::uint64_t> sums_;   ///< per tag: fingerprint of the first rank's result
  std::vector<Rank> first_with_sum_;  ///< that rank
};

}  // namespace stretto::checker
