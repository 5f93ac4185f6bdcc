// The answer of a build without nvcc.
#include "base/error.hpp"
#include "device/cuda_gpus.hpp"
#include "device/cuda_runtime.hpp"

namespace stretto {
namespace {

class NoGpus final : public GpuProvider {
 public:
  int count() override { return 0; }
  int current() override { return -1; }
  std::shared_ptr<Gpu> open(int) override { throw Error(strettoUnsupported, obstacle(), "device"); }
  std::string obstacle() override { return cuda_status().reason; }
};

}  // namespace

GpuProvider& cuda_gpus() {
  static NoGpus none;
  return none;
}

}  // namespace stretto
