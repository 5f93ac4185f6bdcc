#include "base/text.hpp"
#include "plan/plan.hpp"

namespace stretto {
namespace {

std::string ref_text(const Ref& ref, const char* slot_direction) {
  switch (ref.space) {
    case Space::input:
      return format("input[{}]", ref.index);
    case Space::output:
      return format("output[{}]", ref.index);
    case Space::scratch:
      return format("scratch[{}]", ref.index);
    case Space::slot:
      return format("slot[{}{}]{}", slot_direction, ref.index, ref.part > 0 ? format(".{}", ref.part) : "");
    case Space::none:
      return "nothing";
  }
  return "invalid";
}

}  // namespace

std::string_view step_kind_name(StepKind kind) noexcept {
  switch (kind) {
    case StepKind::put:
      return "put";
    case StepKind::get:
      return "get";
    case StepKind::reduce:
      return "reduce";
    case StepKind::copy:
      return "copy";
    case StepKind::signal:
      return "signal";
    case StepKind::wait:
      return "wait";
    case StepKind::wait_credit:
      return "wait_credit";
    case StepKind::wait_drain:
      return "wait_drain";
    case StepKind::release:
      return "release";
  }
  return "invalid";
}

std::string to_string(const Step& step) {
  std::string text(step_kind_name(step.kind));
  if (step.destination.space == Space::none) return text + format(" {}", step.peer);
  text += " " + ref_text(step.destination, "->") + " <-";
  for (const Ref& source : step.sources) text += " " + ref_text(source, "<-");
  if (step.completes) text += " (complete)";
  return text;
}

}  // namespace stretto
