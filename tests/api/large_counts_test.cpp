// Counts beyond 31 and 32 bits, really moved: an all-reduce of more than 2^31 elements, a message of more than 2^32.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>

#include "support/threads.hpp"

namespace stretto {
namespace {

using Byte = unsigned char;

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kNeededBytes = std::size_t{6} << 30;

/// What can be had without swapping, within the limits of this control group.
std::size_t available_bytes() {
  std::size_t available = 0;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string word; meminfo >> word;) {
    if (word == "MemAvailable:" && meminfo >> available) break;
  }
  available *= 1024;
  std::size_t limit = 0;
  std::size_t used = 0;
  std::ifstream("/sys/fs/cgroup/memory.max") >> limit;  // "max" leaves it 0
  std::ifstream("/sys/fs/cgroup/memory.current") >> used;
  return limit == 0 ? available : std::min(available, limit - std::min(limit, used));
}

/// Anonymous memory that is given back at once.
class Memory {
 public:
  explicit Memory(std::size_t bytes) : bytes_(bytes) {
    void* const memory =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    memory_ = static_cast<Byte*>(memory);
  }
  ~Memory() { munmap(memory_, bytes_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  Byte* data() const { return memory_; }

 private:
  std::size_t bytes_;
  Byte* memory_;
};

/// Bytes whose period no power of two is a multiple of: what lands 2^31 or 2^32 away from its place differs.
std::vector<Byte> pattern(std::size_t period, unsigned factor) {
  std::vector<Byte> bytes(period);
  for (std::size_t i = 0; i < period; ++i) bytes[i] = static_cast<Byte>(i * factor + (i >> 7));
  return bytes;
}

void fill(Byte* to, std::size_t count, const std::vector<Byte>& bytes) {
  for (std::size_t at = 0; at < count; at += bytes.size()) {
    std::memcpy(to + at, bytes.data(), std::min(bytes.size(), count - at));
  }
}

/// The first place that differs; `count` if none does.
std::size_t first_difference(const Byte* got, std::size_t count, const std::vector<Byte>& bytes) {
  for (std::size_t at = 0; at < count; at += bytes.size()) {
    const std::size_t length = std::min(bytes.size(), count - at);
    if (std::memcmp(got + at, bytes.data(), length) != 0) {
      return at + static_cast<std::size_t>(std::mismatch(got + at, got + at + length, bytes.data()).first - got - at);
    }
  }
  return count;
}

void all_reduce_more_than_2_to_31_in_place() {
  constexpr std::size_t kCount = (std::size_t{1} << 31) + 13;
  constexpr std::size_t kPeriod = 65'521;  // a prime
  const std::vector<Byte> inputs[2] = {pattern(kPeriod, 3), pattern(kPeriod, 101)};
  std::vector<Byte> sum(kPeriod);
  for (std::size_t i = 0; i < kPeriod; ++i) sum[i] = static_cast<Byte>(inputs[0][i] + inputs[1][i]);
  ThreadRanks ranks(2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const Memory memory(kCount + 1);
    memory.data()[kCount] = 0x5A;
    fill(memory.data(), kCount, inputs[rank]);
    ASSERT_EQ(strettoAllReduce(memory.data(), memory.data(), kCount, strettoUint8, strettoSum, comm, nullptr),
              strettoSuccess)
        << strettoGetLastError(comm);
    EXPECT_EQ(first_difference(memory.data(), kCount, sum), kCount);
    EXPECT_EQ(memory.data()[kCount], 0x5A) << "beyond the end";
  });
}

void send_more_than_2_to_32() {
  constexpr std::size_t kCount = (std::size_t{1} << 32) + 7;
  constexpr std::size_t kPeriod = 1021 * kPageBytes;  // a prime number of pages
  const std::vector<Byte> bytes = pattern(kPeriod, 57);
  ThreadRanks ranks(2);
  ranks.run([&](int rank, strettoComm_t comm) {
    if (rank == 1) {
      const Memory memory(kCount + 1);
      memory.data()[kCount] = 0x5A;
      ASSERT_EQ(strettoRecv(memory.data(), kCount, strettoUint8, 0, comm, nullptr), strettoSuccess)
          << strettoGetLastError(comm);
      EXPECT_EQ(first_difference(memory.data(), kCount, bytes), kCount);
      EXPECT_EQ(memory.data()[kCount], 0x5A) << "beyond the end";
      return;
    }
    // One period of memory, mapped again and again.
    const std::size_t times = kCount / kPeriod + 1;
    const Memory places(times * kPeriod);
    const int file = memfd_create("large_counts", MFD_CLOEXEC);
    ASSERT_GE(file, 0);
    ASSERT_EQ(ftruncate(file, kPeriod), 0);
    for (std::size_t i = 0; i < times; ++i) {
      void* const place =
          mmap(places.data() + i * kPeriod, kPeriod, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
      ASSERT_NE(place, MAP_FAILED);
    }
    close(file);
    std::memcpy(places.data(), bytes.data(), kPeriod);
    ASSERT_EQ(strettoSend(places.data(), kCount, strettoUint8, 1, comm, nullptr), strettoSuccess)
        << strettoGetLastError(comm);
  });
}

// One test, so that the two do not run side by side.
TEST(LargeCounts, Beyond31And32Bits_AreMovedWhole) {
  if (available_bytes() < kNeededBytes) GTEST_SKIP() << "needs 6 GiB of memory";
  all_reduce_more_than_2_to_31_in_place();
  send_more_than_2_to_32();
}

}  // namespace
}  // namespace stretto
