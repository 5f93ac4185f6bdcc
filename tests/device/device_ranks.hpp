// Ranks on GPUs, as threads, for tests of the C API: on every kind of GPUs that there is.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "stretto/stretto.h"
#include "support/collective_oracle.hpp"
#include "support/threads.hpp"
#include "test_gpus.hpp"

namespace stretto {

using test::TestGpus;
using test::TestStream;

/// Memory of a device.
class DeviceBuffer {
 public:
  DeviceBuffer(TestGpus& gpus, int device, std::size_t count)
      : gpus_(gpus),
        device_(device),
        count_(count),
        memory_(reinterpret_cast<std::int64_t*>(gpus.allocate(device, std::max<std::size_t>(count, 1) * 8))) {}
  ~DeviceBuffer() { gpus_.free(device_, reinterpret_cast<std::byte*>(memory_)); }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  std::int64_t* get() const { return memory_; }
  void fill(const Buffer& values) {
    if (!values.empty()) gpus_.upload(reinterpret_cast<std::byte*>(memory_), values.data(), values.size() * 8);
  }
  Buffer read() const {
    Buffer values(count_);
    if (count_ > 0) gpus_.download(values.data(), reinterpret_cast<const std::byte*>(memory_), count_ * 8);
    return values;
  }

 private:
  TestGpus& gpus_;
  int device_;
  std::size_t count_;
  std::int64_t* memory_;
};

/// n ranks of a communicator, as threads, on the devices in turn.
class DeviceRanks {
 public:
  DeviceRanks(TestGpus& gpus, int n, strettoConfig_t config = STRETTO_CONFIG_INITIALIZER) : gpus_(gpus) {
    if (config.max_channels == STRETTO_UNSET) config.max_channels = 4;  // of how many threads there can be
    // Before the test's own limit; who looks for the cause of a hang sets a shorter one.
    if (config.data_timeout_ms == STRETTO_UNSET && std::getenv("STRETTO_DATA_TIMEOUT_MS") == nullptr) {
      config.data_timeout_ms = 60'000;
    }
    std::vector<int> device_of;
    for (int rank = 0; rank < n; ++rank) device_of.push_back(rank % gpus.count());
    comms_.resize(static_cast<std::size_t>(n));
    EXPECT_EQ(strettoCommInitAllConfig(comms_.data(), n, device_of.data(), &config), strettoSuccess)
        << strettoGetLastError(nullptr);
  }
  ~DeviceRanks() {
    for (int rank = 0; rank < n(); ++rank) destroy(rank);
  }
  DeviceRanks(const DeviceRanks&) = delete;
  DeviceRanks& operator=(const DeviceRanks&) = delete;

  void run(const std::function<void(int rank, strettoComm_t comm)>& body) {
    std::vector<std::thread> threads;
    for (int rank = 0; rank < n(); ++rank) threads.emplace_back([&, rank] { body(rank, comm(rank)); });
    for (std::thread& thread : threads) thread.join();
  }
  void destroy(int rank) {
    strettoComm_t& comm = comms_[static_cast<std::size_t>(rank)];
    if (comm == nullptr) return;
    EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
    comm = nullptr;
  }
  int n() const { return static_cast<int>(comms_.size()); }
  strettoComm_t comm(int rank) const { return comms_[static_cast<std::size_t>(rank)]; }
  int device(int rank) const {
    int device = -1;
    EXPECT_EQ(strettoCommDevice(comm(rank), &device), strettoSuccess);
    return device;
  }
  TestGpus& gpus() { return gpus_; }
  std::unique_ptr<TestStream> stream(int rank) { return gpus_.make_stream(device(rank)); }

 private:
  TestGpus& gpus_;
  std::vector<strettoComm_t> comms_;
};

/// A test on one kind of GPUs, two of them where there are two.
class OnGpus : public testing::TestWithParam<test::TestGpusRow> {
 protected:
  void SetUp() override {
    std::string why_none;
    gpus_ = GetParam().make(2, why_none);
    if (!gpus_) GTEST_SKIP() << why_none;
  }
  std::unique_ptr<TestGpus> gpus_;
};

inline std::string name_of_gpus(const testing::TestParamInfo<test::TestGpusRow>& info) { return info.param.name; }

}  // namespace stretto
