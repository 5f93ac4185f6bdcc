// The simulator's own behaviour: what it promises to the tests that run over it.
#include "sim/sim_system.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "sim/sim_scheduler.hpp"

namespace stretto::sim {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

struct Pair {
  Handle listener, client, server;
};

Pair connect_pair(SimWorld& world, int a, int b) {
  Pair pair;
  Endpoint endpoint = world.address(b);
  pair.listener = world.system(b).listen_tcp(endpoint);
  pair.client = world.system(a).connect_tcp(endpoint);
  world.advance_to(world.now_ns() + second_ns);
  int os_error = 0;
  EXPECT_EQ(world.system(a).connect_status(pair.client.id(), os_error), ConnectStatus::connected);
  pair.server = world.system(b).accept(pair.listener.id());
  return pair;
}

SimConfig reliable() {
  SimConfig config;
  config.refuse_chance = 0;
  return config;
}

TEST(SimSystem, Bytes_ArriveInOrderAndCompleteWhateverTheSeed) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimWorld world(seed, reliable());
    const int a = world.add_process(0), b = world.add_process(1);
    Pair pair = connect_pair(world, a, b);
    std::vector<std::byte> sent(20'000), received;
    for (std::byte& byte : sent) byte = static_cast<std::byte>(world.random()());
    std::size_t n_sent = 0;
    for (int i = 0; i < 100'000 && received.size() < sent.size(); ++i) {
      n_sent += world.system(a).send(pair.client.id(), std::span(sent).subspan(n_sent)).bytes;
      std::vector<std::byte> block(1000);
      const IoResult result = world.system(b).receive(pair.server.id(), block);
      received.insert(received.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(result.bytes));
      world.advance_to(world.now_ns() + 10'000);
    }
    EXPECT_EQ(received, sent) << "seed " << seed;
  }
}

TEST(SimSystem, CrashedProcess_EndsItsConnectionsAndFreesItsHandles) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimWorld world(seed, reliable());
    const int a = world.add_process(0), b = world.add_process(1);
    Pair pair = connect_pair(world, a, b);
    world.crash(b);
    EXPECT_EQ(world.open_handles(b), 0);
    EXPECT_EQ(world.open_handles(a), 1);
    world.advance_to(world.now_ns() + second_ns);
    std::byte byte{};
    EXPECT_EQ(world.system(a).receive(pair.client.id(), {&byte, 1}).status, IoStatus::closed) << "seed " << seed;
    EXPECT_THROW(world.system(b).accept(pair.listener.id()), SimCrashed);
  }
}

TEST(SimSystem, CrashAfterCalls_HitsExactlyThatCall) {
  SimWorld world(1);
  const int a = world.add_process(0);
  world.crash_after_calls(a, 2);
  const Handle first = world.system(a).create_memory(1, "m");
  EXPECT_EQ(world.system(a).memory_bytes(first.id()), 1U);
  EXPECT_THROW(world.system(a).memory_bytes(first.id()), SimCrashed);
  EXPECT_TRUE(world.crashed(a));
}

TEST(SimSystem, NobodyListens_ConnectIsRefused) {
  SimWorld world(1);
  const int a = world.add_process(0);
  Endpoint nowhere = world.address(a);
  nowhere.port = 1;
  const Handle socket = world.system(a).connect_tcp(nowhere);
  int os_error = 0;
  EXPECT_EQ(world.system(a).connect_status(socket.id(), os_error), ConnectStatus::pending);
  world.advance_to(world.now_ns() + second_ns);
  EXPECT_EQ(world.system(a).connect_status(socket.id(), os_error), ConnectStatus::failed);
}

TEST(SimSystem, Partition_HoldsBytesUntilItIsHealed) {
  SimWorld world(3, reliable());
  const int a = world.add_process(0), b = world.add_process(1);
  Pair pair = connect_pair(world, a, b);
  world.partition(a);
  const std::byte out{7};
  EXPECT_EQ(world.system(a).send(pair.client.id(), {&out, 1}).bytes, 1U);
  world.advance_to(world.now_ns() + second_ns);
  std::byte in{};
  EXPECT_EQ(world.system(b).receive(pair.server.id(), {&in, 1}).status, IoStatus::would_block);
  world.heal(a);
  world.advance_to(world.now_ns() + second_ns);
  EXPECT_EQ(world.system(b).receive(pair.server.id(), {&in, 1}).status, IoStatus::ok);
  EXPECT_EQ(in, out);
}

TEST(SimSystem, Memory_PassesToAProcessOfTheSameHostAndOutlivesItsMaker) {
  SimWorld world(4);
  const int a = world.add_process(0), b = world.add_process(0), other_host = world.add_process(1);
  const Handle listener = world.system(b).listen_local("name");
  const Handle client = world.system(a).connect_local("name");
  const Handle server = world.system(b).accept(listener.id());
  ASSERT_TRUE(server);
  EXPECT_EQ(world.system(b).peer_credentials(server.id()).process, world.system(a).identity().process);
  const Handle memory = world.system(a).create_memory(4096, "m");
  Mapping mine = world.system(a).map_memory(memory.id(), 4096);
  mine.data()[5] = std::byte{9};
  ASSERT_EQ(world.system(a).send_memory(client.id(), memory.id()).status, IoStatus::ok);
  Handle received;
  ASSERT_EQ(world.system(b).receive_memory(server.id(), received).status, IoStatus::ok);
  const Mapping theirs = world.system(b).map_memory(received.id(), 4096);
  world.crash(a);
  mine.reset();
  EXPECT_EQ(theirs.data()[5], std::byte{9});
  EXPECT_EQ(world.open_mappings(b), 1);
  const Handle stranger = world.system(other_host).connect_local("name");
  int os_error = 0;
  EXPECT_EQ(world.system(other_host).connect_status(stranger.id(), os_error), ConnectStatus::failed);
}

TEST(SimSystem, HandleLimit_ThrowsAsTheRealSystemDoes) {
  SimWorld world(5);
  const int a = world.add_process(0);
  world.limit_handles(a, 1);
  const Handle first = world.system(a).create_memory(1, "m");
  EXPECT_THROW(world.system(a).create_memory(1, "m"), Error);
}

TEST(SimScheduler, TasksThatCanDoNothing_LetTheClockJumpToTheNextDeadline) {
  SimWorld world(6);
  SimScheduler scheduler(world);
  const int a = world.add_process(0);
  const std::int64_t deadline_ns = world.now_ns() + 3600 * second_ns;
  int n_steps = 0;
  scheduler.add({a, [&] { return ++n_steps < 0; }, [&] { return deadline_ns; }, nullptr});
  EXPECT_TRUE(scheduler.run([&] { return world.now_ns() >= deadline_ns; }, 7200 * second_ns));
  EXPECT_LT(n_steps, 100);
}

}  // namespace
}  // namespace stretto::sim
