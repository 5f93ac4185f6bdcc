// Conformance: set-up that goes well, late or wrong, in one thread that polls all ranks.
#include "conformance.hpp"

namespace stretto {
namespace {

std::string name_of(const testing::TestParamInfo<TransportFactory>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Transports, TransportConformance, testing::ValuesIn(transport_factories()), name_of);

TEST_P(TransportConformance, OneRank_HasNothingToDo) {
  TeamConfig config;
  config.n_ranks = 1;
  Team team(GetParam(), config);
  team.set_up();
  team.progress();
}

TEST_P(TransportConformance, RanksThatStartLate_AreWaitedFor) {
  constexpr int kRanks = 5;
  for (Rank late = 0; late < kRanks; ++late) {
    TeamConfig config;
    config.n_ranks = kRanks;
    Team team(GetParam(), config);
    team.describe();
    const std::vector<Rank> others = peers_of(kRanks, late);
    for (const Rank rank : others) team.start(rank);
    for (int i = 0; i < 50; ++i) {
      bool all_ready = true;
      for (const Rank rank : others) all_ready = team.poll(rank) && all_ready;
      ASSERT_FALSE(all_ready) << "without rank " << late;
    }
    team.start(late);
    for (Rank rank = 0; rank < kRanks; ++rank) {
      ASSERT_TRUE(wait_for([&] {
        for (Rank other = 0; other < kRanks; ++other) team.poll(other);
        return team.poll(rank);
      }));
    }
  }
}

TEST_P(TransportConformance, RankThatNeverComes_IsNamedAtTheDeadline) {
  constexpr int kRanks = 3;
  for (Rank absent = 0; absent < kRanks; ++absent) {
    TeamConfig config;
    config.n_ranks = kRanks;
    config.timeout_ns = 50'000'000;
    Team team(GetParam(), config);
    team.describe();
    const std::vector<Rank> others = peers_of(kRanks, absent);
    for (const Rank rank : others) team.start(rank);
    int n_errors = 0;
    std::vector<bool> over(kRanks);
    ASSERT_TRUE(wait_for([&] {
      bool all_over = true;
      for (const Rank rank : others) {
        const auto index = static_cast<std::size_t>(rank);
        try {
          over[index] = over[index] || team.poll(rank);
        } catch (const Error& error) {
          over[index] = true;
          ++n_errors;
          EXPECT_EQ(error.info().code, strettoTimeout) << error.what();
          EXPECT_EQ(error.info().peer, absent) << error.what();
          EXPECT_EQ(error.info().rank, rank);
        }
        all_over = all_over && over[index];
      }
      return all_over;
    }));
    EXPECT_GE(n_errors, 1);
  }
}

TEST_P(TransportConformance, WrongKey_IsRefusedOnBothSides) {
  for (Rank wrong = 0; wrong < 2; ++wrong) {
    TeamConfig config;
    config.timeout_ns = 100'000'000;
    Team team(GetParam(), config);
    team.replace_key(wrong, std::vector<std::byte>(32, std::byte{0x11}));
    team.describe();
    for (Rank rank = 0; rank < 2; ++rank) team.start(rank);
    bool refused[2] = {false, false};
    ASSERT_TRUE(wait_for([&] {
      for (Rank rank = 0; rank < 2; ++rank) {
        if (refused[rank]) continue;
        try {
          EXPECT_FALSE(team.poll(rank));
        } catch (const Error& error) {
          refused[rank] = true;
          EXPECT_EQ(error.info().peer, 1 - rank) << error.what();
        }
      }
      return refused[0] && refused[1];
    }));
  }
}

TEST_P(TransportConformance, TransportsThatNeverStartOrFinish_LeaveNothing) {
  TeamConfig config;
  config.n_ranks = 4;
  {
    Team described(GetParam(), config);
    described.describe();
  }
  Team half_way(GetParam(), config);
  half_way.describe();
  for (Rank rank = 0; rank < 3; ++rank) half_way.start(rank);
  for (int i = 0; i < 20; ++i) {
    for (Rank rank = 0; rank < 3; ++rank) half_way.poll(rank);
  }
}

TEST_P(TransportConformance, RankThatGoes_LeavesItsLastMessagesReadable) {
  Team team(GetParam(), {});
  team.set_up();
  MessageSender sender(team.at(0).send_port(1, 0));
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    ASSERT_TRUE(team.wait_until([&] { return sender.try_send(seed, 1000, Way::copy); }));
  }
  ASSERT_TRUE(team.wait_until([&] { return team.at(0).send_port(1, 0).drained(); }));
  team.remove(0);
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    ASSERT_TRUE(wait_for([&] { return try_expect(team.at(1).receive_port(0, 0), seed, 1000, Way::copy); }));
  }
}

}  // namespace
}  // namespace stretto
