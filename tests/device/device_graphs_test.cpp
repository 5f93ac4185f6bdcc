// Captured graphs of device communicators: many at once, many one after another, forks, and what outlives what.
#include <algorithm>
#include <chrono>
#include <numeric>

#include "device_ranks.hpp"

namespace stretto {
namespace {

using test::TestGraph;

class DeviceGraphs : public OnGpus {};
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceGraphs, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

strettoResult_t sum_in_place(DeviceBuffer& buffer, std::size_t count, strettoComm_t comm, TestStream& stream) {
  return strettoAllReduce(buffer.get(), buffer.get(), count, strettoInt64, strettoSum, comm, stream.handle());
}

/// A graph that sums a buffer in place, once.
std::shared_ptr<TestGraph> capture_sum(DeviceBuffer& buffer, std::size_t count, strettoComm_t comm,
                                       TestStream& stream) {
  stream.begin_capture();
  EXPECT_EQ(sum_in_place(buffer, count, comm, stream), strettoSuccess) << strettoGetLastError(comm);
  return stream.end_capture();
}

TEST_P(DeviceGraphs, ManyOneAfterAnother_SumRight) {
  for (const int n : {1, 2, 3}) {
    DeviceRanks ranks(*gpus_, n);
    ranks.run([&](int rank, strettoComm_t comm) {
      const auto stream = ranks.stream(rank);
      DeviceBuffer buffer(ranks.gpus(), ranks.device(rank), 3000);
      for (int i = 0; i < 300; ++i) {
        const std::size_t count = i % 10 == 0 ? 3000 : static_cast<std::size_t>(1 + i % 5);
        const auto graph = capture_sum(buffer, count, comm, *stream);
        buffer.fill(Buffer(3000, i + rank));
        stream->launch(graph);
        stream->synchronize();
        const Buffer sums = buffer.read();
        ASSERT_EQ(Buffer(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(count)),
                  Buffer(count, n * i + n * (n - 1) / 2))
            << "n=" << n << " graph " << i << " rank " << rank;
      }
    });
  }
}

TEST_P(DeviceGraphs, ManyAtOnce_ReplayInAnyOrderOnEachRank) {
  constexpr std::size_t kGraphs = 40;
  for (const int n : {2, 3}) {
    // CUDA has eight queues a GPU, and a graph keeps its own until it has run: of so many graphs, two of ranks that
    // share a GPU come behind each other (docs/devices.md).
    if (std::string(GetParam().name) != "simulated" && n > gpus_->count()) continue;
    DeviceRanks ranks(*gpus_, n);
    constexpr std::size_t n_streams = 4;
    ranks.run([&](int rank, strettoComm_t comm) {
      std::mt19937 random(static_cast<unsigned>(rank));
      std::vector<std::unique_ptr<TestStream>> streams;
      std::vector<std::unique_ptr<DeviceBuffer>> buffers;
      std::vector<std::shared_ptr<TestGraph>> graphs;
      for (std::size_t i = 0; i < n_streams; ++i) streams.push_back(ranks.stream(rank));
      for (std::size_t i = 0; i < kGraphs; ++i) {
        buffers.push_back(std::make_unique<DeviceBuffer>(ranks.gpus(), ranks.device(rank), 10));
        graphs.push_back(capture_sum(*buffers[i], 10, comm, *streams[i % n_streams]));
      }
      std::vector<std::size_t> order(kGraphs);
      std::iota(order.begin(), order.end(), 0);
      for (int replay = 0; replay < 5; ++replay) {
        for (std::size_t i = 0; i < kGraphs; ++i) buffers[i]->fill(Buffer(10, static_cast<int>(i) + replay * rank));
        // In a stream, all ranks have one order; between streams any.
        for (auto i = order.begin(); i != order.end(); i += static_cast<std::ptrdiff_t>(n_streams)) {
          std::shuffle(i, i + static_cast<std::ptrdiff_t>(n_streams), random);
        }
        for (const std::size_t i : order) streams[i % n_streams]->launch(graphs[i]);
        for (const auto& stream : streams) stream->synchronize();
        for (std::size_t i = 0; i < kGraphs; ++i) {
          ASSERT_EQ(buffers[i]->read(), Buffer(10, static_cast<int>(i) * n + replay * n * (n - 1) / 2))
              << "n=" << n << " graph " << i << " replay " << replay << " rank " << rank;
        }
      }
    });
  }
}

TEST_P(DeviceGraphs, GraphsThatEndAtDifferentTimesOnEachRank_DoNotMeet) {
  DeviceRanks ranks(*gpus_, 3);
  ranks.run([&](int rank, strettoComm_t comm) {
    std::mt19937 random(static_cast<unsigned>(rank) + 7);
    const auto stream = ranks.stream(rank);
    DeviceBuffer buffer(ranks.gpus(), ranks.device(rank), 4);
    std::vector<std::shared_ptr<TestGraph>> alive;
    for (int i = 0; i < 120; ++i) {
      alive.push_back(capture_sum(buffer, 4, comm, *stream));
      buffer.fill(Buffer(4, i));
      stream->launch(alive.back());
      stream->synchronize();
      ASSERT_EQ(buffer.read(), Buffer(4, 3 * i)) << "graph " << i << " rank " << rank;
      while (alive.size() > 1 && random() % 3 != 0) {
        std::swap(alive[random() % alive.size()], alive.back());
        alive.pop_back();
      }
    }
  });
}

TEST_P(DeviceGraphs, OneThreadCapturesRankAfterRank_WaitsForNoOtherCall) {
  constexpr std::size_t kGraphs = 20;
  DeviceRanks ranks(*gpus_, 2);
  struct Captured {
    std::unique_ptr<TestStream> stream;
    std::unique_ptr<DeviceBuffer> buffer;
    std::vector<std::shared_ptr<TestGraph>> graphs;
  } captured[2];
  for (int rank = 0; rank < 2; ++rank) {
    Captured& mine = captured[rank];
    mine.stream = ranks.stream(rank);
    mine.buffer = std::make_unique<DeviceBuffer>(ranks.gpus(), ranks.device(rank), 1);
    mine.buffer->fill({1});
    for (std::size_t i = 0; i < kGraphs; ++i) {
      mine.graphs.push_back(capture_sum(*mine.buffer, 1, ranks.comm(rank), *mine.stream));
    }
  }
  for (std::size_t i = 0; i < kGraphs; ++i) {
    for (Captured& each : captured) each.stream->launch(each.graphs[i]);
  }
  for (Captured& each : captured) {
    each.stream->synchronize();
    EXPECT_EQ(each.buffer->read(), Buffer{1 << kGraphs});
  }
}

TEST_P(DeviceGraphs, OneThreadsGroup_CapturesAllItsDevices) {
  constexpr int kGraphs = 20;
  DeviceRanks ranks(*gpus_, 2);
  std::unique_ptr<TestStream> streams[2] = {ranks.stream(0), ranks.stream(1)};
  std::unique_ptr<DeviceBuffer> buffers[2];
  for (int rank = 0; rank < 2; ++rank) {
    buffers[rank] = std::make_unique<DeviceBuffer>(ranks.gpus(), ranks.device(rank), 1);
    buffers[rank]->fill({1});
  }
  std::vector<std::shared_ptr<TestGraph>> graphs;
  for (int i = 0; i < kGraphs; ++i) {
    for (const auto& stream : streams) stream->begin_capture();
    ASSERT_EQ(strettoGroupStart(), strettoSuccess);
    for (int rank = 0; rank < 2; ++rank) {
      ASSERT_EQ(sum_in_place(*buffers[rank], 1, ranks.comm(rank), *streams[rank]), strettoSuccess);
    }
    ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
    for (const auto& stream : streams) graphs.push_back(stream->end_capture());
  }
  for (std::size_t i = 0; i < graphs.size(); ++i) streams[i % 2]->launch(graphs[i]);
  for (int rank = 0; rank < 2; ++rank) {
    streams[rank]->synchronize();
    EXPECT_EQ(buffers[rank]->read(), Buffer{1 << kGraphs});
  }
}

TEST_P(DeviceGraphs, StreamsOfOneCapture_KeepTheOrderOfTheCalls) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const std::unique_ptr<TestStream> streams[3] = {ranks.stream(rank), ranks.stream(rank), ranks.stream(rank)};
    DeviceBuffer value(ranks.gpus(), ranks.device(rank), 1);
    streams[0]->begin_capture();
    ASSERT_EQ(sum_in_place(value, 1, comm, *streams[0]), strettoSuccess);
    for (int i : {1, 2}) streams[i]->wait_for(*streams[0]);
    for (int i = 1; i < 20; ++i) {
      ASSERT_EQ(sum_in_place(value, 1, comm, *streams[i % 3]), strettoSuccess) << strettoGetLastError(comm);
    }
    for (int i : {1, 2}) streams[0]->wait_for(*streams[i]);
    const auto graph = streams[0]->end_capture();
    for (int replay = 1; replay <= 5; ++replay) {
      value.fill({replay});
      streams[0]->launch(graph);
      streams[0]->synchronize();
      ASSERT_EQ(value.read(), Buffer{replay << 20}) << "rank " << rank;
    }
  });
}

