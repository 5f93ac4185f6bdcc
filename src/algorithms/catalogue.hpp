// The algorithms: one row each. A row is found by name; the planner asks all rows for their workload.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto {

inline std::int32_t one_part_per_slot(const PlanSpec&) { return 1; }

/// Which ranks talk to which, where ranks are numbered along the groups that they lie in: for an estimate of what
/// crosses from group to group.
enum class Reach : std::uint8_t {
  everyone,    ///< any rank to any other
  neighbours,  ///< mostly the nearest ranks, so that few of a group's ranks have peers outside; but all hops wait for
               ///< them
  doubling,    ///< the same, and all in step: only the last doublings leave a group
  groups,      ///< the algorithm knows the groups, needs them, and states itself what crosses
  rails,       ///< the same, where each rank has a way of its own to other groups (hosts with a NIC for each GPU)
  trees,       ///< any rank to any other; the algorithm is for trees that are made for the machine's links
};

/// What of a plan is like other parts of it, so that a simulator may run some for all. Chunks differ in size, as their
/// numbers do.
struct Alike {
  /// Of collectives without a root: rank r + n does as rank r does, n ranks further, for any multiple n of this; 0:
  /// not.
  std::int32_t ranks = 0;
  /// Channel c + n does as channel c does, with each group's ranks one further, for any multiple n of this; 0: not.
  std::int32_t channels = 0;
};

constexpr bool knows_groups(Reach reach) noexcept { return reach == Reach::groups || reach == Reach::rails; }

struct AlgorithmRow {
  std::string_view name;
  std::uint32_t revision;  ///< raised whenever the steps change: ranks of different builds then disagree by hash
  bool (*supports)(Collective collective);
  /// Channels that the algorithm needs as a multiple (a double tree needs 2).
  std::int32_t channel_multiple;
  std::int32_t (*chunks_per_block)(const PlanSpec& spec);
  std::int32_t min_slots;
  Program (*build)(const PlanSpec& spec, Rank rank);
  /// Its rounds depend on the slots' size; prices are the model's (plan/cost_model.hpp).
  Workload (*workload)(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);
  /// Of algorithms that send several chunks in a message; beyond kMostPartsPerSlot there is no plan.
  std::int32_t (*parts_per_slot)(const PlanSpec& spec) = one_part_per_slot;
  Reach reach = Reach::everyone;
  /// Channels with which all ranks do as much as others, and use all links that they can; nullptr: any number serves.
  std::int32_t (*even_channels)(const PlanSpec& spec) = nullptr;
  Alike alike = {};
  /// Whether PlanSpec::parents, which is not empty, is what the algorithm needs; nullptr: it knows no trees.
  bool (*takes_parents)(const PlanSpec& spec) = nullptr;
};

std::span<const AlgorithmRow> catalogue() noexcept;
const AlgorithmRow* find_algorithm(std::string_view name) noexcept;

/// The row of that name. Throws Error(strettoInvalidArgument) if there is none or it cannot serve the collective,
/// naming those that can.
const AlgorithmRow& require_algorithm(std::string_view name, Collective collective);

/// The plan of `rank`. Throws Error(strettoInvalidArgument) naming the field that is wrong and its choices.
Plan make_plan(const PlanSpec& spec, Rank rank);

}  // namespace stretto
