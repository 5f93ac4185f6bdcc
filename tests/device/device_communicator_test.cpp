// Device communicators of the C API on GPUs made of host threads: collectives against the oracle, streams, captures,
// groups of one thread, refusals. What goes wrong in operations: device_faults_test.cpp.
#include <algorithm>

#include "device_ranks.hpp"
#include "simulated_gpus.hpp"
#include "support/collective_call.hpp"

namespace stretto {
namespace {

class DeviceCommunicator : public OnGpus {};
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceCommunicator, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

TEST_P(DeviceCommunicator, EveryCollective_EqualsTheOracle) {
  std::mt19937_64 random(20261126);
  for (const int n : {1, 2, 3, 4}) {
    DeviceRanks ranks(*gpus_, n);
    for (const CollectiveRow& row : collective_rows()) {
      for (const std::size_t count : {0UL, 1UL, 100UL, 5000UL, 70'001UL}) {
        const Rank root = row.rooted ? static_cast<Rank>(random() % static_cast<unsigned>(n)) : -1;
        const CollectiveCase c{row.collective, n, root, count};
        const std::vector<Buffer> inputs = random_inputs(c, random);
        const std::vector<Buffer> expected = expected_outputs(c, inputs);
        ranks.run([&](int rank, strettoComm_t comm) {
          const auto i = static_cast<std::size_t>(rank);
          const auto stream = ranks.stream(rank);
          DeviceBuffer in(ranks.gpus(), ranks.device(rank), inputs[i].size());
          DeviceBuffer out(ranks.gpus(), ranks.device(rank), expected[i].size());
          in.fill(inputs[i]);
          ASSERT_EQ(call(c, in.get(), out.get(), comm, stream->handle()), strettoSuccess) << strettoGetLastError(comm);
          stream->synchronize();
          EXPECT_EQ(out.read(), expected[i]) << row.name << " n=" << n << " count=" << count << " rank " << rank;
        });
      }
    }
  }
}

/// By slots, where sends and sums of a block run side by side; sizes change, so that it is ordered now and then not.
TEST_P(DeviceCommunicator, SumsInPlaceAndNot_FollowOneAnother) {
  for (const int n : {2, 3}) {
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.algorithm = "one_shot";
    DeviceRanks ranks(*gpus_, n, config);
    ranks.run([&](int rank, strettoComm_t comm) {
      constexpr std::size_t kMost = 120'000;
      const auto stream = ranks.stream(rank);
      DeviceBuffer in(ranks.gpus(), ranks.device(rank), kMost);
      DeviceBuffer out(ranks.gpus(), ranks.device(rank), kMost);
      Buffer values(kMost);
      for (std::size_t i = 0; i < kMost; ++i) values[i] = static_cast<std::int64_t>(i) * (rank + 1);
      for (int round = 0; round < 4; ++round) {
        const std::size_t count = kMost - 997 * static_cast<std::size_t>(round);
        in.fill(values);
        ASSERT_EQ(strettoAllReduce(in.get(), out.get(), count, strettoInt64, strettoSum, comm, stream->handle()),
                  strettoSuccess);
        ASSERT_EQ(strettoAllReduce(in.get(), in.get(), count, strettoInt64, strettoSum, comm, stream->handle()),
                  strettoSuccess);
        stream->synchronize();
        Buffer expected = values;
        for (std::size_t i = 0; i < count; ++i) expected[i] = static_cast<std::int64_t>(i) * (n * (n + 1) / 2);
        EXPECT_EQ(in.read(), expected) << "rank " << rank << " of " << n << ", round " << round;
        Buffer other = out.read();
        std::copy(expected.begin() + static_cast<std::ptrdiff_t>(count), expected.end(),
                  other.begin() + static_cast<std::ptrdiff_t>(count));
        EXPECT_EQ(other, expected) << "rank " << rank << " of " << n << ", round " << round;
      }
    });
  }
}

TEST_P(DeviceCommunicator, SendsAndReceivesOfAGroup_GoAtOnce) {
  for (const int n : {1, 2, 3, 4}) {
    DeviceRanks ranks(*gpus_, n);
    for (const std::size_t count : {0UL, 1UL, 3000UL, 60'000UL}) {
      ranks.run([&](int rank, strettoComm_t comm) {
        const auto stream = ranks.stream(rank);
        const auto total = static_cast<std::size_t>(n) * 2 * count;
        DeviceBuffer in(ranks.gpus(), ranks.device(rank), total);
        DeviceBuffer out(ranks.gpus(), ranks.device(rank), total);
        Buffer values;
        for (std::size_t i = 0; i < total; ++i) values.push_back(static_cast<std::int64_t>(i) + 1'000'000 * rank);
        in.fill(values);
        // Two messages to each rank, this one too.
        ASSERT_EQ(strettoGroupStart(), strettoSuccess);
        for (std::size_t peer = 0; peer < static_cast<std::size_t>(n); ++peer) {
          for (std::size_t message = 0; message < 2; ++message) {
            const std::size_t at = (2 * peer + message) * count;
            ASSERT_EQ(strettoSend(in.get() + at, count, strettoInt64, static_cast<int>(peer), comm, stream->handle()),
                      strettoSuccess);
            ASSERT_EQ(strettoRecv(out.get() + at, count, strettoInt64, static_cast<int>(peer), comm, stream->handle()),
                      strettoSuccess);
          }
        }
        ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
        stream->synchronize();
        Buffer expected;
        for (std::size_t i = 0; i < total; ++i) {
          const std::size_t peer = i / (2 * count);
          const std::size_t at = static_cast<std::size_t>(rank) * 2 * count + i % (2 * count);
          expected.push_back(static_cast<std::int64_t>(at + 1'000'000 * peer));
        }
        EXPECT_EQ(out.read(), expected) << "n=" << n << " count=" << count << " rank " << rank;
      });
    }
  }
}

/// Large and small messages, in two streams, beside a collective, in other orders on each rank.
TEST_P(DeviceCommunicator, GroupsThatAreNoMirrorImages_DoNotWaitForEachOther) {
  DeviceRanks ranks(*gpus_, 3);
  constexpr std::size_t kLarge = 400'000;
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto first = ranks.stream(rank);
    const auto second = ranks.stream(rank);
    DeviceBuffer small(ranks.gpus(), ranks.device(rank), 2);
    DeviceBuffer large(ranks.gpus(), ranks.device(rank), kLarge);
    DeviceBuffer sum(ranks.gpus(), ranks.device(rank), 1);
    small.fill({rank + 1, 0});
    large.fill(Buffer(kLarge, rank + 1));
    sum.fill({rank});
    // 0: gets 8 bytes of 2, gives much to 1. 1: gets that, then gives 8 bytes to 2. 2: gets those, then gives 8 to 0.
    const auto send = [&](const void* from, std::size_t count, int peer, TestStream& stream) {
      ASSERT_EQ(strettoSend(from, count, strettoInt64, peer, comm, stream.handle()), strettoSuccess);
    };
    const auto receive = [&](void* to, std::size_t count, int peer, TestStream& stream) {
      ASSERT_EQ(strettoRecv(to, count, strettoInt64, peer, comm, stream.handle()), strettoSuccess);
    };
    const auto all_reduce = [&] {
      ASSERT_EQ(strettoAllReduce(sum.get(), sum.get(), 1, strettoInt64, strettoSum, comm, first->handle()),
                strettoSuccess);
    };
    if (rank == 0) {
      ASSERT_EQ(strettoGroupStart(), strettoSuccess);
      all_reduce();
      receive(small.get() + 1, 1, 2, *first);
      send(large.get(), kLarge, 1, *second);
      ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
    } else {
      if (rank == 1) receive(large.get(), kLarge, 0, *first);
      if (rank == 2) receive(small.get() + 1, 1, 1, *first);
      send(small.get(), 1, (rank + 1) % 3, *first);
      all_reduce();
    }
    first->synchronize();
    second->synchronize();
    EXPECT_EQ(sum.read(), Buffer{3});
    if (rank == 0) {
      EXPECT_EQ(small.read(), (Buffer{1, 3}));
    }
    if (rank == 1) {
      EXPECT_EQ(large.read(), Buffer(kLarge, 1));
    }
    if (rank == 2) {
      EXPECT_EQ(small.read(), (Buffer{3, 2}));
    }
  });
}

/// What moves within a rank launches no kernel, but keeps its place in the order.
TEST_P(DeviceCommunicator, MessagesToOneself_KeepTheOrderOfStreams) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    DeviceBuffer value(ranks.gpus(), ranks.device(rank), 1);
    DeviceBuffer copy(ranks.gpus(), ranks.device(rank), 1);
    const auto first = ranks.stream(rank);
    const auto second = ranks.stream(rank);
    value.fill({1});
    for (int i = 0; i < 20; ++i) {
      ASSERT_EQ(strettoAllReduce(value.get(), value.get(), 1, strettoInt64, strettoSum, comm, first->handle()),
                strettoSuccess);
    }
    ASSERT_EQ(strettoGroupStart(), strettoSuccess);
    ASSERT_EQ(strettoSend(value.get(), 1, strettoInt64, rank, comm, second->handle()), strettoSuccess);
    ASSERT_EQ(strettoRecv(copy.get(), 1, strettoInt64, rank, comm, second->handle()), strettoSuccess);
    ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
    ASSERT_EQ(strettoAllReduce(value.get(), value.get(), 1, strettoInt64, strettoSum, comm, second->handle()),
              strettoSuccess);
    first->synchronize();
    second->synchronize();
    EXPECT_EQ(copy.read(), Buffer{1 << 20});
    EXPECT_EQ(value.read(), Buffer{1 << 21});
  });
}

