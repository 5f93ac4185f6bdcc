// CUDA's GPUs by the runtime API, which is linked statically and opens the driver at its first call.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "device/cuda_context.hpp"
#include "device/cuda_gpus.hpp"
#include "device/cuda_links.hpp"
#include "device/cuda_memory.hpp"
#include "device/cuda_runtime.hpp"
#include "device/kernels.hpp"

namespace stretto {
namespace {

cudaStream_t cuda(strettoStream_t stream) { return reinterpret_cast<cudaStream_t>(stream); }
cudaEvent_t cuda(Gpu::Event event) { return static_cast<cudaEvent_t>(event); }

/// By strettoDataType_t.
const std::array<device::TypeKernels, strettoNumDataTypes>& kernels_by_type() {
  static const std::array<device::TypeKernels, strettoNumDataTypes> all = {
      device::kernels_int8(),    device::kernels_uint8(),    device::kernels_int32(), device::kernels_uint32(),
      device::kernels_int64(),   device::kernels_uint64(),   device::kernels_half(),  device::kernels_float32(),
      device::kernels_float64(), device::kernels_bfloat16(), device::kernels_e4m3(),  device::kernels_e5m2()};
  return all;
}

/// Rows are {sum, prod, max, min}, as strettoRedOp_t begins; an average is a sum.
const device::KernelSet& kernels_for(const KernelLaunch& launch) {
  static const device::KernelSet bytes = device::kernels_bytes();
  if (!launch.reduces) return bytes;
  const int op = launch.op == strettoProd ? 1 : launch.op == strettoMax ? 2 : launch.op == strettoMin ? 3 : 0;
  return kernels_by_type()[static_cast<std::size_t>(launch.type)].by_op[op];
}

/// Host memory that all devices reach. It stays the process's (cudaFreeHost waits for all that runs), for the next who
/// needs as much: powers of two.
class PinnedMemoryPool {
 public:
  /// `ordinal`: of the device that is current.
  std::byte* take(std::size_t bytes, int ordinal) {
    const std::size_t size = std::bit_ceil(std::max<std::size_t>(bytes, 64));
    void* memory = nullptr;
    {
      const std::lock_guard lock(mutex_);
      std::vector<void*>& free = free_[size];
      while (memory == nullptr && !free.empty()) {
        if (is_pinned(free.back())) memory = free.back();
        free.pop_back();
      }
    }
    if (memory == nullptr) {
      const cudaError_t error = cudaHostAlloc(&memory, size, cudaHostAllocPortable | cudaHostAllocMapped);
      if (error != cudaSuccess) fail_cuda(error, "cudaHostAlloc", ordinal);
    }
    const std::lock_guard lock(mutex_);
    bytes_of_[memory] = size;
    std::memset(memory, 0, size);
    return static_cast<std::byte*>(memory);
  }
  void give_back(std::byte* memory) noexcept {
    const std::lock_guard lock(mutex_);
    try {
      free_[bytes_of_.at(memory)].push_back(memory);
    } catch (const std::bad_alloc&) {  // never used again
    }
  }

 private:
  /// No more, after a reset of the device.
  static bool is_pinned(const void* memory) {
    cudaPointerAttributes attributes{};
    const bool known = cudaPointerGetAttributes(&attributes, memory) == cudaSuccess;
    if (!known) cudaGetLastError();
    return known && attributes.type == cudaMemoryTypeHost;
  }

