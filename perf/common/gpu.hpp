// GPUs as the tools use them: what CUDA is needed for, as an interface, so that everything above it is tested without
// one. perf/gpu has CUDA's, and the answer of a build without.
//
// Functions throw std::runtime_error with CUDA's words, unless they are noexcept. A RankGpu is used by one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "stretto/stretto.h"

namespace stretto::perf {

struct GpuFacts {
  int ordinal = -1;    ///< in this process: CUDA_VISIBLE_DEVICES decides
  std::string name;    ///< "NVIDIA H100 ..."
  std::string uuid;    ///< "GPU-01234567-89ab-...", as the driver's tools print it
  std::string bus_id;  ///< "0000:0f:00"
};

/// A GPU as one rank has it: memory, a stream of its own, points of time in the stream, and graphs.
class RankGpu {
 public:
  virtual ~RankGpu() = default;
  virtual const GpuFacts& facts() const = 0;
  /// For strettoConfig_t.device.
  virtual int communicator_device() const = 0;
  virtual strettoStream_t stream() const = 0;
  /// The calling thread's current device, from here on.
  virtual void make_current() = 0;
  virtual std::size_t free_bytes() = 0;

  virtual unsigned char* allocate(std::size_t bytes) = 0;
  virtual void free(unsigned char* memory) noexcept = 0;

  // In the stream; `from` and `to` may be host memory, which must stay until synchronize().
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
  virtual void fill(void* to, unsigned char byte, std::size_t bytes) = 0;
  /// Waits for all that was issued to the stream. Throws when that takes longer than the limit given to open().
  virtual void synchronize() = 0;

  /// Makes mark(0) to mark(count - 1) ready: none of them allocates then.
  virtual void prepare_marks(std::size_t count) = 0;
  virtual void mark(std::size_t index) = 0;
  /// Between two marks, after synchronize().
  virtual double us_between(std::size_t first, std::size_t last) = 0;

  /// What is issued to the stream between these two becomes graph `slot` (0 or 1), in place of the one before.
  virtual void begin_capture() = 0;
  virtual void end_capture(int slot) = 0;
  virtual void replay(int slot) = 0;
  /// Before a communicator whose operations they hold: NCCL waits for their end for ever.
  virtual void drop_graphs() noexcept = 0;
};

class Gpus {
 public:
  virtual ~Gpus() = default;
  virtual int count() = 0;
  /// Why there are none, and what to do; empty if there are.
  virtual std::string obstacle() = 0;
  /// "CUDA 13.0, driver 13.0" or so; empty if there are none.
  virtual std::string versions() = 0;
  /// 0 <= ordinal < count(). Several ranks may open one GPU.
  virtual std::unique_ptr<RankGpu> open(int ordinal, int timeout_s) = 0;
};

/// CUDA's; a test's program has its own.
Gpus& gpus();

}  // namespace stretto::perf
