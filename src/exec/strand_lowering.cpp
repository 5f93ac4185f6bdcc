#include "exec/strand_lowering.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

using device::Instruction;
using device::Opcode;
using device::Operand;
using device::Place;
using device::Protocol;
using device::StrandHalf;

template <typename T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  static_assert(std::has_unique_object_representations_v<T>);
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// The steps of a sending half.
bool fills_slots(const PreparedStep& step) {
  return step.kind == StepKind::wait_credit || step.kind == StepKind::signal || step.destination.space == Space::slot;
}

class StrandLowering {
 public:
  StrandLowering(const PreparedStrand& strand, Protocol protocol, StrandHalf half)
      : strand_(strand), protocol_(protocol) {
    pattern_.half = half;
  }

  StrandPattern run() {
    find_folds();
    lower_all(strand_.body, 0);
    if (pattern_.half == StrandHalf::sending) pattern_.instructions.emplace_back().opcode = Opcode::pass;
    pattern_.n_body = narrow(pattern_.instructions.size());
    lower_all(strand_.epilogue, strand_.body.size());
    place_barriers();
    return std::move(pattern_);
  }

 private:
  static bool uses(const PreparedRef& ref, const PreparedRef& scratch) {
    return ref.space == Space::scratch && ref.position == scratch.position;
  }

  /// reduce scratch <- ...; (synchronisation only); copy output <- scratch: if nothing else uses that scratch chunk,
  /// the reduction can write the output. Each granule's sources are read before it is written, by the thread that
  /// writes it.
  void find_folds() {
    const std::vector<PreparedStep>& steps = strand_.body;
    folded_into_.assign(steps.size(), std::nullopt);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].kind != StepKind::copy || steps[i].sources.front().space != Space::scratch) continue;
      std::size_t writer = i;
      while (writer-- > 0 && is_synchronisation(steps[writer].kind)) {
      }
      if (writer >= i || steps[writer].kind != StepKind::reduce) continue;
      if (!uses(steps[writer].destination, steps[i].sources.front())) continue;
      if (count_uses(steps[i].sources.front()) == 2) folded_into_[writer] = i;
    }
  }

  static bool is_synchronisation(StepKind kind) {
    return kind != StepKind::put && kind != StepKind::get && kind != StepKind::reduce && kind != StepKind::copy;
  }

  std::size_t count_uses(const PreparedRef& scratch) const {
    std::size_t found = 0;
    for (const std::vector<PreparedStep>* steps : {&strand_.body, &strand_.epilogue}) {
      for (const PreparedStep& step : *steps) {
        if (uses(step.destination, scratch)) ++found;
        for (const PreparedRef& source : step.sources) found += uses(source, scratch) ? 1 : 0;
      }
    }
    return found;
  }

  bool is_folded_copy(std::size_t step) const {
    return std::find(folded_into_.begin(), folded_into_.end(), step) != folded_into_.end();
  }

  void lower_all(const std::vector<PreparedStep>& steps, std::size_t first_number) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (is_of_this_half(steps[i])) {
        lower_step(steps[i], first_number + i);
      } else {
        leave_out(first_number + i);
      }
    }
  }

  bool is_of_this_half(const PreparedStep& step) const {
    return pattern_.half == StrandHalf::whole || (pattern_.half == StrandHalf::sending) == fills_slots(step);
  }

  void lower_step(const PreparedStep& step, std::size_t number) {
    const bool packets = protocol_ == Protocol::packets;
    switch (step.kind) {
      case StepKind::put:
      case StepKind::get:
      case StepKind::reduce:
      case StepKind::copy:
        return is_folded_copy(number) ? leave_out(number) : combine(step, number);
      case StepKind::wait_credit:
        ++link_of(step.peer).sends_per_round;
        acquires_.erase(step.peer);
        return leave_out(number);
      case StepKind::signal:
        if (packets) return leave_out(number);
        return synchronise(Opcode::signal, step, number, link_of(step.peer).sends_per_round - 1U);
      case StepKind::wait:
        ++link_of(step.peer).receives_per_round;
        if (packets) return leave_out(number);
        return synchronise(Opcode::wait, step, number, link_of(step.peer).receives_per_round - 1U);
      case StepKind::release:
        return synchronise(Opcode::release, step, number, link_of(step.peer).receives_per_round - 1U);
      case StepKind::wait_drain:
        return leave_out(number);
    }
  }

  void leave_out(std::size_t number) { pattern_.left_out.push_back(narrow(number)); }

  void synchronise(Opcode opcode, const PreparedStep& step, std::size_t number, std::size_t message) {
    STRETTO_ASSERT(number < strand_.body.size());  // messages of an epilogue would need numbers of their own
    Instruction instruction;
    instruction.opcode = opcode;
    instruction.step = narrow(number);
    instruction.link = index_of(step.peer);
    instruction.message = narrow(message);
    pattern_.instructions.push_back(instruction);
  }

  void combine(const PreparedStep& step, std::size_t number) {
    const bool is_folded = number < folded_into_.size() && folded_into_[number].has_value();
    const PreparedStep& writes = is_folded ? strand_.body[*folded_into_[number]] : step;
    Instruction instruction;
    instruction.opcode = Opcode::combine;
    instruction.flags = step.completes ? device::kCompletes : std::uint8_t{0};
    instruction.step = narrow(number);
    instruction.first_source = narrow(pattern_.operands.size());
    instruction.n_sources = narrow(step.sources.size());
    instruction.within = narrow(step.within);
    instruction.block = step.block;
    instruction.destination = operand(writes.destination, /*is_destination=*/true);
    if (writes.destination.space == Space::slot) {
      const auto [first, is_first] = acquires_.emplace(writes.destination.peer, pattern_.instructions.size());
      if (is_first) {
        instruction.flags |= device::kAcquires;
      } else {
        pattern_.instructions[first->second].flags |= device::kAcquiresByAll;
      }
    }
    if (pattern_.half == StrandHalf::receiving && writes.destination.space == Space::output) {
      instruction.flags |= device::kFollows;
    }
    for (const PreparedRef& source : step.sources) pattern_.operands.push_back(operand(source, false));
    pattern_.instructions.push_back(instruction);
  }

  Operand operand(const PreparedRef& ref, bool is_destination) {
    Operand operand;
    operand.position = ref.position;
    switch (ref.space) {
      case Space::input:
        operand.place = Place::input;
        return operand;
      case Space::output:
        operand.place = Place::output;
        return operand;
      case Space::scratch:
        operand.place = Place::scratch;
        return operand;
      case Space::slot:
        break;
      case Space::none:
        STRETTO_ASSERT(!"an operand that is nowhere");
    }
    const device::Link& link = link_of(ref.peer);
    operand.place = is_destination ? Place::outgoing : Place::incoming;
    operand.part = static_cast<std::uint8_t>(ref.part);
    operand.link = index_of(ref.peer);
    operand.message = (is_destination ? link.sends_per_round : link.receives_per_round) - 1U;
    return operand;
  }

  std::uint16_t index_of(Rank peer) {
    std::vector<device::Link>& links = pattern_.links;
    const auto found = std::find_if(links.begin(), links.end(),
                                    [&](const device::Link& link) { return static_cast<Rank>(link.peer) == peer; });
    if (found != links.end()) return narrow(static_cast<std::size_t>(found - links.begin()));
    device::Link link;
    link.peer = narrow(static_cast<std::size_t>(peer));
    links.push_back(link);
    return narrow(links.size() - 1);
  }
  device::Link& link_of(Rank peer) { return pattern_.links[index_of(peer)]; }

  /// What the first of several signals, releases or passes in a row needs, or the last of several waits, serves all of
  /// them.
  void place_barriers() {
    bool is_moved = false;  // since the last barrier
    std::vector<Instruction>& all = pattern_.instructions;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i == pattern_.n_body || i == 0) is_moved = true;  // what the body's end, or the round before, left
      if (all[i].opcode == Opcode::combine) is_moved = true;
      if (all[i].opcode == Opcode::wait) {
        const bool more = i + 1 < all.size() && i + 1 != pattern_.n_body && all[i + 1].opcode == Opcode::wait;
        if (more) continue;
        all[i].flags |= device::kBarrierAfter;
        is_moved = false;
      }
      if (all[i].opcode == Opcode::combine || all[i].opcode == Opcode::wait) continue;
      if (is_moved) all[i].flags |= device::kBarrierBefore;
      is_moved = false;
    }
  }

  const PreparedStrand& strand_;
  Protocol protocol_;
  StrandPattern pattern_;
  std::map<Rank, std::size_t> acquires_;  ///< by peer: the instruction that is the first to write the current slot
  std::vector<std::optional<std::size_t>> folded_into_;  ///< by step of the body: the copy that it makes needless
};

}  // namespace

