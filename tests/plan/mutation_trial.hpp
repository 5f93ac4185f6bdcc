// What the quick and the full test of mutants share.
#pragma once

#include <vector>

namespace stretto::mutation {

enum class Channels { fewest, all };  ///< that the algorithm takes; all: of 1, 2, 4

/// Of which ranks' programs there are mutants.
enum class Ranks { first, sampled };

/// Tries the mutants of every algorithm and collective; fails for each that is neither caught nor equivalent, and
/// prints how many there are of each sort.
void expect_all_explained(const std::vector<int>& numbers_of_ranks, Channels channels, Ranks ranks);

}  // namespace stretto::mutation
