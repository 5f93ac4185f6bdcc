#include "comm/allocations.hpp"

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

#include "base/error.hpp"
#include "base/fork.hpp"
#include "base/text.hpp"
#include "comm/settings.hpp"

namespace stretto {
namespace {

constexpr std::size_t kHostPage_bytes = 4096;

class Allocations {
 public:
  void add(void* memory, std::shared_ptr<Gpu> gpu) {
    const std::lock_guard lock(mutex_);
    gpus_.emplace(memory, std::move(gpu));
  }
  /// False if there is none.
  bool take(void* memory, std::shared_ptr<Gpu>& gpu) {
    const std::lock_guard lock(mutex_);
    const auto found = gpus_.find(memory);
    if (found == gpus_.end()) return false;
    gpu = std::move(found->second);
    gpus_.erase(found);
    return true;
  }

  static Allocations& of_process() {
    static PerProcess<Allocations> all;
    return all.get();
  }

 private:
  std::mutex mutex_;
  std::map<void*, std::shared_ptr<Gpu>> gpus_;  ///< by address; nullptr: the host's
};

void* allocate_on_host(std::size_t bytes) {
  const std::size_t most = static_cast<std::size_t>(PTRDIFF_MAX) - kHostPage_bytes;
  void* const memory =
      bytes > most ? nullptr
                   : std::aligned_alloc(kHostPage_bytes, (bytes + kHostPage_bytes) / kHostPage_bytes * kHostPage_bytes);
  if (memory != nullptr) return memory;
  throw Error(strettoSystemError, format("{} bytes of memory could not be had: free some, or ask for less", bytes),
              "bytes");
}

/// Kernels of other GPUs of this process are let in where the machine can do that; elsewhere they stay out.
void allow_all(Gpu& gpu, std::byte* memory) {
  for (int other = 0; other < gpus().count(); ++other) {
    if (other == gpu.facts().ordinal) continue;
    GpuFacts peer;
    peer.ordinal = other;
    try {
      gpu.allow_peer(memory, peer);
    } catch (const Error& error) {
      if (error.info().code != strettoUnsupported) throw;
    }
  }
}

}  // namespace

int usual_device() { return gpus().count() > 0 ? STRETTO_DEVICE_CURRENT : STRETTO_DEVICE_HOST; }

void* allocate_memory(std::size_t bytes, int device) {
  const std::shared_ptr<Gpu> gpu = open_device(device);
  if (!gpu) {
    std::unique_ptr<void, decltype(&std::free)> memory(allocate_on_host(bytes), &std::free);
    Allocations::of_process().add(memory.get(), nullptr);
    return memory.release();
  }
  std::byte* const memory = gpu->allocate_shared(bytes);
  try {
    allow_all(*gpu, memory);
    Allocations::of_process().add(memory, gpu);
  } catch (...) {
    gpu->free(memory);
    throw;
  }
  return memory;
}

bool free_memory(void* memory) {
  std::shared_ptr<Gpu> gpu;
  if (!Allocations::of_process().take(memory, gpu)) return false;
  if (gpu) {
    gpu->free(static_cast<std::byte*>(memory));
  } else {
    std::free(memory);
  }
  return true;
}

}  // namespace stretto
