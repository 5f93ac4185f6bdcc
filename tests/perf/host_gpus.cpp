// GPUs made of host memory and host streams, for tools linked with this file: all that they do about GPUs but CUDA's
// own calls. Nothing is captured: what is issued between begin and end of a capture runs once, and a replay does
// nothing. STRETTO_TEST_GPUS is how many there are (2).
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include "perf/common/gpu.hpp"
#include "stretto/stretto.hpp"

namespace stretto::perf {
namespace {

using Clock = std::chrono::steady_clock;

class HostGpu final : public RankGpu {
 public:
  explicit HostGpu(int ordinal) {
    facts_ = {ordinal, "GPU of host memory", "GPU-none-" + std::to_string(ordinal),
              "0000:00:0" + std::to_string(ordinal)};
  }

  const GpuFacts& facts() const override { return facts_; }
  int communicator_device() const override { return STRETTO_DEVICE_HOST; }
  strettoStream_t stream() const override { return stream_; }
  void make_current() override {}
  std::size_t free_bytes() override { return 0; }
  unsigned char* allocate(std::size_t bytes) override { return static_cast<unsigned char*>(std::malloc(bytes)); }
  void free(unsigned char* memory) noexcept override { std::free(memory); }

  void copy(void* to, const void* from, std::size_t bytes) override {
    later([=] { std::memcpy(to, from, bytes); });
  }
  void fill(void* to, unsigned char byte, std::size_t bytes) override {
    later([=] { std::memset(to, byte, bytes); });
  }
  void synchronize() override { stream_.synchronize(); }

  void prepare_marks(std::size_t count) override { marks_.resize(std::max(count, marks_.size())); }
  void mark(std::size_t index) override {
    Clock::time_point* const place = &marks_.at(index);
    later([place] { *place = Clock::now(); });
  }
  double us_between(std::size_t first, std::size_t last) override {
    return std::chrono::duration<double, std::micro>(marks_.at(last) - marks_.at(first)).count();
  }

  void begin_capture() override {
    if (capturing_) throw std::logic_error("a capture within a capture");
    capturing_ = true;
  }
  void end_capture(int slot) override {
    if (!capturing_) throw std::logic_error("no capture to end");
    capturing_ = false;
    captured_.at(static_cast<std::size_t>(slot)) = true;
  }
  void replay(int slot) override {
    if (!captured_.at(static_cast<std::size_t>(slot))) throw std::logic_error("no graph to replay");
    later([] {});
  }
  void drop_graphs() noexcept override { captured_.assign(2, false); }

 private:
  template <typename Body>
  void later(Body body) {
    auto* const kept = new Body(body);
    const auto run = [](void* context) {
      const std::unique_ptr<Body> mine(static_cast<Body*>(context));
      (*mine)();
    };
    check(strettoStreamLaunchHostFunc(stream_, run, kept));
  }

  GpuFacts facts_;
  std::vector<Clock::time_point> marks_;
  bool capturing_ = false;
  std::vector<bool> captured_ = std::vector<bool>(2, false);
  Stream stream_;  // its work uses the marks: ends first
};

class HostGpus final : public Gpus {
 public:
  int count() override {
    const char* const count = std::getenv("STRETTO_TEST_GPUS");
    return count != nullptr ? std::atoi(count) : 2;
  }
  std::string obstacle() override { return count() == 0 ? "there are none in this test" : ""; }
  std::string versions() override { return "no CUDA"; }
  std::unique_ptr<RankGpu> open(int ordinal, int) override { return std::make_unique<HostGpu>(ordinal); }
};

}  // namespace

Gpus& gpus() {
  static HostGpus all;
  return all;
}

}  // namespace stretto::perf
