// The turns of a connection's ends, and which operands each kind of step may have: as plan.hpp says.
#pragma once

#include "plan/plan.hpp"

namespace stretto::checker {

enum class SenderTurn : std::uint8_t { idle, credited, filled };
enum class ReceiverTurn : std::uint8_t { idle, holding, read };

inline bool moves_data(StepKind kind) {
  return kind == StepKind::put || kind == StepKind::get || kind == StepKind::reduce || kind == StepKind::copy;
}

inline bool legal_destination(StepKind kind, Space space) {
  switch (kind) {
    case StepKind::put:
      return space == Space::slot;
    case StepKind::get:
    case StepKind::copy:
      return space == Space::output || space == Space::scratch;
    default:
      return space == Space::output || space == Space::scratch || space == Space::slot;
  }
}

inline bool legal_source(StepKind kind, Space space) {
  const bool memory = space == Space::input || space == Space::output || space == Space::scratch;
  if (kind == StepKind::get) return space == Space::slot;
  if (kind == StepKind::reduce) return memory || space == Space::slot;
  return memory;
}

}  // namespace stretto::checker