  std::mutex mutex_;
  std::map<void*, std::size_t> bytes_of_;
  std::map<std::size_t, std::vector<void*>> free_;  ///< by size
};

PinnedMemoryPool& pinned_memory() {
  static auto* const pool = new PinnedMemoryPool;  // lives for ever, as its memory does
  return *pool;
}

class CudaGpu final : public Gpu {
 public:
  explicit CudaGpu(int ordinal) : memory_(ordinal) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, ordinal), "cudaGetDeviceProperties", ordinal);
    facts_.ordinal = ordinal;
    facts_.name = properties.name;
    facts_.multiprocessors = properties.multiProcessorCount;
    static_assert(sizeof(properties.uuid) == sizeof(GpuUuid));
    std::memcpy(facts_.uuid.data(), &properties.uuid, sizeof(GpuUuid));
    if (const std::string obstacle = cuda_device_obstacle(ordinal); !obstacle.empty()) {
      throw Error(strettoUnsupported, obstacle, "device");
    }
    const OnDevice here(ordinal);
    check(cudaStreamCreateWithFlags(&own_stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  ~CudaGpu() override { cudaStreamDestroy(own_stream_); }

  const GpuFacts& facts() const noexcept override { return facts_; }
  std::uint32_t resident_blocks() const noexcept override { return static_cast<std::uint32_t>(facts_.multiprocessors); }

  std::byte* allocate(std::size_t bytes) override { return zeroed(memory_.take(bytes), bytes); }
  std::byte* allocate_shared(std::size_t bytes) override { return zeroed(memory_.take_pages(bytes), bytes); }
  void free(std::byte* memory) noexcept override { memory_.give_back(memory); }

  std::byte* allocate_pinned(std::size_t bytes) override {
    const OnDevice here(facts_.ordinal);
    return pinned_memory().take(bytes, facts_.ordinal);
  }
  void free_pinned(std::byte* memory) noexcept override { pinned_memory().give_back(memory); }

  void copy_to_device(std::byte* to, const void* from, std::size_t bytes) override { copy(to, from, bytes); }
  void copy_to_host(void* to, const std::byte* from, std::size_t bytes) override { copy(to, from, bytes); }

  void allow_peer(std::byte* memory, const GpuFacts& peer) override {
    if (peer.ordinal == facts_.ordinal) return;
    int can = 0;
    check(cudaDeviceCanAccessPeer(&can, peer.ordinal, facts_.ordinal), "cudaDeviceCanAccessPeer");
    if (can == 0) {
      throw Error(strettoUnsupported,
                  format("CUDA device {} cannot reach the memory of device {}: use GPUs that NVLink or one PCIe root "
                         "joins, and look at nvidia-smi topo -p2p r",
                         peer.ordinal, facts_.ordinal),
                  "device");
    }
    memory_.allow(memory, peer.ordinal);
  }
  bool stores_lines_whole(const GpuUuid& peer) override {
    return peer == facts_.uuid || cuda_links_are_nvlink(facts_.ordinal, peer);
  }
  Handle export_memory(std::byte* memory) override { return memory_.export_descriptor(memory); }
  std::byte* import_memory(const Handle& exported, std::size_t bytes) override {
    return memory_.import(exported, bytes);
  }

  void load_kernels() override {
    const std::lock_guard lock(mutex_);
    if (loaded_) return;
    const OnDevice here(facts_.ordinal);
    const auto load = [&](const device::KernelSet& set) {
      load_kernel(set.packets, device::kMostImage_bytes);
      load_kernel(set.slots, device::kMostImage_bytes);
      load_kernel(set.exchange, 0);
      load_kernel(set.wide, 0);
      load_kernel(set.odd_wide, 0);
      for (const void* const short_sum : set.short_sum) {
        if (short_sum != nullptr) load_kernel(short_sum, 0);
      }
    };
    for (const device::TypeKernels& type : kernels_by_type()) {
      for (const device::KernelSet& set : type.by_op) load(set);
    }
    KernelLaunch bytes;
    bytes.reduces = false;
    load(kernels_for(bytes));
    load_kernel(device::kernel_pairs(), device::kMostImage_bytes);
    loaded_ = true;
  }

  void launch(const KernelLaunch& launch, strettoStream_t stream) override {
    const device::KernelSet& set = kernels_for(launch);
    const void* kernel = launch.protocol == device::Protocol::packets ? set.packets : set.slots;
    if (launch.pairs) kernel = device::kernel_pairs();
    const void* arguments = launch.arguments;
    std::size_t shared_bytes = 0;
    if (launch.short_sum != nullptr) {
      kernel = set.short_sum[launch.short_sum->sum.parts_per_thread() - 1];
      arguments = launch.short_sum;
    } else if (launch.exchange != nullptr) {
      const device::Exchange& exchange = launch.exchange->exchange;
      kernel = !exchange.wide ? set.exchange : is_plain(exchange) ? set.wide : set.odd_wide;
      arguments = launch.exchange;
    } else {
      shared_bytes = (launch.arguments->image_bytes + 15) / 16 * 16;
    }
    std::optional<OnDevice> here;
    if (!is_current(facts_.ordinal)) here.emplace(facts_.ordinal);
    void* parameters[] = {const_cast<void*>(arguments)};
    cudaLaunchAttribute early{};
    early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    early.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(launch.blocks);
    config.blockDim = dim3(launch.threads);
    config.dynamicSmemBytes = shared_bytes;
    config.stream = cuda(stream);
    config.attrs = &early;
    config.numAttrs = launch.may_start_early ? 1 : 0;
    const cudaError_t error = cudaLaunchKernelExC(&config, kernel, parameters);
    check(error, "cudaLaunchKernel");
  }

  void copy_in_stream(std::byte* to, const std::byte* from, std::size_t bytes, strettoStream_t stream) override {
    const OnDevice here(facts_.ordinal);
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, cuda(stream)), "cudaMemcpyAsync");
  }