std::uint16_t narrow(std::size_t value) {
  if (value > std::numeric_limits<std::uint16_t>::max()) {
    throw Error(strettoInternalError, format("a plan with {} of something is too large for a device's program", value));
  }
  return static_cast<std::uint16_t>(value);
}

bool operator==(const StrandPattern& a, const StrandPattern& b) {
  return a.n_body == b.n_body && a.half == b.half && same_bytes(a.instructions, b.instructions) &&
         same_bytes(a.operands, b.operands) && same_bytes(a.links, b.links);
}

bool can_be_halved(const PreparedStrand& strand) {
  std::map<Rank, int> sent;
  bool receives = false;
  for (const std::vector<PreparedStep>* steps : {&strand.body, &strand.epilogue}) {
    for (const PreparedStep& step : *steps) {
      receives = receives || step.kind == StepKind::wait;
      if (step.kind == StepKind::wait_credit && ++sent[step.peer] > 1) return false;
      if (step.destination.space != Space::slot) continue;
      if (step.kind != StepKind::put || step.sources.front().space != Space::input) return false;
    }
  }
  return receives && !sent.empty();
}

StrandPattern lower_strand(const PreparedStrand& strand, Protocol protocol, StrandHalf half) {
  return StrandLowering(strand, protocol, half).run();
}

}  // namespace stretto
