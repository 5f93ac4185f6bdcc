#include "planner/planner.hpp"

#include <algorithm>
#include <utility>

#include "algorithms/catalogue.hpp"
#include "base/text.hpp"
#include "planner/plan_text.hpp"

namespace stretto {
namespace {

[[noreturn]] void refuse(const char* field, std::string text) {
  throw Error(strettoInvalidArgument, std::move(text), field);
}

bool fits(const AlgorithmRow& row, int max_channels, const LinkModel& link) {
  const bool channels_fit = max_channels == 0 || row.channel_multiple <= max_channels;
  return channels_fit && row.min_slots <= static_cast<std::int64_t>(link.slots);
}

/// Why a plan that was asked for by name cannot be had.
void check_forced(const AlgorithmRow& row, int max_channels, const LinkModel& link) {
  if (fits(row, max_channels, link)) return;
  refuse("algorithm", format("algorithm \"{}\" needs {} channels and {} slots a connection, and there are {} and {}: "
                             "allow more of them or another algorithm",
                             row.name, row.channel_multiple, row.min_slots, max_channels, link.slots));
}

}  // namespace

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
  if (!forced.empty()) check_forced(require_algorithm(forced, collective), max_channels, link);
  PlanChoice choice;
  for (const AlgorithmRow& row : catalogue()) {
    if (!row.supports(collective) || !fits(row, max_channels, link)) continue;
    Candidate candidate;
    candidate.spec = {collective, row.name, n_ranks, row_of(collective).rooted ? root : -1, row.channel_multiple};
    candidate.chunks_per_block = row.chunks_per_block(candidate.spec);
    candidate.load = row.workload(candidate.spec, block_bytes, link);
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