TEST_P(DeviceGraphs, SendsOfManyGraphs_ComeToTheirOwn) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto stream = ranks.stream(rank);
    DeviceBuffer in(ranks.gpus(), ranks.device(rank), 5000);
    DeviceBuffer out(ranks.gpus(), ranks.device(rank), 5000);
    for (int i = 0; i < 40; ++i) {
      const std::size_t count = i % 2 == 0 ? 5000 : 3;
      stream->begin_capture();
      ASSERT_EQ(strettoGroupStart(), strettoSuccess);
      ASSERT_EQ(strettoSend(in.get(), count, strettoInt64, 1 - rank, comm, stream->handle()), strettoSuccess);
      ASSERT_EQ(strettoRecv(out.get(), count, strettoInt64, 1 - rank, comm, stream->handle()), strettoSuccess);
      ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
      const auto graph = stream->end_capture();
      for (int replay = 0; replay < 2; ++replay) {
        in.fill(Buffer(5000, 100 * i + 10 * replay + rank));
        stream->launch(graph);
        stream->synchronize();
        ASSERT_EQ(out.read()[count - 1], 100 * i + 10 * replay + 1 - rank);
      }
    }
  });
}

TEST_P(DeviceGraphs, MoreThanCanBe_AreRefusedUntilSomeAreGone) {
  DeviceRanks ranks(*gpus_, 1);
  const auto stream = ranks.stream(0);
  DeviceBuffer value(ranks.gpus(), ranks.device(0), 1);
  std::vector<std::shared_ptr<TestGraph>> graphs;
  const auto capture = [&] {
    stream->begin_capture();
    const strettoResult_t result = sum_in_place(value, 1, ranks.comm(0), *stream);
    graphs.push_back(stream->end_capture());
    return result;
  };
  for (int i = 0; i < 1024; ++i) ASSERT_EQ(capture(), strettoSuccess) << i << ": " << strettoGetLastError(nullptr);
  EXPECT_EQ(capture(), strettoUnsupported);
  EXPECT_STREQ(error_of(nullptr).field, "stream") << strettoGetLastError(nullptr);
  graphs.resize(1000);
  EXPECT_EQ(capture(), strettoSuccess) << strettoGetLastError(nullptr);
  value.fill({7});
  stream->launch(graphs.back());
  stream->synchronize();
  EXPECT_EQ(value.read(), Buffer{7});
}

