#include "planner/planner.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "algorithms/catalogue.hpp"
#include "base/text.hpp"
#include "planner/plan_text.hpp"

namespace stretto {
namespace {

[[noreturn]] void refuse(const char* field, std::string text) {
  throw Error(strettoInvalidArgument, std::move(text), field);
}

constexpr std::uint64_t kLeastPartBytes = 64;

PlanSpec spec_for(const AlgorithmRow& row, Collective collective, int n_ranks, Rank root, const LinkModel& link) {
  return {collective,
          row.name,
          n_ranks,
          row_of(collective).rooted ? root : -1,
          row.channel_multiple,
          knows_groups(row.reach) ? link.groups : std::vector<std::int32_t>(),
          {}};
}

/// Sizes of the groups: how many, and the largest.
struct GroupSizes {
  std::uint64_t count = 1;
  std::uint64_t largest = 1;

  explicit GroupSizes(const std::vector<std::int32_t>& groups) {
    std::vector<std::uint64_t> sizes;
    for (const std::int32_t group : groups) {
      if (sizes.size() <= static_cast<std::size_t>(group)) sizes.resize(static_cast<std::size_t>(group) + 1);
      largest = std::max(largest, ++sizes[static_cast<std::size_t>(group)]);
    }
    count = std::max<std::size_t>(1, sizes.size());
  }
};

/// Estimates what crosses between groups, where the algorithm does not say it. What a rank sends is about half of what
/// it copies, and of sums a quarter (a source in two is a slot, and half of those were not put).
void estimate_crossing(Workload& load, Reach reach, int n_ranks, const GroupSizes& groups) {
  if (groups.count < 2 || knows_groups(reach)) return;
  const auto n = static_cast<std::uint64_t>(n_ranks);
  const Saturating sent = load.rank.copied_bytes / 2 + load.rank.reduced_bytes / 4;
  load.crossing_hops = load.hops;
  if (reach == Reach::everyone) {
    load.crossing_bytes = sent * groups.largest * (n - groups.largest) / (n - 1);
    return;
  }
  load.crossing_bytes = sent;  // of one rank of the group
  if (reach == Reach::doubling) {
    const Saturating doublings = static_cast<std::uint64_t>(std::bit_width(n - 1));
    load.crossing_hops = load.hops * static_cast<std::uint64_t>(std::bit_width(groups.count - 1)) / doublings;
  }
}

/// Why a plan that was asked for by name cannot be had.
void check_forced(const AlgorithmRow& row, const PlanSpec& spec, int max_channels, const LinkModel& link) {
  if (fits(row, spec, max_channels, link)) return;
  const std::int32_t parts = row.parts_per_slot(spec);
  if (parts > kMostPartsPerSlot || link.slot_bytes / static_cast<std::uint64_t>(parts) < kLeastPartBytes) {
    refuse("algorithm",
           format("algorithm \"{}\" needs slots of {} parts over {} ranks; the most is {}, and {} bytes for "
                  "each, while a slot has {}: allow larger slots or another algorithm",
                  row.name, parts, spec.n_ranks, kMostPartsPerSlot, kLeastPartBytes, link.slot_bytes));
  }
  if (knows_groups(row.reach) && spec.groups.empty()) {
    refuse("algorithm",
           format("algorithm \"{}\" needs ranks on two sockets or more, and two ranks on one of them: take "
                  "another algorithm, or bind the ranks to cores",
                  row.name));
  }
  refuse("algorithm", format("algorithm \"{}\" needs {} channels and {} slots a connection, and there are {} and {}: "
                             "allow more of them or another algorithm",
                             row.name, row.channel_multiple, row.min_slots, max_channels, link.slots));
}

}  // namespace

bool fits(const AlgorithmRow& row, const PlanSpec& spec, int max_channels, const LinkModel& link) {
  const bool channels_fit = max_channels == 0 || row.channel_multiple <= max_channels;
  const std::int32_t parts = row.parts_per_slot(spec);
  const bool parts_fit =
      parts <= kMostPartsPerSlot && link.slot_bytes / static_cast<std::uint64_t>(parts) >= kLeastPartBytes;
  const bool groups_fit = !knows_groups(row.reach) || !spec.groups.empty();
  return channels_fit && parts_fit && groups_fit && row.min_slots <= static_cast<std::int64_t>(link.slots);
}

const Candidate& PlanChoice::winner() const {
  return *std::find_if(candidates.begin(), candidates.end(),
                       [&](const Candidate& each) { return each.spec.algorithm == spec.algorithm; });
}

const Candidate* PlanChoice::runner_up() const {
  for (const Candidate& each : candidates) {
    if (each.spec.algorithm != spec.algorithm) return &each;
  }
  return nullptr;
}

PlanChoice choose_plan(Collective collective, std::uint64_t block_bytes, int n_ranks, Rank root, int max_channels,
                       const LinkModel& link, std::string_view forced) {
  if (!forced.empty()) {
    const AlgorithmRow& row = require_algorithm(forced, collective);
    check_forced(row, spec_for(row, collective, n_ranks, root, link), max_channels, link);
  }
  PlanChoice choice;
  const GroupSizes sizes(link.groups);
  for (const AlgorithmRow& row : catalogue()) {
    if (!row.supports(collective)) continue;
    Candidate candidate;
    candidate.spec = spec_for(row, collective, n_ranks, root, link);
    // Without trees it does what two_shot and others do: only who asks for it by name gets it.
    if (row.reach == Reach::trees && candidate.spec.parents.empty() && row.name != forced) continue;
    // Ranks of a socket share its link to others, and no communicator spans hosts yet.
    if (row.reach == Reach::rails && row.name != forced) continue;
    if (!fits(row, candidate.spec, max_channels, link)) continue;
    candidate.parts_per_slot = row.parts_per_slot(candidate.spec);
    candidate.chunks_per_block = row.chunks_per_block(candidate.spec);
    candidate.load = row.workload(candidate.spec, block_bytes, link);
    estimate_crossing(candidate.load, row.reach, n_ranks, sizes);
    candidate.price = price(candidate.load, link);
    choice.candidates.push_back(candidate);
  }
  if (choice.candidates.empty()) {
    refuse("max_channels", format("no algorithm does {} with {} channels and {} slots a connection: allow more of them",
                                  row_of(collective).name, max_channels, link.slots));
  }
  std::stable_sort(choice.candidates.begin(), choice.candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.price.total() < b.price.total(); });
  choice.forced = !forced.empty();
  choice.spec = choice.candidates.front().spec;
  for (const Candidate& each : choice.candidates) {
    if (each.spec.algorithm == forced) choice.spec = each.spec;
  }
  choice.cost = choice.winner().price.total();
  return choice;
}

std::string to_string(const PlanChoice& choice) {
  std::string text = format("plan={} cost_us={}", choice.spec.algorithm, microseconds(choice.cost));
  if (const Candidate* second = choice.runner_up()) {
    text += format(" runner_up={} runner_up_us={}", second->spec.algorithm, microseconds(second->price.total()));
  }
  return choice.forced ? text + " forced=1" : text;
}

}  // namespace stretto
