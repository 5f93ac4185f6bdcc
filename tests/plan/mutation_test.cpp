// Does the checker notice? Every single change to a plan is caught, or proved to change nothing.
#include <gtest/gtest.h>

#include "plan/mutation_trial.hpp"

namespace stretto::mutation {
namespace {

// Of two ranks, both; rank 1 is the root where there is one.
TEST(Mutation, TwoRanks_CaughtOrEquivalent) { expect_all_explained({2}, Channels::fewest, Ranks::sampled); }
TEST(Mutation, ThreeRanks_CaughtOrEquivalent) { expect_all_explained({3}, Channels::fewest, Ranks::first); }

}  // namespace
}  // namespace stretto::mutation
