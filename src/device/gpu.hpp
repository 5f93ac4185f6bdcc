// One GPU as this process uses it: all of CUDA that communicators need, as an interface, so that everything above it
// can be tested where there is no GPU (tests/support/simulated_gpu.hpp is one made of host threads). No CUDA header is
// needed to include this file.
//
// Functions throw Error(strettoCudaError, or strettoSystemError for want of memory) with CUDA's words, unless they are
// noexcept. They may be called from any thread, leave the calling thread's current device as it was, and may be called
// while a stream of the thread is being captured.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/system.hpp"
#include "device/kernel_arguments.hpp"
#include "stretto/stretto.h"

namespace stretto {

using GpuUuid = std::array<std::byte, 16>;

struct GpuFacts {
  int ordinal = 0;  ///< in this process: CUDA_VISIBLE_DEVICES decides
  GpuUuid uuid{};   ///< the same in all processes
  std::string name;
  int multiprocessors = 1;
};

struct PointerFacts {
  enum class Kind : std::uint8_t { host, pinned, device, managed };
  Kind kind = Kind::host;  ///< host: memory that CUDA knows nothing of
  int device = -1;         ///< ordinal, of device memory
};

struct StreamFacts {
  enum class Capture : std::uint8_t { none, active, invalidated };
  Capture capture = Capture::none;
  std::uint64_t id = 0;          ///< of the stream: handles are used again, and some mean another stream in each thread
  std::uint64_t capture_id = 0;  ///< of an active one: unique in this process
};

/// Which kernel, and how it is launched.
struct KernelLaunch {
  strettoDataType_t type = strettoFloat32;
  strettoRedOp_t op = strettoSum;  ///< strettoAvg: the sum
  bool reduces = true;
  device::Protocol protocol = device::Protocol::packets;
  std::uint32_t blocks = 1;
  std::uint32_t threads = 32;
  /// One of the three, copied: a program, an exchange of packets, or the smallest of sums.
  const device::KernelArguments* arguments = nullptr;
  const device::ExchangeArguments* exchange = nullptr;
  const device::ShortSumArguments* short_sum = nullptr;
  bool pairs = false;            ///< a program of sends and receives
  bool may_start_early = false;  ///< beside the kernel before, for which it waits by itself
};

class Gpu {
 public:
  virtual ~Gpu() = default;
  virtual const GpuFacts& facts() const noexcept = 0;
  /// Blocks of a kernel of this library that can be resident at once.
  virtual std::uint32_t resident_blocks() const noexcept = 0;

  /// Device memory, all zeros when this returns.
  virtual std::byte* allocate(std::size_t bytes) = 0;
  /// The same, for other GPUs and processes to use as well: it takes whole pages (2 MiB).
  virtual std::byte* allocate_shared(std::size_t bytes) = 0;
  /// Of the two above and import_memory(), beside whatever runs: no kernel uses it any more, but for those of other
  /// processes that have imported it.
  virtual void free(std::byte* memory) noexcept = 0;
  /// Host memory that kernels reach at the same address, all zeros.
  virtual std::byte* allocate_pinned(std::size_t bytes) = 0;
  /// No kernel uses it any more. The process keeps it for the next that needs as much.
  virtual void free_pinned(std::byte* memory) noexcept = 0;
  /// Complete when this returns, beside whatever runs.
  virtual void copy_to_device(std::byte* to, const void* from, std::size_t bytes) = 0;
  virtual void copy_to_host(void* to, const std::byte* from, std::size_t bytes) = 0;

  /// Lets kernels on another GPU of this process use memory from allocate_shared().
  virtual void allow_peer(std::byte* memory, const GpuFacts& peer) = 0;
  /// Whether lines of 128 bytes that a warp stores at once reach the memory of that GPU as a whole: over NVLink, or
  /// because it is this one. False where that is not known.
  virtual bool stores_lines_whole(const GpuUuid& peer) = 0;
  /// A descriptor by which another process of this host can map memory from allocate_shared().
  virtual Handle export_memory(std::byte* memory) = 0;
  /// Maps `bytes` of another process's memory, wherever its GPU is, for kernels on this one.
  virtual std::byte* import_memory(const Handle& exported, std::size_t bytes) = 0;

  /// All kernels, so that no launch has to.
  virtual void load_kernels() = 0;
  virtual void launch(const KernelLaunch& launch, strettoStream_t stream) = 0;

  /// Within this GPU's memory, in the stream's turn.
  virtual void copy_in_stream(std::byte* to, const std::byte* from, std::size_t bytes, strettoStream_t stream) = 0;

  virtual PointerFacts pointer_facts(const void* pointer) = 0;
  virtual StreamFacts stream_facts(strettoStream_t stream) = 0;

  /// Sets `gone` when the graph that the stream is being captured into is gone, with all executables made of it, and no
  /// run of them is pending.
  virtual void watch_graph(strettoStream_t stream, std::shared_ptr<std::atomic<bool>> gone) = 0;

  /// An event that orders streams; it takes no times.
  using Event = void*;
  virtual Event make_event() = 0;
  virtual void destroy_event(Event event) noexcept = 0;
  /// Recorded in a capture, it orders only streams of that capture.
  virtual void record(Event event, strettoStream_t stream) = 0;
  virtual void make_wait(strettoStream_t stream, Event event) = 0;
  virtual bool is_done(Event event) = 0;
};

/// The GPUs of this process.
class GpuProvider {
 public:
  virtual ~GpuProvider() = default;
  virtual int count() = 0;
  /// The calling thread's current device.
  virtual int current() = 0;
  /// 0 <= ordinal < count(). One object for all communicators of a GPU.
  virtual std::shared_ptr<Gpu> open(int ordinal) = 0;
  /// Why there are none, and what to do; empty if there are.
  virtual std::string obstacle() = 0;
};

/// CUDA's, unless replaced.
GpuProvider& gpus();
/// For tests: nullptr gives CUDA's back.
void replace_gpus(GpuProvider* provider) noexcept;

}  // namespace stretto
