#include "planner/plan_text.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "plan/geometry.hpp"

namespace stretto {
namespace {

void append_steps(std::string& text, const char* heading, const std::vector<Step>& steps) {
  if (steps.empty()) return;
  text += format("    {}\n", heading);
  for (std::size_t i = 0; i < steps.size(); ++i) text += format("    {:>5}  {}\n", i, to_string(steps[i]));
}

const char* plural(std::int64_t count) { return count == 1 ? "" : "s"; }

std::string counted(std::int64_t count, const char* thing) { return format("{} {}{}", count, thing, plural(count)); }

/// The work that the price counts: the path's, or that of a core that several ranks share.
Picoseconds work_of(const Price& price) { return std::max(price.path, price.core); }

}  // namespace

std::string microseconds(Picoseconds time) { return format("{}.{}", time / 1'000'000, time / 100'000 % 10); }

std::string plan_to_text(std::span<const RankPlan> plans) {
  const Plan& first = plans.front().plan;
  const std::string root = first.spec.root >= 0 ? format(" from root {}", first.spec.root) : "";
  const std::string parts = first.parts_per_slot > 1 ? format(" of {} parts", first.parts_per_slot) : "";
  std::string text =
      format("{}{} by {}: {}, {}, {}, at least {}{}, hash {:016x}\n", row_of(first.spec.collective).name, root,
             first.spec.algorithm, counted(first.spec.n_ranks, "rank"), counted(first.spec.channels, "channel"),
             counted(first.chunks(), "chunk"), counted(first.min_slots, "slot"), parts, first.hash);
  for (const auto& [rank, plan] : plans) {
    text += format(
        "rank {}{}\n", rank,
        plan.program.scratch_chunks > 0 ? ", with scratch for " + counted(plan.program.scratch_chunks, "chunk") : "");
    for (std::size_t i = 0; i < plan.program.strands.size(); ++i) {
      const Strand& strand = plan.program.strands[i];
      text += format("  strand {} on channel {}\n", i, strand.channel);
      append_steps(text, "each round:", strand.body);
      append_steps(text, "after the last round:", strand.epilogue);
    }
  }
  return text;
}

std::string reason(const PlanChoice& choice) {
  const Candidate& winner = choice.winner();
  const Candidate* second = choice.runner_up();
  if (choice.forced) return "it was asked for by name";
  if (second == nullptr) return "nothing else can do it";
  const Price& mine = winner.price;
  const Price& theirs = second->price;
  if (mine.total() == theirs.total())
    return format("as cheap as {}, and before it in the catalogue", second->spec.algorithm);
  const auto compared = [](Picoseconds a, Picoseconds b) { return a < b ? "less" : (a > b ? "more" : "no less"); };
  return format("it waits {} than {} ({} us for {} hops, against {} us for {}) and works {} ({} us against {} us)",
                compared(mine.hops, theirs.hops), second->spec.algorithm, microseconds(mine.hops),
                winner.load.hops.value(), microseconds(theirs.hops), second->load.hops.value(),
                compared(work_of(mine), work_of(theirs)), microseconds(work_of(mine)), microseconds(work_of(theirs)));
}

std::string choice_to_text(const PlanChoice& choice, std::uint64_t block_bytes, const LinkModel& link) {
  const CollectiveRow& row = row_of(choice.spec.collective);
  std::string text = format("{} of {} bytes{} over {}: {}, estimated at {} us\n", row.name, block_bytes,
                            row.blocks != Blocks::one ? " a block" : "", counted(choice.spec.n_ranks, "rank"),
                            choice.spec.algorithm, microseconds(choice.cost));
  if (const Candidate* second = choice.runner_up()) {
    text += format("runner-up: {}, {} us\n", second->spec.algorithm, microseconds(second->price.total()));
  }
  text += format("why: {}\n\n", reason(choice));
  text += format("{:<12} {:>8} {:>7} {:>8} {:>11} {:>8} {:>12} {:>12} {:>12} {:>12}\n", "algorithm", "channels",
                 "chunks", "rounds", "chunk_bytes", "hops", "waiting_us", "path_us", "cores_us", "cost_us");
  for (const Candidate& each : choice.candidates) {
    const Geometry geometry({each.spec.blocks(), each.chunks_per_block, each.spec.channels, each.parts_per_slot},
                            block_bytes, 1, link.slot_bytes);
    text += format("{:<12} {:>8} {:>7} {:>8} {:>11} {:>8} {:>12} {:>12} {:>12} {:>12}\n", each.spec.algorithm,
                   each.spec.channels, each.spec.blocks() * each.chunks_per_block, geometry.rounds(0),
                   geometry.chunk(0, 0, 0).count, each.load.hops.value(), microseconds(each.price.hops),
                   microseconds(each.price.path), microseconds(each.price.core), microseconds(each.price.total()));
  }
  return text;
}

}  // namespace stretto
