#include "plan/alike_rounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace stretto {
namespace {

/// Intervals that differ by less, in parts of them, are equal.
constexpr double kSame = 1e-7;
/// At the end rounds are as they come: the last one is smaller, and nothing follows it.
constexpr std::size_t kRunAtTheEnd = 3;

}  // namespace

AlikeRounds::AlikeRounds(const SimulatedPrograms& programs, bool enabled) {
  if (!enabled) return;
  for (const SimulatedStrand& strand : programs.strands()) {
    strands_.emplace_back();
    if (strand.body == strand.epilogue) continue;
    strands_.back().rounds = programs.geometry(strand.channel).rounds;
    if (first_ < 0) first_ = static_cast<std::int32_t>(strands_.size()) - 1;
  }
}

std::size_t AlikeRounds::left_for_all() const {
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const Strand& strand : strands_) {
    if (strand.rounds == 0) continue;
    const std::size_t taken = strand.round + kRunAtTheEnd;
    least = std::min(least, strand.rounds > taken ? strand.rounds - taken : 0);
  }
  return least;
}

bool AlikeRounds::repeat_after(std::size_t turns) const {
  const Strand& first = strands_[static_cast<std::size_t>(first_)];
  if (first.seen <= 2 * turns) return false;
  const double interval_s = first.back(0) - first.back(turns);
  const auto is_same = [&](double other_s) { return std::abs(other_s - interval_s) <= kSame * interval_s; };
  for (const Strand& strand : strands_) {
    if (strand.rounds == 0) continue;
    if (strand.seen <= 2 * turns) return false;
    if (!is_same(strand.back(0) - strand.back(turns)) || !is_same(strand.back(turns) - strand.back(2 * turns))) {
      return false;
    }
  }
  return true;
}

std::size_t AlikeRounds::begins(std::int32_t number, std::size_t round, double now_s) {
  if (first_ < 0) return 0;
  Strand& strand = strands_[static_cast<std::size_t>(number)];
  strand.round = round;
  strand.begins_s[strand.seen++ % kKept] = now_s;
  if (number != first_) return 0;
  const std::size_t left = left_for_all();
  for (std::size_t turns = 1; turns <= kMostTurns; ++turns) {
    const std::size_t times = left / turns;
    if (times < 2 || !repeat_after(turns)) continue;
    skipped_s_ += static_cast<double>(times) * (strand.back(0) - strand.back(turns));
    for (Strand& each : strands_) {
      each.seen = 0;
      each.round += times * turns;
    }
    return times * turns;
  }
  return 0;
}

}  // namespace stretto
