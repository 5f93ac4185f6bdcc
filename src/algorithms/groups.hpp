// The groups of a plan's spec, by members.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "plan/plan.hpp"

namespace stretto {

class Groups {
 public:
  explicit Groups(const PlanSpec& spec) {
    for (Rank rank = 0; rank < spec.n_ranks; ++rank) {
      const auto group =
          spec.groups.empty() ? 0U : static_cast<std::size_t>(spec.groups[static_cast<std::size_t>(rank)]);
      if (members_.size() <= group) members_.resize(group + 1);
      members_[group].push_back(rank);
      group_of_.push_back(group);
    }
    for (const std::vector<Rank>& group : members_) {
      largest_ = std::max(largest_, static_cast<int>(group.size()));
      smallest_ = std::min(smallest_, static_cast<int>(group.size()));
    }
  }

  int count() const { return static_cast<int>(members_.size()); }
  int largest() const { return largest_; }
  int smallest() const { return std::min(smallest_, largest_); }
  std::size_t group_of(Rank rank) const { return group_of_[static_cast<std::size_t>(rank)]; }
  const std::vector<Rank>& members(std::size_t group) const { return members_[group]; }
  const std::vector<std::vector<Rank>>& all() const { return members_; }
  /// Of a chunk, of which there are as many as the largest group has members.
  Rank owner(std::size_t group, int chunk) const {
    return members_[group][static_cast<std::size_t>(chunk) % members_[group].size()];
  }

 private:
  std::vector<std::vector<Rank>> members_;
  std::vector<std::size_t> group_of_;
  int largest_ = 1;
  int smallest_ = 1 << 30;
};

}  // namespace stretto
