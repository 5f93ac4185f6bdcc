// A rank of kill_test.py: sums on a stream in a loop until some rank's death or standstill is an error, leaves that
// rank behind by strettoCommShrink, and goes on so until it is alone. Started with the variables of a launcher; prints
// what it finds, one line each.
//
//   survivor_program host|cuda     the memory that it works on
//   survivor_program cuda --probe  prints how many devices there are; exit status 1 and why, if none
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cuda_test_gpus.hpp"
#include "stretto/stretto.h"
#include "test_gpus.hpp"

namespace stretto {
namespace {

constexpr int kSumsAfterwards = 20;
constexpr std::int64_t kAnswerNs = 1'000'000'000;
constexpr unsigned kLimitSeconds = 120;
constexpr std::size_t kMost = 100'000;  ///< elements

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

[[noreturn]] void fail(const char* what, const char* why) {
  std::printf("failed %s: %s\n", what, why);
  std::exit(2);
}

void need(strettoResult_t result, const char* what) {
  if (result != strettoSuccess) fail(what, strettoGetLastError(nullptr));
}

/// Elements, on the host or on a device.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual std::int64_t* data() = 0;
  virtual strettoStream_t stream() = 0;
  virtual void synchronize() = 0;
  virtual void put(const std::vector<std::int64_t>& values) = 0;
  virtual std::vector<std::int64_t> get(std::size_t count) = 0;
};

/// Without a stream, whose operations would not all have begun.
class HostMemory final : public Memory {
 public:
  std::int64_t* data() override { return values_.data(); }
  strettoStream_t stream() override { return nullptr; }
  void synchronize() override {}
  void put(const std::vector<std::int64_t>& values) override { std::copy(values.begin(), values.end(), data()); }
  std::vector<std::int64_t> get(std::size_t count) override { return {data(), data() + count}; }

 private:
  std::vector<std::int64_t> values_ = std::vector<std::int64_t>(kMost);
};

class DeviceMemory final : public Memory {
 public:
  DeviceMemory(test::TestGpus& gpus, int device)
      : gpus_(gpus), device_(device), bytes_(gpus.allocate(device, kMost * 8)), stream_(gpus.make_stream(device)) {}
  ~DeviceMemory() override { gpus_.free(device_, bytes_); }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  std::int64_t* data() override { return reinterpret_cast<std::int64_t*>(bytes_); }
  strettoStream_t stream() override { return stream_->handle(); }
  void synchronize() override { stream_->synchronize(); }
  void put(const std::vector<std::int64_t>& values) override { gpus_.upload(bytes_, values.data(), values.size() * 8); }
  std::vector<std::int64_t> get(std::size_t count) override {
    std::vector<std::int64_t> values(count);
    gpus_.download(values.data(), bytes_, count * 8);
    return values;
  }

