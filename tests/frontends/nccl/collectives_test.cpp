// Every collective, type and operation through libnccl.so.2, against results that are computed the plain way.
#include <array>
#include <cstring>

#include "library.hpp"
#include "support/collective_oracle.hpp"

namespace stretto {
namespace {

using nccl_test::nccl;
using nccl_test::Ranks;
using nccl_test::Stream;

ncclResult_t call(const CollectiveCase& c, const void* in, void* out, ncclComm_t comm, cudaStream_t stream) {
  switch (c.collective) {
    case Collective::all_reduce:
      return nccl().AllReduce(in, out, c.count, ncclInt64, ncclSum, comm, stream);
    case Collective::all_gather:
      return nccl().AllGather(in, out, c.count, ncclInt64, comm, stream);
    case Collective::reduce_scatter:
      return nccl().ReduceScatter(in, out, c.count, ncclInt64, ncclSum, comm, stream);
    case Collective::broadcast:
      return nccl().Broadcast(in, out, c.count, ncclInt64, c.root, comm, stream);
    case Collective::reduce:
      return nccl().Reduce(in, out, c.count, ncclInt64, ncclSum, c.root, comm, stream);
    case Collective::gather:
      return nccl().Gather(in, out, c.count, ncclInt64, c.root, comm, stream);
    case Collective::scatter:
      return nccl().Scatter(in, out, c.count, ncclInt64, c.root, comm, stream);
    case Collective::all_to_all:
      return nccl().AlltoAll(in, out, c.count, ncclInt64, comm, stream);
    default:
      return ncclInternalError;
  }
}

constexpr std::array kCollectives = {Collective::all_reduce, Collective::all_gather, Collective::reduce_scatter,
                                     Collective::broadcast,  Collective::reduce,     Collective::gather,
                                     Collective::scatter,    Collective::all_to_all};

void run_case(const Ranks& ranks, const CollectiveCase& c, bool in_stream) {
  std::mt19937_64 random(c.count + static_cast<std::size_t>(c.collective));
  const std::vector<Buffer> inputs = random_inputs(c, random);
  const std::vector<Buffer> expected = expected_outputs(c, inputs);
  ranks.run([&](int rank, ncclComm_t comm) {
    const auto i = static_cast<std::size_t>(rank);
    Buffer out(expected[i].size(), -1);
    if (in_stream) {
      const Stream stream;
      EXPECT_NCCL(call(c, inputs[i].data(), out.data(), comm, stream.get()));
      stream.synchronize();
    } else {
      EXPECT_NCCL(call(c, inputs[i].data(), out.data(), comm, nullptr));
    }
    EXPECT_EQ(out, expected[i]) << "collective " << static_cast<int>(c.collective) << " rank " << rank << " root "
                                << c.root << " count " << c.count;
  });
}

TEST(NcclCollectives, Each_GivesWhatItsDefinitionSays) {
  for (const int n : {1, 2, 3, 4}) {
    const Ranks ranks(n);
    for (const Collective collective : kCollectives) {
      const int roots = row_of(collective).rooted ? n : 1;
      for (int root = 0; root < roots; ++root) {
        for (const std::size_t count : {0UL, 1UL, 1000UL, 70'000UL}) {
          run_case(ranks, {collective, n, row_of(collective).rooted ? root : -1, count}, root % 2 == 0);
        }
      }
    }
  }
}

TEST(NcclCollectives, InPlaceAndBcast_GiveTheSame) {
  const Ranks ranks(3);
  ranks.run([](int rank, ncclComm_t comm) {
    const auto i = static_cast<std::size_t>(rank);
    Buffer sum(100, rank + 1);
    EXPECT_NCCL(nccl().AllReduce(sum.data(), sum.data(), 100, ncclInt64, ncclSum, comm, nullptr));
    EXPECT_EQ(sum, Buffer(100, 6));
    Buffer gathered{-1, -1, -1};
    gathered[i] = rank;
    EXPECT_NCCL(nccl().AllGather(&gathered[i], gathered.data(), 1, ncclInt64, comm, nullptr));
    EXPECT_EQ(gathered, (Buffer{0, 1, 2}));
    Buffer scattered{rank, rank + 10, rank + 20};
    EXPECT_NCCL(nccl().ReduceScatter(scattered.data(), &scattered[i], 1, ncclInt64, ncclSum, comm, nullptr));
    EXPECT_EQ(scattered[i], 3 + 30 * rank);
    Buffer sent(50, rank);
    EXPECT_NCCL(nccl().Bcast(sent.data(), 50, ncclInt64, 2, comm, nullptr));
    EXPECT_EQ(sent, Buffer(50, 2));
  });
}

/// The bits of small numbers, by type: integers and floats of C, and the narrow floats by hand.
std::vector<unsigned char> bits_of(ncclDataType_t type, int value) {
  const auto bytes = [](auto number) {
    std::vector<unsigned char> result(sizeof number);
    std::memcpy(result.data(), &number, sizeof number);
    return result;
  };
  const auto narrow = [&](std::uint16_t one, std::uint16_t two, std::uint16_t three, std::uint16_t six) {
    return value == 1 ? one : value == 2 ? two : value == 3 ? three : six;
  };
  switch (type) {
    case ncclInt8:
      return bytes(static_cast<std::int8_t>(value));
    case ncclUint8:
      return bytes(static_cast<std::uint8_t>(value));
    case ncclInt32:
      return bytes(static_cast<std::int32_t>(value));
    case ncclUint32:
      return bytes(static_cast<std::uint32_t>(value));
    case ncclInt64:
      return bytes(static_cast<std::int64_t>(value));
    case ncclUint64:
      return bytes(static_cast<std::uint64_t>(value));
    case ncclFloat32:
      return bytes(static_cast<float>(value));
    case ncclFloat64:
      return bytes(static_cast<double>(value));
    case ncclFloat16:
      return bytes(narrow(0x3C00, 0x4000, 0x4200, 0x4600));
    case ncclBfloat16:
      return bytes(narrow(0x3F80, 0x4000, 0x4040, 0x40C0));
    case ncclFloat8e4m3:
      return bytes(static_cast<std::uint8_t>(narrow(0x38, 0x40, 0x44, 0x4C)));
    case ncclFloat8e5m2:
      return bytes(static_cast<std::uint8_t>(narrow(0x3C, 0x40, 0x42, 0x46)));
    default:
      return {};
  }
}

std::vector<unsigned char> repeated(ncclDataType_t type, int value, std::size_t count) {
  const std::vector<unsigned char> one = bits_of(type, value);
  std::vector<unsigned char> all;
  for (std::size_t i = 0; i < count; ++i) all.insert(all.end(), one.begin(), one.end());
  return all;
}

TEST(NcclCollectives, EveryTypeAndOperation_MeansWhatItsNumberSays) {
  constexpr std::size_t kCount = 100;
  const Ranks ranks(3);  // which give 1, 2 and 3
  const std::array<int, ncclNumOps> results = {6, 6, 3, 1, 2};
  ranks.run([&](int rank, ncclComm_t comm) {
    for (int t = 0; t < ncclNumTypes; ++t) {
      for (int op = 0; op < ncclNumOps; ++op) {
        const auto type = static_cast<ncclDataType_t>(t);
        std::vector<unsigned char> data = repeated(type, rank + 1, kCount);
        EXPECT_NCCL(
            nccl().AllReduce(data.data(), data.data(), kCount, type, static_cast<ncclRedOp_t>(op), comm, nullptr));
        EXPECT_EQ(data, repeated(type, results[static_cast<std::size_t>(op)], kCount)) << "type " << t << " op " << op;
      }
    }
  });
}

TEST(NcclCollectives, OperationsOfUsers_MultiplyFirst) {
  const Ranks ranks(2);
  ranks.run([](int rank, ncclComm_t comm) {
    const Stream stream;
    float scalar = rank == 0 ? 0.5F : 4.0F;
    ncclRedOp_t op = ncclSum;
    EXPECT_NCCL(nccl().RedOpCreatePreMulSum(&op, &scalar, ncclFloat32, ncclScalarHostImmediate, comm));
    EXPECT_GE(static_cast<int>(op), static_cast<int>(ncclNumOps));
    scalar = 100;
    std::vector<float> data(64, static_cast<float>(rank + 1));
    EXPECT_NCCL(nccl().AllReduce(data.data(), data.data(), data.size(), ncclFloat32, op, comm, stream.get()));
    EXPECT_NCCL(nccl().RedOpDestroy(op, comm)) << "as soon as the call has returned";
    stream.synchronize();
    EXPECT_EQ(data, std::vector<float>(64, 8.5F));
    EXPECT_EQ(nccl().AllReduce(data.data(), data.data(), 1, ncclFloat32, op, comm, nullptr), ncclInvalidArgument);
    EXPECT_EQ(nccl().RedOpDestroy(op, comm), ncclInvalidArgument);
    EXPECT_EQ(nccl().RedOpDestroy(ncclSum, comm), ncclInvalidArgument);
  });
}

}  // namespace
}  // namespace stretto
