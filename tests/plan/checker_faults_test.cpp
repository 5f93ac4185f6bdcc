// One broken plan, at least, for each kind of problem that the checker knows; and the place it names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/checker_plans.hpp"

namespace stretto::hand {
namespace {

using ::testing::HasSubstr;

std::vector<Step>& body(HandPlan& plan, Rank rank) {
  return plan.programs[static_cast<std::size_t>(rank)].strands[0].body;
}

void remove(HandPlan& plan, Rank rank, int step) { body(plan, rank).erase(body(plan, rank).begin() + step); }

TEST(CheckerFaults, BothWaitBeforeTheySignal_Deadlock) {
  HandPlan plan = swap_all_reduce();
  for (Rank rank = 0; rank < 2; ++rank) {
    const Rank peer = 1 - rank;
    body(plan, rank) = {wait(peer),
                        complete(0, output(0), {input(0), slot(peer)}),
                        release(peer),
                        credit(peer),
                        put(0, peer, input(0)),
                        signal(peer)};
  }
  const CheckReport report = check_one(plan, {4, Alias::copied, 0});
  EXPECT_EQ(report.kind, ProblemKind::deadlock) << report.text;
  EXPECT_THAT(report.text, HasSubstr("2 strands wait for ever"));
}

TEST(CheckerFaults, RingWithOneSlot_Deadlock) {
  const CheckReport report = check_one(ring_all_reduce(3), {1, Alias::copied, 0});
  EXPECT_EQ(report.kind, ProblemKind::deadlock) << report.text;
}

TEST(CheckerFaults, ReceiverHoldsSlotTillNextRound_DeadlockWithOneSlotOnly) {
  // Rank 0 sends two messages before it takes one; rank 1 answers before it frees the first.
  HandPlan plan{spec(Collective::broadcast, 2, 0), 2, {}};
  plan.programs = {program({credit(1), put(0, 1, input(0)), signal(1), credit(1), put(1, 1, input(1)), signal(1),
                            wait(1), get(0, output(0), 1), release(1), copy(1, output(1), input(1))},
                           {drain(1)}),
                   program({wait(0), get(0, output(0), 0), credit(0), put(0, 0, output(0)), signal(0), drain(0),
                            release(0), wait(0), get(1, output(1), 0), release(0)})};
  const CheckReport report = check_one(plan, {1, Alias::copied, 0});
  EXPECT_EQ(report.kind, ProblemKind::deadlock) << report.text;
  EXPECT_TRUE(check_one(plan, {2, Alias::copied, 0}).ok());
}

TEST(CheckerFaults, BufferReusedWhilePeerReadsIt_RaceWithAliasOnly) {
  // Rank 1 sends its output, then overwrites it with the sum, without a drain between.
  HandPlan plan = swap_all_reduce();
  body(plan, 1) = {copy(0, output(0), input(0)),
                   credit(0),
                   put(0, 0, output(0)),
                   signal(0),
                   wait(0),
                   complete(0, output(0), {slot(0), input(0)}),
                   release(0),
                   drain(0)};
  plan.programs[1].scratch_chunks = 0;
  EXPECT_TRUE(check_one(plan).ok());
  const CheckReport report = check_one(plan, {1, Alias::sender, 0});
  EXPECT_EQ(report.kind, ProblemKind::race) << report.text;
  EXPECT_THAT(report.text, HasSubstr("output[0] of rank 1"));
}

TEST(CheckerFaults, TwoStrandsShareScratch_Race) {
  HandPlan plan{spec(Collective::all_reduce, 1), 2, {}};
  Program& only = plan.programs.emplace_back();
  only.scratch_chunks = 1;
  for (int chunk = 0; chunk < 2; ++chunk) {
    only.strands.push_back({0, {copy(chunk, scratch(0), input(chunk)), copy(chunk, output(chunk), scratch(0))}, {}});
  }
  const CheckReport report = check_one(plan);
  EXPECT_EQ(report.kind, ProblemKind::race) << report.text;
  EXPECT_THAT(report.text, HasSubstr("scratch"));
}

TEST(CheckerFaults, NoDrain_TouchedOutsideOperation) {
  HandPlan plan = swap_all_reduce();
  remove(plan, 0, 6);
  EXPECT_TRUE(check_one(plan).ok());
  const CheckReport report = check_one(plan, {1, Alias::sender, 0});
  EXPECT_EQ(report.kind, ProblemKind::touched_outside_operation) << report.text;
  EXPECT_EQ(report.operation, 0);
}

TEST(CheckerFaults, WritesInput_InputClobbered) {
  HandPlan plan = chain_broadcast();
  body(plan, 0)[0] = copy(0, input(0), output(0));
  EXPECT_EQ(check_one(plan).kind, ProblemKind::input_clobbered);
}

TEST(CheckerFaults, AddsTheSameTwice_DoubleContribution) {
  HandPlan plan = swap_all_reduce();
  body(plan, 0)[4].sources = {input(0), input(0), slot(1)};
  const CheckReport report = check_one(plan);
  EXPECT_EQ(report.kind, ProblemKind::double_contribution) << report.text;
  EXPECT_EQ(report.rank, 0);
  EXPECT_EQ(report.step, 4);
}

TEST(CheckerFaults, SumIsMadeTwice_DoubleContributionOnlyInPlace) {
  // Out of place the second reduce writes the same sum again; in place it adds to the sum.
  HandPlan plan = swap_all_reduce();
  const Step sum = complete(0, output(0), {slot(0), input(0)});
  body(plan, 1) = {credit(0), put(0, 0, input(0)), signal(0), drain(0), wait(0), sum, sum, release(0)};
  EXPECT_TRUE(check_one(plan).ok());
  EXPECT_EQ(check_one(plan, {}, 1, {false, true}).kind, ProblemKind::double_contribution);
  EXPECT_TRUE(check_one(plan, {}, 1, {true, false}).ok());
}

TEST(CheckerFaults, InputOfRankThatIsNotRoot_Structure) {
  HandPlan plan = chain_broadcast();
  plan.spec.root = 1;
  EXPECT_EQ(check_one(plan).kind, ProblemKind::structure);
}

TEST(CheckerFaults, BlockOfAnotherPair_WrongContribution) {
  const auto rank = [](Rank peer, int sent, int own, int received) {
    return program({credit(peer), put(sent, peer, input(sent)), signal(peer), copy(own, output(own), input(own)),
                    wait(peer), get(received, output(received), peer), release(peer)},
                   {drain(peer)});
  };
  HandPlan plan{spec(Collective::all_to_all, 2), 1, {rank(1, 1, 0, 2), rank(0, 2, 3, 1)}};
  EXPECT_TRUE(check_one(plan).ok()) << check_one(plan).text;
  plan.programs[0].strands[0].body[1] = put(0, 1, input(0));
  EXPECT_EQ(check_one(plan).kind, ProblemKind::wrong_contribution);
  EXPECT_EQ(check_one(plan, {}, 1, {true, false}).kind, ProblemKind::structure);  // it cannot be in place
}

TEST(CheckerFaults, UnwrittenScratchIsSent_WrongContribution) {
  HandPlan plan = chain_broadcast();
  plan.programs[0].scratch_chunks = 1;
  body(plan, 0)[2] = put(0, 1, scratch(0));
  const CheckReport report = check_one(plan);
  EXPECT_EQ(report.kind, ProblemKind::wrong_contribution) << report.text;
  EXPECT_THAT(report.text, HasSubstr("nothing was written"));
}

TEST(CheckerFaults, ScratchOfTheOperationBefore_WrongContribution) {
  HandPlan first = chain_broadcast();
  first.programs[0].scratch_chunks = 1;
  body(first, 0).push_back(copy(0, scratch(0), input(0)));
  HandPlan second = chain_broadcast();
  second.programs[0].scratch_chunks = 1;
  body(second, 0)[2] = put(0, 1, scratch(0));
  const std::vector<CheckedOperation> operations = {first.operation(), second.operation()};
  const CheckReport report = check(operations, {});
  EXPECT_EQ(report.kind, ProblemKind::wrong_contribution) << report.text;
  EXPECT_EQ(report.operation, 1);
}

TEST(CheckerFaults, LacksOneRank_WrongContribution) {
  HandPlan plan = swap_all_reduce();
  body(plan, 0)[4] = get(0, output(0), 1);
  EXPECT_EQ(check_one(plan).kind, ProblemKind::wrong_contribution);
}

TEST(CheckerFaults, MarkOfCompletion_WrongCompletesEitherWay) {
  HandPlan lacks = ring_all_reduce(3);
  HandPlan premature = lacks;
  for (Step& step : body(lacks, 1)) step.completes = false;
  for (Step& step : body(premature, 1)) step.completes = step.kind == StepKind::reduce;
  EXPECT_EQ(check_one(lacks, {2, Alias::copied, 0}).kind, ProblemKind::wrong_completes);
  EXPECT_EQ(check_one(premature, {2, Alias::copied, 0}).kind, ProblemKind::wrong_completes);
}

TEST(CheckerFaults, OutputNotWritten_MissingOutput) {
  HandPlan plan = swap_all_gather();
  remove(plan, 1, 0);
  const CheckReport report = check_one(plan);
  EXPECT_EQ(report.kind, ProblemKind::missing_output) << report.text;
  EXPECT_EQ(report.rank, 1);
  EXPECT_TRUE(check_one(plan, {}, 1, {false, true}).ok()) << "in place, the block is where it belongs already";
}

TEST(CheckerFaults, SumsInDifferentOrder_UnequalSums) {
  HandPlan plan = swap_all_reduce();
  std::swap(body(plan, 1)[4].sources[0], body(plan, 1)[4].sources[1]);
  EXPECT_EQ(check_one(plan).kind, ProblemKind::unequal_sums);
}

TEST(CheckerFaults, OneMessageIsNotReceived_UnbalancedSignals) {
  HandPlan plan = chain_broadcast();
  body(plan, 2) = {};
  const CheckReport report = check_one(plan);
  EXPECT_EQ(report.kind, ProblemKind::unbalanced_signals) << report.text;
  EXPECT_THAT(report.text, HasSubstr("rank 1 signals 1"));
}

TEST(CheckerFaults, SlotOrOperandOutOfTurn_Structure) {
  const HandPlan good = chain_broadcast();
  const auto kind_with = [&](Rank rank, int step, Step changed) {
    HandPlan plan = good;
    body(plan, rank)[static_cast<std::size_t>(step)] = std::move(changed);
    return check_one(plan).kind;
  };
  EXPECT_EQ(kind_with(0, 1, signal(1)), ProblemKind::structure) << "signal of a slot that was not filled";
  EXPECT_EQ(kind_with(0, 3, credit(1)), ProblemKind::structure) << "credit before the slot was signalled";
  EXPECT_EQ(kind_with(1, 0, release(0)), ProblemKind::structure) << "release of a slot not waited for";
  EXPECT_EQ(kind_with(1, 2, get(0, output(0), 0)), ProblemKind::structure) << "slot never released";
  EXPECT_EQ(kind_with(1, 1, get(0, output(0), 2)), ProblemKind::structure) << "slot of another peer";
  EXPECT_EQ(kind_with(0, 2, put(0, 1, slot(2))), ProblemKind::structure) << "put from a slot";
  EXPECT_EQ(kind_with(0, 0, copy(0, output(1), input(0))), ProblemKind::structure) << "beyond the buffer";
  EXPECT_EQ(kind_with(0, 0, copy(1, output(0), input(0))), ProblemKind::structure) << "chunk beyond the shape";
  EXPECT_EQ(kind_with(0, 0, copy(0, output(0), scratch(0))), ProblemKind::structure) << "beyond the scratch memory";
  EXPECT_EQ(kind_with(0, 0, reduce(0, output(0), {input(0)})), ProblemKind::structure) << "reduce of one source";
  EXPECT_EQ(kind_with(0, 0, complete(0, output(0), {})), ProblemKind::structure) << "reduce of nothing";
  EXPECT_EQ(kind_with(0, 0, credit(5)), ProblemKind::structure) << "peer is no rank";
  EXPECT_EQ(kind_with(0, 0, move(StepKind::copy, 0, output(0), {input(0)}, true)), ProblemKind::structure);
}

TEST(CheckerFaults, TwoStrandsReadOneConnection_Structure) {
  HandPlan plan = chain_broadcast();
  const Strand strand = plan.programs[2].strands[0];
  plan.programs[2].strands.push_back(strand);
  const CheckReport report = check_one(plan);
  EXPECT_EQ(report.kind, ProblemKind::structure) << report.text;
  EXPECT_EQ(report.strand, 1);
}

TEST(CheckerFaults, DrainByAnotherStrand_Structure) {
  HandPlan plan = chain_broadcast();
  plan.programs[0].strands.push_back({0, {}, {drain(1)}});
  EXPECT_EQ(check_one(plan).kind, ProblemKind::structure);
}

TEST(CheckerFaults, DataMovesInEpilogue_Structure) {
  HandPlan plan = chain_broadcast();
  plan.programs[0].strands[0].epilogue.push_back(copy(0, output(0), input(0)));
  const CheckReport report = check_one(plan);
  EXPECT_EQ(report.kind, ProblemKind::structure);
  EXPECT_TRUE(report.in_epilogue);
}

TEST(CheckerFaults, ChannelDoesNotExist_Structure) {
  HandPlan plan = chain_broadcast();
  plan.programs[0].strands[0].channel = 1;
  EXPECT_EQ(check_one(plan).kind, ProblemKind::structure);
}

void expect_broken_parts(const HandPlan& plan, const char* text) {
  const CheckReport report = check_one(plan);
  EXPECT_EQ(report.kind, ProblemKind::structure) << report.text;
  EXPECT_THAT(report.text, HasSubstr(text));
}

TEST(CheckerFaults, PartsOutOfOrderOrNotRead_BrokenStructure) {
  HandPlan plan = broadcast_in_two_parts();
  std::swap(body(plan, 0)[1], body(plan, 0)[2]);
  expect_broken_parts(plan, "before an earlier part");

  plan = broadcast_in_two_parts();
  body(plan, 0)[2].destination.part = 0;
  expect_broken_parts(plan, "filled already");

  plan = broadcast_in_two_parts();
  remove(plan, 1, 1);
  expect_broken_parts(plan, "an earlier one was not");

  plan = broadcast_in_two_parts();
  remove(plan, 1, 2);
  expect_broken_parts(plan, "has 2 parts, of which 1 are read");

  plan = broadcast_in_two_parts();
  remove(plan, 0, 2);
  expect_broken_parts(plan, "has 1 parts, of which 2 are read");

  plan = broadcast_in_two_parts();
  plan.parts_per_slot = 1;
  expect_broken_parts(plan, "a slot has 1 parts");
}

TEST(CheckerFaults, PartsReadInTheWrongPlaces_WrongContribution) {
  HandPlan plan = broadcast_in_two_parts();
  std::swap(body(plan, 1)[1].sources[0].part, body(plan, 1)[2].sources[0].part);
  EXPECT_EQ(check_one(plan).kind, ProblemKind::wrong_contribution);
}

}  // namespace
}  // namespace stretto::hand
