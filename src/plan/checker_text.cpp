#include "plan/checker_text.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace stretto::checker {
namespace {

CheckReport report_at(const Model& model, Place place) {
  const CompiledStrand& strand = model.strands[index(model.steps[index(place.step)].strand)];
  CheckReport where;
  where.operation = strand.operation;
  where.rank = strand.rank;
  where.strand = strand.strand;
  where.step = place.step - strand.first_step;
  where.round = place.round;
  where.in_epilogue = where.step >= strand.body_steps;
  if (where.in_epilogue) where.step -= strand.body_steps;
  return where;
}

std::string step_text(Operations operations, const CheckReport& at) {
  const Program& program = (*operations[index(at.operation)].programs)[index(at.rank)];
  const Strand& strand = program.strands[index(at.strand)];
  return to_string((at.in_epilogue ? strand.epilogue : strand.body)[index(at.step)]);
}

std::string place_text(Operations operations, const CheckReport& at) {
  return format("rank {} strand {} {} {} ({})", at.rank, at.strand, at.in_epilogue ? "epilogue step" : "step", at.step,
                step_text(operations, at));
}

std::string location_text(const Model& model, Location at) {
  if (at >= model.first_slot) {
    const std::int32_t number = (at - model.first_slot) / model.parts;
    const Connection& link = model.connections[index(number / model.slots)];
    const std::string part = model.parts > 1 ? format("part {} of ", (at - model.first_slot) % model.parts) : "";
    return format("{}slot {} from rank {} to rank {}, channel {}", part, number % model.slots, link.source,
                  link.destination, link.channel);
  }
  if (at < model.first_user_location) return format("scratch memory (location {})", at);
  for (std::size_t operation = 0; operation < model.operations.size(); ++operation) {
    const OperationModel& laid = model.operations[operation];
    for (std::size_t rank = 0; rank < laid.ranks.size(); ++rank) {
      const Participation& part = laid.ranks[rank];
      if (at < part.first_location || at >= part.first_location + part.n_locations) continue;
      const bool in_output = at >= part.output.base;
      const Window& window = in_output ? part.output : part.input;
      return format("{}[{}] of rank {} in operation {}", in_output ? "output" : "input",
                    window.chunk_at((at - window.base) % window.stride - window.shift), rank, operation);
    }
  }
  return format("location {}", at);
}

}  // namespace

void fail(ProblemKind kind, const CheckReport& where, std::string text) {
  Found found{where};
  found.report.kind = kind;
  found.report.text = format("{}: operation {}", problem_kind_name(kind), where.operation);
  if (where.rank >= 0) found.report.text += format(", rank {}", where.rank);
  if (where.strand >= 0) found.report.text += format(", strand {}", where.strand);
  if (where.step >= 0) found.report.text += format(", {} {}", where.in_epilogue ? "epilogue step" : "step", where.step);
  if (where.round >= 0) found.report.text += format(", round {}", where.round);
  found.report.text += ": " + std::move(text);
  throw found;
}

void fail_at(Operations operations, const Model& model, Place place, ProblemKind kind, const std::string& text) {
  const CheckReport where = report_at(model, place);
  fail(kind, where, step_text(operations, where) + ": " + text);
}

void fail_open_at_end(Operations operations, const Model& model, std::int32_t operation, Rank rank, Location at,
                      const Conflict& with) {
  CheckReport where;
  where.operation = operation;
  where.rank = rank;
  fail(ProblemKind::touched_outside_operation, where,
       format("ends although {} may still {} {}", place_text(operations, report_at(model, {with.with.step, 0})),
              with.it_wrote ? "write" : "read", location_text(model, at)));
}

void fail_deadlock(Operations operations, const Model& model, const std::vector<Place>& blocked) {
  constexpr std::size_t kShown = 8;
  std::string text = format("{} strands wait for ever:", blocked.size());
  for (std::size_t i = 0; i < std::min(kShown, blocked.size()); ++i) {
    text += (i == 0 ? " " : "; ") + place_text(operations, report_at(model, blocked[i]));
  }
  if (blocked.size() > kShown) text += "; ...";
  fail(ProblemKind::deadlock, report_at(model, blocked.front()), text);
}

std::string conflict_text(Operations operations, const Model& model, Location at, bool writes, const Conflict& with) {
  const std::string what = format("{} {}", writes ? "writes" : "reads", location_text(model, at));
  switch (with.with.step) {
    case kNotBegun:
    case kOperationBegan:
      return what + ", whose owner may not have begun the operation";
    case kOperationEnded:
      return what + ", whose owner may have ended the operation";
    default:
      return what + format(", and nothing orders it after the {} by {}", with.it_wrote ? "write" : "read",
                           place_text(operations, report_at(model, {with.with.step, 0})));
  }
}

std::string tag_text(const Model& model, Tag tag) {
  std::size_t operation = model.operations.size() - 1;
  while (model.operations[operation].first_tag > tag) --operation;
  const OperationModel& laid = model.operations[operation];
  const std::int32_t within = tag - laid.first_tag;
  const std::int32_t pass = within / laid.chunks;
  return format("chunk {} of operation {}, channel {}, round {}", within % laid.chunks, operation, pass / laid.rounds,
                pass % laid.rounds);
}

std::string holds_text(const Model& model, Tag tag) {
  return tag < 0 ? "nothing was written to it" : "it holds " + tag_text(model, tag);
}

std::string ranks_text(const Memory& memory, Location at) {
  std::string text = "ranks";
  const auto bits = memory.ranks(at);
  for (std::size_t rank = 0; rank < bits.size() * 64; ++rank) {
    if ((bits[rank / 64] >> (rank % 64)) & 1) text += format(" {}", rank);
  }
  return text;
}

}  // namespace stretto::checker
