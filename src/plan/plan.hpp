// The plan: who sends which chunk to whom, in which order, over which channel. Pure data, equal on every rank.
//
// A plan has, for each rank, a few strands: short sequential programs that run side by side (a strand belongs to one
// channel; two strands of a rank are ordered only by what passes through other ranks). A strand's body is run once per
// round; the number of rounds and the size of each chunk are bound at execution (geometry.hpp). After the last round
// its epilogue runs once.
//
// Ranks talk over connections: one per (source, destination, channel), a first-in first-out queue of slots. Exactly one
// strand writes a connection and exactly one reads it. The sender's sequence is
//     wait_credit (the next slot is free: it becomes the current one), put or reduce into it, signal;
// the receiver's is
//     wait (the next slot is filled: it becomes the current one), get or reduce from it, release (a credit returns).
// A slot holds one chunk, or up to parts_per_slot of them: its parts, filled in order from part 0, of which the
// receiver reads each at least once. wait_drain: all slots that this rank signalled on the connection have been
// released. It matters where a slot is an alias of user memory (zero copy): nobody returns while a peer may touch its
// buffers. A put from scratch memory is always a copy: the memory may be written again at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plan/collective.hpp"
#include "plan/sources.hpp"

namespace stretto {

enum class StepKind : std::uint8_t {
  put,          ///< dst: slot to a peer;   one source: input, output or scratch
  get,          ///< dst: output, scratch;  one source: slot from a peer
  reduce,       ///< dst: any but input;    sources in rank order, at least two, of any kind
  copy,         ///< dst: output, scratch;  one source: input, output, scratch; onto itself (in place): does nothing
  signal,       ///< to peer
  wait,         ///< for peer's signal
  wait_credit,  ///< for a free slot towards peer
  wait_drain,   ///< for peer's release of everything signalled so far
  release,      ///< peer's slot
};

inline constexpr std::int32_t kMostPartsPerSlot = 64;

struct Step {
  StepKind kind = StepKind::copy;
  bool completes = false;   ///< of reduce: the result holds all ranks' contributions (an average divides here)
  Rank peer = -1;           ///< of the steps that synchronise; -1 for those that move data
  std::int32_t chunk = -1;  ///< of the steps that move data: the logical chunk whose size it has
  Ref destination;
  Sources sources;

  friend bool operator==(const Step&, const Step&) = default;
};

struct Strand {
  std::int32_t channel = 0;
  std::vector<Step> body;      ///< once per round
  std::vector<Step> epilogue;  ///< once, after the last round

  friend bool operator==(const Strand&, const Strand&) = default;
};

/// What one rank does.
struct Program {
  std::vector<Strand> strands;
  std::int32_t scratch_chunks = 0;

  friend bool operator==(const Program&, const Program&) = default;
};

/// What determines a plan. Everything here is equal on all ranks.
struct PlanSpec {
  Collective collective = Collective::all_reduce;
  std::string_view algorithm;  ///< name of a row of the catalogue (algorithms/catalogue.hpp)
  std::int32_t n_ranks = 1;
  Rank root = -1;  ///< of rooted collectives
  std::int32_t channels = 1;
  /// For algorithms that know groups: the group of each rank, numbered from 0 in order of their first ranks. Empty: all
  /// ranks are one group.
  std::vector<std::int32_t> groups = {};
  /// For algorithms that know trees; empty: stars, in which roots are everybody's parents. forest: of each channel, of
  /// each of its trees, the parent of each rank, -1 of the root; an all-reduce has one tree a channel, the others one
  /// for each root, in order. rail_trees: of each two channels, which take turns, the same of the trees of groups.
  std::vector<std::int32_t> parents = {};

  /// For algorithms that know rails, that is, groups in which each rank has a way out of its own: of each rank, the
  /// rail on which its way out is, and what that carries, in any unit. Both or neither; empty: the ranks of a group are
  /// on rails 0, 1, ..., and all carry alike.
  std::vector<std::int32_t> rails = {};
  std::vector<std::int32_t> widths = {};

  int blocks() const { return block_count(row_of(collective).blocks, n_ranks); }
};

/// A plan as one rank holds it: the part that all share, and its own program.
struct Plan {
  PlanSpec spec;
  Rank rank = 0;                      ///< whose program it is
  std::int32_t chunks_per_block = 1;  ///< logical chunk = block * chunks_per_block + chunk within the block
  std::int32_t parts_per_slot = 1;    ///< most chunks in a message; each has that share of the slot's capacity
  std::int32_t min_slots = 1;         ///< fewest slots per connection with which it cannot deadlock
  std::uint64_t hash = 0;             ///< of spec, shape and the algorithm's revision: equal on all ranks
  Program program;

  int chunks() const { return spec.blocks() * chunks_per_block; }
};

std::string_view step_kind_name(StepKind kind) noexcept;
/// "reduce output[3] <- input[3] slot[<-2]"; one line, for people.
std::string to_string(const Step& step);

}  // namespace stretto
