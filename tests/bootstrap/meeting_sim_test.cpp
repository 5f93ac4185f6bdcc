// Ranks that meet on a host, in the simulator: in any order, with partial reads and writes, with strangers, and with a
// rank that crashes inside any of its system calls. A failure prints its seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>

#include "bootstrap/meeting.hpp"
#include "sim/sim_scheduler.hpp"

namespace stretto::sim {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

struct SimRank {
  int process = -1;
  std::optional<ErrorInfo> refusal;
  std::unique_ptr<MeetingHost> host;
  std::unique_ptr<MeetingGuest> guest;
  bool ready = false;
  bool crashed = false;
  bool absent = false;
  std::optional<ErrorInfo> error;
  strettoUniqueId id{};
  bool over() const { return ready || crashed || absent || error.has_value(); }
};

class MeetingWorld {
 public:
  explicit MeetingWorld(std::uint64_t seed) : world_(seed), scheduler_(world_), ranks(2 + world_.below(6)) {
    for (SimRank& rank : ranks) rank.process = world_.add_process(0);
    world_.system(0).fill_random(std::as_writable_bytes(std::span(id.internal)));
  }

  void crash_after_calls(int rank, std::int64_t n_calls) {
    world_.crash_after_calls(ranks[static_cast<std::size_t>(rank)].process, n_calls);
  }
  std::uint64_t below(std::uint64_t limit) { return world_.below(limit); }
  /// What a rank is called: in a reunion, of those with odd numbers, the first is not 0.
  Rank number(std::size_t index) const { return static_cast<Rank>(reunion_ ? 2 * index + 1 : index); }

  /// Connects while the ranks come, says something that is no card, and stays.
  void add_stranger() {
    const int process = world_.add_process(0);
    scheduler_.add({process,
                    [this, process] {
                      System& system = world_.system(process);
                      if (strangers_.size() < 3) strangers_.push_back(system.connect_local("meeting"));
                      const std::byte noise[64] = {};
                      for (Handle& stranger : strangers_) system.send(stranger.id(), noise);
                      return false;
                    },
                    [this] { return world_.now_ns() + 1'000'000; }, [] {}});
  }

  bool run() {
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      SimRank& rank = ranks[i];
      const std::int64_t start_ns = world_.now_ns() + static_cast<std::int64_t>(world_.below(30'000'000));
      scheduler_.add({rank.process, [this, i, start_ns] { return step(i, start_ns); },
                      [this] { return world_.now_ns() + 100'000; },
                      [&rank] {
                        rank.crashed = true;
                        rank.host.reset();
                        rank.guest.reset();
                      }});
    }
    const bool in_time = scheduler_.run([&] { return std::ranges::all_of(ranks, &SimRank::over); }, 4 * kSecondNs);
    strangers_.clear();
    return in_time;
  }

  void expect_nothing_left() {
    for (SimRank& rank : ranks) {
      rank.host.reset();
      rank.guest.reset();
      EXPECT_EQ(world_.open_handles(rank.process), 0);
    }
  }

 private:
  void make_reunion(MeetingPlace& place, std::size_t index) const {
    place.topic = "shrink";
    place.advice = "Look at them";
    place.digest = 77;
    place.digest_by = "exclude";
    place.rank = number(index);
    for (std::size_t i = 0; i < ranks.size(); ++i) place.members.push_back(number(i));
  }

  bool step(std::size_t index, std::int64_t start_ns) {
    SimRank& rank = ranks[index];
    if (world_.now_ns() < start_ns || rank.absent || rank.crashed) return false;
    System& system = world_.system(rank.process);
    try {
      if (!rank.host && !rank.guest && !rank.over()) {
        MeetingPlace place{"meeting",
                           "the ranks",
                           "RANK",
                           "SIZE",
                           static_cast<Rank>(index),
                           static_cast<int>(ranks.size()),
                           world_.now_ns() + kSecondNs};
        if (reunion_) make_reunion(place, index);
        if (index == 0) {
          rank.host = std::make_unique<MeetingHost>(system, place, id, rank.refusal);
        } else {
          rank.guest = std::make_unique<MeetingGuest>(system, place, rank.refusal);
        }
      }
      if (rank.host) return host(rank);
      if (rank.guest && rank.guest->poll()) {
        rank.ready = true;
        rank.id = rank.guest->id();
        rank.guest.reset();
        return true;
      }
    } catch (const Error& error) {
      rank.error = error.info();
      rank.guest.reset();
      return true;
    }
    return false;
  }

