#include "cuda_test_gpus.hpp"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "device/cuda_gpus.hpp"
#include "device/cuda_runtime.hpp"

namespace stretto::test {
namespace {

void expect(cudaError_t error, const char* call) {
  EXPECT_EQ(error, cudaSuccess) << call << ": " << cudaGetErrorString(error);
}

/// Ranks that share a GPU share its queues, and graphs of one may come behind those of another (docs/devices.md): as
/// many as can be. Read when a device is first used.
[[maybe_unused]] const int queues = setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0);

/// CUDA's own threads and descriptors live as long as the process: they are there before any test is watched for leaks.
class CudaContexts final : public testing::Environment {
 public:
  void SetUp() override {
    for (int device = 0; device < cuda_status().n_devices; ++device) {
      expect(cudaSetDevice(device), "cudaSetDevice");
      expect(cudaFree(nullptr), "cudaFree");
    }
  }
};
[[maybe_unused]] testing::Environment* const contexts = testing::AddGlobalTestEnvironment(new CudaContexts);

/// Lets the thread do beside a capture of its own what does not belong to it.
class BesideCaptures {
 public:
  BesideCaptures() { expect(cudaThreadExchangeStreamCaptureMode(&mode_), "cudaThreadExchangeStreamCaptureMode"); }
  ~BesideCaptures() { expect(cudaThreadExchangeStreamCaptureMode(&mode_), "cudaThreadExchangeStreamCaptureMode"); }
  BesideCaptures(const BesideCaptures&) = delete;
  BesideCaptures& operator=(const BesideCaptures&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

/// Instantiated and uploaded when it is made: at its first launch CUDA may have to wait for graphs that run.
class CudaGraph final : public TestGraph {
 public:
  CudaGraph(std::shared_ptr<CUgraph_st> graph, cudaStream_t stream) : graph_(std::move(graph)), stream_(stream) {
    const BesideCaptures here;
    expect(cudaGraphInstantiate(&executable_, graph_.get(), 0), "cudaGraphInstantiate");
    expect(cudaGraphUpload(executable_, stream_), "cudaGraphUpload");
  }
  std::shared_ptr<TestGraph> again() override { return std::make_shared<CudaGraph>(graph_, stream_); }
  ~CudaGraph() override { expect(cudaGraphExecDestroy(executable_), "cudaGraphExecDestroy"); }
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  cudaGraphExec_t executable() const { return executable_; }

 private:
  std::shared_ptr<CUgraph_st> graph_;
  cudaStream_t stream_;  ///< where it was captured
  cudaGraphExec_t executable_ = nullptr;
};

class CudaStream final : public TestStream {
 public:
  explicit CudaStream(int device) {
    expect(cudaSetDevice(device), "cudaSetDevice");
    expect(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  ~CudaStream() override { expect(cudaStreamDestroy(stream_), "cudaStreamDestroy"); }
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;

  strettoStream_t handle() const override { return stream_; }
  void synchronize() override {
    const BesideCaptures here;
    expect(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  }
  void wait_for(TestStream& other) override {
    cudaEvent_t event = nullptr;
    expect(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
    expect(cudaEventRecord(event, static_cast<CudaStream&>(other).stream_), "cudaEventRecord");
    expect(cudaStreamWaitEvent(stream_, event, 0), "cudaStreamWaitEvent");
    expect(cudaEventDestroy(event), "cudaEventDestroy");
  }
  void begin_capture() override {
    expect(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  }
  std::shared_ptr<TestGraph> end_capture() override {
    cudaGraph_t graph = nullptr;
    expect(cudaStreamEndCapture(stream_, &graph), "cudaStreamEndCapture");
    return std::make_shared<CudaGraph>(
        std::shared_ptr<CUgraph_st>(graph,
                                    [](cudaGraph_t each) { expect(cudaGraphDestroy(each), "cudaGraphDestroy"); }),
        stream_);
  }
  void launch(const std::shared_ptr<TestGraph>& graph) override {
    expect(cudaGraphLaunch(static_cast<CudaGraph&>(*graph).executable(), stream_), "cudaGraphLaunch");
  }
  void break_capture(const std::function<void()>& body) override {
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorStreamCaptureUnsupported);
    body();
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaErrorStreamCaptureInvalidated);
    cudaGetLastError();  // those two were meant
  }

 private:
  cudaStream_t stream_ = nullptr;
};

class CudaTestGpus final : public TestGpus {
 public:
  explicit CudaTestGpus(int count) : count_(count) {
    for (int device = 0; device < count_; ++device) {
      expect(cudaSetDevice(device), "cudaSetDevice");
      expect(cudaStreamCreateWithFlags(&own_.emplace_back(), cudaStreamNonBlocking), "cudaStreamCreate");
    }
  }
  ~CudaTestGpus() override {
    trim();
    for (cudaStream_t stream : own_) expect(cudaStreamDestroy(stream), "cudaStreamDestroy");
  }
  CudaTestGpus(const CudaTestGpus&) = delete;
  CudaTestGpus& operator=(const CudaTestGpus&) = delete;

  int count() const override { return count_; }
  std::byte* allocate(int device, std::size_t bytes) override {
    const std::lock_guard lock(mutex_);
    const BesideCaptures here;
    expect(cudaSetDevice(device), "cudaSetDevice");
    void* memory = take_spare(device, bytes);
    if (memory == nullptr) expect(cudaMalloc(&memory, bytes), "cudaMalloc");
    cudaStream_t own = own_[static_cast<std::size_t>(device)];
    expect(cudaMemsetAsync(memory, 0x5e, bytes, own), "cudaMemsetAsync");
    expect(cudaStreamSynchronize(own), "cudaStreamSynchronize");
    bytes_of_[memory] = bytes;
    return static_cast<std::byte*>(memory);
  }
  void free(int device, std::byte* memory) override {
    const std::lock_guard lock(mutex_);
    spare_.insert({{device, bytes_of_.at(memory)}, memory});
  }
  void trim() override {
    const std::lock_guard lock(mutex_);
    for (const auto& [place, memory] : spare_) {
      expect(cudaFree(memory), "cudaFree");
      bytes_of_.erase(memory);
    }
    spare_.clear();
  }
  std::size_t free_bytes(int device) override {
    std::size_t free = 0;
    std::size_t total = 0;
    expect(cudaSetDevice(device), "cudaSetDevice");
    expect(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return free;
  }
  void upload(std::byte* to, const void* from, std::size_t bytes) override { copy(to, from, bytes); }
  void download(void* to, const std::byte* from, std::size_t bytes) override { copy(to, from, bytes); }
  std::unique_ptr<TestStream> make_stream(int device) override { return std::make_unique<CudaStream>(device); }

 private:
  /// In a stream that waits for no other: kernels may be running that wait for the caller.
  void copy(void* to, const void* from, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const BesideCaptures here;
    cudaPointerAttributes side{};
    expect(cudaPointerGetAttributes(&side, to), "cudaPointerGetAttributes");
    if (side.type != cudaMemoryTypeDevice) expect(cudaPointerGetAttributes(&side, from), "cudaPointerGetAttributes");
    cudaStream_t own = own_[static_cast<std::size_t>(std::max(side.device, 0))];
    expect(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, own), "cudaMemcpyAsync");
    expect(cudaStreamSynchronize(own), "cudaStreamSynchronize");
  }

  void* take_spare(int device, std::size_t bytes) {
    const auto found = spare_.find({device, bytes});
    return found == spare_.end() ? nullptr : spare_.extract(found).mapped();
  }

  int count_;
  std::vector<cudaStream_t> own_;  ///< by device
  std::mutex mutex_;
  std::map<void*, std::size_t> bytes_of_;
  std::multimap<std::pair<int, std::size_t>, void*> spare_;  ///< by device and bytes
};

}  // namespace

std::unique_ptr<TestGpus> make_cuda_test_gpus(int most, std::string& why_none) {
  const CudaStatus status = cuda_status();
  if (status.n_devices == 0) why_none = status.reason;
  if (!why_none.empty()) return nullptr;
  return std::make_unique<CudaTestGpus>(std::min(most, status.n_devices));
}

}  // namespace stretto::test
