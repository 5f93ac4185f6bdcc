// Bootstrap and control plane over the simulator: under every seed each rank ends in time, with all blobs or with an
// error that names the rank at fault, and gives back every handle.
#include <gtest/gtest.h>

#include <limits>

#include "bootstrap/tree_control_plane.hpp"
#include "bootstrap/unique_id.hpp"
#include "sim/sim_ranks.hpp"

namespace stretto::sim {
namespace {

/// Checks what holds whatever happened: all ended before their deadline, and nothing is left open.
void expect_ended_and_clean(SimRanks& ranks, bool in_time) {
  EXPECT_TRUE(in_time) << "some rank hung: " << ranks.describe();
  ranks.destroy();
  for (int process = 0; process < ranks.n_processes(); ++process) {
    EXPECT_EQ(ranks.world.open_handles(process), 0) << "of process " << process;
  }
}

TEST(BootstrapSim, NothingGoesWrong_AllRanksGatherAndLeave) {
  for (int seed = 0; seed < seeds_to_run(100); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimRanks ranks(static_cast<std::uint64_t>(seed));
    ranks.start_all();
    const bool in_time = ranks.run();
    for (SimRank& rank : ranks.ranks) {
      EXPECT_EQ(rank.stage, SimRank::left) << ranks.describe();
      EXPECT_FALSE(rank.error) << rank.error->text;
      EXPECT_TRUE(rank.gathers_were_right);
    }
    expect_ended_and_clean(ranks, in_time);
    if (HasFailure()) return;
  }
}

TEST(BootstrapSim, PolledOnlyWhenASocketIsReadyOrADeadlineHasCome_NothingStalls) {
  for (int seed = 0; seed < seeds_to_run(100); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimRanks ranks(static_cast<std::uint64_t>(seed));
    ranks.event_driven = true;
    ranks.start_all();
    const std::int64_t start_ns = ranks.world.now_ns();
    const bool in_time = ranks.run();
    EXPECT_LT(ranks.world.now_ns() - start_ns, 4 * second_ns) << "some limit of 5 s had to end a wait";
    for (SimRank& rank : ranks.ranks) EXPECT_EQ(rank.stage, SimRank::left) << ranks.describe();
    expect_ended_and_clean(ranks, in_time);
    if (HasFailure()) return;
  }
}

TEST(BootstrapSim, OneRankCrashesAtAnyCall_EverySurvivorNamesItInTime) {
  for (int seed = 0; seed < seeds_to_run(150); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimRanks ranks(static_cast<std::uint64_t>(seed), 2);
    ranks.event_driven = seed % 2 == 1;
    const auto dead = static_cast<Rank>(ranks.world.below(static_cast<std::uint64_t>(ranks.n_ranks())));
    ranks.stay = true;  // survivors do not leave before they know
    ranks.start_all();
    ranks.world.crash_after_calls(dead, static_cast<std::int64_t>(ranks.world.below(1 + ranks.world.below(800))));
    const bool in_time = ranks.run();
    if (ranks.world.crashed(dead)) {
      for (SimRank& rank : ranks.ranks) {
        if (rank.number == dead) continue;
        ASSERT_TRUE(rank.error) << "rank " << rank.number << " knows of no fault: " << ranks.describe();
        // With rank 0 goes the rendezvous: those who were not through yet can but give up, and are seen to.
        EXPECT_TRUE(dead == 0 || rank.error->peer == dead) << rank.error->text;
        EXPECT_FALSE(rank.error->text.empty());
      }
    }
    expect_ended_and_clean(ranks, in_time);
    if (HasFailure()) return;
  }
}

TEST(BootstrapSim, OneRankCrashesWhenAllAreConnected_EverySurvivorNamesItAtOnce) {
  for (int seed = 0; seed < seeds_to_run(150); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimRanks ranks(static_cast<std::uint64_t>(seed), 2);
    ranks.event_driven = seed % 2 == 1;
    const auto dead = static_cast<Rank>(ranks.world.below(static_cast<std::uint64_t>(ranks.n_ranks())));
    ranks.stay = true;
    ranks.start_all();
    ASSERT_TRUE(ranks.run_until_connected());
    ranks.world.crash_after_calls(dead, static_cast<std::int64_t>(ranks.world.below(60)));
    ranks.world.at(ranks.world.now_ns() + 20'000'000, [&] { ranks.world.crash(dead); });  // if all is quiet by then
    ASSERT_TRUE(ranks.scheduler.run([&] { return ranks.world.crashed(dead); }, 100 * second_ns));
    const std::int64_t crash_ns = ranks.world.now_ns();
    const bool in_time = ranks.run();
    EXPECT_LT(ranks.world.now_ns() - crash_ns, second_ns) << "of virtual time, to tell all ranks";
    for (SimRank& rank : ranks.ranks) {
      if (rank.number == dead) continue;
      ASSERT_TRUE(rank.error) << "rank " << rank.number << " knows of no fault: " << ranks.describe();
      EXPECT_EQ(rank.error->peer, dead) << rank.error->text;
      EXPECT_EQ(rank.error->host, ranks.world.system(dead).identity().host_name);
    }
    expect_ended_and_clean(ranks, in_time);
    if (HasFailure()) return;
  }
}

TEST(BootstrapSim, OneRankStopsOrIsCutOff_HeartbeatsNameIt) {
  for (int seed = 0; seed < seeds_to_run(100); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimRanks ranks(static_cast<std::uint64_t>(seed), 2);
    ranks.event_driven = seed % 2 == 1;
    const auto silent = static_cast<Rank>(ranks.world.below(static_cast<std::uint64_t>(ranks.n_ranks())));
    const bool cut_off = ranks.world.chance(0.5);
    ranks.stay = true;
    ranks.heartbeats = true;
    ranks.start_all();
    ASSERT_TRUE(ranks.run_until_connected());
    if (cut_off)
      ranks.world.partition(silent);
    else
      ranks.world.stop(silent);
    const auto others_know = [&] {
      return std::all_of(ranks.ranks.begin(), ranks.ranks.end(),
                         [&](const SimRank& rank) { return rank.number == silent || rank.error.has_value(); });
    };
    ASSERT_TRUE(ranks.scheduler.run(others_know, 10 * second_ns)) << ranks.describe();
    for (SimRank& rank : ranks.ranks) {
      if (rank.number == silent) continue;
      EXPECT_EQ(rank.error->code, strettoTimeout);
      EXPECT_EQ(rank.error->peer, silent) << rank.error->text;
    }
    expect_ended_and_clean(ranks, true);
    if (HasFailure()) return;
  }
}

TEST(BootstrapSim, StrangersAndASecondClaimToARank_HarmNobodyElse) {
  for (int seed = 0; seed < seeds_to_run(100); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimRanks ranks(static_cast<std::uint64_t>(seed), 2);
    ranks.event_driven = seed % 2 == 1;
    const auto twin_of = static_cast<Rank>(ranks.world.below(static_cast<std::uint64_t>(ranks.n_ranks())));
    ranks.stay = true;  // who has the rank stays, so that the other one's refusal cannot come of its going
    ranks.start_all();
    ranks.start_twin(twin_of);
    for (int i = 0; i < 20; ++i) ranks.start_stranger();
    ASSERT_TRUE(ranks.scheduler.run(
        [&] {
          return std::count_if(ranks.ranks.begin(), ranks.ranks.end(),
                               [](const SimRank& rank) { return rank.stage == SimRank::gathered; }) == ranks.n_ranks();
        },
        100 * second_ns))
        << ranks.describe();
    const auto twins = ranks.twins(twin_of);
    ASSERT_EQ(twins.size(), 2U);
    EXPECT_EQ((twins[0]->stage == SimRank::gathered) + (twins[1]->stage == SimRank::gathered), 1);
    for (const SimRank* twin : twins) {
      if (!twin->error) continue;
      // The later one is told, unless it came when the rendezvous was over or about to go.
      EXPECT_TRUE(twin->error->field == "rank" || twin->error->code == strettoTimeout ||
                  twin->error->code == strettoRemoteError)
          << twin->error->text;
    }
    expect_ended_and_clean(ranks, true);
    if (HasFailure()) return;
  }
}

TEST(BootstrapSim, RanksNeverCome_TheOthersAreToldWhichAtTheDeadline) {
  for (int seed = 0; seed < seeds_to_run(100); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimRanks ranks(static_cast<std::uint64_t>(seed), 2);
    ranks.event_driven = seed % 2 == 1;
    const auto missing = static_cast<Rank>(ranks.world.below(static_cast<std::uint64_t>(ranks.n_ranks())));
    for (Rank rank = 0; rank < ranks.n_ranks(); ++rank) {
      if (rank != missing) ranks.start(rank);
    }
    const bool in_time = ranks.run();
    for (SimRank& rank : ranks.ranks) {
      if (rank.number == missing) continue;
      ASSERT_TRUE(rank.error);
      EXPECT_EQ(rank.error->code, strettoTimeout);
      EXPECT_EQ(rank.error->peer, missing) << rank.error->text;
    }
    expect_ended_and_clean(ranks, in_time);
    if (HasFailure()) return;
  }
}

TEST(BootstrapSim, OneRankWaitsInAnotherCall_AllHearOfItAtTwoFramesPerLinkAndCall) {
  for (int seed = 0; seed < seeds_to_run(30); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimRanks ranks(static_cast<std::uint64_t>(seed), seed == 0 ? 64 : 2, 64);
    ranks.stay = true;
    ranks.start_all();
    ASSERT_TRUE(ranks.run()) << ranks.describe();
    const auto frames = [&] {
      std::uint64_t sum = 0;
      for (const SimRank& rank : ranks.ranks) sum += static_cast<TreeControlPlane&>(*rank.plane).frames_sent();
      return sum;
    };
    const std::uint64_t before = frames();
    const auto other = static_cast<Rank>(ranks.world.below(static_cast<std::uint64_t>(ranks.n_ranks())));
    const auto root_of = [other](Rank rank) { return rank == other ? 1 : 0; };
    std::vector<std::int64_t> says_ns;  // not as events of the world: they strike in the middle of others' calls
    for (int rank = 0; rank < ranks.n_ranks(); ++rank) {
      says_ns.push_back(ranks.world.now_ns() + static_cast<std::int64_t>(ranks.world.below(20'000'000)));
      ranks.world.at(says_ns.back(), [] {});
    }
    std::vector<bool> told(ranks.ranks.size(), false);
    const auto all_told = [&] {
      for (SimRank& rank : ranks.ranks) {
        const auto number = static_cast<std::size_t>(rank.number);
        if (ranks.world.now_ns() >= says_ns[number]) {
          says_ns[number] = std::numeric_limits<std::int64_t>::max();
          OpTag tag;
          tag.root = root_of(rank.number);
          rank.plane->say_waiting(3, tag);
        }
        for (const Waiting& said : rank.plane->take_waiting()) {
          if (said.tag.root != root_of(rank.number)) told[number] = true;
        }
      }
      return std::find(told.begin(), told.end(), false) == told.end();
    };
    EXPECT_TRUE(ranks.scheduler.run(all_told, 10 * second_ns));
    EXPECT_LE(frames() - before, static_cast<std::uint64_t>(2 * 2 * (ranks.n_ranks() - 1)));
    expect_ended_and_clean(ranks, true);
    if (HasFailure()) return;
  }
}

TEST(BootstrapSim, FiveHundredTwelveRanks_Connect) {
  SimRanks ranks(7, 512, 512);
  ranks.start_all();
  EXPECT_TRUE(ranks.run_until_connected());
  const Rendezvous::Counts counts = ranks.counts_at_the_end;
  EXPECT_GT(counts.frames_sent, 0U);
  EXPECT_LE(counts.frames_sent, 3U * 512 + 100);  // refused connects are tried again
}

TEST(BootstrapSim, SameSeed_GivesTheSameRun) {
  const auto run = [](std::uint64_t seed) {
    SimRanks ranks(seed, 2);
    ranks.start_all();
    ranks.world.crash_after_calls(1, 100);
    ranks.run();
    return ranks.describe();
  };
  for (std::uint64_t seed = 0; seed < 5; ++seed) EXPECT_EQ(run(seed), run(seed));
  EXPECT_NE(run(1), run(2));
}

}  // namespace
}  // namespace stretto::sim
