// Set-up of shared memory in the simulator: ranks polled in random order, partial reads and writes, and ranks that
// crash inside any of their system calls. A failure prints its seed.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>

#include "conformance.hpp"
#include "sim/sim_scheduler.hpp"
#include "transports/shm/shm_transport.hpp"

namespace stretto::sim {
namespace {

constexpr std::int64_t kSetupTimeout_ns = 1'000'000'000;

struct SimRank {
  int process = -1;
  std::unique_ptr<Transport> transport;
  bool started = false;
  bool ready = false;
  bool crashed = false;
  std::optional<ErrorInfo> error;
  bool over() const { return ready || crashed || error.has_value(); }
};

class ShmWorld {
 public:
  explicit ShmWorld(std::uint64_t seed) : world_(seed), scheduler_(world_), ranks_(2 + world_.below(6)) {
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      ranks_[i].process = world_.add_process(0);
      TeamConfig config;
      config.n_ranks = static_cast<int>(ranks_.size());
      config.slot_bytes = 256;
      config.timeout_ns = kSetupTimeout_ns;
      System& system = world_.system(ranks_[i].process);
      const TransportConfig transport = transport_config(system, config, static_cast<Rank>(i), key_);
      ranks_[i].transport = make_shm_transport(system, transport, 0U - 8U);
      blobs_.push_back(ranks_[i].transport->describe());
    }
  }

  void crash_one_somewhere() {
    victim_ = static_cast<int>(world_.below(ranks_.size()));
    world_.crash_after_calls(process(victim_), static_cast<std::int64_t>(world_.below(25)));
  }

  bool run() {
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      SimRank& rank = ranks_[i];
      const std::int64_t start_ns = world_.now_ns() + static_cast<std::int64_t>(world_.below(3'000'000));
      scheduler_.add({rank.process, [this, i, start_ns] { return step(i, start_ns); },
                      [this] { return world_.now_ns() + 100'000; },
                      [&rank] {
                        rank.crashed = true;
                        rank.transport.reset();
                      }});
    }
    return scheduler_.run(
        [this] { return std::all_of(ranks_.begin(), ranks_.end(), [](const SimRank& rank) { return rank.over(); }); },
        2 * kSetupTimeout_ns);
  }

  std::vector<SimRank>& ranks() { return ranks_; }
  int victim() const { return victim_; }

  /// A message from everyone to everyone.
  void exchange() {
    for (auto& rank : ranks_) rank.transport->finish_setup();
    const auto n_ranks = static_cast<int>(ranks_.size());
    for (Rank from = 0; from < n_ranks; ++from) {
      for (const Rank to : peers_of(n_ranks, from)) {
        const auto seed = static_cast<std::uint64_t>(from * n_ranks + to);
        ASSERT_TRUE(MessageSender(at(from).send_port(to, 0)).try_send(seed, 100, Way::copy));
        ASSERT_TRUE(try_expect(at(to).receive_port(from, 0), seed, 100, Way::in_place));
      }
    }
  }

  void expect_nothing_left() {
    for (auto& rank : ranks_) rank.transport.reset();
    for (auto& rank : ranks_) {
      EXPECT_EQ(world_.open_handles(rank.process), 0);
      EXPECT_EQ(world_.open_mappings(rank.process), 0);
    }
  }

 private:
  int process(int rank) const { return ranks_[static_cast<std::size_t>(rank)].process; }
  Transport& at(Rank rank) { return *ranks_[static_cast<std::size_t>(rank)].transport; }

  bool step(std::size_t index, std::int64_t start_ns) {
    SimRank& rank = ranks_[index];
    if (rank.over() || world_.now_ns() < start_ns) return false;
    try {
      if (!rank.started)
        rank.transport->start(blobs_, peers_of(static_cast<int>(ranks_.size()), static_cast<Rank>(index)));
      rank.started = true;
      rank.ready = rank.transport->poll_setup();
    } catch (const Error& error) {
      rank.error = error.info();
      rank.transport.reset();  // as its communicator does when it gives up
      return true;
    }
    return rank.ready;
  }

  SimWorld world_;
  SimScheduler scheduler_;
  std::vector<std::byte> key_ = test_key();
  std::vector<SimRank> ranks_;
  std::vector<std::vector<std::byte>> blobs_;
  int victim_ = -1;
};

TEST(ShmSimulated, AnyOrderAndPartialTransfers_SetUpAll) {
  const int n_seeds = seeds_to_run(100);
  for (int seed = 1; seed <= n_seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    ShmWorld world(static_cast<std::uint64_t>(seed));
    ASSERT_TRUE(world.run());
    for (const SimRank& rank : world.ranks()) ASSERT_TRUE(rank.ready) << (rank.error ? rank.error->text : "");
    world.exchange();
    world.expect_nothing_left();
  }
}

TEST(ShmSimulated, CrashAnywhere_IsBlamedOnTheDead) {
  const int n_seeds = seeds_to_run(200);
  int n_crashes = 0;
  int n_errors = 0;
  for (int seed = 1; seed <= n_seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    ShmWorld world(static_cast<std::uint64_t>(seed));
    world.crash_one_somewhere();
    ASSERT_TRUE(world.run());
    // The victim, or the leader that gave up because of the victim.
    const std::set<Rank> suspects{world.victim(), 0};
    for (const SimRank& rank : world.ranks()) {
      n_crashes += rank.crashed ? 1 : 0;
      if (!rank.error) continue;
      ++n_errors;
      EXPECT_TRUE(suspects.count(rank.error->peer) > 0) << rank.error->text;
      EXPECT_TRUE(rank.error->code == strettoRemoteError || rank.error->code == strettoTimeout) << rank.error->text;
    }
    world.expect_nothing_left();
  }
  EXPECT_GT(n_crashes, n_seeds / 4);
  EXPECT_GT(n_errors, n_seeds / 4);
}

}  // namespace
}  // namespace stretto::sim
