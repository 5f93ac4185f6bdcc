// GPUs made of host threads, for tests where there is no GPU: memory is the heap, a stream is a thread with a queue, a
// kernel is its blocks of threads (thread_machine.hpp), a captured graph is a list of what was issued. Several GPUs;
// any number of ranks on each.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "device/gpu.hpp"

namespace stretto::test {

class SimulatedStream;
class SimulatedGraph;

/// While it lives, the process has these GPUs and no others.
class SimulatedGpus final : public GpuProvider {
 public:
  explicit SimulatedGpus(int count);
  ~SimulatedGpus() override;

  int count() override;
  int current() override { return 0; }
  std::shared_ptr<Gpu> open(int ordinal) override;
  std::string obstacle() override { return {}; }

  /// Memory of a device, as an application would allocate it.
  std::byte* allocate(int ordinal, std::size_t bytes);
  void free(int ordinal, std::byte* memory);
};

/// A stream as an application would make it.
class TestGpuStream {
 public:
  TestGpuStream();
  ~TestGpuStream();
  TestGpuStream(const TestGpuStream&) = delete;
  TestGpuStream& operator=(const TestGpuStream&) = delete;

  operator strettoStream_t() const { return reinterpret_cast<strettoStream_t>(stream_.get()); }
  void synchronize();
  /// What is issued from now on goes into a graph.
  void begin_capture();
  std::shared_ptr<SimulatedGraph> end_capture();
  void launch(std::shared_ptr<SimulatedGraph> graph);

 private:
  std::unique_ptr<SimulatedStream> stream_;
};

}  // namespace stretto::test
