// Functions of the settled interface that come with later releases: each says so.
#include "api/api.hpp"

using stretto::api::unsupported;

extern "C" {

strettoResult_t strettoCommInitRankScalable(strettoComm_t*, int, int, int, const strettoUniqueId*,
                                            const strettoConfig_t*) {
  return unsupported("strettoCommInitRankScalable");
}
strettoResult_t strettoCommShrink(strettoComm_t, const int*, int, strettoComm_t*, const strettoConfig_t*) {
  return unsupported("strettoCommShrink");
}
strettoResult_t strettoMemAlloc(void**, size_t) { return unsupported("strettoMemAlloc"); }
strettoResult_t strettoMemFree(void*) { return unsupported("strettoMemFree"); }
strettoResult_t strettoCommRegister(strettoComm_t, void*, size_t, void**) { return unsupported("strettoCommRegister"); }
strettoResult_t strettoCommDeregister(strettoComm_t, void*) { return unsupported("strettoCommDeregister"); }
strettoResult_t strettoAllGatherV(const void*, void*, const size_t*, const size_t*, strettoDataType_t, strettoComm_t,
                                  strettoStream_t) {
  return unsupported("strettoAllGatherV");
}
strettoResult_t strettoAllGatherVConfig(const void*, void*, const size_t*, const size_t*, strettoDataType_t,
                                        strettoComm_t, strettoStream_t, const strettoCallConfig_t*) {
  return unsupported("strettoAllGatherVConfig");
}
strettoResult_t strettoReduceScatterV(const void*, void*, const size_t*, strettoDataType_t, strettoRedOp_t,
                                      strettoComm_t, strettoStream_t) {
  return unsupported("strettoReduceScatterV");
}
strettoResult_t strettoReduceScatterVConfig(const void*, void*, const size_t*, strettoDataType_t, strettoRedOp_t,
                                            strettoComm_t, strettoStream_t, const strettoCallConfig_t*) {
  return unsupported("strettoReduceScatterVConfig");
}
strettoResult_t strettoReduce(const void*, void*, size_t, strettoDataType_t, strettoRedOp_t, int, strettoComm_t,
                              strettoStream_t) {
  return unsupported("strettoReduce");
}
strettoResult_t strettoReduceConfig(const void*, void*, size_t, strettoDataType_t, strettoRedOp_t, int, strettoComm_t,
                                    strettoStream_t, const strettoCallConfig_t*) {
  return unsupported("strettoReduceConfig");
}
strettoResult_t strettoAllToAll(const void*, void*, size_t, strettoDataType_t, strettoComm_t, strettoStream_t) {
  return unsupported("strettoAllToAll");
}
strettoResult_t strettoAllToAllConfig(const void*, void*, size_t, strettoDataType_t, strettoComm_t, strettoStream_t,
                                      const strettoCallConfig_t*) {
  return unsupported("strettoAllToAllConfig");
}
strettoResult_t strettoAllToAllV(const void*, const size_t*, const size_t*, void*, const size_t*, const size_t*,
                                 strettoDataType_t, strettoComm_t, strettoStream_t) {
  return unsupported("strettoAllToAllV");
}
strettoResult_t strettoAllToAllVConfig(const void*, const size_t*, const size_t*, void*, const size_t*, const size_t*,
                                       strettoDataType_t, strettoComm_t, strettoStream_t, const strettoCallConfig_t*) {
  return unsupported("strettoAllToAllVConfig");
}
strettoResult_t strettoGather(const void*, void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t) {
  return unsupported("strettoGather");
}
strettoResult_t strettoGatherConfig(const void*, void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t,
                                    const strettoCallConfig_t*) {
  return unsupported("strettoGatherConfig");
}
strettoResult_t strettoScatter(const void*, void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t) {
  return unsupported("strettoScatter");
}
strettoResult_t strettoScatterConfig(const void*, void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t,
                                     const strettoCallConfig_t*) {
  return unsupported("strettoScatterConfig");
}
strettoResult_t strettoSend(const void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t) {
  return unsupported("strettoSend");
}
strettoResult_t strettoSendConfig(const void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t,
                                  const strettoCallConfig_t*) {
  return unsupported("strettoSendConfig");
}
strettoResult_t strettoRecv(void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t) {
  return unsupported("strettoRecv");
}
strettoResult_t strettoRecvConfig(void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t,
                                  const strettoCallConfig_t*) {
  return unsupported("strettoRecvConfig");
}
strettoResult_t strettoBarrier(strettoComm_t, strettoStream_t) { return unsupported("strettoBarrier"); }
strettoResult_t strettoBarrierConfig(strettoComm_t, strettoStream_t, const strettoCallConfig_t*) {
  return unsupported("strettoBarrierConfig");
}

}  // extern "C"
