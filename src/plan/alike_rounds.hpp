// Notices when a simulated plan goes on as before: every strand has begun its last rounds at equal intervals. What
// follows is then known, and need not be run. Part of the simulator.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "plan/simulated_program.hpp"

namespace stretto {

class AlikeRounds {
 public:
  AlikeRounds(const SimulatedPrograms& programs, bool enabled);

  /// A strand begins a round. How many rounds all strands that have any may leave out now; the time that they would
  /// have taken is then counted here.
  std::size_t begins(std::int32_t strand, std::size_t round, double now_s);

  double skipped_s() const { return skipped_s_; }

 private:
  /// Rounds may take turns: after so many all is as before, at most.
  static constexpr std::size_t kMostTurns = 6;
  static constexpr std::size_t kKept = 2 * kMostTurns + 1;

  struct Strand {
    std::size_t rounds = 0;  ///< 0: it has no body
    std::size_t seen = 0;    ///< begins since the last ones that were left out
    std::size_t round = 0;   ///< of the last begin
    std::array<double, kKept> begins_s{};

    /// The begin that lies so many rounds back.
    double back(std::size_t n) const { return begins_s[(seen - 1 - n) % kKept]; }
  };
  bool repeat_after(std::size_t turns) const;
  std::size_t left_for_all() const;

  std::vector<Strand> strands_;
  std::int32_t first_ = -1;  ///< the strand at whose begins it looks
  double skipped_s_ = 0;
};

}  // namespace stretto
