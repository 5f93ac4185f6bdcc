// What can be measured between two GPUs of this process.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "perf/common/gpu.hpp"
#include "perf/link/kernels.hpp"

namespace stretto::perf::link {

/// Memory of one GPU, or host memory that all kernels reach.
class Memory {
 public:
  static Memory of_gpu(RankGpu& gpu, std::size_t bytes);
  static Memory of_host(std::size_t bytes);
  Memory(Memory&& other) noexcept : bytes_(other.bytes_), gpu_(other.gpu_) { other.bytes_ = nullptr; }
  Memory& operator=(Memory&&) = delete;
  ~Memory();
  template <typename T = unsigned char>
  T* as() const {
    return static_cast<T*>(bytes_);
  }

 private:
  Memory(void* bytes, RankGpu* gpu) : bytes_(bytes), gpu_(gpu) {}
  void* bytes_;
  RankGpu* gpu_;
};

enum class Method { thread_stores, thread_loads, bulk_stores, bulk_loads, copy_engine, local_copy_engine };
struct MethodRow {
  Method method;
  const char* name;
  bool uses_sms;
};
inline constexpr std::array<MethodRow, 6> kMethods{{
    {Method::thread_stores, "thread_stores", true},
    {Method::thread_loads, "thread_loads", true},
    {Method::bulk_stores, "bulk_stores", true},
    {Method::bulk_loads, "bulk_loads", true},
    {Method::copy_engine, "copy_engine", false},
    {Method::local_copy_engine, "local_copy_engine", false},
}};

struct BenchOptions {
  std::array<int, 2> devices{0, 1};
  std::size_t bytes = std::size_t{512} << 20;
  int samples = 7;
  int repeats = 3;  ///< copies per sample
  int timeout_s = 10;
};

class LinkBench {
 public:
  /// Opens both GPUs and lets each reach the other's memory; throws std::runtime_error where it cannot.
  explicit LinkBench(const BenchOptions& options);
  LinkBench(const LinkBench&) = delete;
  LinkBench& operator=(const LinkBench&) = delete;

  const GpuFacts& facts(int side) const { return at(side).gpu->facts(); }
  int most_sms() const { return most_sms_; }

  /// 8-byte words that arrive wrong on either side when both copy at once.
  unsigned long long count_wrong(Method method, int sms);
  /// GB/s of each sample: of side 0 alone, or of the slower side while both copy.
  std::vector<double> bandwidths(Method method, int sms, bool both_ways);
  /// Of each sample of 1000 round trips.
  std::vector<double> round_trips_us(bool ordered);
  /// Of each sample, per kernel: 100 of them in a graph, or launched one by one.
  std::vector<double> empty_kernels_us(bool in_graph);

 private:
  struct Side {
    std::unique_ptr<RankGpu> gpu;
    std::vector<Memory> memory;  ///< source, destination, flags, count of wrong words
    Memory words;                ///< host memory: stuck, elapsed
    unsigned char* source() const { return memory[0].as(); }
    unsigned char* destination() const { return memory[1].as(); }
    std::uint32_t* flag() const { return memory[2].as<std::uint32_t>(); }
    unsigned long long* wrong() const { return memory[3].as<unsigned long long>(); }
    std::uint32_t* stuck() const { return words.as<std::uint32_t>(); }
    std::uint64_t* elapsed_ns() const { return words.as<std::uint64_t>() + 1; }
    cudaStream_t stream() const { return reinterpret_cast<cudaStream_t>(gpu->stream()); }
  };
  Side open(int device) const;
  const Side& at(int side) const { return sides_[static_cast<std::size_t>(side)]; }
  void let_reach(int side) const;
  void launch(int side, Method method, int sms) const;
  void finish(const char* what) const;

  BenchOptions options_;
  std::vector<Side> sides_;
  int most_sms_ = 0;
};

}  // namespace stretto::perf::link
