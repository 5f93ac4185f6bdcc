// Collectives that do nothing and report success. A tool linked with them must find every element wrong that its
// collective writes, and no other: what it says about right results would prove nothing otherwise. All-reduce is not
// here: the tools' own figures travel by it.
#include "stretto/stretto.h"

extern "C" {

strettoResult_t strettoAllGather(const void*, void*, size_t, strettoDataType_t, strettoComm_t, strettoStream_t) {
  return strettoSuccess;
}
strettoResult_t strettoBroadcast(const void*, void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t) {
  return strettoSuccess;
}
strettoResult_t strettoReduceScatter(const void*, void*, size_t, strettoDataType_t, strettoRedOp_t, strettoComm_t,
                                     strettoStream_t) {
  return strettoSuccess;
}
strettoResult_t strettoReduce(const void*, void*, size_t, strettoDataType_t, strettoRedOp_t, int, strettoComm_t,
                              strettoStream_t) {
  return strettoSuccess;
}
strettoResult_t strettoAllToAll(const void*, void*, size_t, strettoDataType_t, strettoComm_t, strettoStream_t) {
  return strettoSuccess;
}
strettoResult_t strettoAllToAllV(const void*, const size_t*, const size_t*, void*, const size_t*, const size_t*,
                                 strettoDataType_t, strettoComm_t, strettoStream_t) {
  return strettoSuccess;
}
strettoResult_t strettoScatter(const void*, void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t) {
  return strettoSuccess;
}
strettoResult_t strettoGather(const void*, void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t) {
  return strettoSuccess;
}
strettoResult_t strettoSend(const void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t) {
  return strettoSuccess;
}
strettoResult_t strettoRecv(void*, size_t, strettoDataType_t, int, strettoComm_t, strettoStream_t) {
  return strettoSuccess;
}
strettoResult_t strettoGroupStart(void) { return strettoSuccess; }
strettoResult_t strettoGroupEnd(void) { return strettoSuccess; }

}  // extern "C"
