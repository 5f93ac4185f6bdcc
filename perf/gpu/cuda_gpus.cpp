// CUDA's GPUs, by the runtime API, which is linked statically and opens the driver at its first call.
#include <array>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "perf/common/gpu.hpp"
#include "perf/gpu/cuda_check.hpp"

namespace stretto::perf {
namespace {

constexpr int kDefaultTimeoutS = 600;

std::string text_of(const cudaUUID_t& uuid) {
  std::string text = "GPU";
  for (std::size_t i = 0; i < sizeof uuid.bytes; ++i) {
    std::array<char, 4> byte{};
    std::snprintf(byte.data(), byte.size(), "%02x", static_cast<unsigned>(static_cast<unsigned char>(uuid.bytes[i])));
    if (i == 0 || i == 4 || i == 6 || i == 8 || i == 10) text += "-";
    text += byte.data();
  }
  return text;
}

class CudaRankGpu final : public RankGpu {
 public:
  CudaRankGpu(int ordinal, int timeout_s) : timeout_(timeout_s > 0 ? timeout_s : kDefaultTimeoutS) {
    facts_.ordinal = ordinal;
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, ordinal), "cudaGetDeviceProperties");
    facts_.name = properties.name;
    facts_.uuid = text_of(properties.uuid);
    std::array<char, 32> bus{};
    std::snprintf(bus.data(), bus.size(), "%04x:%02x:%02x", static_cast<unsigned>(properties.pciDomainID),
                  static_cast<unsigned>(properties.pciBusID), static_cast<unsigned>(properties.pciDeviceID));
    facts_.bus_id = bus.data();
    make_current();
    // Non-blocking: a rank's kernels may wait for another rank on this device, which the legacy stream would hold back.
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  }
  CudaRankGpu(const CudaRankGpu&) = delete;
  CudaRankGpu& operator=(const CudaRankGpu&) = delete;
  ~CudaRankGpu() override {
    drop_graphs();
    for (const cudaEvent_t event : marks_) cudaEventDestroy(event);
    cudaStreamDestroy(stream_);
    cudaGetLastError();
  }

  const GpuFacts& facts() const override { return facts_; }
  int communicator_device() const override { return facts_.ordinal; }
  strettoStream_t stream() const override { return reinterpret_cast<strettoStream_t>(stream_); }
  void make_current() override {
    int current = -1;
    if (cudaGetDevice(&current) == cudaSuccess && current == facts_.ordinal && initialized_) return;
    check(cudaSetDevice(facts_.ordinal), "cudaSetDevice");
    initialized_ = true;
  }
  std::size_t free_bytes() override {
    make_current();
    std::size_t free = 0;
    std::size_t total = 0;
    check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return free;
  }

  unsigned char* allocate(std::size_t bytes) override {
    make_current();
    void* memory = nullptr;
    check(cudaMalloc(&memory, bytes), "cudaMalloc");
    return static_cast<unsigned char*>(memory);
  }
  void free(unsigned char* memory) noexcept override {
    cudaSetDevice(facts_.ordinal);
    cudaFree(memory);
    cudaGetLastError();
  }

  void copy(void* to, const void* from, std::size_t bytes) override {
    make_current();
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_), "cudaMemcpyAsync");
  }
  void fill(void* to, unsigned char byte, std::size_t bytes) override {
    make_current();
    check(cudaMemsetAsync(to, byte, bytes, stream_), "cudaMemsetAsync");
  }
  void synchronize() override {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + timeout_;
    for (unsigned polls = 0;; ++polls) {
      const cudaError_t status = cudaStreamQuery(stream_);
      if (status == cudaSuccess) return;
      if (status != cudaErrorNotReady) check(status, "an operation in the stream");
      if (polls % 64 == 63 && Clock::now() > deadline) {
        throw std::runtime_error("the stream on CUDA device " + std::to_string(facts_.ordinal) +
                                 " did not end within " + std::to_string(timeout_.count()) + " s (-T)");
      }
      // Where ranks outnumber cores, the one that is waited for needs this core.
      std::this_thread::yield();
    }
  }

  void prepare_marks(std::size_t count) override {
    make_current();
    while (marks_.size() < count) {
      cudaEvent_t event = nullptr;
      check(cudaEventCreate(&event), "cudaEventCreate");
      marks_.push_back(event);
    }
  }
  void mark(std::size_t index) override {
    make_current();
    check(cudaEventRecord(marks_.at(index), stream_), "cudaEventRecord");
  }
  double us_between(std::size_t first, std::size_t last) override {
    float ms = 0;
    check(cudaEventElapsedTime(&ms, marks_.at(first), marks_.at(last)), "cudaEventElapsedTime");
    return static_cast<double>(ms) * 1e3;
  }

  void begin_capture() override {
    make_current();
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  }
  void end_capture(int slot) override {
    make_current();
    cudaGraphExec_t& executable = graphs_.at(static_cast<std::size_t>(slot));
    cudaGraph_t graph = nullptr;
    check(cudaStreamEndCapture(stream_, &graph), "cudaStreamEndCapture");
    if (executable != nullptr) cudaGraphExecDestroy(executable);
    executable = nullptr;
    const cudaError_t made = cudaGraphInstantiate(&executable, graph, 0);
    cudaGraphDestroy(graph);
    check(made, "cudaGraphInstantiate");
    // What the first launch would have to do is done here, while nothing is timed.
    check(cudaGraphUpload(executable, stream_), "cudaGraphUpload");
  }
  void replay(int slot) override {
    make_current();
    check(cudaGraphLaunch(graphs_.at(static_cast<std::size_t>(slot)), stream_), "cudaGraphLaunch");
  }
  void drop_graphs() noexcept override {
    cudaSetDevice(facts_.ordinal);
    for (cudaGraphExec_t& graph : graphs_) {
      if (graph != nullptr) cudaGraphExecDestroy(graph);
      graph = nullptr;
    }
  }

 private:
  void check(cudaError_t error, const char* call) const { check_cuda(error, call, facts_.ordinal); }

  GpuFacts facts_;
  std::chrono::seconds timeout_;
  bool initialized_ = false;  ///< the device is also a thread's current one before anything was made on it
  cudaStream_t stream_ = nullptr;
  std::vector<cudaEvent_t> marks_;
  std::array<cudaGraphExec_t, 2> graphs_{};
};

class CudaGpus final : public Gpus {
 public:
  int count() override {
    int count = 0;
    if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
    cudaGetLastError();
    return 0;
  }
  std::string obstacle() override { return cuda_obstacle(); }
  std::string versions() override { return cuda_versions(); }
  std::unique_ptr<RankGpu> open(int ordinal, int timeout_s) override {
    return std::make_unique<CudaRankGpu>(ordinal, timeout_s);
  }
};

}  // namespace

Gpus& gpus() {
  static CudaGpus all;
  return all;
}

}  // namespace stretto::perf
