#include "algorithms/rail_trees/owners.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

namespace stretto::rail_trees {
namespace {

/// More turns bring the parts of unequal ranks nearer to what they should be, and need more channels.
constexpr int kMostRepeats = 8;

using Widths = std::vector<std::int64_t>;

Widths widths_of(const std::vector<Rank>& members, const PlanSpec& spec) {
  Widths widths;
  for (const Rank member : members) widths.push_back(spec.widths[static_cast<std::size_t>(member)]);
  return widths;
}

/// How many of `turns` rails each member of a group owns, in proportion to its width: the largest remainders round up.
std::vector<int> quotas(const Widths& widths, int turns) {
  const std::int64_t all = std::accumulate(widths.begin(), widths.end(), std::int64_t{0});
  std::vector<int> quota;
  std::vector<std::pair<std::int64_t, std::size_t>> remainders;
  int left = turns;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    quota.push_back(static_cast<int>(widths[i] * turns / all));
    remainders.emplace_back(-(widths[i] * turns % all), i);
    left -= quota.back();
  }
  std::ranges::sort(remainders);
  for (std::size_t i = 0; left > 0; ++i, --left) ++quota[remainders[i].second];
  return quota;
}

double excess(const Widths& widths, int turns) {
  const auto all = static_cast<double>(std::accumulate(widths.begin(), widths.end(), std::int64_t{0}));
  const std::vector<int> quota = quotas(widths, turns);
  double most = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    most = std::max(most, quota[i] * all / (static_cast<double>(widths[i]) * turns));
  }
  return most;
}

/// Rails stay with the members that are on them, as far as these have turns left; the others go to those that have.
std::vector<Rank> owners_of(const std::vector<Rank>& members, const PlanSpec& spec, int n_rails, int turns) {
  std::vector<int> left = quotas(widths_of(members, spec), turns);
  std::vector<Rank> owners(static_cast<std::size_t>(turns), -1);
  const auto give = [&](int rail, bool own_only) {
    int most = 0;
    std::size_t best = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const bool is_own = spec.rails[static_cast<std::size_t>(members[i])] == rail % n_rails;
      if ((own_only && !is_own) || left[i] <= most) continue;
      most = left[i];
      best = i;
    }
    if (most == 0) return;
    --left[best];
    owners[static_cast<std::size_t>(rail)] = members[best];
  };
  for (int rail = 0; rail < turns; ++rail) give(rail, true);
  for (int rail = 0; rail < turns; ++rail) {
    if (owners[static_cast<std::size_t>(rail)] < 0) give(rail, false);
  }
  return owners;
}

}  // namespace

int Owners::turns(const PlanSpec& spec, const Groups& groups) {
  if (spec.rails.empty()) return groups.largest();
  std::set<Widths> kinds;
  for (const std::vector<Rank>& members : groups.all()) kinds.insert(widths_of(members, spec));
  int best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int repeats = 1; repeats <= kMostRepeats; ++repeats) {
    const int turns = repeats * groups.largest();
    double most = 0;  // what the busiest rank has, by what it should have
    for (const Widths& widths : kinds) most = std::max(most, excess(widths, turns));
    if (most >= least * (1 - 1e-9)) continue;
    least = most;
    best = turns;
  }
  return best;
}

Owners::Owners(const PlanSpec& spec, const Groups& groups) {
  if (spec.rails.empty()) {
    owners_ = groups.all();
    return;
  }
  const int n_rails = 1 + *std::ranges::max_element(spec.rails);
  const int n_turns = turns(spec, groups);
  for (const std::vector<Rank>& members : groups.all()) {
    owners_.push_back(owners_of(members, spec, n_rails, n_turns));
  }
}

}  // namespace stretto::rail_trees