  PointerFacts pointer_facts(const void* pointer) override {
    cudaPointerAttributes attributes{};
    check(cudaPointerGetAttributes(&attributes, pointer), "cudaPointerGetAttributes");
    switch (attributes.type) {
      case cudaMemoryTypeDevice:
        return {PointerFacts::Kind::device, attributes.device};
      case cudaMemoryTypeManaged:
        return {PointerFacts::Kind::managed, attributes.device};
      case cudaMemoryTypeHost:
        return {PointerFacts::Kind::pinned, -1};
      default:
        return {PointerFacts::Kind::host, -1};
    }
  }

  StreamFacts stream_facts(strettoStream_t stream) override {
    std::optional<OnDevice> here;  // the NULL stream is the current device's
    if (!is_current(facts_.ordinal)) here.emplace(facts_.ordinal);
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    unsigned long long capture_id = 0;
    check_stream(cudaStreamGetCaptureInfo(cuda(stream), &status, &capture_id));
    if (status == cudaStreamCaptureStatusNone) {
      unsigned long long id = 0;
      check_stream(cudaStreamGetId(cuda(stream), &id));
      return {StreamFacts::Capture::none, id, 0};
    }
    const bool active = status == cudaStreamCaptureStatusActive;
    return {active ? StreamFacts::Capture::active : StreamFacts::Capture::invalidated, 0, capture_id};
  }

  void watch_graph(strettoStream_t stream, std::shared_ptr<std::atomic<bool>> gone) override {
    using Gone = std::shared_ptr<std::atomic<bool>>;
    const OnDevice here(facts_.ordinal);
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    unsigned long long id = 0;
    cudaGraph_t graph = nullptr;
    check(cudaStreamGetCaptureInfo(cuda(stream), &status, &id, &graph), "cudaStreamGetCaptureInfo");
    // In a thread of CUDA's, where CUDA must not be called.
    const auto set = [](void* of) {
      const std::unique_ptr<Gone> told(static_cast<Gone*>(of));
      (*told)->store(true, std::memory_order_release);
    };
    auto told = std::make_unique<Gone>(std::move(gone));
    cudaUserObject_t object = nullptr;
    check(cudaUserObjectCreate(&object, told.get(), set, 1, cudaUserObjectNoDestructorSync), "cudaUserObjectCreate");
    static_cast<void>(told.release());  // the object's
    const cudaError_t error = cudaGraphRetainUserObject(graph, object, 1, cudaGraphUserObjectMove);
    if (error != cudaSuccess) cudaUserObjectRelease(object, 1);
    check(error, "cudaGraphRetainUserObject");
  }

