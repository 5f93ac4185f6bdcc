// Device programs on host threads: every plan by both protocols against the oracle, counters that wrap, logs against
// plans, ranks that do not come. ThreadSanitizer judges what passes between blocks and threads.
#include "device/interpreter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "device_group.hpp"

namespace stretto {
namespace {

using device::Protocol;
using test::all_reduce_by;
using test::DeviceTeam;
using test::Group;
using test::kPoison;
using test::RankCall;
using test::slot_bytes;
using test::small_windows;
using test::spec_of;

class DeviceSweep : public testing::TestWithParam<std::tuple<std::string_view, Protocol>> {};

TEST_P(DeviceSweep, RandomOperations_EqualTheOracle) {
  const auto [name, protocol] = GetParam();
  const AlgorithmRow& algorithm = *find_algorithm(name);
  std::mt19937_64 random(20261126);
  for (const CollectiveRow& row : collective_rows()) {
    if (!algorithm.supports(row.collective)) continue;
    for (const int n_ranks : {1, 2, 3, 4, 7}) {
      const Rank root = static_cast<Rank>(random() % static_cast<std::uint64_t>(n_ranks));
      const PlanSpec spec = spec_of(algorithm, row.collective, n_ranks, root);
      const std::uint64_t seed = random();
      SCOPED_TRACE(testing::Message() << row.name << " n=" << n_ranks << " root=" << root << " seed=" << seed);
      Group group(spec, protocol, seed);
      group.team().threads_per_block = 1 + static_cast<std::uint32_t>(random() % 3);
      for (const std::size_t count : {0, 1, 7, 33, 130, 700}) {
        const bool may_be = can_be_in_place(row) || (spec.algorithm == "one_shot" && can_swap_in_place(row));
        const bool in_place = may_be && random() % 2 == 0;
        const bool unaligned = random() % 3 == 0;
        const CollectiveCase c{row.collective, n_ranks, spec.root, count};
        const std::vector<Buffer> inputs = random_inputs(c, random);
        ASSERT_EQ(group.run(c, inputs, in_place, unaligned), expected_outputs(c, inputs))
            << "count=" << count << " in place " << in_place << " unaligned " << unaligned;
      }
    }
  }
}

std::vector<std::string_view> algorithm_names() {
  std::vector<std::string_view> names;
  for (const AlgorithmRow& row : catalogue()) names.push_back(row.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Algorithms, DeviceSweep,
                         testing::Combine(testing::ValuesIn(algorithm_names()),
                                          testing::Values(Protocol::packets, Protocol::slots)),
                         [](const auto& instance) {
                           const bool packets = std::get<1>(instance.param) == Protocol::packets;
                           return std::string(std::get<0>(instance.param)) + (packets ? "_packets" : "_slots");
                         });

class DeviceProtocols : public testing::TestWithParam<Protocol> {};
INSTANTIATE_TEST_SUITE_P(Protocols, DeviceProtocols, testing::Values(Protocol::packets, Protocol::slots),
                         [](const auto& instance) {
                           return instance.param == Protocol::packets ? "packets" : "slots";
                         });

TEST_P(DeviceProtocols, CountersThatWrap_LoseNothing) {
  std::mt19937_64 random(7);
  for (const char* const algorithm : {"one_shot", "two_shot", "ring", "tree"}) {
    const PlanSpec spec = all_reduce_by(algorithm, 3);
    Group group(spec, GetParam(), 11);
    group.team().pretend_history(0U - 9U);
    for (int round = 0; round < 12; ++round) {
      const CollectiveCase c{Collective::all_reduce, 3, -1, static_cast<std::size_t>(1 + random() % 200)};
      const std::vector<Buffer> inputs = random_inputs(c, random);
      ASSERT_EQ(group.run(c, inputs, false, false), expected_outputs(c, inputs)) << algorithm << " round " << round;
    }
  }
}

/// Packets signal nothing, but count: after so many of them the counter of slots must not seem to be ahead.
TEST(DevicePackets, TwoThousandMillionOfThem_LeaveTheCounterOfSlotsUsable) {
  const PlanSpec spec = all_reduce_by("one_shot", 2);
  Group group(spec, Protocol::packets, 29);
  constexpr std::uint32_t kMessages = 0xC0000000U;
  group.team().pretend_history(kMessages, kMessages - (1U << 31) + 3);
  std::mt19937_64 random(29);
  const auto run = [&] {
    const CollectiveCase c{Collective::all_reduce, 2, -1, 20};
    const std::vector<Buffer> inputs = random_inputs(c, random);
    ASSERT_EQ(group.run(c, inputs, false, false), expected_outputs(c, inputs));
  };
  for (int i = 0; i < 8; ++i) run();
  group.change_to(Protocol::slots);
  for (int i = 0; i < 5; ++i) run();
}

/// Old flags must not be taken for new ones when the counter comes round: a long message's packets stay beyond the end
/// of the short ones that follow, and meet the same flags 2^32 messages later.
TEST(DevicePackets, FlagsOfLongAgo_AreGoneWhenTheirNumberReturns) {
  const PlanSpec spec = all_reduce_by("one_shot", 2);
  Group group(spec, Protocol::packets, 3);
  std::mt19937_64 random(3);
  const auto run = [&](std::size_t count) {
    const CollectiveCase c{Collective::all_reduce, 2, -1, count};
    const std::vector<Buffer> inputs = random_inputs(c, random);
    ASSERT_EQ(group.run(c, inputs, false, false), expected_outputs(c, inputs));
  };
  run(100);  // message 0 fills its slot on both channels
  // As many short messages as refresh every slot once.
  const std::uint32_t messages = group.team().shape().refresh_period * group.team().shape().packet_slots;
  for (std::uint32_t i = 1; i < messages; ++i) run(1);
  for (Rank owner = 0; owner < 2; ++owner) EXPECT_EQ(group.team().flags_of_message(owner, 1 - owner, 0), 0U);
}

/// Each strand of each rank has run its plan's steps in order, round by round, but for those that it has no instruction
/// for.
void expect_linearises(const Group& group, const std::vector<DeviceProgram>& programs, int n_ranks) {
  for (Rank rank = 0; rank < n_ranks; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    const device::ProgramView view(programs[r].image.data());
    for (std::size_t s = 0; s < programs[r].strands.size(); ++s) {
      const auto& [of, left_out] = programs[r].strands[s];
      const Strand& strand = group.plan(rank).program.strands[of];
      const std::set<std::uint16_t> absent(left_out.begin(), left_out.end());
      std::vector<std::pair<std::uint32_t, std::uint32_t>> expected;
      const std::size_t body = strand.body.size();
      const std::size_t steps = body + strand.epilogue.size();
      for (std::uint32_t round = 0; round <= view.strands[s].rounds; ++round) {
        const bool is_epilogue = round == view.strands[s].rounds;
        for (std::size_t step = is_epilogue ? body : 0; step < (is_epilogue ? steps : body); ++step) {
          if (absent.count(static_cast<std::uint16_t>(step)) == 0) expected.emplace_back(round, step);
        }
      }
      std::vector<std::pair<std::uint32_t, std::uint32_t>> ran;
      for (const test::LoggedStep& entry : group.results()[r].steps) {
        if (entry.strand == s) ran.emplace_back(entry.round, entry.step);
      }
      ASSERT_EQ(ran, expected) << "rank " << rank << " strand " << s;
    }
  }
}

TEST_P(DeviceProtocols, WhatRan_IsThePlan) {
  std::mt19937_64 random(5);
  for (const AlgorithmRow& algorithm : catalogue()) {
    for (const Collective collective : {Collective::all_reduce, Collective::all_gather, Collective::all_to_all}) {
      if (!algorithm.supports(collective)) continue;
      const PlanSpec spec = spec_of(algorithm, collective, 4, -1);
      SCOPED_TRACE(testing::Message() << algorithm.name << " " << row_of(collective).name);
      Group group(spec, GetParam(), 17);
      const CollectiveCase c{collective, 4, -1, 300};
      const std::vector<Buffer> inputs = random_inputs(c, random);
      ASSERT_EQ(group.run(c, inputs, false, false), expected_outputs(c, inputs));
      expect_linearises(group, group.bind(c.count), 4);
    }
  }
}

TEST_P(DeviceProtocols, EditedPlan_ChangesWhatRuns) {
  Plan plan = make_plan(all_reduce_by("one_shot", 2), 0);
  const auto lowered = [&] {
    const Request request{Collective::all_reduce, 10, strettoInt64, strettoSum, -1};
    const PreparedPlan prepared = prepare(plan, {});
    return lower(bind_request(request, prepared, 512), GetParam());
  };
  const DeviceProgram before = lowered();
  for (Step& step : plan.program.strands[0].body) {
    if (step.kind == StepKind::reduce) std::reverse(step.sources.begin(), step.sources.end());
  }
  EXPECT_NE(lowered().image, before.image);
}

TEST_P(DeviceProtocols, RankThatDoesNotCome_IsNamedAndTheWindowIsDead) {
  for (const char* const algorithm : {"one_shot", "ring", "tree"}) {
    const PlanSpec spec = all_reduce_by(algorithm, 4);
    Group group(spec, GetParam(), 23);
    group.team().timeout_ms = 100;
    const std::vector<DeviceProgram> programs = group.bind(50);
    std::vector<std::int64_t> in(50, 1);
    std::vector<Buffer> out(4, Buffer(50));
    std::vector<RankCall> calls(4);
    for (const std::size_t rank : {0U, 2U, 3U}) {
      calls[rank] = {&programs[rank], in.data(), out[rank].data(), 0, false};
    }
    const auto results = group.team().run(GetParam(), strettoInt64, strettoSum, true, calls);
    bool named = false;  // and those who do not wait for it themselves get nothing that it should have been in
    for (const std::size_t rank : {0U, 2U, 3U}) {
      EXPECT_FALSE(results[rank].failures.empty()) << algorithm << " rank " << rank;
      EXPECT_TRUE(group.team().is_dead(static_cast<Rank>(rank)));
      for (const test::Failure& failure : results[rank].failures) named = named || failure.peer == 1;
    }
    EXPECT_TRUE(named) << algorithm;
    // The next operation ends at once, without a word.
    group.team().timeout_ms = 20'000;
    const auto again = group.team().run(GetParam(), strettoInt64, strettoSum, true, calls);
    for (const std::size_t rank : {0U, 2U, 3U}) EXPECT_TRUE(again[rank].failures.empty());
  }
}

TEST_P(DeviceProtocols, BlocksOfUnequalSizes_AreGatheredWhole) {
  const int n = 3;
  PlanSpec spec;
  spec.collective = Collective::all_gather;
  spec.algorithm = "one_shot";
  spec.n_ranks = n;
  spec.channels = 2;
  DeviceTeam team(small_windows(n, spec.channels), 31);
  const std::vector<std::size_t> counts = {5, 0, 333};
  std::vector<PreparedPlan> plans;
  for (Rank rank = 0; rank < n; ++rank) plans.push_back(prepare(make_plan(spec, rank), {}));
  std::vector<DeviceProgram> programs;
  std::vector<Buffer> in;
  std::vector<Buffer> out(n, Buffer(400, kPoison));
  std::vector<RankCall> calls(n);
  for (std::size_t rank = 0; rank < n; ++rank) {
    const Request request{Collective::all_gather, 0, strettoInt64, strettoSum, -1};
    Binding binding = bind_request(request, plans[rank], slot_bytes(team.shape(), GetParam()));
    bind_sizes(binding, Collective::all_gather_v, {counts, {0}, {8 * 10, 0, 8 * 20}},
               slot_bytes(team.shape(), GetParam()));
    programs.push_back(lower(binding, GetParam()));
    in.emplace_back(counts[rank], static_cast<std::int64_t>(rank + 1));
  }
  for (std::size_t rank = 0; rank < n; ++rank)
    calls[rank] = {&programs[rank], in[rank].data(), out[rank].data(), 0, false};
  team.run(GetParam(), strettoInt64, strettoSum, false, calls);
  Buffer expected(400, kPoison);
  std::fill_n(expected.begin() + 10, 5, 1);
  std::fill_n(expected.begin() + 20, 333, 3);
  for (const Buffer& buffer : out) EXPECT_EQ(buffer, expected);
}

/// A message's first part may be shorter than its others, or nothing: its slot must be free for those all the same.
TEST_P(DeviceProtocols, FirstPartOfNothing_StillWaitsForTheSlot) {
  const int n = 4;
  const PlanSpec spec = spec_of(*find_algorithm("bruck"), Collective::all_gather, n, -1);
  Group group(spec, GetParam(), 37);
  DeviceTeam& team = group.team();
  team.timeout_ms = 100;
  for (Rank peer = 1; peer < n; ++peer) team.withhold_credits(0, peer);
  std::vector<PreparedPlan> plans;
  for (Rank rank = 0; rank < n; ++rank) plans.push_back(prepare(make_plan(spec, rank), {}));
  std::vector<DeviceProgram> programs;
  std::vector<Buffer> out(n, Buffer(40));
  std::vector<RankCall> calls(n);
  const Buffer in(10, 1);
  for (std::size_t rank = 0; rank < n; ++rank) {
    Binding binding = bind_request({Collective::all_gather, 0, strettoInt64, strettoSum, -1}, plans[rank],
                                   slot_bytes(team.shape(), GetParam()));
    // Rank 0, whose own block comes first in its messages, has nothing.
    bind_sizes(binding, Collective::all_gather_v, {{0, 10, 10, 10}, {0}, {0, 0, 80, 160}},
               slot_bytes(team.shape(), GetParam()));
    programs.push_back(lower(binding, GetParam()));
  }
  for (std::size_t rank = 0; rank < n; ++rank) calls[rank] = {&programs[rank], in.data(), out[rank].data()};
  const auto results = team.run(GetParam(), strettoInt64, strettoSum, false, calls);
  EXPECT_FALSE(results[0].failures.empty()) << "written without a credit";
}

TEST(DeviceProgram, StrandsOfDifferentChannels_ShareTheirInstructions) {
  PlanSpec spec = all_reduce_by("ring", 4);
  spec.channels = 16;
  const PreparedPlan plan = prepare(make_plan(spec, 1), {});
  const Request request{Collective::all_reduce, 100'000, strettoFloat32, strettoSum, -1};
  const DeviceProgram program = lower(bind_request(request, plan, 4096), Protocol::slots);
  const device::ProgramView view(program.image.data());
  EXPECT_EQ(view.header->n_strands, 16U);
  EXPECT_LE(view.header->n_instructions, plan.plan.program.strands[0].body.size());
  EXPECT_LT(program.image.size(), 4000U) << "small enough for a kernel's parameters";
}

}  // namespace
}  // namespace stretto
