// A made-up libnvidia-ml.so.1: what it says is set through its one function that the real one does not have. Knows
// nothing of how topology/probe declares NVML.
#pragma once

#include <array>

namespace stretto::test {

struct FakeLink {
  int state = 0;                 ///< 1: active
  int remote = 255;              ///< 0 GPU, 1 processor, 2 switch, 255 unknown
  const char* bus_id = nullptr;  ///< nullptr: the call fails
};

struct FakeGpu {
  const char* bus_id = "00000000:00:00.0";
  const char* uuid = nullptr;  ///< nullptr: the call fails
  int major = 0;               ///< 0: the call fails
  int minor = 0;
  std::array<FakeLink, 18> links{};  ///< state 0: the call answers that it is not active; -1: fails
  unsigned n_chip_links = 0;         ///< to a processor; the last of them is down
  unsigned chip_link_megabytes_per_s = 0;
};

struct FakeNvml {
  int init_result = 0;
  unsigned n_gpus = 0;
  std::array<FakeGpu, 8> gpus{};
  int n_starts = 0;
  int n_stops = 0;
};

}  // namespace stretto::test
