// The control plane over real sockets: gathers, faults, deaths, silence, goodbyes.
#include "bootstrap/control_plane.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "base/descriptors.hpp"
#include "bootstrap/ranks.hpp"

namespace stretto {
namespace {

using test::contains;
using test::millisecond_ns;
using test::OneRank;
using test::Ranks;
using test::second_ns;
using test::text_bytes;

bool all_know(Ranks& ranks, const std::vector<Rank>& but = {}) {
  for (Rank rank = 0; rank < ranks.n_ranks; ++rank) {
    if (std::find(but.begin(), but.end(), rank) != but.end()) continue;
    if (ranks.at(rank).plane->fault() == nullptr) return false;
  }
  return true;
}

TEST(ControlPlane, AllGather_GivesEveryRankAllBlobsTimeAfterTime) {
  for (const int n_ranks : {2, 3, 7, 16}) {
    Ranks ranks(n_ranks);
    ranks.start_all();
    ASSERT_TRUE(ranks.connect());
    for (int round = 0; round < 20; ++round) {
      const auto blob = [&](Rank rank) {
        return std::vector<std::byte>(static_cast<std::size_t>((rank * 7 + round * 13) % 50),
                                      static_cast<std::byte>(rank + round));
      };
      ASSERT_TRUE(ranks.gather(blob)) << n_ranks << " ranks, round " << round;
      for (Rank rank = 0; rank < n_ranks; ++rank) {
        const auto& blobs = ranks.gathered[static_cast<std::size_t>(rank)];
        ASSERT_EQ(blobs.size(), static_cast<std::size_t>(n_ranks));
        for (Rank i = 0; i < n_ranks; ++i) ASSERT_EQ(blobs[static_cast<std::size_t>(i)], blob(i));
      }
    }
  }
}

TEST(ControlPlane, LargeBlobs_PassThroughSmallSocketBuffers) {
  Ranks ranks(5);
  ranks.start_all();
  ASSERT_TRUE(ranks.connect());
  const auto blob = [](Rank rank) {
    return std::vector<std::byte>(std::size_t{3} << 20, static_cast<std::byte>(rank));
  };
  ASSERT_TRUE(ranks.gather(blob, 30 * second_ns));
  for (Rank i = 0; i < 5; ++i) EXPECT_EQ(ranks.gathered[4][static_cast<std::size_t>(i)], blob(i));
}

TEST(ControlPlane, BlobBeyondTheLimit_IsRefusedAtOnce) {
  Ranks ranks(2);
  ranks.start_all();
  ASSERT_TRUE(ranks.connect());
  EXPECT_THROW(ranks.at(0).plane->start_all_gather(std::vector<std::byte>(33 << 20), "phase", INT64_MAX), Error);
}

TEST(ControlPlane, RanksThatDoNotCome_AreNamedAtTheDeadlineByAllWhoDid) {
  Ranks ranks(7);
  ranks.start_all();
  ASSERT_TRUE(ranks.connect());
  const std::int64_t deadline_ns = ranks.system.now_ns() + 100 * millisecond_ns;
  const std::vector<Rank> came = {0, 1, 2, 3, 6};
  for (const Rank rank : came) ranks.at(rank).plane->start_all_gather({}, "topology", deadline_ns);
  for (const Rank rank : came) {
    EXPECT_TRUE(ranks.until([&] {
      try {
        return ranks.at(rank).plane->poll_all_gather().has_value();
      } catch (const Error& error) {
        EXPECT_EQ(error.info().code, strettoTimeout);
        EXPECT_EQ(error.info().name, "topology");
        EXPECT_EQ(error.info().rank, rank);
        EXPECT_EQ(error.info().peer, 4);
        EXPECT_TRUE(contains(error.info().text, "2 ranks have not come: 4, 5.")) << error.what();
        return true;
      }
    }));
  }
}

TEST(ControlPlane, Words_ReachEveryOtherRankInTheOrderOfEachSpeaker) {
  Ranks ranks(7);
  ranks.start_all();
  ASSERT_TRUE(ranks.connect());
  constexpr std::size_t kWords = 30;
  for (std::size_t word = 0; word < kWords; ++word) {
    for (Rank rank = 0; rank < 7; ++rank) {
      ranks.at(rank).plane->tell({static_cast<std::byte>(rank), static_cast<std::byte>(word)});
    }
  }
  for (Rank rank = 0; rank < 7; ++rank) {
    std::array<std::size_t, 7> heard{};
    EXPECT_TRUE(ranks.until([&] {
      ranks.at(rank).plane->poll();
      for (const ControlPlane::Word& word : ranks.at(rank).plane->take_words()) {
        const auto from = static_cast<std::size_t>(word.rank);
        EXPECT_EQ(word.bytes, (std::vector{static_cast<std::byte>(from), static_cast<std::byte>(heard[from]++)}));
      }
      return std::accumulate(heard.begin(), heard.end(), std::size_t{0}) == 6 * kWords;
    })) << rank;
    EXPECT_EQ(heard[static_cast<std::size_t>(rank)], 0U);
  }
}

TEST(ControlPlane, ReportedFault_ReachesEveryRankAndTheFirstIsKept) {
  Ranks ranks(13);
  ranks.start_all();
  ASSERT_TRUE(ranks.connect());
  ErrorInfo fault;
  fault.code = strettoInvalidUsage;
  fault.text = "counts differ";
  fault.field = "count";
  fault.name = "all_reduce";
  fault.peer = 3;
  fault.operation = 1234567890123;
  fault.step = 5;
  ranks.at(11).plane->report(fault);
  ASSERT_TRUE(ranks.until([&] { return all_know(ranks); }));
  fault.text = "another";
  for (Rank rank = 0; rank < 13; ++rank) ranks.at(rank).plane->report(fault);
  ranks.poll();
  for (Rank rank = 0; rank < 13; ++rank) {
    const ErrorInfo& heard = *ranks.at(rank).plane->fault();
    EXPECT_EQ(heard.code, strettoInvalidUsage);
    EXPECT_EQ(heard.text, "counts differ");
    EXPECT_EQ(heard.field, "count");
    EXPECT_EQ(heard.name, "all_reduce");
    EXPECT_EQ(heard.rank, 11);
    EXPECT_EQ(heard.peer, 3);
    EXPECT_EQ(heard.operation, 1234567890123);
    EXPECT_EQ(heard.step, 5);
  }
  ASSERT_TRUE(ranks.gather([](Rank) { return std::vector<std::byte>(); }));  // ends, in whichever way, on all
}

TEST(ControlPlane, RankDies_EverySurvivorNamesItOnBothSidesOfTheCut) {
  for (const Rank dead : {0, 1, 2, 5, 14}) {
    Ranks ranks(15);
    ranks.start_all();
    ASSERT_TRUE(ranks.connect());
    ranks.at(dead).plane.reset();
    ASSERT_TRUE(ranks.until([&] { return all_know(ranks, {dead}); }, 2 * second_ns)) << dead;
    for (Rank rank = 0; rank < 15; ++rank) {
      if (rank == dead) continue;
      const ErrorInfo& fault = *ranks.at(rank).plane->fault();
      EXPECT_EQ(fault.code, strettoRemoteError);
      EXPECT_EQ(fault.peer, dead);
      EXPECT_EQ(fault.host, ranks.system.identity().host_name);
      EXPECT_TRUE(contains(fault.text, "rank " + std::to_string(dead) + " on host " + fault.host + " (process "));
    }
  }
}

TEST(ControlPlane, RankDiesInAGather_EveryWaiterThrowsAtOnce) {
  Ranks ranks(8);
  ranks.start_all();
  ASSERT_TRUE(ranks.connect());
  ranks.at(1).plane.reset();
  ASSERT_TRUE(ranks.gather([](Rank) { return std::vector<std::byte>(10); }, 60 * second_ns));
  for (Rank rank = 0; rank < 8; ++rank) {
    if (rank == 1) continue;
    ASSERT_TRUE(ranks.at(rank).error) << rank;
    EXPECT_EQ(ranks.at(rank).error->peer, 1);
  }
}

TEST(ControlPlane, SilentRank_IsNamedAfterTheHeartbeatTimeout) {
  Ranks ranks(6);
  ranks.heartbeat_interval_ns = 20 * millisecond_ns;
  ranks.heartbeat_timeout_ns = 150 * millisecond_ns;
  ranks.start_all();
  ASSERT_TRUE(ranks.connect());
  // All beat: twice the timeout goes by and nobody complains.
  EXPECT_FALSE(ranks.until([&] { return ranks.at(0).plane->fault() != nullptr; }, 300 * millisecond_ns));
  const std::unique_ptr<ControlPlane> stopped = std::move(ranks.at(2).plane);  // not polled any more: as if stopped
  ASSERT_TRUE(ranks.until([&] { return all_know(ranks, {2}); }, 2 * second_ns));
  for (const Rank rank : {0, 1, 3, 4, 5}) {
    const ErrorInfo& fault = *ranks.at(rank).plane->fault();
    EXPECT_EQ(fault.code, strettoTimeout);
    EXPECT_EQ(fault.peer, 2);
    EXPECT_TRUE(contains(fault.text, "did not answer")) << fault.text;
  }
}

TEST(ControlPlane, NextDeadline_KeepsHeartbeatsGoingWithoutBusyPolling) {
  Ranks ranks(2);
  ranks.heartbeat_interval_ns = 20 * millisecond_ns;
  ranks.heartbeat_timeout_ns = 200 * millisecond_ns;
  ranks.start_all();
  ASSERT_TRUE(ranks.connect());
  const auto waits = ranks.system.make_wait_set();
  int n_polls = 0;
  for (const std::int64_t end_ns = ranks.system.now_ns() + 500 * millisecond_ns; ranks.system.now_ns() < end_ns;) {
    std::int64_t next_ns = end_ns;
    for (OneRank& rank : ranks.ranks) {
      rank.plane->poll();
      rank.plane->watch(*waits);
      next_ns = std::min(next_ns, rank.plane->next_deadline_ns());
    }
    waits->wait(next_ns - ranks.system.now_ns());
    ++n_polls;
  }
  EXPECT_EQ(ranks.at(0).plane->fault(), nullptr);
  EXPECT_LT(n_polls, 500);
}

TEST(ControlPlane, AllLeave_GoodbyesReachAllAndNobodyCallsItADeath) {
  const int before = test::count_descriptors();
  {
    Ranks ranks(9);
    ranks.start_all();
    ASSERT_TRUE(ranks.connect());
    for (Rank rank = 0; rank < 9; ++rank) ranks.at(rank).plane->leave(static_cast<std::uint64_t>(rank) * 10);
    ASSERT_TRUE(ranks.until([&] {
      return ranks.all([](const OneRank& rank) { return rank.plane->flushed() && rank.plane->departed().size() == 8; });
    }));
    EXPECT_TRUE(ranks.all([](const OneRank& rank) { return rank.plane->fault() == nullptr; }));
    for (const auto& departure : ranks.at(4).plane->departed())
      EXPECT_EQ(departure.operations, static_cast<std::uint64_t>(departure.rank) * 10);
  }
  EXPECT_EQ(test::count_descriptors(), before);
}

TEST(ControlPlane, OneLeavesAndCloses_TheOthersSeeADepartureNotADeath) {
  Ranks ranks(7);
  ranks.start_all();
  ASSERT_TRUE(ranks.connect());
  ranks.at(1).plane->leave(42);
  ASSERT_TRUE(ranks.until([&] { return ranks.at(1).plane->flushed(); }));
  ranks.at(1).plane.reset();
  const auto all_saw = [&] {
    return ranks.all([](const OneRank& rank) { return !rank.plane || rank.plane->departed().size() == 1; });
  };
  ASSERT_TRUE(ranks.until(all_saw));
  for (const Rank rank : {0, 2, 3, 4, 5, 6}) {
    EXPECT_EQ(ranks.at(rank).plane->departed().front().rank, 1);
    EXPECT_EQ(ranks.at(rank).plane->departed().front().operations, 42U);
    EXPECT_EQ(ranks.at(rank).plane->fault(), nullptr);
  }
  ASSERT_TRUE(ranks.gather([](Rank) { return std::vector<std::byte>(); }));
  EXPECT_TRUE(ranks.all([](const OneRank& rank) {
    return !rank.plane || (rank.error && rank.error->code == strettoRemoteError && rank.error->peer == 1);
  }));
}

TEST(ControlPlane, NeighbourTakesNothing_LeaveIsStillBounded) {
  Ranks ranks(2);
  ranks.start_all();
  ASSERT_TRUE(ranks.connect());
  const std::unique_ptr<ControlPlane> stopped = std::move(ranks.at(1).plane);
  ranks.at(0).plane->start_all_gather(std::vector<std::byte>(std::size_t{30} << 20), "phase", INT64_MAX);
  EXPECT_FALSE(ranks.at(0).plane->poll_all_gather());
  ranks.at(0).plane->leave(0);
  EXPECT_FALSE(ranks.at(0).plane->flushed());
  EXPECT_TRUE(ranks.until([&] { return ranks.at(0).plane->flushed(); }, 3 * second_ns));
}

}  // namespace
}  // namespace stretto
