// Ranks that MPI started: the id goes around by MPI_Bcast, and random all-reduces must give what MPI_Allreduce gives.
// Values are such that no order of reduction rounds, so results are compared byte for byte.
#include <mpi.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "stretto/stretto.hpp"

namespace {

constexpr int kTrials = 80;

struct Type {
  strettoDataType_t ours;
  MPI_Datatype theirs;
  std::size_t bytes;
  const char* name;
};

struct Op {
  strettoRedOp_t ours;
  MPI_Op theirs;
  const char* name;
};

template <typename T>
void put(std::vector<unsigned char>& bytes, std::size_t index, T value) {
  std::memcpy(bytes.data() + index * sizeof value, &value, sizeof value);
}

/// Of up to 8 ranks neither the sum nor the product leaves the type: Open MPI 4's vectorised sums of bytes saturate
/// where ours wrap.
unsigned char small_byte(const Op& op, std::uint64_t bits) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (op.ours == strettoProd) return static_cast<unsigned char>(rank < 6 ? 1 + bits % 2 : 1);
  return static_cast<unsigned char>(bits % 16);
}

std::vector<unsigned char> random_input(const Type& type, const Op& op, std::size_t count, std::mt19937_64& random) {
  std::vector<unsigned char> bytes(count * type.bytes);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bits = random();
    const int magnitude = op.ours == strettoProd ? 1 << (bits % 3) : static_cast<int>(bits % 1000);
    const int value = (bits >> 32) % 2 == 0 ? magnitude : -magnitude;
    if (type.ours == strettoFloat32) {
      put(bytes, i, static_cast<float>(value));
    } else if (type.ours == strettoFloat64) {
      put(bytes, i, static_cast<double>(value));
    } else if (type.bytes == 1) {
      put(bytes, i, small_byte(op, bits));
    } else {
      std::memcpy(bytes.data() + i * type.bytes, &bits, type.bytes);  // wider integers wrap alike
    }
  }
  return bytes;
}

/// Half small, half up to 64 Ki elements.
std::size_t random_count(std::mt19937_64& random) { return random() % (std::uint64_t{1} << (random() % 17)); }

bool run_trial(const stretto::Communicator& comm, const Type& type, const Op& op, std::size_t count, bool in_place,
               std::mt19937_64& own) {
  std::vector<unsigned char> input = random_input(type, op, count, own);
  std::vector<unsigned char> expected(input.size());
  MPI_Allreduce(input.data(), expected.data(), static_cast<int>(count), type.theirs, op.theirs, MPI_COMM_WORLD);
  if (in_place) {
    comm.all_reduce(static_cast<const void*>(input.data()), input.data(), count, type.ours, op.ours);
    return input == expected;
  }
  std::vector<unsigned char> result(input.size(), 0x6b);
  comm.all_reduce(static_cast<const void*>(input.data()), result.data(), count, type.ours, op.ours);
  return result == expected;
}

int run_trials(const stretto::Communicator& comm, std::uint64_t seed, int rank) {
  const Type types[] = {{strettoInt8, MPI_INT8_T, 1, "int8"},    {strettoUint8, MPI_UINT8_T, 1, "uint8"},
                        {strettoInt32, MPI_INT32_T, 4, "int32"}, {strettoUint32, MPI_UINT32_T, 4, "uint32"},
                        {strettoInt64, MPI_INT64_T, 8, "int64"}, {strettoUint64, MPI_UINT64_T, 8, "uint64"},
                        {strettoFloat32, MPI_FLOAT, 4, "float"}, {strettoFloat64, MPI_DOUBLE, 8, "double"}};
  const Op ops[] = {{strettoSum, MPI_SUM, "sum"},
                    {strettoProd, MPI_PROD, "prod"},
                    {strettoMax, MPI_MAX, "max"},
                    {strettoMin, MPI_MIN, "min"}};
  std::mt19937_64 common(seed);
  std::mt19937_64 own(seed + 1 + static_cast<std::uint64_t>(rank));
  int failures = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Type& type = types[common() % std::size(types)];
    const Op& op = ops[common() % std::size(ops)];
    const std::size_t count = random_count(common);
    const bool in_place = common() % 2 == 0;
    if (run_trial(comm, type, op, count, in_place, own)) continue;
    ++failures;
    std::fprintf(stderr, "rank %d: trial %d: %s of %zu %s %s differs from MPI_Allreduce's\n", rank, trial, op.name,
                 count, type.name, in_place ? "in place" : "out of place");
  }
  return failures;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const std::uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20261121;
  if (rank == 0) std::printf("%d ranks, seed %llu\n", size, static_cast<unsigned long long>(seed));
  int failures = 0;
  try {
    strettoUniqueId id{};
    if (rank == 0) id = stretto::make_unique_id();
    MPI_Bcast(&id, sizeof id, MPI_BYTE, 0, MPI_COMM_WORLD);
    stretto::Communicator comm(size, id, rank);
    failures = run_trials(comm, seed, rank);
    comm.close();
  } catch (const stretto::Exception& error) {
    std::fprintf(stderr, "rank %d: %s\n", rank, error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  int all_failures = 0;
  MPI_Allreduce(&failures, &all_failures, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  MPI_Finalize();
  return all_failures == 0 ? 0 : 1;
}
