// An argument, independent of the checker, that two plans do the same. It is written for plainness: maps, an explicit
// graph of events, reachability by bit sets; no vector clocks, nothing of the checker's inner code.
//
// Theory (Mazurkiewicz). The letters are the accesses of the steps that move data: {step, location, read or write};
// the user's turn before and after an operation is a write of all of its buffers. Independence: two accesses are
// independent iff they touch different locations, or both only read. Steps that synchronise are no letters: they touch
// no data, and only limit the order of letters. If every two dependent letters are ordered (no race), all executions
// of a plan are one trace, and the trace is determined by the order of dependent letters, that is, location by
// location, by the sequence of writes and the set of reads between each two. That is the normal form here.
// Two plans with the same normal form and without a deadlock are equivalent: each read meets the same write in both, so
// by induction along the order each step moves the same value.
//
// So two adjacent steps commute if at least one of them synchronises and the normal form stays the same, or if their
// accesses are independent. Idempotence: a step that repeats a move, whose target is not among its sources, between
// whose two runs nobody writes the sources, and whose target nobody else writes in between, writes the same value
// again: the second run may be taken out of the trace.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "plan/checker.hpp"

namespace stretto::mutation {

/// Which step of the original plan a step is, so that steps keep their name when others come and go.
struct StepName {
  int number = 0;      ///< index in the body; from 1,000,000 on, in the epilogue
  bool again = false;  ///< a second run of the same step, put in by the mutation
  friend bool operator==(const StepName&, const StepName&) = default;
  friend bool operator<(const StepName& a, const StepName& b) {
    return std::tie(a.number, a.again) < std::tie(b.number, b.again);
  }
};
inline constexpr int kEpilogue = 1'000'000;

struct StrandNames {
  std::vector<StepName> body;
  std::vector<StepName> epilogue;
};
/// [rank][strand]; of a program that was not changed: by position.
using Names = std::vector<std::vector<StrandNames>>;
Names names_of(const std::vector<Program>& programs);

/// {operation, rank, strand, round, step}; strand -1: the user's turn, round 0 before and 1 after the operation.
struct EventName {
  int operation = 0;
  Rank rank = 0;
  int strand = -1;
  int round = 0;
  StepName step;
  friend bool operator==(const EventName&, const EventName&) = default;
  friend bool operator<(const EventName& a, const EventName& b) {
    return std::tie(a.operation, a.rank, a.strand, a.round, a.step) <
           std::tie(b.operation, b.rank, b.strand, b.round, b.step);
  }
};

using Place = std::array<int, 6>;  ///< a location, see mutation_trace.cpp

/// A write and the reads that meet it.
struct Epoch {
  EventName writer;
  std::set<EventName> readers;
  friend bool operator==(const Epoch&, const Epoch&) = default;
};
using NormalForm = std::map<Place, std::vector<Epoch>>;

/// The normal form of `operations`, all of which have the same names; nullopt if there is a deadlock or a race. Only
/// for plans whose structure is sound, and any alias but Alias::mixed.
std::optional<NormalForm> normal_form(std::span<const CheckedOperation> operations, const Names& names,
                                      const CheckConfig& config);

/// Takes idempotent second runs out. Returns false if a second run is not idempotent.
bool remove_repetitions(NormalForm& form);

}  // namespace stretto::mutation
