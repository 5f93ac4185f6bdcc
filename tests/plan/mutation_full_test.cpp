// Mutants of all algorithms and collectives, with more ranks and channels than mutation_test.cpp has time for.
#include <gtest/gtest.h>

#include "plan/mutation_trial.hpp"

namespace stretto::mutation {
namespace {

class MutationFull : public ::testing::TestWithParam<int> {};

TEST_P(MutationFull, EveryStepOfSampledPlans_CaughtOrEquivalent) {
  const int n = GetParam();
  expect_all_explained({n}, n <= 3 ? Channels::all : Channels::fewest, Ranks::sampled);
}

INSTANTIATE_TEST_SUITE_P(Ranks, MutationFull, ::testing::Values(2, 3, 4, 5, 6));

}  // namespace
}  // namespace stretto::mutation
