// The only inline assembly: one word per instruction, with the order it gives (PTX memory model). `relaxed` accesses
// are atomic and unordered; order comes from fences, once per message: accesses that are ordered each by themselves
// make a flag's round trip four times as long (docs/ordering.md).
#pragma once

#include <cstdint>

namespace stretto::device::ptx {

__device__ __forceinline__ std::uint32_t load_relaxed(const std::uint32_t* from) {
  std::uint32_t value;
  asm volatile("ld.relaxed.sys.global.u32 %0, [%1];" : "=r"(value) : "l"(from) : "memory");
  return value;
}

__device__ __forceinline__ void store_relaxed(std::uint32_t* to, std::uint32_t value) {
  asm volatile("st.relaxed.sys.global.u32 [%0], %1;" ::"l"(to), "r"(value) : "memory");
}

__device__ __forceinline__ std::uint64_t load_relaxed(const std::uint64_t* from) {
  std::uint64_t value;
  asm volatile("ld.relaxed.sys.global.u64 %0, [%1];" : "=l"(value) : "l"(from) : "memory");
  return value;
}

__device__ __forceinline__ void store_relaxed(std::uint64_t* to, std::uint64_t value) {
  asm volatile("st.relaxed.sys.global.u64 [%0], %1;" ::"l"(to), "l"(value) : "memory");
}

/// Two words of 8 bytes, each of them atomic by itself.
__device__ __forceinline__ void load_relaxed_pair(const void* from, std::uint64_t& first, std::uint64_t& second) {
  asm volatile("ld.relaxed.sys.global.v2.b64 {%0, %1}, [%2];" : "=l"(first), "=l"(second) : "l"(from) : "memory");
}

__device__ __forceinline__ void store_relaxed_pair(void* to, std::uint64_t first, std::uint64_t second) {
  asm volatile("st.relaxed.sys.global.v2.b64 [%0], {%1, %2};" ::"l"(to), "l"(first), "l"(second) : "memory");
}

/// For what is read once: takes no room in the first-level cache.
__device__ __forceinline__ void load_streaming_pair(const void* from, std::uint64_t& first, std::uint64_t& second) {
  asm volatile("ld.global.L1::no_allocate.v2.b64 {%0, %1}, [%2];" : "=l"(first), "=l"(second) : "l"(from) : "memory");
}

__device__ __forceinline__ void store_pair(void* to, std::uint64_t first, std::uint64_t second) {
  asm volatile("st.global.v2.b64 [%0], {%1, %2};" ::"l"(to), "l"(first), "l"(second) : "memory");
}

__device__ __forceinline__ void fence_device() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }
__device__ __forceinline__ void fence_system() { asm volatile("fence.acq_rel.sys;" ::: "memory"); }

/// Lets the next kernel of the stream start beside this one, if it was launched so that it may.
__device__ __forceinline__ void allow_next_kernel() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }
/// Until the kernel before has ended, if this one started beside it; its stores are visible then.
__device__ __forceinline__ void await_kernel_before() { asm volatile("griddepcontrol.wait;" ::: "memory"); }

// Conversions, to nearest and ties to even; those to 8 bits saturate.

__device__ __forceinline__ float float_of_half(std::uint16_t code) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(code));
  return value;
}
__device__ __forceinline__ std::uint16_t half_of_float(float value) {
  std::uint16_t code;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(code) : "f"(value));
  return code;
}
__device__ __forceinline__ std::uint16_t bfloat16_of_float(float value) {
  std::uint16_t code;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(code) : "f"(value));
  return code;
}
/// These come in pairs: the other one is 0.
__device__ __forceinline__ std::uint8_t e4m3_of_float(float value) {
  std::uint16_t codes;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(codes) : "f"(0.0F), "f"(value));
  return static_cast<std::uint8_t>(codes);
}
__device__ __forceinline__ std::uint8_t e5m2_of_float(float value) {
  std::uint16_t codes;
  asm("cvt.rn.satfinite.e5m2x2.f32 %0, %1, %2;" : "=h"(codes) : "f"(0.0F), "f"(value));
  return static_cast<std::uint8_t>(codes);
}
__device__ __forceinline__ std::uint16_t half_of_e4m3(std::uint8_t code) {
  std::uint32_t halves;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(halves) : "h"(static_cast<std::uint16_t>(code)));
  return static_cast<std::uint16_t>(halves);
}
__device__ __forceinline__ std::uint16_t half_of_e5m2(std::uint8_t code) {
  std::uint32_t halves;
  asm("cvt.rn.f16x2.e5m2x2 %0, %1;" : "=r"(halves) : "h"(static_cast<std::uint16_t>(code)));
  return static_cast<std::uint16_t>(halves);
}

/// Nanoseconds since some begin, the same for all threads of a device.
__device__ __forceinline__ std::uint64_t global_timer_ns() {
  std::uint64_t value;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(value));
  return value;
}

}  // namespace stretto::device::ptx
