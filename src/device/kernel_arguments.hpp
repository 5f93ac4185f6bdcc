// What a launch passes to a kernel. No CUDA here: the host fills it without nvcc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/interpreter.hpp"

namespace stretto::device {

/// In pinned host memory, one for each strand: written by the first thread of the strand that gives up, before the
/// kernel ends. `reason` is written last.
struct alignas(32) KernelReport {
  std::uint32_t reason = 0;  ///< KernelFailure
  std::uint32_t step = 0;
  std::uint32_t peer = 0;
  std::uint32_t round = 0;
  std::uint64_t operation = 0;  ///< KernelArguments::operation_number
};

enum class KernelFailure : std::uint32_t { none, deadline, aborted, disagreement, concurrent };

constexpr int kMostThreadsPerBlock = 512;

/// Most ranks whose windows' addresses are kernel parameters; of more, they lie in device memory.
constexpr std::uint32_t kInlineWindows = 8;
/// Larger programs lie in device memory. Kernel parameters may have 32 KiB (since CUDA 12.1), but each launch copies
/// them.
constexpr std::size_t kInlineImage_bytes = 7 << 10;

struct KernelArguments {
  Operation operation;
  std::byte* windows[kInlineWindows] = {};    ///< used where operation.windows is nullptr
  const std::byte* image = nullptr;           ///< in device memory; nullptr: the inline one
  const std::uint32_t* abort_word = nullptr;  ///< in pinned host memory: not 0: give up
  KernelReport* reports = nullptr;            ///< by strand
  std::uint64_t timeout_ns = 0;               ///< of one wait
  std::uint64_t operation_number = 0;         ///< for reports
  std::uint32_t image_bytes = 0;
  std::uint32_t unused = 0;
  alignas(16) std::byte inline_image[kInlineImage_bytes] = {};
};
static_assert(sizeof(KernelArguments) <= 8192);

}  // namespace stretto::device
