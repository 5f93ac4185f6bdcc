// As libnccl.so.2 is built: NCCL's variables read by code of its own, and the library linked dynamically. Makes a
// communicator of one rank; the log shows whether the library has heard of the variables.
#include <cstdio>

#include "base/error.hpp"
#include "frontends/nccl/environment.hpp"
#include "stretto/stretto.h"

int main() {
  try {
    stretto::nccl::report_environment();
  } catch (const stretto::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  strettoComm_t comm = nullptr;
  if (strettoCommInitAll(&comm, 1, nullptr) != strettoSuccess) return 2;
  if (strettoBarrier(comm, nullptr) != strettoSuccess) return 3;
  return strettoCommDestroy(comm) == strettoSuccess ? 0 : 4;
}
