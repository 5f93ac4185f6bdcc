// Descriptors of memory that ranks of several processes give each other, whatever the order in which they come.
#include "transports/cuda_ipc/descriptor_exchange.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <thread>

namespace stretto {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kBytes = 4096;
constexpr std::chrono::seconds kLimit{10};

/// Says in its first bytes whose it is.
Handle memory_of(Rank rank) {
  Handle memory = posix_system().create_memory(kBytes, "test");
  const Mapping mapping = posix_system().map_memory(memory.id(), kBytes);
  std::memcpy(mapping.data(), &rank, sizeof rank);
  return memory;
}

Rank owner_of(const Handle& memory) {
  const Mapping mapping = posix_system().map_memory(memory.id(), kBytes);
  Rank rank = -1;
  std::memcpy(&rank, mapping.data(), sizeof rank);
  return rank;
}

class Ranks {
 public:
  explicit Ranks(int n) {
    for (Rank rank = 0; rank < n; ++rank) {
      all_.push_back(std::make_unique<DescriptorExchange>(posix_system(), rank));
    }
  }
  int n() const { return static_cast<int>(all_.size()); }
  DescriptorExchange& operator[](Rank rank) { return *all_[static_cast<std::size_t>(rank)]; }
  /// `timeout_ns`: from now.
  void start(Rank rank, std::int64_t timeout_ns = std::chrono::nanoseconds(kLimit).count()) {
    std::vector<DescriptorExchange::Peer> peers;
    for (Rank peer = 0; peer < n(); ++peer) {
      if (peer != rank) peers.push_back({peer, all_[static_cast<std::size_t>(peer)]->name()});
    }
    all_[static_cast<std::size_t>(rank)]->start(std::move(peers), memory_of(rank),
                                                posix_system().now_ns() + timeout_ns);
  }
  void expect_all(Rank rank) {
    const auto got = (*this)[rank].take();
    EXPECT_EQ(got.size(), all_.size() - 1);
    for (const auto& [peer, memory] : got) {
      EXPECT_NE(peer, rank);
      EXPECT_EQ(owner_of(memory), peer);
    }
  }

 private:
  std::vector<std::unique_ptr<DescriptorExchange>> all_;
};

TEST(DescriptorExchange, RanksThatComeInAnyOrder_HaveEachOthers) {
  std::mt19937 random(20261127);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same orders in each run
  for (const int n : {2, 3, 8, 40}) {
    Ranks ranks(n);
    std::vector<Rank> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::shuffle(order, random);
    std::vector<Rank> waiting;
    for (const Rank rank : order) {
      ranks.start(rank);
      waiting.push_back(rank);
      for (const Rank each : waiting) {
        const bool done = ranks[each].poll();
        EXPECT_FALSE(done && waiting.size() < order.size()) << "rank " << each << " has what nobody has sent yet";
      }
    }
    const auto limit = steady_clock::now() + kLimit;
    while (!waiting.empty() && steady_clock::now() < limit) {
      std::erase_if(waiting, [&](Rank each) { return ranks[each].poll(); });
    }
    ASSERT_TRUE(waiting.empty()) << "n=" << n;
    for (Rank rank = 0; rank < n; ++rank) ranks.expect_all(rank);
  }
}

TEST(DescriptorExchange, RankThatWaits_IsWokenByWhatComes) {
  Ranks ranks(2);
  ranks.start(0);
  EXPECT_FALSE(ranks[0].poll());
  std::thread other([&] {
    ranks.start(1);
    const auto limit = steady_clock::now() + kLimit;
    while (!ranks[1].poll() && steady_clock::now() < limit) std::this_thread::yield();
  });
  const std::unique_ptr<WaitSet> waits = posix_system().make_wait_set();
  const auto limit = steady_clock::now() + kLimit;
  bool done = false;
  for (int looks = 0; !done && looks < 100 && steady_clock::now() < limit; ++looks) {
    ranks[0].watch(*waits);
    waits->wait(std::chrono::nanoseconds(kLimit).count());
    done = ranks[0].poll();
  }
  other.join();
  ASSERT_TRUE(done);
  ranks.expect_all(0);
}

/// Who knows the name but is no peer: hung up on, and nobody is disturbed.
TEST(DescriptorExchange, Strangers_AreHungUpOn) {
  Ranks ranks(2);
  System& system = posix_system();
  const std::array<std::uint32_t, 2> hellos[] = {{0x53475055, 7}, {0x53475055, 0}, {1, 1}};
  std::vector<Handle> strangers;
  for (const auto& hello : hellos) {
    strangers.push_back(system.connect_local(ranks[0].name()));
    EXPECT_EQ(system.send(strangers.back().id(), std::as_bytes(std::span(hello))).status, IoStatus::ok);
    EXPECT_EQ(system.send_memory(strangers.back().id(), memory_of(9).id()).status, IoStatus::ok);
  }
  strangers.push_back(system.connect_local(ranks[0].name()));  // says nothing, and stays
  ranks.start(0);
  EXPECT_FALSE(ranks[0].poll());
  ranks.start(1);
  const auto limit = steady_clock::now() + kLimit;
  bool first = false;
  bool second = false;
  while (!(first && second) && steady_clock::now() < limit) {
    first = first || ranks[0].poll();
    second = second || ranks[1].poll();
  }
  ASSERT_TRUE(first && second);
  ranks.expect_all(0);
  ranks.expect_all(1);
}

TEST(DescriptorExchange, PeersThatDoNotComeInTime_AreNamed) {
  Ranks ranks(4);
  ranks.start(2);
  ranks.start(0, 0);
  try {
    ranks[0].poll();
    FAIL() << "two ranks have sent nothing";
  } catch (const Error& error) {
    EXPECT_EQ(error.info().code, strettoTimeout);
    EXPECT_EQ(error.info().peer, 1);
    EXPECT_NE(std::string_view(error.what()).find("have not come: 1, 2, 3"), std::string_view::npos) << error.what();
  }
}

TEST(DescriptorExchange, PeerThatHangsUpHalfway_IsNamed) {
  Ranks ranks(2);
  ranks.start(0);
  EXPECT_FALSE(ranks[0].poll());
  const std::array<std::uint32_t, 2> hello = {0x53475055, 1};
  {
    const Handle socket = posix_system().connect_local(ranks[0].name());
    EXPECT_EQ(posix_system().send(socket.id(), std::as_bytes(std::span(hello))).status, IoStatus::ok);
  }
  try {
    ranks[0].poll();
    FAIL() << "it has nothing of rank 1";
  } catch (const Error& error) {
    EXPECT_EQ(error.info().code, strettoRemoteError);
    EXPECT_EQ(error.info().peer, 1);
  }
}

TEST(DescriptorExchange, PeerThatIsGone_IsNamed) {
  auto gone = std::make_unique<DescriptorExchange>(posix_system(), 1);
  DescriptorExchange here(posix_system(), 0);
  const std::string name = gone->name();
  gone.reset();
  here.start({{1, name}}, memory_of(0), posix_system().now_ns() + std::chrono::nanoseconds(kLimit).count());
  try {
    here.poll();
    FAIL() << "it has sent to nobody";
  } catch (const Error& error) {
    EXPECT_EQ(error.info().code, strettoRemoteError);
    EXPECT_EQ(error.info().peer, 1);
  }
}

}  // namespace
}  // namespace stretto
