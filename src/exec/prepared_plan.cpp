#include "exec/prepared_plan.hpp"

#include <map>

#include "base/text.hpp"

namespace stretto {
namespace {

class Preparer {
 public:
  Preparer(const Plan& plan, const PortSource& ports, int channel) : plan_(plan), ports_(ports), channel_(channel) {}

  std::vector<PreparedStep> steps(const std::vector<Step>& steps) {
    std::vector<PreparedStep> result;
    result.reserve(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) result.push_back(step(steps, i));
    return result;
  }

 private:
  PreparedStep step(const std::vector<Step>& steps, std::size_t at) {
    const Step& step = steps[at];
    PreparedStep result;
    result.kind = step.kind;
    result.completes = step.completes;
    result.peer = step.peer;
    switch (step.kind) {
      case StepKind::put:
      case StepKind::get:
      case StepKind::reduce:
      case StepKind::copy:
        set_chunk(result, step.chunk);
        result.destination = ref(step.destination, /*is_destination=*/true);
        for (const Ref& source : step.sources) result.sources.push_back(ref(source, /*is_destination=*/false));
        if (step.destination.space == Space::slot) filled_[step.destination.index] = step.chunk;
        break;
      case StepKind::signal:
        if (!filled_.contains(step.peer)) malformed(step, "signals a slot that no step before it fills");
        set_chunk(result, filled_.at(step.peer));
        result.send = &ports_.send(step.peer, channel_);
        break;
      case StepKind::wait_credit:
      case StepKind::wait_drain:
        result.send = &ports_.send(step.peer, channel_);
        break;
      case StepKind::wait:
        set_chunk(result, chunk_read_after(steps, at));
        result.receive = &ports_.receive(step.peer, channel_);
        break;
      case StepKind::release:
        result.receive = &ports_.receive(step.peer, channel_);
        break;
    }
    return result;
  }

  /// The chunk that the slot waited for will be read as: what its size must be.
  std::int32_t chunk_read_after(const std::vector<Step>& steps, std::size_t wait) const {
    for (std::size_t i = wait + 1; i < steps.size(); ++i) {
      if (steps[i].kind == StepKind::release && steps[i].peer == steps[wait].peer) break;
      for (const Ref& source : steps[i].sources) {
        if (source == slot(steps[wait].peer)) return steps[i].chunk;
      }
    }
    malformed(steps[wait], "waits for a slot that no step reads");
  }

  PreparedRef ref(const Ref& ref, bool is_destination) const {
    PreparedRef result;
    result.space = ref.space;
    if (ref.space == Space::slot) {
      if (is_destination) {
        result.send = &ports_.send(ref.index, channel_);
      } else {
        result.receive = &ports_.receive(ref.index, channel_);
      }
    } else if (ref.space == Space::scratch) {
      result.position = static_cast<std::uint32_t>(ref.index);
    } else {
      const PlanSpec& spec = plan_.spec;
      const CollectiveRow& row = row_of(spec.collective);
      const Side& side = ref.space == Space::input ? row.input : row.output;
      const BlockWindow window = window_of(row, side, plan_.rank, spec.root, spec.n_ranks);
      const std::int32_t block = ref.index / plan_.chunks_per_block;
      STRETTO_ASSERT(window.contains(block));
      result.position = static_cast<std::uint32_t>(window.position(block));
    }
    return result;
  }

  void set_chunk(PreparedStep& step, std::int32_t chunk) const {
    step.block = static_cast<std::uint32_t>(chunk / plan_.chunks_per_block);
    step.within = static_cast<std::uint32_t>(chunk % plan_.chunks_per_block);
  }

  [[noreturn]] void malformed(const Step& step, const char* why) const {
    throw Error(strettoInternalError, format("plan {} of {}: step '{}' {}", plan_.spec.algorithm,
                                             row_of(plan_.spec.collective).name, to_string(step), why));
  }

  const Plan& plan_;
  const PortSource& ports_;
  int channel_;
  std::map<Rank, std::int32_t> filled_;  ///< chunk in the current slot towards each peer
};

}  // namespace

PreparedPlan prepare(Plan plan, const PortSource& ports) {
  PreparedPlan result;
  for (const Strand& strand : plan.program.strands) {
    Preparer preparer(plan, ports, strand.channel);
    result.strands.push_back({strand.channel, preparer.steps(strand.body), preparer.steps(strand.epilogue)});
  }
  result.plan = std::move(plan);
  return result;
}

}  // namespace stretto
