// What ranks say that they wait in: who hears it, and how little of it goes round.
#include "bootstrap/waiting.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "bootstrap/ranks.hpp"
#include "bootstrap/tree_control_plane.hpp"

namespace stretto {
namespace {

using test::millisecond_ns;
using test::Ranks;

OpTag call_with_root(Rank root, std::uint64_t operation = 0) {
  OpTag tag;
  tag.count = std::uint64_t{1} << 40;
  tag.operation = static_cast<std::uint32_t>(operation);
  tag.root = root;
  tag.collective = 3;
  tag.datatype = 7;
  tag.red_op = 255;
  tag.plan = 0x89ABCDEF;
  return tag;
}

/// Ranks that are connected, and what each has heard.
class Waits : public testing::Test {
 protected:
  void connect(int n_ranks) {
    ranks.emplace(n_ranks);
    ranks->start_all();
    ASSERT_TRUE(ranks->connect());
    heard.assign(static_cast<std::size_t>(n_ranks), {});
    frames_before = frames();
  }
  void say(Rank rank, std::uint64_t operation, Rank root) {
    ranks->at(rank).plane->say_waiting(operation, call_with_root(root));
  }
  std::uint64_t frames() {
    std::uint64_t sum = 0;
    for (const auto& rank : ranks->ranks) sum += static_cast<TreeControlPlane&>(*rank.plane).frames_sent();
    return sum;
  }
  std::uint64_t frames_since() { return frames() - frames_before; }
  void listen() {
    for (std::size_t rank = 0; rank < heard.size(); ++rank) {
      for (const Waiting& said : ranks->ranks[rank].plane->take_waiting()) heard[rank].push_back(said);
    }
  }
  bool until(const std::function<bool()>& done) {
    return ranks->until([&] { return listen(), done(); });
  }
  /// Until nothing is on its way any more.
  void until_quiet() {
    std::uint64_t seen = ~std::uint64_t{0};
    while (std::exchange(seen, frames()) != frames())
      ranks->until([&] { return listen(), false; }, 50 * millisecond_ns);
  }
  bool each_heard(std::size_t least) {
    return std::all_of(heard.begin(), heard.end(), [&](const auto& words) { return words.size() >= least; });
  }

  std::optional<Ranks> ranks;
  std::vector<std::vector<Waiting>> heard;
  std::uint64_t frames_before = 0;
};

TEST_F(Waits, OneRanksWord_ReachesEveryOtherOnceAndWhole) {
  connect(13);
  const std::uint64_t operation = 0x123456789ABCDEF0;
  say(11, operation, 5);
  ASSERT_TRUE(until([&] { return frames_since() == 12 && heard[12].size() + heard[0].size() == 2; }));
  until_quiet();
  EXPECT_EQ(frames_since(), 12U);
  for (Rank rank = 0; rank < 13; ++rank) {
    const auto& words = heard[static_cast<std::size_t>(rank)];
    ASSERT_EQ(words.size(), rank == 11 ? 0U : 1U) << rank;
    if (rank == 11) continue;
    EXPECT_EQ(words[0].rank, 11);
    EXPECT_EQ(words[0].operation, operation);
    EXPECT_EQ(words[0].tag, call_with_root(5, operation));
  }
}

TEST_F(Waits, AllWaitInTheSameCall_EachLinkCarriesItAtMostOnceEachWay) {
  connect(64);
  for (Rank rank = 0; rank < 64; ++rank) say(rank, 7, 0);
  until_quiet();
  EXPECT_GT(frames_since(), 0U);
  EXPECT_LE(frames_since(), 2U * 63);
  for (Rank rank = 0; rank < 64; ++rank) say(rank, 7, 0);  // again: nothing new
  until_quiet();
  EXPECT_LE(frames_since(), 2U * 63);
}

TEST_F(Waits, EveryRankWaitsInAnotherCall_AllHearOfOneThatIsNotTheirsAndTwoGoRound) {
  connect(64);
  for (Rank rank = 0; rank < 64; ++rank) say(rank, 7, rank);
  ASSERT_TRUE(until([&] { return each_heard(1); }));
  until_quiet();
  EXPECT_LE(frames_since(), WaitingNews::kCalls * 2U * 63);
  for (Rank rank = 0; rank < 64; ++rank) {
    for (const Waiting& said : heard[static_cast<std::size_t>(rank)]) EXPECT_NE(said.tag.root, rank);
  }
}

TEST_F(Waits, OneRankInAnotherCall_EveryRankHearsOfIt) {
  for (const Rank other : {0, 5, 31, 63}) {
    connect(64);
    for (Rank rank = 0; rank < 64; ++rank) say(rank, 7, rank == other ? 1 : 0);
    const auto heard_it = [&](Rank rank) {
      return std::ranges::any_of(heard[static_cast<std::size_t>(rank)],
                                 [&](const Waiting& said) { return said.tag.root == (rank == other ? 0 : 1); });
    };
    ASSERT_TRUE(until([&] {
      for (Rank rank = 0; rank < 64; ++rank) {
        if (!heard_it(rank)) return false;
      }
      return true;
    })) << other;
    until_quiet();
    EXPECT_LE(frames_since(), 2U * 2U * 63);
  }
}

TEST_F(Waits, AfterAFault_NothingIsSaid) {
  connect(3);
  ErrorInfo fault;
  fault.text = "over";
  ranks->at(0).plane->report(fault);
  ASSERT_TRUE(until([&] { return ranks->all([](const auto& rank) { return rank.plane->fault() != nullptr; }); }));
  until_quiet();
  frames_before = frames();
  say(1, 0, 0);
  until_quiet();
  EXPECT_EQ(frames_since(), 0U);
}

TEST(WaitingNews, BeyondWhatItHolds_ForgetsTheOldest) {
  WaitingNews news;
  for (std::uint64_t operation = 0; operation < WaitingNews::kOperations; ++operation) {
    EXPECT_TRUE(news.add({0, operation, call_with_root(0)}));
    EXPECT_FALSE(news.add({1, operation, call_with_root(0)}));
    EXPECT_TRUE(news.add({2, operation, call_with_root(1)}));
    EXPECT_FALSE(news.add({3, operation, call_with_root(2)})) << "two are enough";
  }
  EXPECT_TRUE(news.add({0, WaitingNews::kOperations, call_with_root(0)}));
  EXPECT_FALSE(news.add({0, 1, call_with_root(0)}));
  EXPECT_TRUE(news.add({0, 0, call_with_root(0)})) << "forgotten";
}

}  // namespace
}  // namespace stretto
