#include "exec/prepared_plan.hpp"

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
        if (step.destination.space == Space::slot) {
          result.destination.message = sent(steps, begin_of(steps, at, StepKind::wait_credit, step.destination.index));
        }
        for (const Ref& source : step.sources) {
          result.sources.push_back(ref(source, /*is_destination=*/false));
          if (source.space != Space::slot) continue;
          result.sources.back().message = received(steps, begin_of(steps, at, StepKind::wait, source.index));
        }
        break;
      case StepKind::signal:
        result.message = sent(steps, begin_of(steps, at, StepKind::wait_credit, step.peer));
        set_send(result, step.peer);
        break;
      case StepKind::wait_credit:
      case StepKind::wait_drain:
        set_send(result, step.peer);
        break;
      case StepKind::wait:
        result.message = received(steps, at);
        set_receive(result, step.peer);
        break;
      case StepKind::release:
        set_receive(result, step.peer);
        break;
    }
    return result;
  }

  /// The step that made the slot current which the step `at` uses.
  std::size_t begin_of(const std::vector<Step>& steps, std::size_t at, StepKind kind, Rank peer) const {
    for (std::size_t i = at; i-- > 0;) {
      if (steps[i].kind == kind && steps[i].peer == peer) return i;
    }
    malformed(steps[at], "uses a slot that no step before it makes the current one");
  }

  /// What is put into the slot that becomes the current one at `credit`.
  MessageShape sent(const std::vector<Step>& steps, std::size_t credit) const {
    MessageShape shape{0, 0, 0};
    for (std::size_t i = credit + 1; i < steps.size(); ++i) {
      if (steps[i].kind == StepKind::signal && steps[i].peer == steps[credit].peer) break;
      const Ref& to = steps[i].destination;
      if (to.space == Space::slot && to.index == steps[credit].peer) add_part(shape, to, steps[i]);
    }
    if (shape.parts == 0) malformed(steps[credit], "acquires a slot that no step fills");
    return shape;
  }

  /// What is read from the slot that becomes the current one at `wait`: so what it must hold.
  MessageShape received(const std::vector<Step>& steps, std::size_t wait) const {
    MessageShape shape{0, 0, 0};
    for (std::size_t i = wait + 1; i < steps.size(); ++i) {
      if (steps[i].kind == StepKind::release && steps[i].peer == steps[wait].peer) break;
      for (const Ref& from : steps[i].sources) {
        if (from.space == Space::slot && from.index == steps[wait].peer) add_part(shape, from, steps[i]);
      }
    }
    if (shape.parts == 0) malformed(steps[wait], "waits for a slot that no step reads");
    return shape;
  }

  void add_part(MessageShape& shape, const Ref& part, const Step& step) const {
    if (part.part < 0 || part.part >= plan_.parts_per_slot) malformed(step, "names a part that slots do not have");
    const auto number = static_cast<std::uint32_t>(part.part);
    if (number < shape.parts) return;
    PreparedStep last;
    set_chunk(last, step.chunk);
    shape = {number + 1, last.block, last.within};
  }

  template <typename Prepared>
  void set_send(Prepared& prepared, Rank peer) const {
    if (ports_.send) prepared.send = &ports_.send(peer, channel_);
  }
  template <typename Prepared>
  void set_receive(Prepared& prepared, Rank peer) const {
    if (ports_.receive) prepared.receive = &ports_.receive(peer, channel_);
  }

  PreparedRef ref(const Ref& ref, bool is_destination) const {
    PreparedRef result;
    result.space = ref.space;
    result.part = static_cast<std::uint32_t>(ref.part);
    if (ref.space == Space::slot) {
      result.peer = ref.index;
      if (is_destination) {
        set_send(result, ref.index);
      } else {
        set_receive(result, ref.index);
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
