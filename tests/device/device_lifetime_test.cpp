// The ends of device communicators: they wait for nobody, whatever else runs, and leave nothing.
#include <chrono>
#include <future>
#include <string_view>

#include "device_ranks.hpp"

namespace stretto {
namespace {

using std::chrono::steady_clock;

class DeviceLifetime : public OnGpus {};
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceLifetime, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

strettoResult_t sum_in_place(DeviceBuffer& buffer, std::size_t count, strettoComm_t comm, TestStream& stream) {
  return strettoAllReduce(buffer.get(), buffer.get(), count, strettoInt64, strettoSum, comm, stream.handle());
}

// CUDA takes memory back only when the device is at rest. Here it is not: a kernel waits for a rank that first destroys
// another communicator, makes one, and only then comes.
TEST_P(DeviceLifetime, EndsAndBegins_WhileKernelsWaitForWhoMakesThem) {
  constexpr std::size_t kCount = 1000;
  for (const int n : {2, 3}) {  // each on its own GPU, and two on one
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.data_timeout_ms = 30'000;
    DeviceRanks waiting(*gpus_, n, config);
    auto ended = std::make_unique<DeviceRanks>(*gpus_, n);
    std::vector<std::unique_ptr<TestStream>> streams;
    std::vector<std::unique_ptr<DeviceBuffer>> buffers;
    for (int rank = 0; rank < n; ++rank) {
      streams.push_back(waiting.stream(rank));
      buffers.push_back(std::make_unique<DeviceBuffer>(*gpus_, waiting.device(rank), kCount));
      buffers.back()->fill(Buffer(kCount, rank + 1));
    }
    const auto sum = [&](int rank) {
      const auto i = static_cast<std::size_t>(rank);
      EXPECT_EQ(sum_in_place(*buffers[i], kCount, waiting.comm(rank), *streams[i]), strettoSuccess)
          << strettoGetLastError(nullptr);
    };
    for (int rank = 0; rank + 1 < n; ++rank) sum(rank);
    const auto before = steady_clock::now();
    ended.reset();
    const DeviceRanks begun(*gpus_, n);
    EXPECT_LT(steady_clock::now() - before, std::chrono::seconds(20)) << "n=" << n << ": kept until the deadline";
    sum(n - 1);
    for (int rank = 0; rank < n; ++rank) {
      const auto i = static_cast<std::size_t>(rank);
      streams[i]->synchronize();
      EXPECT_EQ(buffers[i]->read(), Buffer(kCount, n * (n + 1) / 2)) << "n=" << n << " rank " << rank;
    }
  }
}

TEST_P(DeviceLifetime, MemoryOfThoseThatAreGone_ComesBack) {
  const auto use = [&] {
    DeviceRanks ranks(*gpus_, 2);
    ranks.run([&](int rank, strettoComm_t comm) {
      const auto stream = ranks.stream(rank);
      DeviceBuffer buffer(ranks.gpus(), ranks.device(rank), 100'000);
      buffer.fill(Buffer(100'000, rank));
      for (const std::size_t count : {1UL, 1000UL, 100'000UL}) {
        ASSERT_EQ(sum_in_place(buffer, count, comm, *stream), strettoSuccess) << strettoGetLastError(comm);
      }
      stream->synchronize();
    });
  };
  use();  // what CUDA keeps from its first use on
  gpus_->trim();
  const std::size_t before_bytes = gpus_->free_bytes(0);
  for (int i = 0; i < 5; ++i) use();
  gpus_->trim();
  const auto limit = steady_clock::now() + std::chrono::seconds(20);
  while (gpus_->free_bytes(0) + (std::size_t{4} << 20) < before_bytes && steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_GE(gpus_->free_bytes(0) + (std::size_t{4} << 20), before_bytes) << "of what five communicators had";
}

TEST_P(DeviceLifetime, AllocatedMemory_IsOfTheDeviceAndServesOperations) {
  constexpr std::size_t kCount = 1000;
  DeviceRanks ranks(*gpus_, 2);
  std::vector<void*> memory(2, nullptr);
  std::vector<std::unique_ptr<TestStream>> streams;
  for (int rank = 0; rank < 2; ++rank) {
    const auto i = static_cast<std::size_t>(rank);
    const Buffer values(kCount, rank + 1);
    ASSERT_EQ(strettoMemAllocOnDevice(&memory[i], kCount * 8, ranks.device(rank)), strettoSuccess);
    gpus_->upload(static_cast<std::byte*>(memory[i]), values.data(), kCount * 8);
    streams.push_back(ranks.stream(rank));
    void* handle = nullptr;
    ASSERT_EQ(strettoCommRegister(ranks.comm(rank), memory[i], kCount * 8, &handle), strettoSuccess);
    EXPECT_EQ(strettoAllReduce(memory[i], memory[i], kCount, strettoInt64, strettoSum, ranks.comm(rank),
                               streams[i]->handle()),
              strettoSuccess)
        << strettoGetLastError(nullptr);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    streams[i]->synchronize();
    Buffer result(kCount);
    gpus_->download(result.data(), static_cast<const std::byte*>(memory[i]), kCount * 8);
    EXPECT_EQ(result, Buffer(kCount, 3));
    EXPECT_EQ(strettoMemFree(memory[i]), strettoSuccess);
    EXPECT_EQ(strettoMemFree(memory[i]), strettoInvalidArgument);
  }
  void* usual = nullptr;
  ASSERT_EQ(strettoMemAlloc(&usual, 8), strettoSuccess) << "of the current device";
  EXPECT_EQ(strettoMemFree(usual), strettoSuccess);
}

TEST_P(DeviceLifetime, SimulatedGroup_HasAPriceOfItsOwn) {
  DeviceRanks ranks(*gpus_, 2);
  const auto stream = ranks.stream(0);
  DeviceBuffer buffer(*gpus_, ranks.device(0), 1 << 20);
  const auto price = [&](std::size_t count) {
    double time_us = 0;
    EXPECT_EQ(strettoGroupStart(), strettoSuccess);
    EXPECT_EQ(sum_in_place(buffer, count, ranks.comm(0), *stream), strettoSuccess);
    EXPECT_EQ(strettoGroupSimulateEnd(&time_us), strettoSuccess) << strettoGetLastError(nullptr);
    return time_us;
  };
  EXPECT_GT(price(1), 0);
  EXPECT_GT(price(1 << 20), price(1));
}

}  // namespace
}  // namespace stretto
