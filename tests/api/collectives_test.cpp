// The collectives of the C API, ranks as threads, against the oracle: all sizes from nothing to many rounds, in place
// and not, each algorithm forced in turn.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "algorithms/catalogue.hpp"
#include "support/collective_call.hpp"
#include "support/collective_oracle.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kPoison = 0x5EADBEEF5EADBEEF;

/// One rank's part: its input laid out, in place or not, the call, and its output.
Buffer run_rank(const CollectiveCase& c, int rank, const Buffer& input, bool in_place, strettoComm_t comm) {
  const CollectiveRow& row = row_of(c.collective);
  const auto place = static_cast<std::size_t>(rank);
  const std::size_t in_shift = in_place ? in_place_shift(c, row.input, place) : 0;
  const std::size_t out_shift = in_place ? in_place_shift(c, row.output, place) : 0;
  const std::size_t out_size = c.count * blocks_of(c, row.output, place);
  Buffer out(std::max(out_shift + out_size, in_place ? in_shift + input.size() : 0), kPoison);
  Buffer in = input;
  std::int64_t* from = in.data();
  if (in_place) {
    from = out.data() + in_shift;
    std::copy(in.begin(), in.end(), from);
  }
  std::int64_t* to = out.data() + out_shift;
  EXPECT_EQ(call(c, from, to, comm, nullptr), strettoSuccess) << strettoGetLastError(comm);
  if (!in_place) {
    EXPECT_EQ(in, input) << "the input was written";
  }
  return {to, to + out_size};
}

