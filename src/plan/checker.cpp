#include "plan/checker.hpp"

#include "plan/checker_model.hpp"

namespace stretto {

CheckReport check(std::span<const CheckedOperation> operations, const CheckConfig& config) {
  try {
    checker::run(operations, checker::compile(operations, config));
  } catch (checker::Found& found) {
    return std::move(found.report);
  }
  return {};
}

std::string_view problem_kind_name(ProblemKind kind) noexcept {
  switch (kind) {
    case ProblemKind::none:
      return "no problem";
    case ProblemKind::structure:
      return "broken structure";
    case ProblemKind::unbalanced_signals:
      return "unbalanced signals";
    case ProblemKind::deadlock:
      return "deadlock";
    case ProblemKind::race:
      return "race";
    case ProblemKind::touched_outside_operation:
      return "touched outside the operation";
    case ProblemKind::input_clobbered:
      return "input clobbered";
    case ProblemKind::double_contribution:
      return "double contribution";
    case ProblemKind::wrong_contribution:
      return "wrong contribution";
    case ProblemKind::wrong_completes:
      return "wrong mark of completion";
    case ProblemKind::missing_output:
      return "missing output";
    case ProblemKind::unequal_sums:
      return "unequal sums";
  }
  return "invalid";
}

std::string_view alias_name(Alias alias) noexcept {
  switch (alias) {
    case Alias::copied:
      return "copied";
    case Alias::sender:
      return "sender";
    case Alias::receiver:
      return "receiver";
    case Alias::sender_first:
      return "sender first";
    case Alias::receiver_first:
      return "receiver first";
    case Alias::mixed:
      return "mixed";
  }
  return "invalid";
}

}  // namespace stretto
