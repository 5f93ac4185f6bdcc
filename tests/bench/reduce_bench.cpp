// The kernels of src/exec/reduce: each variant that this machine has, type, operation and size.
#include <array>
#include <cstring>
#include <vector>

#include "base/datatypes.hpp"
#include "exec/reduce/variants.hpp"
#include "inner_bench.hpp"

namespace stretto::bench {
namespace {

constexpr std::array<const char*, kReduceVariants.size()> kVariantNames{"baseline", "avx2", "avx512"};
/// In the first level of cache, in the second, in neither.
constexpr std::array<std::size_t, 3> kSizes{4096, std::size_t{256} << 10, std::size_t{8} << 20};

/// Small numbers of the type, whichever it is: bytes of a float whose upper ones are not all ones.
std::vector<unsigned char> values(std::size_t bytes, unsigned char first) {
  std::vector<unsigned char> all(bytes);
  for (std::size_t i = 0; i < bytes; ++i) all[i] = static_cast<unsigned char>(first + i % 7);
  return all;
}

void reduce_two(benchmark::State& state, ReduceFunction reduce, strettoDataType_t type, std::size_t bytes) {
  const std::vector<unsigned char> a = values(bytes, 0x30);
  const std::vector<unsigned char> b = values(bytes, 0x31);
  std::vector<unsigned char> result(bytes);
  const std::array<const void*, 2> sources{a.data(), b.data()};
  const std::size_t count = bytes / data_type_bytes(type);
  for (auto _ : state) {
    reduce(result.data(), sources.data(), 2, count, 1);
    benchmark::DoNotOptimize(result.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}

void scale(benchmark::State& state, ScaleFunction function, strettoDataType_t type, std::size_t bytes) {
  const std::vector<unsigned char> source = values(bytes, 0x30);
  std::vector<unsigned char> result(bytes);
  std::uint64_t scalar = 0;
  std::memcpy(&scalar, source.data(), data_type_bytes(type));
  for (auto _ : state) {
    function(result.data(), source.data(), bytes / data_type_bytes(type), scalar);
    benchmark::DoNotOptimize(result.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}

void register_type(const KernelTable& table, const std::string& variant, strettoDataType_t type, std::size_t bytes) {
  const std::string rest = variant + "/" + std::string(data_type_name(type)) + "/";
  for (int op = 0; op < strettoAvg; ++op) {  // an average is a sum
    const std::string name =
        "reduce/" + rest + std::string(red_op_name(static_cast<strettoRedOp_t>(op))) + "/" + std::to_string(bytes);
    const ReduceFunction function = table.reduce[type][op];
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State& state) { reduce_two(state, function, type, bytes); });
  }
  const std::string name = "scale/" + rest + std::to_string(bytes);
  const ScaleFunction function = table.scale[type];
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { scale(state, function, type, bytes); });
}

}  // namespace

void register_reductions() {
  for (std::size_t variant = 0; variant < kReduceVariants.size(); ++variant) {
    const KernelTable* const table = kernel_table(kReduceVariants[variant]);
    if (table == nullptr) continue;
    for (int type = 0; type < strettoNumDataTypes; ++type) {
      for (const std::size_t bytes : kSizes) {
        register_type(*table, kVariantNames[variant], static_cast<strettoDataType_t>(type), bytes);
      }
    }
  }
}

}  // namespace stretto::bench