TEST_P(DeviceCommunicator, BlocksOfUnequalSizes_Travel) {
  DeviceRanks ranks(*gpus_, 3);
  const std::vector<std::size_t> counts = {3, 0, 500};
  const std::vector<std::size_t> displacements = {0, 3, 3};
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto r = static_cast<std::size_t>(rank);
    const auto stream = ranks.stream(rank);
    DeviceBuffer own(ranks.gpus(), ranks.device(rank), counts[r]);
    DeviceBuffer all(ranks.gpus(), ranks.device(rank), 503);
    own.fill(Buffer(counts[r], rank + 1));
    ASSERT_EQ(strettoAllGatherV(own.get(), all.get(), counts.data(), displacements.data(), strettoInt64, comm,
                                stream->handle()),
              strettoSuccess)
        << strettoGetLastError(comm);
    ASSERT_EQ(
        strettoReduceScatterV(all.get(), own.get(), counts.data(), strettoInt64, strettoSum, comm, stream->handle()),
        strettoSuccess);
    stream->synchronize();
    Buffer gathered(503, 3);
    std::fill_n(gathered.begin(), 3, 1);
    EXPECT_EQ(all.read(), gathered);
    EXPECT_EQ(own.read(), Buffer(counts[r], 3 * (rank + 1)));
    // Rank r has r + 1 elements for each.
    const std::vector<std::size_t> sends(3, r + 1);
    const std::vector<std::size_t> send_places = {0, r + 1, 2 * (r + 1)};
    const std::vector<std::size_t> receives = {1, 2, 3};
    const std::vector<std::size_t> receive_places = {0, 1, 3};
    DeviceBuffer in(ranks.gpus(), ranks.device(rank), 3 * (r + 1));
    DeviceBuffer out(ranks.gpus(), ranks.device(rank), 6);
    in.fill(Buffer(3 * (r + 1), rank + 10));
    ASSERT_EQ(strettoAllToAllV(in.get(), sends.data(), send_places.data(), out.get(), receives.data(),
                               receive_places.data(), strettoInt64, comm, stream->handle()),
              strettoSuccess)
        << strettoGetLastError(comm);
    stream->synchronize();
    EXPECT_EQ(out.read(), (Buffer{10, 11, 11, 12, 12, 12}));
    ASSERT_EQ(strettoBarrier(comm, stream->handle()), strettoSuccess) << strettoGetLastError(comm);
    stream->synchronize();
  });
}