TEST_P(DeviceGraphs, TwoRunsAtOnceOfOneGraph_AreAnErrorOfTheUser) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "they race, which is the user's fault";
#endif
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.data_timeout_ms = 20'000;
  DeviceRanks ranks(*gpus_, 2, config);
  std::unique_ptr<TestStream> streams[2] = {ranks.stream(0), ranks.stream(1)};
  const auto beside = ranks.stream(0);
  std::unique_ptr<DeviceBuffer> buffers[2];
  std::shared_ptr<TestGraph> graphs[2];
  for (int rank = 0; rank < 2; ++rank) {
    buffers[rank] = std::make_unique<DeviceBuffer>(ranks.gpus(), ranks.device(rank), 1000);
    streams[rank]->begin_capture();
    for (int i = 0; i < 200; ++i) {
      ASSERT_EQ(sum_in_place(*buffers[rank], 1000, ranks.comm(rank), *streams[rank]), strettoSuccess);
    }
    graphs[rank] = streams[rank]->end_capture();
  }
  const auto other = graphs[0]->again();
  streams[0]->launch(graphs[0]);
  beside->launch(other);
  for (int i = 0; i < 2; ++i) streams[1]->launch(graphs[1]);
  const auto a_minute_hence = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  strettoResult_t result = strettoSuccess;
  while (result == strettoSuccess && std::chrono::steady_clock::now() < a_minute_hence) {
    ASSERT_EQ(strettoCommGetAsyncError(ranks.comm(0), &result), strettoSuccess);
  }
  EXPECT_EQ(result, strettoInvalidUsage);
  EXPECT_NE(std::string(strettoGetLastError(ranks.comm(0))).find("twice at once"), std::string::npos)
      << strettoGetLastError(ranks.comm(0));
  for (const auto& stream : streams) stream->synchronize();
  beside->synchronize();
}

TEST_P(DeviceGraphs, GraphsThatOutliveTheirCommunicator_StillRun) {
  DeviceRanks ranks(*gpus_, 2);
  std::unique_ptr<TestStream> streams[2] = {ranks.stream(0), ranks.stream(1)};
  std::unique_ptr<DeviceBuffer> buffers[2];
  std::shared_ptr<TestGraph> graphs[2];
  for (int rank = 0; rank < 2; ++rank) {
    buffers[rank] = std::make_unique<DeviceBuffer>(ranks.gpus(), ranks.device(rank), 1000);
    buffers[rank]->fill(Buffer(1000, rank + 1));
    graphs[rank] = capture_sum(*buffers[rank], 1000, ranks.comm(rank), *streams[rank]);
  }
  streams[0]->launch(graphs[0]);  // runs on while its communicator goes
  for (int rank = 0; rank < 2; ++rank) ranks.destroy(rank);
  streams[1]->launch(graphs[1]);
  for (int rank = 0; rank < 2; ++rank) {
    streams[rank]->synchronize();
    EXPECT_EQ(buffers[rank]->read(), Buffer(1000, 3));
  }
}

}  // namespace
}  // namespace stretto
