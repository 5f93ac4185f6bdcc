// What is exported and not served. Arguments are not looked at, so no parameters are declared: C's calling conventions
// let a function ignore what it is given.
#include "base/text.hpp"
#include "frontends/nccl/entry.hpp"
#include "frontends/nccl/unserved_table.hpp"

namespace {

ncclResult_t not_served(const char* name, const char* why) {
  return stretto::nccl::refuse(ncclInvalidUsage, stretto::format("{} is not served by stretto: {}", name, why));
}

}  // namespace

#define STRETTO_NCCL_DEFINE(name, why) \
  STRETTO_NCCL_ENTRY(ncclResult_t, name, ()) { return not_served(#name, why); }
STRETTO_NCCL_UNSERVED(STRETTO_NCCL_DEFINE)
#undef STRETTO_NCCL_DEFINE

/// Of these two the result is no code.
STRETTO_NCCL_ENTRY(int, ncclLLA2ACalcSlots, ()) {
  not_served("ncclLLA2ACalcSlots", STRETTO_NCCL_NO_DEVICE_API);
  return 0;
}
STRETTO_NCCL_ENTRY(void, ncclResetDebugInit, (void)) {}
