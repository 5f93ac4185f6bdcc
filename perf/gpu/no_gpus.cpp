// The answer of a build without nvcc.
#include <stdexcept>

#include "perf/common/gpu.hpp"

namespace stretto::perf {
namespace {

class NoGpus final : public Gpus {
 public:
  int count() override { return 0; }
  std::string obstacle() override {
    return "this tool was built without CUDA and has no device support: build stretto where nvcc is found "
           "(STRETTO_CUDA=ON)";
  }
  std::string versions() override { return {}; }
  std::unique_ptr<RankGpu> open(int, int) override { throw std::runtime_error(obstacle()); }
};

}  // namespace

Gpus& gpus() {
  static NoGpus none;
  return none;
}

}  // namespace stretto::perf
