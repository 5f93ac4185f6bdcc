// Which of CUDA's calls return while a kernel waits for another rank: what the library does while its kernels run must
// be among them. The rest is printed, for those who write code around it.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "device/cuda_memory.hpp"
#include "device/cuda_runtime.hpp"
#include "support/leak_check.hpp"
#include "waiting_kernel.hpp"

namespace stretto {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kLimit{1};
constexpr std::size_t kLargeBytes = std::size_t{64} << 20;

void need(cudaError_t error, const char* call) {
  ASSERT_EQ(error, cudaSuccess) << call << ": " << cudaGetErrorString(error);
}

/// A kernel that waits on a device until this is gone.
class WaitingKernel {
 public:
  explicit WaitingKernel(int device) : device_(device) {
    need(cudaSetDevice(device), "cudaSetDevice");
    void* words = nullptr;
    need(cudaHostAlloc(&words, 2 * sizeof(int), cudaHostAllocPortable), "cudaHostAlloc");
    words_ = static_cast<int*>(words);
    need(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  ~WaitingKernel() {
    end();
    cudaStreamDestroy(stream_);
    cudaFreeHost(const_cast<int*>(words_));
  }
  WaitingKernel(const WaitingKernel&) = delete;
  WaitingKernel& operator=(const WaitingKernel&) = delete;

  void begin() {
    words_[0] = 0;
    words_[1] = 0;
    need(cudaSetDevice(device_), "cudaSetDevice");
    need(test::launch_waiting_kernel(&words_[0], &words_[1], stream_), "launch");
  }
  void end() {
    words_[0] = 1;
    need(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  }
  bool has_given_up() const { return words_[1] != 0; }

 private:
  int device_;
  volatile int* words_ = nullptr;  ///< it may end; it gave up
  cudaStream_t stream_ = nullptr;
};

/// What a call needs and leaves: each has its own, made before the kernel runs.
struct Things {
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  void* memory = nullptr;
  void* pinned = nullptr;
  void* made = nullptr;
  void* made_pinned = nullptr;
  CudaMemory paged;
  std::byte* pages = nullptr;
  std::byte* exported = nullptr;
  std::byte* imported = nullptr;
  std::byte* piece = nullptr;
  std::vector<char> host = std::vector<char>(4096);

  explicit Things(int device) : paged(device) {
    pages = paged.take_pages(kLargeBytes);
    exported = paged.take_pages(kLargeBytes);
    imported = paged.import(paged.export_descriptor(exported), kLargeBytes);
    piece = paged.take(100);
    need(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    need(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
    need(cudaMalloc(&memory, kLargeBytes), "cudaMalloc");
    need(cudaHostAlloc(&pinned, 4096, cudaHostAllocPortable), "cudaHostAlloc");
    need(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    need(test::launch_short_kernel(stream), "launch");
    need(test::launch_short_kernel(stream), "launch");
    need(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
    need(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
  }
  ~Things() {
    cudaGraphExecDestroy(executable);
    cudaGraphDestroy(graph);
    if (memory != nullptr) cudaFree(memory);
    if (pinned != nullptr) cudaFreeHost(pinned);
    if (made != nullptr) cudaFree(made);
    if (made_pinned != nullptr) cudaFreeHost(made_pinned);
    cudaEventDestroy(event);
    cudaStreamDestroy(stream);
  }
  Things(const Things&) = delete;
  Things& operator=(const Things&) = delete;
};

struct Call {
  const char* name;
  bool must_return;  ///< the library does it while its kernels run
  std::function<cudaError_t(Things&)> make;
};

cudaError_t instantiate_and_launch(Things& things) {
  cudaGraphExec_t executable = nullptr;
  cudaError_t error = cudaGraphInstantiate(&executable, things.graph, 0);
  if (error == cudaSuccess) error = cudaGraphLaunch(executable, things.stream);
  if (error == cudaSuccess) error = cudaStreamSynchronize(things.stream);
  cudaGraphExecDestroy(executable);
  return error;
}

std::vector<Call> calls() {
  return {
      {"cudaMalloc, small", true, [](Things& t) { return cudaMalloc(&t.made, 4096); }},
      {"cudaMalloc, large", true, [](Things& t) { return cudaMalloc(&t.made, kLargeBytes); }},
      {"cudaMemsetAsync and cudaStreamSynchronize", true,
       [](Things& t) {
         const cudaError_t error = cudaMemsetAsync(t.memory, 0, kLargeBytes, t.stream);
         return error != cudaSuccess ? error : cudaStreamSynchronize(t.stream);
       }},
      {"cudaMemcpyAsync of pageable memory", true,
       [](Things& t) {
         const cudaError_t error = cudaMemcpyAsync(t.memory, t.host.data(), t.host.size(), cudaMemcpyDefault, t.stream);
         return error != cudaSuccess ? error : cudaStreamSynchronize(t.stream);
       }},
      {"cudaHostAlloc", true, [](Things& t) { return cudaHostAlloc(&t.made_pinned, 4096, cudaHostAllocPortable); }},
      {"cudaEventCreate", true,
       [](Things& t) {
         cudaEventDestroy(t.event);
         return cudaEventCreateWithFlags(&t.event, cudaEventDisableTiming);
       }},
      {"a kernel", true, [](Things& t) { return test::launch_short_kernel(t.stream); }},
      {"a graph", true, [](Things& t) { return cudaGraphLaunch(t.executable, t.stream); }},
      {"cudaGraphInstantiate, launch, cudaGraphExecDestroy", false, instantiate_and_launch},
      {"cudaStreamCreate", false,
       [](Things& t) {
         cudaStreamDestroy(t.stream);
         return cudaStreamCreateWithFlags(&t.stream, cudaStreamNonBlocking);
       }},
      {"cudaMemcpy of pageable memory", false,
       [](Things& t) { return cudaMemcpy(t.memory, t.host.data(), t.host.size(), cudaMemcpyDefault); }},
      {"memory by pages: taken", true,
       [](Things& t) { return t.paged.take_pages(kLargeBytes) != nullptr ? cudaSuccess : cudaErrorUnknown; }},
      {"memory by pages: given back", true,
       [](Things& t) {
         t.paged.give_back(t.pages);
         return cudaSuccess;
       }},
      {"memory by pages: a piece given back and taken", true,
       [](Things& t) {
         t.paged.give_back(t.piece);
         t.piece = t.paged.take(100);
         return cudaSuccess;
       }},
      {"memory by pages: that of another process closed", true,
       [](Things& t) {
         t.paged.give_back(t.imported);
         return cudaSuccess;
       }},
      {"memory by pages: exported and imported", true,
       [](Things& t) {
         t.paged.import(t.paged.export_descriptor(t.exported), kLargeBytes);
         return cudaSuccess;
       }},
      {"cudaFreeHost", false, [](Things& t) { return cudaFreeHost(std::exchange(t.pinned, nullptr)); }},
      {"cudaFree", false, [](Things& t) { return cudaFree(std::exchange(t.memory, nullptr)); }},
  };
}

class Timed {
 public:
  Timed(int device, std::function<cudaError_t()> action) {
    done_ = std::async(std::launch::async, [device, action = std::move(action)] {
      cudaSetDevice(device);
      return action();
    });
  }
  bool returns_in_time() { return done_.wait_for(kLimit) == std::future_status::ready; }
  void finish(const char* name) { EXPECT_EQ(done_.get(), cudaSuccess) << name; }

 private:
  std::future<cudaError_t> done_;
};

void try_all(int device, int device_of_kernel) {
  std::printf("a kernel waits on device %d; calls for device %d:\n", device_of_kernel, device);
  WaitingKernel kernel(device_of_kernel);
  for (const Call& call : calls()) {
    need(cudaSetDevice(device), "cudaSetDevice");
    Things things(device);
    need(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    kernel.begin();
    const auto before = steady_clock::now();
    Timed timed(device, [&] { return call.make(things); });
    const bool returns = timed.returns_in_time();
    const double took_ms = std::chrono::duration<double, std::milli>(steady_clock::now() - before).count();
    EXPECT_TRUE(returns || !call.must_return) << call.name << " waits for kernels of other streams";
    // Does whoever waits in it keep others from working?
    Timed another(device, [&] {
      const cudaError_t error = cudaEventRecord(things.event, things.stream);
      return error != cudaSuccess ? error : test::launch_short_kernel(things.stream);
    });
    const bool others_work = another.returns_in_time();
    std::printf("  %-52s %s%s\n", call.name,
                returns ? (std::to_string(took_ms) + " ms").c_str() : "WAITS until the kernel has ended",
                others_work ? "" : ", and keeps others from launching");
    EXPECT_FALSE(kernel.has_given_up()) << "before it had been seen whether it keeps " << call.name;
    kernel.end();
    timed.finish(call.name);
    another.finish(call.name);
    need(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  }
}

TEST(CudaWaits, CallsBesideAKernelThatWaits_Return) {
  const CudaStatus status = cuda_status();
  if (status.n_devices == 0) GTEST_SKIP() << status.reason;
  testing::allow_leaks_in_this_test("the NVIDIA driver stays loaded");
  try_all(0, 0);
  if (status.n_devices < 2) return;
  need(cudaSetDevice(0), "cudaSetDevice");
  need(cudaDeviceEnablePeerAccess(1, 0), "cudaDeviceEnablePeerAccess");
  need(cudaSetDevice(1), "cudaSetDevice");
  need(cudaDeviceEnablePeerAccess(0, 0), "cudaDeviceEnablePeerAccess");
  try_all(0, 1);
}

}  // namespace
}  // namespace stretto
