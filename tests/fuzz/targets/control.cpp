// Members who know the key and say what no member says.
#include "control.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stretto::require_crypto();
  stretto::fuzz::Input input(data, size);
  switch (input.ConsumeIntegralInRange(0, 2)) {
    case 0:
      stretto::fuzz::run_plane(input);
      break;
    case 1:
      stretto::fuzz::run_rendezvous(input);
      break;
    default:
      stretto::fuzz::run_bootstrap(input);
  }
  return 0;
}