TEST_P(DeviceCommunicator, SuccessiveStreams_KeepTheOrderOfTheCalls) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const std::unique_ptr<TestStream> streams[3] = {ranks.stream(rank), ranks.stream(rank), ranks.stream(rank)};
    DeviceBuffer value(ranks.gpus(), ranks.device(rank), 1);
    value.fill({1});
    for (int i = 0; i < 30; ++i) {
      ASSERT_EQ(strettoAllReduce(value.get(), value.get(), 1, strettoInt64, strettoSum, comm, streams[i % 3]->handle()),
                strettoSuccess);
    }
    for (const auto& stream : streams) stream->synchronize();
    EXPECT_EQ(value.read(), Buffer{1 << 30});
  });
}

TEST_P(DeviceCommunicator, CapturedGraphs_ReplayBesideEagerCalls) {
  DeviceRanks ranks(*gpus_, 3);
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto stream = ranks.stream(rank);
    DeviceBuffer in(ranks.gpus(), ranks.device(rank), 3000);
    DeviceBuffer sum(ranks.gpus(), ranks.device(rank), 3000);
    DeviceBuffer eager(ranks.gpus(), ranks.device(rank), 1);
    stream->begin_capture();
    ASSERT_EQ(strettoAllReduce(in.get(), sum.get(), 3000, strettoInt64, strettoSum, comm, stream->handle()),
              strettoSuccess);
    ASSERT_EQ(strettoAllReduce(sum.get(), sum.get(), 3000, strettoInt64, strettoSum, comm, stream->handle()),
              strettoSuccess);
    const auto graph = stream->end_capture();
    for (int replay = 0; replay < 20; ++replay) {
      in.fill(Buffer(3000, replay));
      eager.fill({replay});
      stream->launch(graph);
      if (replay % 3 == 0) {
        ASSERT_EQ(strettoAllReduce(eager.get(), eager.get(), 1, strettoInt64, strettoSum, comm, stream->handle()),
                  strettoSuccess);
      }
      stream->synchronize();
      ASSERT_EQ(sum.read(), Buffer(3000, 9 * replay)) << "replay " << replay;
      ASSERT_EQ(eager.read(), Buffer{replay % 3 == 0 ? 3 * replay : replay});
    }
  });
}

