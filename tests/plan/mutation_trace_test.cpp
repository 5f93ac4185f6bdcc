// The argument of equivalence, on plans small enough to see through.
#include "plan/mutation_trace.hpp"

#include <gtest/gtest.h>

#include "plan/checker_plans.hpp"

namespace stretto::mutation {
namespace {

using hand::chain_broadcast;
using hand::complete;
using hand::credit;
using hand::drain;
using hand::HandPlan;
using hand::program;
using hand::put;
using hand::release;
using hand::ring_all_reduce;
using hand::signal;
using hand::swap_all_gather;
using hand::swap_all_reduce;
using hand::wait;

std::optional<NormalForm> form_of(const HandPlan& plan, const CheckConfig& config, const Names& names,
                                  std::vector<bool> in_place = {}) {
  const std::vector<CheckedOperation> twice(2, plan.operation(2, std::move(in_place)));
  return normal_form(twice, names, config);
}

std::optional<NormalForm> form_of(const HandPlan& plan, const CheckConfig& config = {}) {
  return form_of(plan, config, names_of(plan.programs));
}

std::vector<Step>& body(HandPlan& plan, std::size_t rank) { return plan.programs[rank].strands[0].body; }

/// Swaps two adjacent steps of rank 0, which keep their names. Is the normal form the same?
bool commute(const HandPlan& plan, std::size_t step, const CheckConfig& config = {}) {
  HandPlan changed = plan;
  Names names = names_of(plan.programs);
  std::swap(body(changed, 0)[step], body(changed, 0)[step + 1]);
  std::swap(names[0][0].body[step], names[0][0].body[step + 1]);
  const std::optional<NormalForm> original = form_of(plan, config);
  const std::optional<NormalForm> form = form_of(changed, config, names);
  return original && form && *original == *form;
}

/// Runs a step of rank 0 twice. Is the normal form the same without the second run?
bool repeats(const HandPlan& plan, std::size_t step, const std::vector<bool>& in_place = {}) {
  HandPlan changed = plan;
  Names names = names_of(plan.programs);
  const Step again = body(changed, 0)[step];
  body(changed, 0).insert(body(changed, 0).begin() + static_cast<std::ptrdiff_t>(step), again);
  std::vector<StepName>& named = names[0][0].body;
  named.insert(named.begin() + static_cast<std::ptrdiff_t>(step) + 1, {named[step].number, true});
  const std::optional<NormalForm> original = form_of(plan, {}, names_of(plan.programs), in_place);
  std::optional<NormalForm> form = form_of(changed, {}, names, in_place);
  return original && form && remove_repetitions(*form) && *original == *form;
}

TEST(MutationTrace, RightPlan_HasOneForm) {
  EXPECT_TRUE(form_of(ring_all_reduce(4), {2, Alias::copied, 0}));
  EXPECT_EQ(form_of(swap_all_gather()), form_of(swap_all_gather()));
}

TEST(MutationTrace, TooFewSlots_Cycle) { EXPECT_FALSE(form_of(ring_all_reduce(4), {1, Alias::copied, 0})); }

TEST(MutationTrace, NoDrain_UnorderedWithAliasOnly) {
  HandPlan plan = chain_broadcast();
  plan.programs[1].strands[0].epilogue.clear();
  EXPECT_TRUE(form_of(plan));
  EXPECT_FALSE(form_of(plan, {1, Alias::sender, 0}));
  EXPECT_FALSE(form_of(plan, {1, Alias::sender_first, 0}));
  EXPECT_TRUE(form_of(plan, {1, Alias::receiver, 0}));
}

TEST(MutationTrace, CopyAndWait_Commute) {
  const HandPlan plan = swap_all_gather();
  EXPECT_TRUE(commute(plan, 0)) << "copy and wait_credit";
  EXPECT_TRUE(commute(plan, 3)) << "signal and wait: neither order keeps the peer from its put";
}

TEST(MutationTrace, PutAndItsSignal_DoNotCommute) { EXPECT_FALSE(commute(swap_all_gather(), 2)); }

TEST(MutationTrace, DifferentSource_DifferentForm) {
  HandPlan changed = chain_broadcast();
  body(changed, 0)[2].sources = {input(0)};
  EXPECT_NE(form_of(changed), form_of(chain_broadcast()));
  ASSERT_TRUE(form_of(changed));
}

TEST(MutationTrace, GetTwice_IsARepetition) { EXPECT_TRUE(repeats(swap_all_gather(), 5)); }

TEST(MutationTrace, SumTwice_IsARepetitionOutOfPlaceOnly) {
  HandPlan plan = swap_all_reduce();
  plan.programs[0] = program({credit(1), put(0, 1, input(0)), signal(1), drain(1), wait(1),
                              complete(0, output(0), {input(0), slot(1)}), release(1)});
  EXPECT_TRUE(repeats(plan, 5));
  EXPECT_FALSE(repeats(plan, 5, {true, false}));
}

}  // namespace
}  // namespace stretto::mutation
