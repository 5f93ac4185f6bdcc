// The writers: one step or candidate a line, which a general library does not offer. No text of ours needs escapes.
#include "planner/plan_json.hpp"

#include "base/text.hpp"
#include "plan/geometry.hpp"

namespace stretto {
namespace {

std::string ref_json(const Ref& ref) {
  static constexpr const char* kNames[] = {"none", "input", "output", "scratch", "slot"};
  const std::string part = ref.part > 0 ? format(".{}", ref.part) : "";
  return format("\"{}[{}]{}\"", kNames[static_cast<std::size_t>(ref.space)], ref.index, part);
}

std::string step_json(const Step& step) {
  std::string text = format("{{\"do\": \"{}\"", step_kind_name(step.kind));
  if (step.destination.space == Space::none) return text + format(", \"peer\": {}}}", step.peer);
  text += format(", \"chunk\": {}, \"to\": {}, \"from\": [", step.chunk, ref_json(step.destination));
  for (std::size_t i = 0; i < step.sources.size(); ++i) text += (i > 0 ? ", " : "") + ref_json(step.sources[i]);
  return text + (step.completes ? "], \"completes\": true}" : "]}");
}

std::string steps_json(const std::vector<Step>& steps) {
  std::string text = "[";
  for (std::size_t i = 0; i < steps.size(); ++i) text += (i > 0 ? ",\n        " : "\n        ") + step_json(steps[i]);
  return text + "]";
}

std::string program_json(Rank rank, const Program& program) {
  std::string text = format("    {{\"rank\": {}, \"scratch_chunks\": {}, \"strands\": [", rank, program.scratch_chunks);
  for (std::size_t i = 0; i < program.strands.size(); ++i) {
    const Strand& strand = program.strands[i];
    text += format("{}\n      {{\"channel\": {}, \"body\": {},\n       \"epilogue\": {}}}", i > 0 ? "," : "",
                   strand.channel, steps_json(strand.body), steps_json(strand.epilogue));
  }
  return text + "]}";
}

std::string spec_json(const PlanSpec& spec) {
  return format("\"algorithm\": \"{}\", \"channels\": {}", spec.algorithm, spec.channels);
}

std::string root_json(Rank root) { return root >= 0 ? format("{}", root) : "null"; }

}  // namespace

std::string plan_to_json(std::span<const RankPlan> plans) {
  const Plan& first = plans.front().plan;
  std::string text = format(
      "{{\n  \"collective\": \"{}\", {}, \"ranks\": {}, \"root\": {},\n"
      "  \"chunks_per_block\": {}, \"chunks\": {}, \"parts_per_slot\": {}, \"min_slots\": {}, \"hash\": \"{:016x}\",\n "
      " \"programs\": [\n",
      row_of(first.spec.collective).name, spec_json(first.spec), first.spec.n_ranks, root_json(first.spec.root),
      first.chunks_per_block, first.chunks(), first.parts_per_slot, first.min_slots, first.hash);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    text += (i > 0 ? ",\n" : "") + program_json(plans[i].rank, plans[i].plan.program);
  }
  return text + "\n  ]\n}\n";
}

std::string choice_to_json(const PlanChoice& choice, std::uint64_t block_bytes, const LinkModel& link) {
  const Candidate* second = choice.runner_up();
  std::string text = format(
      "{{\n  \"collective\": \"{}\", \"ranks\": {}, \"root\": {}, \"block_bytes\": {},\n"
      "  \"winner\": \"{}\", \"forced\": {}, \"runner_up\": {},\n  \"why\": \"{}\",\n  \"candidates\": [",
      row_of(choice.spec.collective).name, choice.spec.n_ranks, root_json(choice.spec.root), block_bytes,
      choice.spec.algorithm, choice.forced, second != nullptr ? format("\"{}\"", second->spec.algorithm) : "null",
      reason(choice));
  for (std::size_t i = 0; i < choice.candidates.size(); ++i) {
    const Candidate& each = choice.candidates[i];
    const Geometry geometry({each.spec.blocks(), each.chunks_per_block, each.spec.channels, each.parts_per_slot},
                            block_bytes, 1, link.slot_bytes);
    text += format(
        "{}\n    {{{}, \"chunks\": {}, \"rounds\": {}, \"chunk_bytes\": {}, \"hops\": {},\n"
        "     \"hops_ps\": {}, \"path_ps\": {}, \"core_ps\": {}, \"cost_ps\": {}}}",
        i > 0 ? "," : "", spec_json(each.spec), each.spec.blocks() * each.chunks_per_block, geometry.rounds(0),
        geometry.chunk(0, 0, 0).count, each.load.hops.value(), each.price.hops, each.price.path, each.price.core,
        each.price.total());
  }
  return text + "\n  ]\n}\n";
}

}  // namespace stretto
