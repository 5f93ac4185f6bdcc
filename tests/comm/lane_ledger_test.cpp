// The agreement on lanes, with words that come at any time: each capture has the same lane on all ranks, no two that
// live share one, and lanes are used again.
#include "comm/lane_ledger.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

namespace stretto {
namespace {

constexpr LaneLedger::Limits kLimits{4, 16};

/// n ranks; words between any two of them stay in order, and no answer comes before what it answers: rank 0 passes on
/// what it hears, as the root of a tree would.
class Ranks {
 public:
  Ranks(int n, unsigned seed) : random_(seed), memory_(static_cast<std::size_t>(n), true) {
    for (Rank rank = 0; rank < n; ++rank) ledgers_.emplace_back(rank, n, kLimits);
    to_root_.resize(static_cast<std::size_t>(n));
    from_root_.resize(static_cast<std::size_t>(n));
  }
  LaneLedger& at(Rank rank) { return ledgers_[static_cast<std::size_t>(rank)]; }
  int n() const { return static_cast<int>(ledgers_.size()); }
  void take_memory_of(Rank rank) { memory_[static_cast<std::size_t>(rank)] = false; }
  int banks_made() const { return banks_made_; }

  /// Delivers one word, somewhere.
  void move() {
    now_ns_ += 1'000'000;
    for (Rank rank = 0; rank < n(); ++rank) flush(rank);
    const auto rank = static_cast<Rank>(random_() % static_cast<unsigned>(n()));
    auto& queue = random_() % 2 == 0 ? to_root_ : from_root_;
    auto& words = queue[static_cast<std::size_t>(rank)];
    if (words.empty()) return;
    const Said said = words.front();
    words.pop_front();
    const Rank to = &queue == &to_root_ ? 0 : rank;
    at(to).hear(said.from, said.word);
    if (to == 0) spread(said, rank);
    flush(to);
  }
  void settle() {
    for (int i = 0; i < 20'000; ++i) move();
  }

 private:
  struct Said {
    Rank from;
    std::vector<std::byte> word;
  };

  void spread(const Said& said, Rank except) {
    for (Rank rank = 1; rank < n(); ++rank) {
      if (rank != except) from_root_[static_cast<std::size_t>(rank)].push_back(said);
    }
  }
  void flush(Rank rank) {
    LaneLedger& ledger = at(rank);
    ledger.poll(now_ns_);
    if (ledger.bank_to_make()) {
      if (rank == 0) ++banks_made_;
      if (memory_[static_cast<std::size_t>(rank)]) {
        ledger.made(std::vector<std::byte>{static_cast<std::byte>(rank)});
      } else {
        ledger.made(std::nullopt);
      }
    }
    if (const auto descriptions = ledger.descriptions_to_open()) {
      for (std::size_t i = 0; i < descriptions->size(); ++i) {
        EXPECT_EQ((*descriptions)[i], std::vector<std::byte>{static_cast<std::byte>(i)});
      }
      ledger.opened(true);
    }
    for (std::vector<std::byte>& word : ledger.take_words()) {
      const Said said{rank, std::move(word)};
      if (rank == 0) {
        spread(said, -1);
      } else {
        to_root_[static_cast<std::size_t>(rank)].push_back(said);
      }
    }
  }

  std::mt19937 random_;
  std::vector<bool> memory_;
  std::vector<LaneLedger> ledgers_;
  std::vector<std::deque<Said>> to_root_;    ///< by rank
  std::vector<std::deque<Said>> from_root_;  ///< by rank
  std::int64_t now_ns_ = 1;
  int banks_made_ = 0;
};

TEST(LaneLedger, AnyOrderOfDeathsAndWords_NeverSharesALaneThatLives) {
  for (unsigned seed = 0; seed < 24; ++seed) {
    std::mt19937 random(seed);
    const int n = 1 + static_cast<int>(seed % 4);
    Ranks ranks(n, seed + 1000);
    constexpr std::uint64_t kCaptures = 60;
    std::vector<std::int32_t> lane_of(kCaptures, 0);
    std::vector<std::uint64_t> next(static_cast<std::size_t>(n), 0);
    std::vector<std::set<std::uint64_t>> alive(static_cast<std::size_t>(n));
    std::map<std::int32_t, std::multiset<std::uint64_t>> users;  // of a lane: captures, once for each rank
    for (int step = 0; step < 60'000; ++step) {
      ranks.move();
      const auto r = static_cast<std::size_t>(random() % static_cast<unsigned>(n));
      const auto rank = static_cast<Rank>(r);
      if (next[r] < kCaptures && alive[r].size() < 6) {
        const std::uint64_t number = next[r];
        const auto lane = ranks.at(rank).granted(number);
        if (!lane) {
          ranks.at(rank).want(number);
        } else {
          ASSERT_GT(*lane, 0) << "seed " << seed;
          if (lane_of[number] == 0) lane_of[number] = *lane;
          ASSERT_EQ(lane_of[number], *lane) << "seed " << seed << " capture " << number;
          for (const std::uint64_t other : users[*lane]) ASSERT_EQ(other, number) << "seed " << seed;
          users[*lane].insert(number);
          alive[r].insert(number);
          ++next[r];
        }
      }
      if (!alive[r].empty() && random() % 8 == 0) {
        const std::uint64_t number = *std::next(alive[r].begin(), static_cast<long>(random() % alive[r].size()));
        alive[r].erase(number);
        users[lane_of[number]].erase(users[lane_of[number]].find(number));
        ranks.at(rank).died(number);
      }
    }
    for (const std::uint64_t captures : next) EXPECT_EQ(captures, kCaptures) << "seed " << seed;
  }
}

TEST(LaneLedger, GraphsThatDieBeforeTheNextComes_NeedNoSecondBank) {
  Ranks ranks(3, 1);
  for (std::uint64_t number = 0; number < 40; ++number) {
    for (Rank rank = 0; rank < 3; ++rank) {
      ASSERT_TRUE(ranks.at(rank).granted(number)) << number;
      ranks.at(rank).died(number);
    }
    ranks.settle();
  }
  EXPECT_EQ(ranks.banks_made(), 0);
}

TEST(LaneLedger, MoreThanCanBe_AreRefusedOnAllRanksAlike) {
  Ranks ranks(3, 2);
  for (std::uint64_t number = 0; number < 18; ++number) {
    for (Rank rank = 0; rank < 3; ++rank) ranks.at(rank).want(number);
    ranks.settle();
    for (Rank rank = 0; rank < 3; ++rank) {
      const auto lane = ranks.at(rank).granted(number);
      ASSERT_TRUE(lane) << number;
      if (number < 16) {
        EXPECT_EQ(*lane, static_cast<std::int32_t>(number) + 1);
      } else {
        EXPECT_EQ(*lane, LaneLedger::too_many);
      }
    }
  }
  EXPECT_EQ(ranks.banks_made(), 3);
  for (Rank rank = 0; rank < 3; ++rank) ranks.at(rank).died(5);
  ranks.settle();
  EXPECT_EQ(ranks.at(2).granted(18), 6);
}

TEST(LaneLedger, RankWithoutMemory_RefusesForAllAndIsAskedAgain) {
  Ranks ranks(3, 3);
  ranks.take_memory_of(2);
  for (std::uint64_t number = 4; number < 6; ++number) {
    ranks.at(1).want(number);
    ranks.settle();
    for (Rank rank = 0; rank < 3; ++rank) {
      EXPECT_EQ(ranks.at(rank).granted(number), LaneLedger::no_memory);
      EXPECT_EQ(ranks.at(rank).has_failed(), true);
    }
    EXPECT_EQ(ranks.banks_made(), static_cast<int>(number) - 3);
  }
}

TEST(LaneLedger, WordsOfRank0_AreBelievedFromNobodyElse) {
  Ranks ranks(2, 4);
  LaneLedger other(0, 2, kLimits);
  for (std::uint64_t number = 0; number < 5; ++number) other.want(number);
  other.poll(1);
  const auto words = other.take_words();
  LaneLedger root(0, 2, kLimits);
  EXPECT_THROW(root.hear(1, words.back()), Error);
  EXPECT_THROW(root.hear(1, {}), Error);
}

}  // namespace
}  // namespace stretto