  Event make_event() override {
    const OnDevice here(facts_.ordinal);
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
    return event;
  }
  void destroy_event(Event event) noexcept override {
    quietly(facts_.ordinal, [&] { cudaEventDestroy(cuda(event)); });
  }
  void record(Event event, strettoStream_t stream) override {
    const OnDevice here(facts_.ordinal);
    check(cudaEventRecord(cuda(event), cuda(stream)), "cudaEventRecord");
  }
  void make_wait(strettoStream_t stream, Event event) override {
    const OnDevice here(facts_.ordinal);
    check(cudaStreamWaitEvent(cuda(stream), cuda(event), 0), "cudaStreamWaitEvent");
  }
  bool is_done(Event event) override {
    const OnDevice here(facts_.ordinal);
    const cudaError_t error = cudaEventQuery(cuda(event));
    if (error == cudaErrorNotReady) {
      cudaGetLastError();
      return false;
    }
    check(error, "cudaEventQuery");
    return true;
  }

 private:
  void check(cudaError_t error, const char* call) const { check(error, call, facts_.ordinal); }
  static void check(cudaError_t error, const char* call, int device) {
    if (error != cudaSuccess) fail_cuda(error, call, device);
  }
  /// A stream that cannot be used is the caller's mistake, and no fault of the communicator.
  static void check_stream(cudaError_t error) {
    if (error == cudaSuccess) return;
    cudaGetLastError();
    throw Error(
        strettoInvalidUsage,
        format("CUDA does not take the stream: {} ({}). Give a stream of the communicator's device that exists, and "
               "not the legacy stream while another is captured",
               cudaGetErrorString(error), cudaGetErrorName(error)),
        "stream");
  }
  void load_kernel(const void* kernel, std::size_t shared_bytes) const {
    cudaFuncAttributes attributes{};
    check(cudaFuncGetAttributes(&attributes, kernel), "cudaFuncGetAttributes");
    if (shared_bytes == 0) return;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)),
          "cudaFuncSetAttribute");
  }
  std::byte* zeroed(std::byte* memory, std::size_t bytes) {
    try {
      const std::lock_guard lock(mutex_);
      const OnDevice here(facts_.ordinal);
      check(cudaMemsetAsync(memory, 0, bytes, own_stream_), "cudaMemsetAsync");
      check(cudaStreamSynchronize(own_stream_), "cudaStreamSynchronize");
    } catch (...) {
      memory_.give_back(memory);
      throw;
    }
    return memory;
  }
  void copy(void* to, const void* from, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const OnDevice here(facts_.ordinal);
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, own_stream_), "cudaMemcpyAsync");
    check(cudaStreamSynchronize(own_stream_), "cudaStreamSynchronize");
  }
  template <typename Action>
  static void quietly(int ordinal, Action action) noexcept {
    try {
      const OnDevice here(ordinal);
      action();
    } catch (const Error&) {  // at the end of the process the driver may have gone before
    }
    cudaGetLastError();
  }

  GpuFacts facts_;
  CudaMemory memory_;
  cudaStream_t own_stream_ = nullptr;
  std::mutex mutex_;
  bool loaded_ = false;
};

class CudaGpus final : public GpuProvider {
 public:
  int count() override { return cuda_status().n_devices; }
  int current() override {
    int device = -1;
    if (cudaGetDevice(&device) != cudaSuccess) cudaGetLastError();
    return device;
  }
  std::string obstacle() override { return cuda_status().reason; }
  std::shared_ptr<Gpu> open(int ordinal) override {
    const std::lock_guard lock(mutex_);
    const auto index = static_cast<std::size_t>(ordinal);
    if (open_.size() <= index) open_.resize(index + 1);
    std::shared_ptr<Gpu> gpu = open_[index].lock();
    if (!gpu) {
      gpu = std::make_shared<CudaGpu>(ordinal);
      open_[index] = gpu;
    }
    return gpu;
  }

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<Gpu>> open_;
};

}  // namespace

GpuProvider& cuda_gpus() {
  static CudaGpus* const all = new CudaGpus;  // lives for ever: communicators may outlive static objects
  return *all;
}

}  // namespace stretto
