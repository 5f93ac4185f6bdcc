// Conformance: ranks that are threads or processes, at full speed with random delays. Under ThreadSanitizer the threads
// are the proof of the memory ordering: it needs no unlucky timing to see a missing happens-before.
#include <sched.h>
#include <signal.h>

#include <atomic>
#include <random>
#include <thread>

#include "conformance.hpp"
#include "process_team.hpp"

namespace stretto {
namespace {

struct Storm {
  std::uint64_t seed;
  std::uint64_t messages;
  std::size_t slot_bytes;
  int channels;
};

/// Mostly tiny, sometimes a full slot; the same on both sides of a message.
std::size_t storm_bytes(const Storm& storm, std::uint64_t message_seed) {
  const std::uint64_t draw = message_tag(message_seed).count;
  return draw % 4 == 0 ? draw / 4 % (storm.slot_bytes + 1) : draw / 4 % 80;
}

/// Sends on all channels to the peer and receives on all from it, in a random order with random pauses. Returns false
/// when nothing moved for too long.
bool run_storm(Transport& transport, Rank rank, Rank peer, const Storm& storm) {
  std::mt19937_64 random(storm.seed * 2 + static_cast<std::uint64_t>(rank));
  struct Lane {
    MessageSender sender;
    ReceivePort& receiver;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
  };
  std::vector<Lane> lanes;
  for (int channel = 0; channel < storm.channels; ++channel)
    lanes.push_back({MessageSender(transport.send_port(peer, channel)), transport.receive_port(peer, channel)});
  const auto message_seed = [&](Rank from, std::uint64_t lane, std::uint64_t number) {
    return ((storm.seed * 8 + static_cast<std::uint64_t>(from)) * 8 + lane) << 32 | number;
  };
  std::uint64_t remaining = 2 * storm.messages * lanes.size();
  return wait_for([&] {
    for (int burst = 0; burst < 200 && remaining > 0; ++burst) {
      const std::uint64_t index = random() % lanes.size();
      Lane& lane = lanes[index];
      const Way way = random() % 2 == 0 ? Way::copy : Way::in_place;
      if (random() % 2 == 0 && lane.sent < storm.messages) {
        const std::uint64_t seed = message_seed(rank, index, lane.sent);
        if (lane.sender.try_send(seed, storm_bytes(storm, seed), way)) ++lane.sent, --remaining;
      } else if (lane.received < storm.messages) {
        const std::uint64_t seed = message_seed(peer, index, lane.received);
        if (try_expect(lane.receiver, seed, storm_bytes(storm, seed), way)) ++lane.received, --remaining;
      }
      transport.progress();
      if (random() % 512 == 0) sched_yield();
      for (std::uint64_t pause = random() % 64 == 0 ? random() % 2000 : 0; pause > 0; --pause)
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    return remaining == 0;
  });
}

TEST_P(TransportConformance, TwoThreadsAtFullSpeed_LoseNothing) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    const Storm storm{seed, 1500, 2048, 2};
    TeamConfig config;
    config.channels = storm.channels;
    config.slot_bytes = storm.slot_bytes;
    config.slots = 1U << seed;
    Team team(GetParam(), config);
    team.set_up();
    bool passed[2] = {false, false};
    std::thread other([&] { passed[1] = run_storm(team.at(1), 1, 0, storm); });
    passed[0] = run_storm(team.at(0), 0, 1, storm);
    other.join();
    EXPECT_TRUE(passed[0] && passed[1]);
  }
}

TEST_P(TransportConformance, RanksAsThreads_SetThemselvesUp) {
  constexpr int kRanks = 4;
  TeamConfig config;
  config.n_ranks = kRanks;
  Team team(GetParam(), config);
  team.describe();
  std::vector<std::thread> threads;
  std::atomic<int> passed{0};
  std::atomic<int> ready{0};
  for (Rank rank = 0; rank < kRanks; ++rank) {
    threads.emplace_back([&, rank] {
      team.start(rank);
      if (!wait_for([&] { return team.poll(rank); })) return;
      ++ready;
      if (!wait_for([&] { return ready == kRanks; })) return;
      team.at(rank).finish_setup();
      // Around the ring, each rank at its own pace.
      MessageSender sender(team.at(rank).send_port((rank + 1) % kRanks, 0));
      const Rank left = (rank + kRanks - 1) % kRanks;
      ReceivePort& receiver = team.at(rank).receive_port(left, 0);
      for (std::uint64_t number = 0; number < 200; ++number) {
        const auto seed_of = [&](Rank from) { return static_cast<std::uint64_t>(from) << 32 | number; };
        const auto make_progress = [&] { team.at(rank).progress(); };
        if (!wait_for([&] { return make_progress(), sender.try_send(seed_of(rank), number % 90, Way::copy); })) return;
        if (!wait_for([&] { return make_progress(), try_expect(receiver, seed_of(left), number % 90, Way::copy); }))
          return;
      }
      ++passed;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(passed, kRanks);
}

TEST_P(TransportConformance, RanksAsProcesses_LoseNothing) {
  for (const int n_ranks : {2, 4}) {
    TeamConfig config;
    config.n_ranks = n_ranks;
    config.channels = 2;
    const Storm storm{11, n_ranks == 2 ? 3000U : 500U, config.slot_bytes, config.channels};
    const std::vector<int> results = run_processes(GetParam(), config, [&](Transport& transport, Rank rank) {
      // Pairs of neighbours: 0 with 1, 2 with 3.
      return run_storm(transport, rank, rank ^ 1, storm) && !testing::Test::HasFailure();
    });
    EXPECT_EQ(results, std::vector<int>(static_cast<std::size_t>(n_ranks), 0));
  }
}

TEST_P(TransportConformance, KilledProcess_LeavesOthersTheirMemory) {
  TeamConfig config;
  const std::vector<int> results = run_processes(GetParam(), config, [&](Transport& transport, Rank rank) {
    if (rank == 0) {
      MessageSender sender(transport.send_port(1, 0));
      if (!wait_for([&] { return transport.progress(), sender.try_send(7, 3000, Way::copy); })) return false;
      ReceivePort& port = transport.receive_port(1, 0);
      if (!wait_for([&] { return transport.progress(), port.try_wait(); })) return false;
      raise(SIGKILL);
    }
    ReceivePort& port = transport.receive_port(0, 0);
    if (!wait_for([&] { return transport.progress(), try_expect(port, 7, 3000, Way::copy); })) return false;
    MessageSender sender(transport.send_port(0, 0));
    if (!wait_for([&] { return transport.progress(), sender.try_send(8, 8, Way::copy); })) return false;
    // Whether rank 0 lives or is gone, sending ends when the slots are used up, and nothing faults.
    std::uint64_t sent = 1;
    for (int i = 0; i < 1000; ++i) {
      transport.progress();
      sent += sender.try_send(9, 4096, Way::copy) ? 1 : 0;
    }
    return sent >= 2 && !testing::Test::HasFailure();
  });
  EXPECT_EQ(results, (std::vector<int>{SIGKILL, 0}));
}

}  // namespace
}  // namespace stretto
