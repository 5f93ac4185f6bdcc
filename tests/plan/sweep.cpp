#include "plan/sweep.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "plan/pretended_groups.hpp"
#include "plan/pretended_trees.hpp"

namespace stretto::sweep {
namespace {

std::string describe(const std::vector<const WholePlan*>& plans, const Variation& variation, int slots) {
  std::string text;
  for (const WholePlan* plan : plans) {
    text += format("{}{} {} n={} channels={} root={}", text.empty() ? "" : ", ", plan->spec.algorithm,
                   row_of(plan->spec.collective).name, plan->spec.n_ranks, plan->spec.channels, plan->spec.root);
  }
  return text + format("; alias {}, places {}, slots {}, rounds {}, seed {}", alias_name(variation.alias),
                       static_cast<int>(variation.places), slots, variation.rounds, variation.seed);
}

}  // namespace

WholePlan whole_plan(const AlgorithmRow& row, Collective collective, int n_ranks, int channels, Rank root) {
  WholePlan whole;
  whole.spec.collective = collective;
  whole.spec.algorithm = row.name;
  whole.spec.n_ranks = n_ranks;
  whole.spec.channels = channels;
  whole.spec.root = row_of(collective).rooted ? root : -1;
  whole.spec.groups = pretended_groups(row, n_ranks, root + channels);
  whole.spec.parents =
      pretended_parents(row, collective, n_ranks, root, channels, n_ranks + root + channels, whole.spec.groups);
  for (Rank rank = 0; rank < n_ranks; ++rank) {
    Plan plan = make_plan(whole.spec, rank);
    whole.chunks_per_block = plan.chunks_per_block;
    whole.parts_per_slot = plan.parts_per_slot;
    whole.min_slots = plan.min_slots;
    whole.programs.push_back(std::move(plan.program));
  }
  return whole;
}

std::vector<int> channel_counts(const AlgorithmRow& row) {
  std::vector<int> counts;
  for (const int channels : {1, 2, 4}) {
    if (channels % row.channel_multiple == 0) counts.push_back(channels);
  }
  return counts;
}

std::vector<bool> in_place_of(Places places, int n_ranks, std::uint64_t seed) {
  std::vector<bool> in_place(static_cast<std::size_t>(n_ranks), places == Places::in_place);
  if (places == Places::both) {
    std::mt19937_64 random(seed);
    for (std::size_t rank = 0; rank < in_place.size(); ++rank) in_place[rank] = random() % 2 != 0;
  }
  return in_place;
}

std::vector<Variation> all_variations(std::uint64_t seed) {
  std::vector<Variation> all;
  for (const Alias alias : kAliases) {
    for (const Places places : kPlaces) {
      for (const int extra_slots : {0, 1, -1}) {
        for (const int rounds : {1, 2, 3}) all.push_back({alias, places, extra_slots, rounds, seed + all.size()});
      }
    }
  }
  return all;
}

std::vector<Variation> some_variations(int count, std::uint64_t seed) {
  std::vector<Variation> some;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t turn = seed + static_cast<std::uint64_t>(i);
    Variation variation;
    variation.alias = kAliases[turn % std::size(kAliases)];
    variation.places = kPlaces[(turn + turn / 6) % std::size(kPlaces)];
    variation.extra_slots = static_cast<int>((turn + turn / 18) % 3) - 1;
    variation.rounds = 1 + static_cast<int>((turn + turn / 3) % 3);
    variation.seed = turn;
    some.push_back(variation);
  }
  return some;
}

std::string check_sequence(const std::vector<const WholePlan*>& plans, const std::vector<Variation>& variations,
                           std::uint64_t& checks) {
  std::int32_t min_slots = 1;
  for (const WholePlan* plan : plans) min_slots = std::max(min_slots, plan->min_slots);
  std::vector<CheckedOperation> operations(plans.size());
  for (const Variation& variation : variations) {
    for (std::size_t i = 0; i < plans.size(); ++i) {
      const int n_ranks = plans[i]->spec.n_ranks;
      operations[i] = {
          plans[i]->spec,
          plans[i]->chunks_per_block,
          &plans[i]->programs,
          variation.rounds,
          in_place_of(can_be_in_place(row_of(plans[i]->spec.collective)) ? variation.places : Places::out_of_place,
                      n_ranks, variation.seed + i),
          plans[i]->parts_per_slot};
    }
    const int slots = variation.extra_slots < 0 ? std::max(8, min_slots) : min_slots + variation.extra_slots;
    const CheckReport report = check(operations, {slots, variation.alias, variation.seed});
    ++checks;
    if (!report.ok()) return report.text + "\n  in: " + describe(plans, variation, slots);
  }
  return "";
}

std::string check_each_alone(int n_ranks, const std::vector<int>& channels, const std::vector<Variation>& variations,
                             std::uint64_t& checks) {
  for (const AlgorithmRow& row : catalogue()) {
    for (const CollectiveRow& collective : collective_rows()) {
      if (!row.supports(collective.collective)) continue;
      for (const int count : channel_counts(row)) {
        if (std::find(channels.begin(), channels.end(), count) == channels.end()) continue;
        std::vector<WholePlan> plans;
        for (const Rank root : {0, n_ranks - 1, n_ranks / 2}) {
          plans.push_back(whole_plan(row, collective.collective, n_ranks, count, root));
        }
        std::string problem = check_sequence({&plans[0], &plans[1], &plans[2]}, variations, checks);
        if (!problem.empty()) return problem;
      }
    }
  }
  return "";
}

std::string check_mixed_sequences(int n_ranks, int count, std::uint64_t seed, std::uint64_t& checks) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  for (int i = 0; i < count; ++i) {
    std::vector<WholePlan> plans;
    const std::size_t length = 3 + below(3);
    while (plans.size() < length) {
      const AlgorithmRow& row = catalogue()[below(catalogue().size())];
      const Collective collective = collective_rows()[below(collective_rows().size())].collective;
      if (!row.supports(collective)) continue;
      const std::vector<int> counts = channel_counts(row);
      const Rank root = static_cast<Rank>(below(static_cast<std::size_t>(n_ranks)));
      plans.push_back(whole_plan(row, collective, n_ranks, counts[below(counts.size())], root));
    }
    std::vector<const WholePlan*> sequence;
    sequence.reserve(plans.size());
    for (const WholePlan& plan : plans) sequence.push_back(&plan);
    std::string problem = check_sequence(sequence, some_variations(1, random() % 1'000'000), checks);
    if (!problem.empty()) return problem;
  }
  return "";
}

}  // namespace stretto::sweep