class ForcedAlgorithm {
 public:
  explicit ForcedAlgorithm(const char* name) {
    if (*name == '\0') return;
    setenv("STRETTO_ALGORITHM", name, 1);
    setenv("STRETTO_TEST_SOCKETS", "2", 1);
  }
  ~ForcedAlgorithm() {
    unsetenv("STRETTO_ALGORITHM");
    unsetenv("STRETTO_TEST_SOCKETS");
  }
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // ten times slower, and the paths are the same
constexpr std::size_t kCounts[] = {0, 1, 5, 1000, 40'003};
#else
constexpr std::size_t kCounts[] = {0, 1, 3, 4, 5, 1000, 8191, 100'003};
#endif

class CollectivesByThreads : public testing::TestWithParam<const char*> {};

TEST_P(CollectivesByThreads, RandomCalls_EqualTheOracle) {
  const ForcedAlgorithm forced(GetParam());
  std::mt19937_64 random(20261121);
  for (const int n : {1, 2, 3, 4, 8}) {
    ThreadRanks ranks(n);
    for (const CollectiveRow& row : collective_rows()) {
      for (const std::size_t count : kCounts) {
        for (const bool in_place : {false, true}) {
          if (in_place && !can_be_in_place(row)) continue;
          const Rank root = row.rooted ? static_cast<Rank>(random() % static_cast<unsigned>(n)) : -1;
          const CollectiveCase c{row.collective, n, root, count};
          const std::vector<Buffer> inputs = random_inputs(c, random);
          const std::vector<Buffer> expected = expected_outputs(c, inputs);
          ranks.run([&](int rank, strettoComm_t comm) {
            const auto i = static_cast<std::size_t>(rank);
            EXPECT_EQ(run_rank(c, rank, inputs[i], in_place, comm), expected[i])
                << row.name << " n=" << n << " count=" << count << " in place " << in_place << " rank " << rank;
          });
        }
      }
    }
  }
}

/// None: the planner's choice.
std::vector<const char*> algorithms() {
  std::vector<const char*> names = {""};
  for (const AlgorithmRow& row : catalogue()) names.push_back(row.name.data());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Algorithms, CollectivesByThreads, testing::ValuesIn(algorithms()), [](const auto& instance) {
  return *instance.param == '\0' ? std::string("planned") : std::string(instance.param);
});

/// The bits of small numbers in one type. Average of 1 and 2: 3/2 truncated for integers, 1.5 for the rest.
struct SmallNumbers {
  strettoDataType_t type;
  std::uint64_t one, two, three, average;
};

constexpr SmallNumbers kSmallNumbers[] = {
    {strettoInt8, 1, 2, 3, 1},
    {strettoUint8, 1, 2, 3, 1},
    {strettoInt32, 1, 2, 3, 1},
    {strettoUint32, 1, 2, 3, 1},
    {strettoInt64, 1, 2, 3, 1},
    {strettoUint64, 1, 2, 3, 1},
    {strettoFloat16, 0x3C00, 0x4000, 0x4200, 0x3E00},
    {strettoFloat32, 0x3F800000, 0x40000000, 0x40400000, 0x3FC00000},
    {strettoFloat64, 0x3FF0000000000000, 0x4000000000000000, 0x4008000000000000, 0x3FF8000000000000},
    {strettoBfloat16, 0x3F80, 0x4000, 0x4040, 0x3FC0},
    {strettoFloat8e4m3, 0x38, 0x40, 0x44, 0x3C},
    {strettoFloat8e5m2, 0x3C, 0x40, 0x42, 0x3E},
};
static_assert(std::size(kSmallNumbers) == strettoNumDataTypes);

std::uint64_t of_one_and_two(const SmallNumbers& bits, strettoRedOp_t op) {
  switch (op) {
    case strettoSum:
      return bits.three;
    case strettoMin:
      return bits.one;
    case strettoAvg:
      return bits.average;
    default:  // product and maximum
      return bits.two;
  }
}

/// `count` elements, `even` and `odd` by turns, as the low `bytes` bytes of each (a little-endian machine).
std::vector<unsigned char> by_turns(std::size_t count, std::size_t bytes, std::uint64_t even, std::uint64_t odd) {
  std::vector<unsigned char> result(count * bytes);
  for (std::size_t i = 0; i < count; ++i) std::memcpy(&result[i * bytes], i % 2 == 0 ? &even : &odd, bytes);
  return result;
}

TEST(AllReduce, EveryTypeAndOperation_OfOnesAndTwos) {
  constexpr std::size_t kCount = 37;  // no multiple of any vector's width
  ThreadRanks ranks(2);
  for (const SmallNumbers& bits : kSmallNumbers) {
    const std::size_t bytes = strettoDataTypeSize(bits.type);
    for (const strettoRedOp_t op : {strettoSum, strettoProd, strettoMax, strettoMin, strettoAvg}) {
      const std::uint64_t result = of_one_and_two(bits, op);
      const std::vector<unsigned char> expected = by_turns(kCount, bytes, result, result);
      ranks.run([&](int rank, strettoComm_t comm) {
        const std::vector<unsigned char> in =
            rank == 0 ? by_turns(kCount, bytes, bits.one, bits.two) : by_turns(kCount, bytes, bits.two, bits.one);
        std::vector<unsigned char> out(kCount * bytes, 0xA5);
        EXPECT_EQ(strettoAllReduce(in.data(), out.data(), kCount, bits.type, op, comm, nullptr), strettoSuccess);
        EXPECT_EQ(out, expected) << "type " << bits.type << " op " << op << " rank " << rank;
      });
    }
  }
}

TEST(AllReduce, Average_DividesOnce) {
  ThreadRanks ranks(4);
  ranks.run([](int rank, strettoComm_t comm) {
    const std::vector<float> in(1000, static_cast<float>(rank + 1));
    std::vector<float> out(1000, -1.0F);
    EXPECT_EQ(strettoAllReduce(in.data(), out.data(), 1000, strettoFloat32, strettoAvg, comm, nullptr), strettoSuccess);
    EXPECT_EQ(out, std::vector<float>(1000, 2.5F));
  });
}

TEST(Communicators, SeveralAtOnceFromSeveralThreads_DoNotDisturbEachOther) {
  std::vector<std::thread> threads;
  for (int group = 0; group < 4; ++group) {
    threads.emplace_back([group] {
      ThreadRanks ranks(3);
      ranks.run([group](int rank, strettoComm_t comm) {
        for (std::int64_t i = 0; i < 200; ++i) {
          const std::int64_t in = i * 10 + rank + group;
          std::int64_t out = -1;
          ASSERT_EQ(strettoAllReduce(&in, &out, 1, strettoInt64, strettoSum, comm, nullptr), strettoSuccess);
          ASSERT_EQ(out, 3 * (i * 10 + group) + 3);
        }
      });
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace stretto