 private:
  test::TestGpus& gpus_;
  int device_;
  std::byte* bytes_;
  std::unique_ptr<test::TestStream> stream_;
};

/// One sum, whose size all ranks know by its number, from what was put to what is checked. The error of the call.
strettoResult_t sum(strettoComm_t comm, Memory& memory, int number, bool& right) {
  constexpr std::size_t kCounts[] = {1, 1000, kMost};
  const std::size_t count = kCounts[number % 3];
  int n = 0;
  int rank = 0;
  strettoCommCount(comm, &n);
  strettoCommUserRank(comm, &rank);
  memory.put(std::vector<std::int64_t>(count, rank + number));
  strettoResult_t result =
      strettoAllReduce(memory.data(), memory.data(), count, strettoInt64, strettoSum, comm, memory.stream());
  right = result != strettoSuccess;  // on a device it has not begun, then
  if (right) return result;
  memory.synchronize();
  if (result == strettoSuccess) strettoCommGetAsyncError(comm, &result);
  right = memory.get(count) == std::vector<std::int64_t>(count, n * (n - 1) / 2 + n * number);
  return result;
}

/// Sums until one is an error.
/// @param unfinished whether that one had begun, and has not given its result
strettoResult_t sum_until_error(strettoComm_t comm, Memory& memory, bool& unfinished) {
  for (int number = 0;; ++number) {
    bool right = false;
    const strettoResult_t result = sum(comm, memory, number, right);
    unfinished = !right;
    if (result != strettoSuccess) return result;
    if (!right) fail("sum", "a wrong result");
    if (number == 10) std::printf("running\n");
  }
}

/// The error, with the operation in which this rank's kernel stood, if it was in one: that may be known a moment later.
strettoErrorInfo_t error_with_operation(strettoComm_t comm, bool in_one) {
  strettoErrorInfo_t info = STRETTO_ERROR_INFO_INITIALIZER;
  const std::int64_t limit_ns = now_ns() + kAnswerNs;
  do {
    strettoGetErrorInfo(comm, &info);
  } while (in_one && info.operation < 0 && now_ns() < limit_ns);
  return info;
}

/// Through the loss of a rank. Returns the communicator of those who are left, in place of `comm`.
strettoComm_t live_on(strettoComm_t comm, Memory& memory) {
  bool unfinished = false;
  const strettoResult_t error = sum_until_error(comm, memory, unfinished);
  const strettoErrorInfo_t info = error_with_operation(comm, unfinished);
  std::printf("named %d %d %lld %lld %d %s\n", static_cast<int>(error), info.peer,
              static_cast<long long>(info.operation), static_cast<long long>(now_ns()), unfinished ? 1 : 0, info.text);
  strettoComm_t child = nullptr;
  const std::int64_t start_ns = now_ns();
  if (strettoCommShrink(comm, &info.peer, 1, &child, nullptr) != strettoSuccess) {
    fail("shrink", strettoGetLastError(nullptr));
  }
  std::printf("shrunk %lld\n", static_cast<long long>(now_ns() - start_ns));
  for (int number = 0; number < kSumsAfterwards; ++number) {
    bool right = false;
    const strettoResult_t result = sum(child, memory, number, right);
    if (result != strettoSuccess) fail("sum afterwards", strettoGetLastError(child));
    if (!right) fail("sum afterwards", "a wrong result");
  }
  need(strettoCommDestroy(comm), "destroy the parent");
  std::printf("done %d\n", kSumsAfterwards);
  return child;
}

/// The device is as it was, without any communicator.
void check_device(Memory& memory) {
  const std::vector<std::int64_t> values(kMost, 42);
  memory.put(values);
  memory.synchronize();
  if (memory.get(kMost) != values) fail("memory", "does not hold what was put there");
}

int run(bool on_device, bool probe) {
  std::unique_ptr<test::TestGpus> gpus;
  if (on_device) {
    std::string why_none;
    gpus = test::make_cuda_test_gpus(2, why_none);
    if (!gpus) {
      std::printf("%s\n", why_none.c_str());
      return 1;
    }
    if (probe) {
      std::printf("%d\n", gpus->count());
      return 0;
    }
  }
  const char* const rank = std::getenv("RANK");
  if (rank == nullptr) fail("start", "RANK is not set");
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  if (gpus) config.device = std::atoi(rank) % gpus->count();
  std::unique_ptr<Memory> memory;
  if (gpus) {
    memory = std::make_unique<DeviceMemory>(*gpus, config.device);
  } else {
    memory = std::make_unique<HostMemory>();
  }
  strettoComm_t comm = nullptr;
  need(strettoCommInitEnvironment(&comm, &config), "start");
  for (int n_left = 0; strettoCommCount(comm, &n_left) == strettoSuccess && n_left > 1;) {
    comm = live_on(comm, *memory);
  }
  need(strettoCommDestroy(comm), "destroy the last communicator");
  check_device(*memory);
  return 0;
}

}  // namespace
}  // namespace stretto

int main(int argc, char** argv) {
  alarm(stretto::kLimitSeconds);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // also when it is stopped, and the test that stopped it is killed
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const bool on_device = argc > 1 && std::strcmp(argv[1], "cuda") == 0;
  return stretto::run(on_device, argc > 2);
}
