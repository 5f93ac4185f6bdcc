#include "plan/simulated_program.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

constexpr Rank kRanksBetweenQuestions = 64;

}  // namespace

SimulatedPrograms::SimulatedPrograms(const PlanOf& plan_of, std::uint64_t block_bytes, const SimulatedMachine& machine)
    : machine_(machine) {
  const Plan first = plan_of(0);
  const PlanSpec& spec = first.spec;
  n_ranks_ = spec.n_ranks;
  chunks_per_block_ = first.chunks_per_block;
  STRETTO_ASSERT(machine.routes != nullptr && n_ranks_ == machine.routes->n_ranks());
  const std::int32_t n_run = machine.like_ranks > 0 ? machine.like_ranks : n_ranks_;
  const std::int32_t channels_run = machine.like_channels > 0 ? machine.like_channels : spec.channels;
  STRETTO_ASSERT(n_ranks_ % n_run == 0 && spec.channels % channels_run == 0);
  stands_for_ = static_cast<std::uint64_t>(n_ranks_ / n_run) * static_cast<std::uint64_t>(spec.channels / channels_run);
  const Geometry geometry({spec.blocks(), first.chunks_per_block, spec.channels, first.parts_per_slot}, block_bytes, 1,
                          machine.slot_bytes);
  for (std::int32_t channel = 0; channel < spec.channels; ++channel) geometries_.push_back(geometry.channel(channel));
  add(first);
  for (Rank rank = 1; rank < n_run; ++rank) {
    if (rank % kRanksBetweenQuestions == 0 && machine.go_on && !machine.go_on(0)) {
      complete_ = false;
      return;
    }
    add(plan_of(rank));
  }
}

void SimulatedPrograms::add(const Plan& plan) {
  for (const Strand& strand : plan.program.strands) {
    if (machine_.like_channels == 0 || strand.channel < machine_.like_channels) add(strand, plan.rank);
  }
}

void SimulatedPrograms::add(const Strand& strand, Rank rank) {
  SimulatedStrand added{rank, strand.channel, static_cast<std::uint32_t>(steps_.size()), 0, 0};
  for (const Step& step : strand.body) steps_.push_back(looked_up(step, rank, strand.channel));
  added.epilogue = static_cast<std::uint32_t>(steps_.size());
  for (const Step& step : strand.epilogue) steps_.push_back(looked_up(step, rank, strand.channel));
  added.end = static_cast<std::uint32_t>(steps_.size());
  strands_.push_back(added);
}

SimulatedStep SimulatedPrograms::looked_up(const Step& step, Rank rank, std::int32_t channel) {
  SimulatedStep result;
  result.kind = step.kind;
  switch (step.kind) {
    case StepKind::wait:
    case StepKind::release:
      result.connection = connection(step.peer, rank, channel);
      break;
    case StepKind::signal:
    case StepKind::wait_credit:
    case StepKind::wait_drain:
      result.connection = connection(rank, step.peer, channel);
      break;
    case StepKind::put:
    case StepKind::get:
    case StepKind::reduce:
    case StepKind::copy:
      result.within = step.chunk % chunks_per_block_;
      result.sources = static_cast<std::int32_t>(step.sources.size());
      result.moves_bytes = step.destination.space == Space::slot;
      if (!result.moves_bytes) break;
      const std::vector<Share>* way = &machine_.routes->of(channel, rank, step.destination.index);
      const auto [at, is_new] = number_of_way_.try_emplace(way, static_cast<std::int32_t>(ways_.size()));
      if (is_new) ways_.push_back(way);
      result.way = at->second;
      break;
  }
  return result;
}

/// All like connections are one.
std::int32_t SimulatedPrograms::connection(Rank from, Rank to, std::int32_t channel) {
  if (machine_.like_ranks > 0) {
    const Rank shift = from / machine_.like_ranks * machine_.like_ranks;
    from -= shift;
    to = (to - shift + n_ranks_) % n_ranks_;
  }
  const auto n = static_cast<std::uint64_t>(n_ranks_);
  const std::uint64_t key =
      (static_cast<std::uint64_t>(channel) * n + static_cast<std::uint64_t>(from)) * n + static_cast<std::uint64_t>(to);
  return connections_.try_emplace(key, static_cast<std::int32_t>(connections_.size())).first->second;
}

std::string SimulatedPrograms::describe(const SimulatedStrand& strand, std::uint32_t step) const {
  const SimulatedStep& at = steps_[step];
  std::string text{step_kind_name(at.kind)};
  const auto n = static_cast<std::uint64_t>(n_ranks_);
  for (const auto& [key, number] : connections_) {
    if (number != at.connection) continue;
    const std::uint64_t from = key / n % n;
    const std::uint64_t to = key % n;
    text += format(" of the connection from rank {} to rank {}", from, to);
  }
  return format("rank {} waits for ever at \"{}\" on channel {}", strand.rank, text, strand.channel);
}

}  // namespace stretto
