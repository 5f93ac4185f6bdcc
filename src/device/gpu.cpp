#include "device/gpu.hpp"

#include <atomic>

#include "device/cuda_gpus.hpp"

namespace stretto {
namespace {

std::atomic<GpuProvider*> replacement{nullptr};

}  // namespace

GpuProvider& gpus() {
  GpuProvider* const provider = replacement.load(std::memory_order_acquire);
  return provider != nullptr ? *provider : cuda_gpus();
}

void replace_gpus(GpuProvider* provider) noexcept { replacement.store(provider, std::memory_order_release); }

}  // namespace stretto