TEST_P(DeviceCommunicator, OneThreadsGroup_ServesAllItsDevices) {
  DeviceRanks ranks(*gpus_, 4);
  std::vector<std::unique_ptr<DeviceBuffer>> buffers;
  std::vector<std::unique_ptr<TestStream>> streams;
  for (int rank = 0; rank < 4; ++rank) {
    buffers.push_back(std::make_unique<DeviceBuffer>(ranks.gpus(), ranks.device(rank), 10));
    buffers.back()->fill(Buffer(10, rank + 1));
    streams.push_back(ranks.stream(rank));
  }
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  for (int rank = 0; rank < 4; ++rank) {
    const auto i = static_cast<std::size_t>(rank);
    ASSERT_EQ(strettoAllReduce(buffers[i]->get(), buffers[i]->get(), 10, strettoInt64, strettoSum, ranks.comm(rank),
                               streams[i]->handle()),
              strettoSuccess);
  }
  ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
  for (std::size_t i = 0; i < 4; ++i) {
    streams[i]->synchronize();
    EXPECT_EQ(buffers[i]->read(), Buffer(10, 10));
  }
}

TEST_P(DeviceCommunicator, MemoryOfAnotherKind_IsRefusedAndHarmsNothing) {
  DeviceRanks ranks(*gpus_, 2);
  std::int64_t on_host = 1;
  if (gpus_->count() < 2) GTEST_SKIP() << "one GPU";
  DeviceBuffer mine(ranks.gpus(), 0, 1);
  DeviceBuffer others(ranks.gpus(), 1, 1);
  const auto refused = [&](const void* in, void* out, const char* field) {
    EXPECT_EQ(strettoAllReduce(in, out, 1, strettoInt64, strettoSum, ranks.comm(0), nullptr), strettoInvalidArgument);
    EXPECT_STREQ(error_of(nullptr).field, field) << strettoGetLastError(nullptr);
  };
  refused(&on_host, mine.get(), "sendbuff");
  refused(mine.get(), &on_host, "recvbuff");
  refused(others.get(), mine.get(), "sendbuff");
  mine.fill({3});
  others.fill({4});
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto stream = ranks.stream(rank);
    DeviceBuffer& buffer = rank == 0 ? mine : others;
    std::int64_t* const value = buffer.get();
    ASSERT_EQ(strettoAllReduce(value, value, 1, strettoInt64, strettoSum, comm, stream->handle()), strettoSuccess);
    stream->synchronize();
    EXPECT_EQ(buffer.read(), Buffer{7});
  });
}

