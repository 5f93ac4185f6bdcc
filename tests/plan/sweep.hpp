// What the checker is swept over: every algorithm of the catalogue, as sequences of operations in which channels,
// rounds, slots, aliases and places vary.
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "algorithms/catalogue.hpp"
#include "plan/checker.hpp"

namespace stretto::sweep {

/// A plan of all ranks.
struct WholePlan {
  PlanSpec spec;
  std::int32_t chunks_per_block = 1;
  std::int32_t parts_per_slot = 1;
  std::int32_t min_slots = 1;
  std::vector<Program> programs;
};

WholePlan whole_plan(const AlgorithmRow& row, Collective collective, int n_ranks, int channels, Rank root);

/// Channel counts among 1, 2, 4 that the algorithm takes.
std::vector<int> channel_counts(const AlgorithmRow& row);

enum class Places : std::uint8_t { out_of_place, in_place, both };
inline constexpr Places kPlaces[] = {Places::out_of_place, Places::in_place, Places::both};
inline constexpr Alias kAliases[] = {Alias::copied,       Alias::sender,         Alias::receiver,
                                     Alias::sender_first, Alias::receiver_first, Alias::mixed};

/// `both`: each rank one of the two, drawn from the seed.
std::vector<bool> in_place_of(Places places, int n_ranks, std::uint64_t seed);

/// How a sequence is carried out.
struct Variation {
  Alias alias = Alias::copied;
  Places places = Places::out_of_place;
  std::int32_t extra_slots = 0;  ///< beyond the fewest; -1: 8 in all
  std::int32_t rounds = 1;
  std::uint64_t seed = 0;
};

/// All of them: aliases x places x slots {fewest, one more, 8} x rounds {1, 2, 3}.
std::vector<Variation> all_variations(std::uint64_t seed);
/// `count` of them, of which each in turn differs in every respect.
std::vector<Variation> some_variations(int count, std::uint64_t seed);

/// Checks the plans one after the other under each variation. Returns "" or the first problem and how to meet it.
std::string check_sequence(const std::vector<const WholePlan*>& plans, const std::vector<Variation>& variations,
                           std::uint64_t& checks);

/// Each algorithm and collective by itself, three operations in a row (of three roots, where there are roots).
std::string check_each_alone(int n_ranks, const std::vector<int>& channels, const std::vector<Variation>& variations,
                             std::uint64_t& checks);

/// Sequences of three to five operations drawn from everything.
std::string check_mixed_sequences(int n_ranks, int count, std::uint64_t seed, std::uint64_t& checks);

}  // namespace stretto::sweep
