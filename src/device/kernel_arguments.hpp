// What a launch passes to a kernel. No CUDA here: the host fills it without nvcc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/exchange.hpp"
#include "device/interpreter.hpp"
#include "device/short_sum.hpp"

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
/// Images are staged in shared memory, of which a block can have more than 48 KiB if the kernel was told so.
constexpr std::size_t kMostImage_bytes = 160 << 10;

/// What every kernel needs for waits that end.
struct FaultWords {
  const std::uint32_t* abort_word = nullptr;  ///< in pinned host memory: not 0: give up
  KernelReport* reports = nullptr;            ///< by block
  std::uint64_t timeout_ns = 0;               ///< of one wait
  std::uint64_t operation_number = 0;         ///< for reports
};

/// Of kernels that run a program.
struct KernelArguments {
  Operation operation;
  std::byte* windows[kInlineWindows] = {};  ///< used where operation.windows is nullptr
  const std::byte* image = nullptr;         ///< in device memory, or in pinned host memory
  std::uint64_t image_bytes = 0;
  FaultWords faults;
};

/// Of kernels that exchange small messages.
struct ExchangeArguments {
  Exchange exchange;
  FaultWords faults;
};

/// Of the kernel for the smallest sums. `faults` is read where something goes wrong.
struct ShortSumArguments {
  ShortSum sum;
  FaultWords faults;
};
// More than about a kilobyte of parameters makes launches slower.
static_assert(sizeof(KernelArguments) <= 768 && sizeof(ExchangeArguments) <= 768);
// They begin 16 bytes behind a line of 64 (CUDA 13, sm_90): what is read where all goes well lies in two lines.
static_assert(offsetof(ShortSum, windows) == 48 && offsetof(ShortSum, put_steps) <= 112);
static_assert(sizeof(ShortSumArguments) <= 176);

}  // namespace stretto::device