  /// It stays when it has decided, until all have been told.
  bool host(SimRank& rank) {
    const bool done = rank.host->poll();
    if (rank.host->decided() && !rank.over()) {
      if (rank.host->failure() != nullptr) {
        rank.error = *rank.host->failure();
      } else {
        rank.ready = true;
        rank.id = id;
      }
    }
    if (done) rank.host.reset();
    return done;
  }

  SimWorld world_;
  bool reunion_ = world_.below(2) == 0;
  SimScheduler scheduler_;
  std::vector<Handle> strangers_;

 public:
  std::vector<SimRank> ranks;
  strettoUniqueId id{};
};

void for_each_seed(int otherwise, const std::function<void(MeetingWorld&)>& body) {
  const int n_seeds = seeds_to_run(otherwise);
  for (int seed = 1; seed <= n_seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    MeetingWorld world(static_cast<std::uint64_t>(seed));
    body(world);
    world.expect_nothing_left();
  }
}

TEST(MeetingSimulated, RanksInAnyOrderAmongStrangers_AllGetTheId) {
  for_each_seed(200, [](MeetingWorld& world) {
    if (world.below(2) == 0) world.add_stranger();
    ASSERT_TRUE(world.run());
    for (const SimRank& rank : world.ranks) {
      ASSERT_TRUE(rank.ready) << (rank.error ? rank.error->text : "");
      ASSERT_EQ(std::memcmp(&rank.id, &world.id, sizeof world.id), 0);
    }
  });
}

TEST(MeetingSimulated, RankThatDoesNotCome_IsNamedToAll) {
  for_each_seed(100, [](MeetingWorld& world) {
    const std::size_t absent = 1 + world.below(world.ranks.size() - 1);
    world.ranks[absent].absent = true;
    ASSERT_TRUE(world.run());
    for (const SimRank& rank : world.ranks) {
      if (rank.absent) continue;
      ASSERT_TRUE(rank.error.has_value());
      ASSERT_EQ(rank.error->code, strettoTimeout) << rank.error->text;
      ASSERT_EQ(rank.error->peer, world.number(absent)) << rank.error->text;
    }
  });
}

TEST(MeetingSimulated, RankThatCannotTakePart_IsHeardOfByAll) {
  for_each_seed(100, [](MeetingWorld& world) {
    const std::size_t unfit = world.below(world.ranks.size());
    ErrorInfo why;
    why.code = strettoInvalidArgument;
    why.field = "algorithm";
    why.text = "no such thing";
    world.ranks[unfit].refusal = why;
    ASSERT_TRUE(world.run());
    for (const SimRank& rank : world.ranks) {
      ASSERT_TRUE(rank.error.has_value());
      ASSERT_EQ(rank.error->code, strettoRemoteError) << rank.error->text;
      ASSERT_EQ(rank.error->peer, world.number(unfit)) << rank.error->text;
      ASSERT_EQ(rank.error->field, "algorithm");
      ASSERT_NE(rank.error->text.find("no such thing"), std::string::npos) << rank.error->text;
    }
  });
}

// Whoever crashes: the others have the id, or an error that names it, or (its word being what told them) rank 0.
TEST(MeetingSimulated, CrashAnywhere_LeavesNobodyWaiting) {
  int n_errors = 0;
  int n_ready = 0;
  for_each_seed(300, [&](MeetingWorld& world) {
    const std::size_t victim = world.below(world.ranks.size());
    world.crash_after_calls(static_cast<int>(victim), static_cast<std::int64_t>(world.below(40)));
    ASSERT_TRUE(world.run());
    for (const SimRank& rank : world.ranks) {
      n_ready += rank.ready ? 1 : 0;
      if (!rank.error) continue;
      ++n_errors;
      ASSERT_TRUE(rank.error->peer == world.number(victim) || rank.error->peer == world.number(0)) << rank.error->text;
    }
  });
  EXPECT_GT(n_errors, 0);
  EXPECT_GT(n_ready, 0);
}

TEST(MeetingCards, RefusalWithNumbersThatMeanNothing_IsAnErrorOfAnotherRank) {
  MeetingCard card;
  card.n_ranks = 3;
  card.code = 99;
  card.peer = 3;
  std::memset(card.text, 'x', sizeof card.text);  // without an end
  const ErrorInfo info = refusal_of(card);
  EXPECT_EQ(info.code, strettoRemoteError);
  EXPECT_EQ(info.peer, -1);
  EXPECT_EQ(info.text.size(), sizeof card.text);
}

}  // namespace
}  // namespace stretto::sim
