// A library with NCCL's names for tests of --compare: the stretto that the program has loaded, on host memory, and
// behind each all-reduce STRETTO_TEST_NCCL_MS milliseconds of nothing. STRETTO_TEST_LIE makes its all-reduce change a
// bit.
#include <dlfcn.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "stretto/stretto.h"

namespace {

// Looked up, not linked: a library that is linked to stretto is refused as its drop-in.
template <typename Function>
Function stretto_function(Function, const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}
#define STRETTO_FUNCTION(name) stretto_function(static_cast<decltype(&name)>(nullptr), #name)

void wait_a_little(void*) {
  const char* const ms = std::getenv("STRETTO_TEST_NCCL_MS");
  std::this_thread::sleep_for(std::chrono::milliseconds(ms != nullptr ? std::atoi(ms) : 0));
}
void change_a_bit(void* byte) { *static_cast<unsigned char*>(byte) ^= 0x40; }

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT strettoResult_t ncclGetVersion(int* version) {
  *version = 22809;
  return strettoSuccess;
}
EXPORT const char* ncclGetErrorString(strettoResult_t) { return "some error"; }
EXPORT const char* ncclGetLastError(strettoComm_t) { return "and more of it"; }
EXPORT strettoResult_t ncclGetUniqueId(strettoUniqueId* id) { return STRETTO_FUNCTION(strettoGetUniqueId)(id); }
EXPORT strettoResult_t ncclCommInitRank(strettoComm_t* comm, int n_ranks, strettoUniqueId id, int rank) {
  if (std::getenv("STRETTO_TEST_NCCL_FAILS") != nullptr) return strettoInvalidUsage;
  return STRETTO_FUNCTION(strettoCommInitRank)(comm, n_ranks, id, rank);
}
EXPORT strettoResult_t ncclCommDestroy(strettoComm_t comm) { return STRETTO_FUNCTION(strettoCommDestroy)(comm); }
EXPORT strettoResult_t ncclCommGetAsyncError(strettoComm_t comm, strettoResult_t* fault) {
  return STRETTO_FUNCTION(strettoCommGetAsyncError)(comm, fault);
}
EXPORT strettoResult_t ncclGroupStart() { return STRETTO_FUNCTION(strettoGroupStart)(); }
EXPORT strettoResult_t ncclGroupEnd() { return STRETTO_FUNCTION(strettoGroupEnd)(); }
EXPORT strettoResult_t ncclAllReduce(const void* send, void* receive, size_t count, strettoDataType_t type,
                                     strettoRedOp_t op, strettoComm_t comm, strettoStream_t stream) {
  const strettoResult_t result = STRETTO_FUNCTION(strettoAllReduce)(send, receive, count, type, op, comm, stream);
  if (std::getenv("STRETTO_TEST_LIE") != nullptr) {
    STRETTO_FUNCTION(strettoStreamLaunchHostFunc)(stream, change_a_bit, receive);
  }
  STRETTO_FUNCTION(strettoStreamLaunchHostFunc)(stream, wait_a_little, nullptr);
  return result;
}
EXPORT strettoResult_t ncclSend(const void* send, size_t count, strettoDataType_t type, int peer, strettoComm_t comm,
                                strettoStream_t stream) {
  return STRETTO_FUNCTION(strettoSend)(send, count, type, peer, comm, stream);
}
EXPORT strettoResult_t ncclRecv(void* receive, size_t count, strettoDataType_t type, int peer, strettoComm_t comm,
                                strettoStream_t stream) {
  return STRETTO_FUNCTION(strettoRecv)(receive, count, type, peer, comm, stream);
}
EXPORT strettoResult_t ncclRedOpCreatePreMulSum(strettoRedOp_t* op, void* scalar, strettoDataType_t type,
                                                strettoScalarResidence_t residence, strettoComm_t comm) {
  return STRETTO_FUNCTION(strettoRedOpCreatePreMulSum)(op, scalar, type, residence, comm);
}
EXPORT strettoResult_t ncclRedOpDestroy(strettoRedOp_t op, strettoComm_t comm) {
  return STRETTO_FUNCTION(strettoRedOpDestroy)(op, comm);
}

// There, and not called by the tests.
#define UNUSED(name) \
  EXPORT strettoResult_t name() { return strettoUnsupported; }
UNUSED(ncclAllGather)
UNUSED(ncclBroadcast)
UNUSED(ncclReduceScatter)
UNUSED(ncclReduce)
UNUSED(ncclAlltoAll)
UNUSED(ncclGather)
UNUSED(ncclScatter)
UNUSED(ncclCommRegister)
