// The checker's findings, in words and with their place.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "plan/checker_memory.hpp"
#include "plan/checker_model.hpp"

namespace stretto::checker {

/// A step of Model::steps, in a round.
struct Place {
  std::int32_t step = -1;
  std::int32_t round = 0;
};

using Operations = std::span<const CheckedOperation>;

[[noreturn]] void fail_at(Operations operations, const Model& model, Place place, ProblemKind kind,
                          const std::string& text);
/// A peer may still touch the location although the operation has ended.
[[noreturn]] void fail_open_at_end(Operations operations, const Model& model, std::int32_t operation, Rank rank,
                                   Location at, const Conflict& with);
[[noreturn]] void fail_deadlock(Operations operations, const Model& model, const std::vector<Place>& blocked);

std::string conflict_text(Operations operations, const Model& model, Location at, bool writes, const Conflict& with);
/// "chunk 3 of operation 0, channel 0, round 1".
std::string tag_text(const Model& model, Tag tag);
/// "it holds chunk ...", or "nothing was written to it".
std::string holds_text(const Model& model, Tag tag);
std::string ranks_text(const Memory& memory, Location at);

}  // namespace stretto::checker
