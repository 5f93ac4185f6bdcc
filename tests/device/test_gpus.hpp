// GPUs as an application sees them: memory, streams, graphs. Real ones, or some made of host threads, so that the same
// tests run on both.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "stretto/stretto.h"

namespace stretto::test {

/// A captured graph, ready to be launched.
class TestGraph {
 public:
  virtual ~TestGraph() = default;
  /// Another executable made of the same graph.
  virtual std::shared_ptr<TestGraph> again() = 0;
};

class TestStream {
 public:
  virtual ~TestStream() = default;
  virtual strettoStream_t handle() const = 0;
  virtual void synchronize() = 0;
  /// What is issued from now on comes after what the other stream has so far; in a capture, it takes part in it.
  virtual void wait_for(TestStream& other) = 0;
  /// What is issued from now on goes into a graph.
  virtual void begin_capture() = 0;
  virtual std::shared_ptr<TestGraph> end_capture() = 0;
  virtual void launch(const std::shared_ptr<TestGraph>& graph) = 0;
  /// Instead of end_capture(): something that cannot be captured invalidates it, then `body` runs, then it ends.
  virtual void break_capture(const std::function<void()>& body) = 0;
};

/// While it lives, the process has these GPUs and no others.
class TestGpus {
 public:
  virtual ~TestGpus() = default;
  virtual int count() const = 0;
  virtual std::byte* allocate(int device, std::size_t bytes) = 0;
  /// Kept for the next allocation until trim(): CUDA frees memory only when no kernel runs on the device, and that of
  /// another rank may wait for the caller.
  virtual void free(int device, std::byte* memory) = 0;
  /// Really frees it. No kernel may be waiting for the caller.
  virtual void trim() {}
  /// Of the device's memory.
  virtual std::size_t free_bytes(int device) = 0;
  virtual void upload(std::byte* to, const void* from, std::size_t bytes) = 0;
  virtual void download(void* to, const std::byte* from, std::size_t bytes) = 0;
  virtual std::unique_ptr<TestStream> make_stream(int device) = 0;
};

/// One kind of GPUs that tests run on.
struct TestGpusRow {
  const char* name;
  /// Up to so many; nullptr where there are none, and why.
  std::unique_ptr<TestGpus> (*make)(int most, std::string& why_none);
};

std::span<const TestGpusRow> test_gpus_rows();

}  // namespace stretto::test
