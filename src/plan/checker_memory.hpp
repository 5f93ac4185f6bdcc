// The checker's memory: for every location who touched it last, and what it holds. A value is symbolic: the chunk it
// is part of (tag), the set of ranks that contributed, and a fingerprint of the order in which they were summed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "plan/checker_clocks.hpp"
#include "plan/checker_model.hpp"

namespace stretto::checker {

/// Instead of a step, in Access::step.
inline constexpr std::int32_t kNobody = -1, kOperationBegan = -2, kOperationEnded = -3, kNotBegun = -4;

struct Access {
  std::int32_t thread = -1;
  std::uint32_t clock = 0;
  std::int32_t step = kNobody;  ///< of Model::steps
};

/// An earlier access that nothing orders before the present one.
struct Conflict {
  Access with;
  bool it_wrote = false;
};

class Memory {
 public:
  Memory(const Model& model, Clocks& clocks);

  /// Each returns false, and says with what, if there is a conflict.
  bool read(Location at, const Access& access, Conflict& conflict);
  bool write(Location at, const Access& access, Conflict& conflict);
  /// The user's own turn, before and after an operation. `end` is a write by the rank that all accesses must precede.
  void begin(Location first, std::int32_t count, const Access& access);
  bool end(Location first, std::int32_t count, std::int32_t thread, Conflict& conflict, Location& at);

  // Values.
  Tag tag(Location at) const { return tags_[index(at)]; }
  std::uint64_t sum(Location at) const { return sums_[index(at)]; }
  std::span<const std::uint64_t> ranks(Location at) const { return {bits_.data() + index(at) * words_, words_}; }
  bool holds_all_ranks(Location at) const;
  bool holds_only(Location at, Rank rank) const;
  void set_input(Location at, Tag tag, Rank rank);
  void move(Location from, Location to);
  /// Starts a sum of nothing; add() returns false if a rank's contribution is in it already; store() ends it.
  void start_sum();
  bool add(Location from);
  void store(Location to, Tag tag);

 private:
  /// Reads since the last write, beyond the one kept in the location.
  struct MoreReads {
    Access access;
    std::int32_t next = -1;
  };
  struct Uses {
    Access write;
    Access read;
    std::int32_t more = -1;
  };

  bool precedes(const Access& earlier, std::int32_t thread) const {
    return earlier.thread < 0 || clocks_.knows(thread, earlier.thread, earlier.clock);
  }
  bool all_precede(const Uses& uses, std::int32_t thread, Conflict& conflict) const;

  Clocks& clocks_;
  std::size_t words_;
  std::int32_t n_ranks_;
  std::vector<Uses> uses_;
  std::vector<MoreReads> more_;
  std::vector<Tag> tags_;
  std::vector<std::uint64_t> sums_;
  std::vector<std::uint64_t> bits_;
  std::vector<std::uint64_t> sum_bits_;  ///< of the sum under way
  std::uint64_t sum_ = 0;
};

}  // namespace stretto::checker