/// All-to-all may have its input where its output is; what takes or gives a rank's own block has it at that block.
TEST_P(DeviceCommunicator, OneBufferForBoth_IsInPlaceOrRefused) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto stream = ranks.stream(rank);
    DeviceBuffer buffer(ranks.gpus(), ranks.device(rank), 2);
    std::int64_t* const both = buffer.get();
    if (rank == 1) {
      EXPECT_EQ(strettoAllGather(both, both, 1, strettoInt64, comm, stream->handle()), strettoInvalidArgument);
      EXPECT_EQ(strettoReduceScatter(both, both, 1, strettoInt64, strettoSum, comm, stream->handle()),
                strettoInvalidArgument);
      EXPECT_EQ(strettoGather(both, both, 1, strettoInt64, 1, comm, stream->handle()), strettoInvalidArgument);
      EXPECT_EQ(strettoScatter(both, both, 1, strettoInt64, 1, comm, stream->handle()), strettoInvalidArgument);
    }
    buffer.fill({rank * 10, rank * 10 + 1});
    ASSERT_EQ(strettoAllToAll(both, both, 1, strettoInt64, comm, stream->handle()), strettoSuccess);
    stream->synchronize();
    EXPECT_EQ(buffer.read(), (Buffer{rank, 10 + rank}));
  });
}

/// Over other links lines may arrive in parts.
TEST(DeviceCommunicatorLinks, GpusThatNoNvlinkJoins_UseNoWidePackets) {
  for (const bool joined : {true, false}) {
    const auto gpus = test::make_simulated_gpus(2, 132, joined);
    const std::uint64_t before = test::simulated_wide_exchanges();
    {
      setenv("STRETTO_PROTOCOL", "wide", 1);
      DeviceRanks ranks(*gpus, 2);
      unsetenv("STRETTO_PROTOCOL");
      ranks.run([&](int rank, strettoComm_t comm) {
        constexpr std::size_t kCount = 5000;
        DeviceBuffer value(ranks.gpus(), ranks.device(rank), kCount);
        value.fill(Buffer(kCount, rank + 1));
        const auto stream = ranks.stream(rank);
        EXPECT_EQ(strettoAllReduce(value.get(), value.get(), kCount, strettoInt64, strettoSum, comm, stream->handle()),
                  strettoSuccess);
        stream->synchronize();
        EXPECT_EQ(value.read(), Buffer(kCount, 3));
      });
    }
    EXPECT_EQ(test::simulated_wide_exchanges() - before, joined ? 2U : 0U);
  }
}

}  // namespace
}  // namespace stretto
