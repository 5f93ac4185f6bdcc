// Sends and receives of device communicators that the two sides group in different ways: what ranks call in which order
// decides what comes where, and not which calls are in one group.
#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "device_ranks.hpp"

namespace stretto {
namespace {

/// Of rank -> `peer` or back, in calls.
struct Message {
  bool sends = false;
  int peer = 0;
  std::size_t count = 0;
};
/// What a rank calls: groups, one after another, of which those of one message are no groups.
using Calls = std::vector<std::vector<Message>>;

Message send(int peer, std::size_t count) { return {true, peer, count}; }
Message receive(int peer, std::size_t count) { return {false, peer, count}; }

std::size_t elements_of(const Calls& calls) {
  std::size_t total = 0;
  for (const auto& group : calls) {
    for (const Message& message : group) total += message.count;
  }
  return total;
}

/// The elements of the k-th message from one rank to another.
Buffer content(int from, int to, std::size_t k, std::size_t count) {
  Buffer values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = (((from * 16 + to) * 10'000LL) + static_cast<std::int64_t>(k)) * 1'000'000 + static_cast<int>(i);
  }
  return values;
}

class DevicePairs : public OnGpus {
 protected:
  /// Each rank makes its calls `rounds` times, by itself or in graphs, and gets what was sent to it.
  void run(const std::vector<Calls>& calls, bool is_captured) {
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.data_timeout_ms = 60'000;  // ranks that wait for each other fail before the test's own limit
    DeviceRanks ranks(*gpus_, static_cast<int>(calls.size()), config);
    ranks.run([&](int rank, strettoComm_t comm) {
      const Calls& mine = calls[static_cast<std::size_t>(rank)];
      const std::size_t total = elements_of(mine);
      DeviceBuffer memory(ranks.gpus(), ranks.device(rank), total);
      const Buffer before = layout(mine, rank, false);
      const Buffer after = layout(mine, rank, true);
      const auto stream = ranks.stream(rank);
      std::shared_ptr<test::TestGraph> graph;
      if (is_captured) {
        stream->begin_capture();
        make(mine, memory.get(), comm, *stream);
        graph = stream->end_capture();
      }
      for (int round = 0; round < 2; ++round) {
        memory.fill(before);
        if (graph) {
          stream->launch(graph);
        } else {
          make(mine, memory.get(), comm, *stream);
        }
        stream->synchronize();
        strettoResult_t result = strettoSuccess;
        EXPECT_EQ(strettoCommGetAsyncError(comm, &result), strettoSuccess);
        ASSERT_EQ(result, strettoSuccess) << "rank " << rank << ": " << strettoGetLastError(comm);
        ASSERT_TRUE(memory.read() == after) << "rank " << rank << " round " << round;
      }
    });
  }
  void run(const std::vector<Calls>& calls) {
    for (const bool is_captured : {false, true}) {
      SCOPED_TRACE(is_captured ? "captured" : "eager");
      run(calls, is_captured);
    }
  }

 private:
  /// Messages lie one behind another; those to be received are zeros before.
  static Buffer layout(const Calls& calls, int rank, bool has_run) {
    Buffer all;
    std::map<std::pair<bool, int>, std::size_t> next;
    for (const auto& group : calls) {
      for (const Message& message : group) {
        const std::size_t k = next[{message.sends, message.peer}]++;
        Buffer values = message.sends ? content(rank, message.peer, k, message.count)
                                      : content(message.peer, rank, k, message.count);
        if (!message.sends && !has_run) values.assign(message.count, 0);
        all.insert(all.end(), values.begin(), values.end());
      }
    }
    return all;
  }
  static void make(const Calls& calls, std::int64_t* at, strettoComm_t comm, TestStream& stream) {
    for (const auto& group : calls) {
      const bool is_group = group.size() > 1;
      ASSERT_EQ(is_group ? strettoGroupStart() : strettoSuccess, strettoSuccess);
      for (const Message& message : group) {
        const strettoResult_t result =
            message.sends ? strettoSend(at, message.count, strettoInt64, message.peer, comm, stream.handle())
                          : strettoRecv(at, message.count, strettoInt64, message.peer, comm, stream.handle());
        ASSERT_EQ(result, strettoSuccess) << strettoGetLastError(nullptr);
        at += message.count;
      }
      ASSERT_EQ(is_group ? strettoGroupEnd() : strettoSuccess, strettoSuccess) << strettoGetLastError(nullptr);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Gpus, DevicePairs, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

constexpr std::size_t kSmall = 3;
constexpr std::size_t kMedium = 3000;    // by packets, on several channels
constexpr std::size_t kLarge = 100'000;  // by slots, in several rounds

TEST_P(DevicePairs, GroupOfOneSideAndSingleCallsOfTheOther_Meet) {
  for (const std::size_t x : {kSmall, kMedium, kLarge}) {
    for (const std::size_t y : {kSmall, kLarge}) {
      for (const std::size_t z : {kSmall, kLarge}) {
        SCOPED_TRACE(testing::Message() << x << ", " << y << ", " << z);
        run({{{send(1, x), send(1, y), receive(1, z)}}, {{receive(0, x)}, {receive(0, y)}, {send(0, z)}}});
      }
    }
  }
}

TEST_P(DevicePairs, GroupsThatAreCutInDifferentPlaces_Meet) {
  for (const std::size_t count : {kSmall, kLarge}) {
    run({{{send(1, count), send(1, kSmall), receive(1, count)}},
         {{receive(0, count), receive(0, kSmall)}, {send(0, count)}}});
    run({{{receive(1, count), send(1, kSmall)}, {send(1, count), send(1, kSmall), receive(1, kSmall)}},
         {{send(0, count)}, {receive(0, kSmall), receive(0, count)}, {receive(0, kSmall)}, {send(0, kSmall)}}});
  }
}

/// More than there are slots, and what comes back only when the last has been read.
TEST_P(DevicePairs, ManyMessagesOfAGroup_ComeOneByOne) {
  for (const std::size_t count : {kSmall, kMedium, kLarge / 4}) {
    std::vector<Calls> calls(2);
    calls[0].emplace_back();
    for (std::size_t i = 0; i < 12; ++i) {
      const std::size_t size = i % 5 == 4 ? kLarge / 4 : count;
      calls[0][0].push_back(send(1, size));
      calls[1].push_back({receive(0, size)});
    }
    calls[0][0].push_back(receive(1, count));
    calls[1].push_back({send(0, count)});
    run(calls);
  }
}

/// 0 waits for what 2 sends when it has heard from 1, whom 0 tells last.
TEST_P(DevicePairs, ChainsThroughOtherRanks_DoNotWaitForEachOther) {
  for (const std::size_t count : {kSmall, kLarge}) {
    run({{{send(1, count), send(1, kSmall), receive(2, count), receive(2, kSmall)}},
         {{receive(0, count)}, {receive(0, kSmall)}, {send(2, count)}},
         {{receive(1, count)}, {send(0, count), send(0, kSmall)}}});
    // What goes to 1 has no room before 1 has read what came before, which it does beside a message to 2; and that one
    // hears from 0 first.
    run({{{send(1, kSmall)}, {send(1, kSmall), send(2, kSmall)}, {send(1, kSmall)}},
         {{receive(0, kSmall), send(2, count)}, {receive(0, kSmall)}, {receive(0, kSmall)}},
         {{receive(0, kSmall)}, {receive(1, count)}}});
  }
}

/// Launches that come again are kept, but not all of them: what goes is not what runs or is about to.
TEST_P(DevicePairs, MessagesThatComeAgainFromManyBuffers_AreTheirOwn) {
  constexpr std::size_t kBuffers = 100;
  constexpr std::size_t kCount = 70'000;
  constexpr std::size_t kStep = 16;
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto stream = ranks.stream(rank);
    DeviceBuffer from(ranks.gpus(), ranks.device(rank), kCount + kBuffers * kStep);
    DeviceBuffer to(ranks.gpus(), ranks.device(rank), kCount);
    Buffer values(kCount + kBuffers * kStep);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(i) * 2 + rank;
    from.fill(values);
    // Of each so many: those of a few come again at once, those of many only when others have taken their place.
    for (const std::size_t many : {std::size_t{3}, kBuffers, std::size_t{3}}) {
      for (int round = 0; round < 4; ++round) {
        for (std::size_t which = 0; which < many; ++which) {
          ASSERT_EQ(strettoGroupStart(), strettoSuccess);
          ASSERT_EQ(strettoSend(from.get() + which * kStep, kCount, strettoInt64, 1 - rank, comm, stream->handle()),
                    strettoSuccess);
          ASSERT_EQ(strettoRecv(to.get(), kCount, strettoInt64, 1 - rank, comm, stream->handle()), strettoSuccess);
          ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
          if (which % 7 != 0) continue;
          stream->synchronize();
          const Buffer got = to.read();
          ASSERT_EQ(got.front(), static_cast<std::int64_t>(which * kStep) * 2 + 1 - rank) << which << " of " << many;
          ASSERT_EQ(got.back(), static_cast<std::int64_t>(which * kStep + kCount - 1) * 2 + 1 - rank);
        }
      }
    }
    stream->synchronize();
  });
}

/// Each program for one message would be too large together.
TEST_P(DevicePairs, ThousandsOfMessagesInAGroup_Come) {
  constexpr std::size_t kMessages = 3000;
  std::vector<Calls> calls(2);
  for (int rank = 0; rank < 2; ++rank) {
    auto& group = calls[static_cast<std::size_t>(rank)].emplace_back();
    for (std::size_t i = 0; i < kMessages; ++i) {
      group.push_back(send(1 - rank, i % 3));
      group.push_back(receive(1 - rank, i % 3));
    }
  }
  run(calls, false);
}

/// All ranks' calls follow one order of all messages, in which single calls would do; then each rank makes groups of
/// what is next to each other, and shuffles each, but for the order of messages of one peer and direction.
std::vector<Calls> random_calls(int n, std::mt19937_64& random) {
  const std::vector<std::size_t> sizes = {0, 1, 100, 600, 3000, 20'000};
  std::vector<std::vector<Message>> flat(static_cast<std::size_t>(n));
  for (int i = 0; i < 14; ++i) {
    const auto from = static_cast<int>(random() % static_cast<unsigned>(n));
    const int to = (from + 1 + static_cast<int>(random() % static_cast<unsigned>(n - 1))) % n;
    const std::size_t count = sizes[random() % sizes.size()];
    flat[static_cast<std::size_t>(from)].push_back(send(to, count));
    flat[static_cast<std::size_t>(to)].push_back(receive(from, count));
  }
  std::vector<Calls> calls(static_cast<std::size_t>(n));
  for (std::size_t rank = 0; rank < calls.size(); ++rank) {
    for (std::size_t i = 0; i < flat[rank].size();) {
      const std::size_t length = std::min<std::size_t>(1 + random() % 5, flat[rank].size() - i);
      const auto begin = flat[rank].begin() + static_cast<std::ptrdiff_t>(i);
      std::vector<Message> group(begin, begin + static_cast<std::ptrdiff_t>(length));
      std::map<std::pair<bool, int>, std::uint64_t> place;
      for (const Message& each : group) place.emplace(std::pair(each.sends, each.peer), random());
      std::stable_sort(group.begin(), group.end(), [&](const Message& a, const Message& b) {
        return place[{a.sends, a.peer}] < place[{b.sends, b.peer}];
      });
      calls[rank].push_back(std::move(group));
      i += length;
    }
  }
  return calls;
}

TEST_P(DevicePairs, RandomGroupsOfOneOrder_Meet) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (const int n : {2, 3, 4}) {
    for (int i = 0; i < 8; ++i) {
      run(random_calls(n, random), i % 2 == 1);
      if (HasFailure()) return;
    }
  }
}

/// No order serves both: each waits for what the other one sends afterwards.
TEST_P(DevicePairs, CallsThatWaitForEachOther_EndWithTheirDeadline) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.data_timeout_ms = 300;
  DeviceRanks ranks(*gpus_, 2, config);
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto stream = ranks.stream(rank);
    DeviceBuffer in(ranks.gpus(), ranks.device(rank), 1);
    DeviceBuffer out(ranks.gpus(), ranks.device(rank), 1);
    ASSERT_EQ(strettoRecv(in.get(), 1, strettoInt64, 1 - rank, comm, stream->handle()), strettoSuccess);
    const strettoResult_t sent = strettoSend(out.get(), 1, strettoInt64, 1 - rank, comm, stream->handle());
    stream->synchronize();
    strettoResult_t result = strettoSuccess;
    for (int i = 0; i < 1000 && result == strettoSuccess; ++i) {
      EXPECT_EQ(strettoCommGetAsyncError(comm, &result), strettoSuccess);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(result == strettoTimeout || result == strettoRemoteError) << strettoGetLastError(comm);
    EXPECT_TRUE(sent == strettoSuccess || sent == result);
  });
}

}  // namespace
}  // namespace stretto
