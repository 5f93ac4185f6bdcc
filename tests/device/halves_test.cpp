// Strands of device programs that run as two, a sending and a receiving half: which are, that they equal the oracle in
// place too, that the receiving half writes nothing that the sending one has not read, and that both always end.
#include <set>

#include "device_group.hpp"
#include "exec/strand_lowering.hpp"

namespace stretto {
namespace {

using device::Protocol;
using device::StrandHalf;
using test::Group;
using test::kPoison;
using test::RankCall;
using test::spec_of;

std::vector<StrandHalf> halves_of(const DeviceProgram& program) {
  const device::ProgramView view(program.image.data());
  std::vector<StrandHalf> halves;
  for (std::uint32_t i = 0; i < view.header->n_strands; ++i) halves.push_back(view.strands[i].half);
  return halves;
}

PlanSpec one_shot(Collective collective, int n_ranks) {
  return spec_of(*find_algorithm("one_shot"), collective, n_ranks, n_ranks - 1);
}

TEST(DeviceHalves, StrandsThatSendTheirInputAndReceive_AreTwo) {
  const std::vector<StrandHalf> two = {StrandHalf::sending, StrandHalf::receiving, StrandHalf::sending,
                                       StrandHalf::receiving};
  const std::vector<StrandHalf> whole = {StrandHalf::whole, StrandHalf::whole};
  for (const CollectiveRow& row : collective_rows()) {
    Group slots(one_shot(row.collective, 3), Protocol::slots, 1);
    Group packets(one_shot(row.collective, 3), Protocol::packets, 1);
    for (const DeviceProgram& program : slots.bind(100)) {
      EXPECT_EQ(halves_of(program), row.rooted ? whole : two) << row.name;
      EXPECT_EQ(program.scratch_bytes, 0U) << row.name << ": sums are made where they are to be";
    }
    for (const DeviceProgram& program : packets.bind(100)) {
      EXPECT_EQ(halves_of(program), whole) << row.name;
      EXPECT_EQ(program.scratch_bytes, 0U) << row.name;
    }
  }
  // What these send was received first, or their channels have two strands as it is.
  for (const char* const algorithm : {"two_shot", "ring", "tree"}) {
    Group group(test::all_reduce_by(algorithm, 3), Protocol::slots, 1);
    for (const DeviceProgram& program : group.bind(100)) {
      for (const StrandHalf half : halves_of(program)) EXPECT_EQ(half, StrandHalf::whole) << algorithm;
    }
  }
}

/// With two messages a round to one peer, the second may wait for a credit that comes only when its own round has
/// passed.
TEST(DeviceHalves, StrandOfSeveralMessagesARound_StaysOne) {
  Plan plan = make_plan(one_shot(Collective::all_to_all, 2), 0);
  EXPECT_TRUE(can_be_halved(prepare(plan, {}).strands[0]));
  std::vector<Step>& body = plan.program.strands[0].body;
  body.insert(body.begin(), {body[0], body[1], body[2]});
  EXPECT_FALSE(can_be_halved(prepare(plan, {}).strands[0]));
}

TEST(DeviceHalves, ScratchMemory_IsAskedForWhereItIsUsed) {
  Group group(test::all_reduce_by("recursive_doubling", 4), Protocol::slots, 1);
  for (const DeviceProgram& program : group.bind(100)) EXPECT_GT(program.scratch_bytes, 0U);
}

/// Operations in place and not, of all sizes, one after another in the same windows, from counters about to wrap.
TEST(DeviceHalves, RandomOperations_EqualTheOracle) {
  std::mt19937_64 random(4);
  for (const CollectiveRow& row : collective_rows()) {
    for (const int n_ranks : {2, 3, 4}) {
      const PlanSpec spec = one_shot(row.collective, n_ranks);
      Group group(spec, Protocol::slots, random());
      group.team().pretend_history(0U - 12U);
      for (int i = 0; i < 12; ++i) {
        const CollectiveCase c{row.collective, n_ranks, spec.root, static_cast<std::size_t>(random() % 900)};
        group.team().threads_per_block = 1 + static_cast<std::uint32_t>(random() % 3);
        const bool in_place = (can_be_in_place(row) || can_swap_in_place(row)) && random() % 2 == 0;
        const bool unaligned = random() % 3 == 0;
        const std::vector<Buffer> inputs = random_inputs(c, random);
        ASSERT_EQ(group.run(c, inputs, in_place, unaligned), expected_outputs(c, inputs))
            << row.name << " n=" << n_ranks << " count=" << c.count << " in place " << in_place;
      }
    }
  }
}

/// The two logs of a strand together have each step of the plan once, but for those that slots that are copies have no
/// need of; and in place, a round's sum is written after the round's input was read.
TEST(DeviceHalves, WhatRan_IsThePlanAndKeepsItsInputUntilRead) {
  const int n = 3;
  Group group(one_shot(Collective::all_reduce, n), Protocol::slots, 9);
  const CollectiveCase c{Collective::all_reduce, n, -1, 800};
  std::mt19937_64 random(9);
  const std::vector<Buffer> inputs = random_inputs(c, random);
  ASSERT_EQ(group.run(c, inputs, true, false), expected_outputs(c, inputs));
  const std::vector<DeviceProgram> programs = group.bind(c.count);
  for (Rank rank = 0; rank < n; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    const std::vector<DeviceProgram::StrandOrigin>& strands = programs[r].strands;
    const std::vector<Strand>& of_plan = group.plan(rank).program.strands;
    std::map<std::tuple<std::size_t, std::uint32_t, std::uint32_t>, std::uint64_t> moments;  // strand, round, step
    for (const test::LoggedStep& entry : group.results()[r].steps) {
      const auto [at, is_new] = moments.insert({{strands[entry.strand].strand, entry.round, entry.step}, entry.moment});
      EXPECT_TRUE(is_new) << "step " << entry.step << " ran in both halves";
    }
    for (std::size_t s = 0; s < of_plan.size(); ++s) {
      const std::vector<Step>& body = of_plan[s].body;
      const std::uint32_t rounds = device::ProgramView(programs[r].image.data()).strands[2 * s].rounds;
      ASSERT_GT(rounds, 1U);
      for (std::uint32_t round = 0; round < rounds; ++round) {
        std::uint64_t last_read = 0;
        for (std::uint32_t i = 0; i < body.size(); ++i) {
          const StepKind kind = body[i].kind;
          // The only copy is out of scratch memory.
          const bool is_needed =
              kind != StepKind::wait_credit && kind != StepKind::wait_drain && kind != StepKind::copy;
          ASSERT_EQ(moments.count({s, round, i}), is_needed ? 1U : 0U) << to_string(body[i]);
          if (kind == StepKind::put) last_read = std::max(last_read, moments[{s, round, i}]);
          if (kind == StepKind::reduce) {
            EXPECT_GT((moments[{s, round, i}]), last_read) << "rank " << rank << " round " << round;
          }
        }
      }
    }
  }
}

class DeviceHalvesWithoutCredit : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Buffers, DeviceHalvesWithoutCredit, testing::Bool(),
                         [](const auto& instance) { return instance.param ? "one" : "two"; });

/// Rank 1 sends its part, but has no room for rank 0's. In place, rank 0 must not write what it has yet to send; else
/// it may. Either way all its blocks end, and it is rank 1 that is named.
TEST_P(DeviceHalvesWithoutCredit, Input_IsKept) {
  const bool in_place = GetParam();
  constexpr std::size_t kCount = 60;  // a round a channel
  Group group(one_shot(Collective::all_reduce, 2), Protocol::slots, 2);
  group.team().timeout_ms = 200;
  group.team().withhold_credits(0, 1);
  const std::vector<DeviceProgram> programs = group.bind(kCount);
  std::vector<Buffer> in = {Buffer(kCount, 5), Buffer(kCount, 6)};
  std::vector<Buffer> out(2, Buffer(kCount, kPoison));
  std::vector<RankCall> calls(2);
  for (std::size_t rank = 0; rank < 2; ++rank) {
    void* const to = in_place ? in[rank].data() : out[rank].data();
    calls[rank] = {&programs[rank], in[rank].data(), to, 0, false, in_place};
  }
  const auto results = group.team().run(Protocol::slots, strettoInt64, strettoSum, true, calls);
  EXPECT_EQ(in[0], Buffer(kCount, 5));
  if (!in_place) {
    EXPECT_EQ(out[0], Buffer(kCount, 11));
  }
  EXPECT_TRUE(group.team().is_dead(0));
  bool named = false;
  for (const test::Failure& failure : results[0].failures) named = named || failure.peer == 1;
  EXPECT_TRUE(named);
}

TEST(DeviceHalves, RankThatDoesNotCome_EndsBoth) {
  for (const Collective collective : {Collective::all_reduce, Collective::all_gather, Collective::all_to_all}) {
    for (const bool in_place : {false, true}) {
      Group group(one_shot(collective, 3), Protocol::slots, 23);
      group.team().timeout_ms = 100;
      const std::vector<DeviceProgram> programs = group.bind(900);  // more rounds than slots: senders wait as well
      std::vector<Buffer> buffers(3, Buffer(2700 * 2));
      std::vector<RankCall> calls(3);
      for (const std::size_t rank : {0U, 2U}) {
        std::int64_t* const at = buffers[rank].data();
        calls[rank] = {&programs[rank], at, in_place ? at : at + 2700, 0, false, in_place};
      }
      const auto results = group.team().run(Protocol::slots, strettoInt64, strettoSum, true, calls);
      for (const std::size_t rank : {0U, 2U}) {
        std::set<std::uint32_t> peers;
        for (const test::Failure& failure : results[rank].failures) peers.insert(failure.peer);
        EXPECT_EQ(peers.count(1), 1U) << "rank " << rank;
        EXPECT_TRUE(group.team().is_dead(static_cast<Rank>(rank)));
      }
    }
  }
}

}  // namespace
}  // namespace stretto
