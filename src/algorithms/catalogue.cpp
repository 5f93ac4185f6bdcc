#include "algorithms/catalogue.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "algorithms/binomial/plan.hpp"
#include "algorithms/bruck/plan.hpp"
#include "algorithms/forest/plan.hpp"
#include "algorithms/halving_doubling/plan.hpp"
#include "algorithms/hierarchical/plan.hpp"
#include "algorithms/one_shot/plan.hpp"
#include "algorithms/pairwise/plan.hpp"
#include "algorithms/rail_rings/plan.hpp"
#include "algorithms/rail_trees/plan.hpp"
#include "algorithms/recursive_doubling/plan.hpp"
#include "algorithms/ring/plan.hpp"
#include "algorithms/tree/plan.hpp"
#include "algorithms/two_shot/plan.hpp"
#include "base/text.hpp"
#include "plan/hash.hpp"

namespace stretto {
namespace {

constexpr std::int32_t kMostRails = 1 << 20;
constexpr std::int32_t kMostRanksOfPairs = 46'340;  // whose square is an int

// clang-format off
constexpr AlgorithmRow kRows[] = {
    // name, revision, supports, channel_multiple, chunks_per_block, min_slots, build, workload, parts_per_slot, reach,
    // even_channels, alike, takes_parents
    {"ring", 1, ring::supports, 1, ring::chunks_per_block, 2, ring::build, ring::workload, one_part_per_slot,
     Reach::neighbours, nullptr, {1, 0}},
    {"tree", 1, tree::supports, 2, tree::chunks_per_block, 1, tree::build, tree::workload, one_part_per_slot,
     Reach::neighbours},
    {"one_shot", 1, one_shot::supports, 1, one_shot::chunks_per_block, 1, one_shot::build, one_shot::workload,
     one_part_per_slot, Reach::everyone, nullptr, {1, 0}},
    {"two_shot", 1, two_shot::supports, 1, two_shot::chunks_per_block, 1, two_shot::build, two_shot::workload,
     one_part_per_slot, Reach::everyone, nullptr, {1, 0}},
    {"recursive_doubling", 1, recursive_doubling::supports, 1, recursive_doubling::chunks_per_block, 1,
     recursive_doubling::build, recursive_doubling::workload, one_part_per_slot, Reach::doubling},
    {"halving_doubling", 1, halving_doubling::supports, 1, halving_doubling::chunks_per_block, 1,
     halving_doubling::build, halving_doubling::workload, halving_doubling::parts_per_slot, Reach::doubling},
    {"binomial", 1, binomial::supports, 1, binomial::chunks_per_block, 1, binomial::build, binomial::workload,
     binomial::parts_per_slot, Reach::doubling},
    {"bruck", 1, bruck::supports, 1, bruck::chunks_per_block, 1, bruck::build, bruck::workload, bruck::parts_per_slot,
     Reach::everyone, nullptr, {1, 0}},
    {"forest", 3, forest::supports, 1, forest::chunks_per_block, 2, forest::build, forest::workload,
     forest::parts_per_slot, Reach::trees, nullptr, {}, forest::takes_parents},
    {"hierarchical", 1, hierarchical::supports, 1, hierarchical::chunks_per_block, 1, hierarchical::build,
     hierarchical::workload, hierarchical::parts_per_slot, Reach::groups},
    {"rail_rings", 1, rail_rings::supports, 1, rail_rings::chunks_per_block, 2, rail_rings::build,
     rail_rings::workload, rail_rings::parts_per_slot, Reach::rails, nullptr, {1, 0}},
    {"rail_trees", 1, rail_trees::supports, 2, rail_trees::chunks_per_block, 1, rail_trees::build,
     rail_trees::workload, one_part_per_slot, Reach::rails, rail_trees::even_channels, {0, 2},
     rail_trees::takes_parents},
    {"pairwise", 1, pairwise::supports, 1, pairwise::chunks_per_block, 1, pairwise::build, pairwise::workload,
     one_part_per_slot, Reach::everyone, nullptr, {1, 0}},
};
// clang-format on

std::string names_for(Collective collective) {
  std::string names;
  for (const AlgorithmRow& row : kRows) {
    if (row.supports(collective)) names.append(names.empty() ? "" : ", ").append(row.name);
  }
  return names;
}

[[noreturn]] void refuse(const char* field, std::string text) {
  throw Error(strettoInvalidArgument, std::move(text), field);
}

void check_groups(const PlanSpec& spec, const AlgorithmRow& row) {
  if (!knows_groups(row.reach)) refuse("groups", format("algorithm \"{}\" knows no groups", row.name));
  std::int32_t seen = 0;
  bool in_order = spec.groups.size() == static_cast<std::size_t>(spec.n_ranks);
  for (const std::int32_t group : spec.groups) {
    in_order = in_order && group >= 0 && group <= seen;
    seen = std::max(seen, group + 1);
  }
  if (!in_order) {
    refuse("groups",
           format("each of {} ranks needs a group, numbered from 0 in order of their first ranks", spec.n_ranks));
  }
}

void check_parents(const PlanSpec& spec, const AlgorithmRow& row) {
  if (row.takes_parents == nullptr) refuse("parents", format("algorithm \"{}\" knows no trees", row.name));
  if (row.takes_parents(spec)) return;
  if (row.reach == Reach::rails) {
    refuse("parents", format("{} ranks need parents within their groups, for each two channels in turn: they must lead "
                             "to the one rank of each group that has none",
                             spec.n_ranks));
  }
  if (row_of(spec.collective).blocks == Blocks::one) {
    const std::string below = row_of(spec.collective).rooted ? format(", below root {}", spec.root) : "";
    refuse("parents",
           format("{} channels of {} ranks need one tree each{}: every rank's parents must lead to the tree's "
                  "root",
                  spec.channels, spec.n_ranks, below));
  }
  refuse("parents", format("{} channels of {} ranks need a tree for each rank's block, in order: every rank's parents "
                           "must lead to the tree's root",
                           spec.channels, spec.n_ranks));
}

void check_rails(const PlanSpec& spec, const AlgorithmRow& row) {
  if (row.reach != Reach::rails) refuse("rails", format("algorithm \"{}\" knows no rails", row.name));
  const auto n = static_cast<std::size_t>(spec.n_ranks);
  const auto is_within = [](const std::vector<std::int32_t>& numbers, std::int32_t least) {
    return std::ranges::all_of(numbers, [&](std::int32_t each) { return each >= least && each < kMostRails; });
  };
  if (spec.rails.size() == n && spec.widths.size() == n && is_within(spec.rails, 0) && is_within(spec.widths, 1))
    return;
  refuse("rails", format("each of {} ranks needs a rail from 0 to {}, and a width from 1 to {}", spec.n_ranks,
                         kMostRails - 1, kMostRails - 1));
}

const AlgorithmRow& checked_row(const PlanSpec& spec, Rank rank) {
  const CollectiveRow& collective = row_of(spec.collective);
  if (spec.n_ranks < 1) refuse("n_ranks", format("a plan needs at least one rank, not {}", spec.n_ranks));
  if (rank < 0 || rank >= spec.n_ranks) {
    refuse("rank", format("rank {} is outside 0..{}", rank, spec.n_ranks - 1));
  }
  if (collective.rooted && (spec.root < 0 || spec.root >= spec.n_ranks)) {
    refuse("root", format("root {} of {} is outside 0..{}", spec.root, collective.name, spec.n_ranks - 1));
  }
  const AlgorithmRow& row = require_algorithm(spec.algorithm, spec.collective);
  if (collective.blocks == Blocks::per_pair && spec.n_ranks > kMostRanksOfPairs) {
    refuse("n_ranks", format("{} has a block for each pair, of {} ranks at most, and not {}", collective.name,
                             kMostRanksOfPairs, spec.n_ranks));
  }
  if (spec.channels < 1 || spec.channels % row.channel_multiple != 0) {
    refuse("channels", format("algorithm \"{}\" needs a positive multiple of {} channels, not {}", row.name,
                              row.channel_multiple, spec.channels));
  }
  if (!spec.groups.empty()) check_groups(spec, row);
  if (!spec.rails.empty() || !spec.widths.empty()) check_rails(spec, row);
  if (!spec.parents.empty()) check_parents(spec, row);
  if (const std::int32_t parts = row.parts_per_slot(spec); parts > kMostPartsPerSlot) {
    refuse("n_ranks",
           format("algorithm \"{}\" would send {} chunks of {} in a message over {} ranks, and {} is the most",
                  row.name, parts, collective.name, spec.n_ranks, kMostPartsPerSlot));
  }
  return row;
}

}  // namespace

std::span<const AlgorithmRow> catalogue() noexcept { return kRows; }

const AlgorithmRow* find_algorithm(std::string_view name) noexcept {
  for (const AlgorithmRow& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

const AlgorithmRow& require_algorithm(std::string_view name, Collective collective) {
  const AlgorithmRow* row = find_algorithm(name);
  if (row != nullptr && row->supports(collective)) return *row;
  refuse("algorithm", format("algorithm \"{}\" {} {}; these can: {}", name,
                             row == nullptr ? "is unknown, so it cannot do" : "cannot do", row_of(collective).name,
                             names_for(collective)));
}

Plan make_plan(const PlanSpec& spec, Rank rank) {
  const AlgorithmRow& row = checked_row(spec, rank);
  Plan plan;
  plan.spec = spec;
  plan.rank = rank;
  plan.spec.algorithm = row.name;  // the row's, which lives for ever; the caller's may not
  if (!row_of(spec.collective).rooted) plan.spec.root = -1;
  plan.chunks_per_block = row.chunks_per_block(plan.spec);
  plan.min_slots = row.min_slots;
  plan.parts_per_slot = row.parts_per_slot(plan.spec);
  plan.hash = plan_hash(plan.spec, row.revision, plan.chunks_per_block, plan.parts_per_slot);
  plan.program = row.build(plan.spec, rank);
  return plan;
}

}  // namespace stretto
