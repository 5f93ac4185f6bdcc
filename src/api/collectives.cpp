// Collectives of the C API in which every rank gives or gets as much.
#include "api/call.hpp"

using namespace stretto;
using namespace stretto::api;

extern "C" {

strettoResult_t strettoAllReduceConfig(const void* sendbuff, void* recvbuff, size_t count, strettoDataType_t datatype,
                                       strettoRedOp_t op, strettoComm_t comm, strettoStream_t stream,
                                       const strettoCallConfig_t* call) {
  return run_call({"strettoAllReduce", sendbuff, recvbuff, comm, stream, call},
                  {Collective::all_reduce, count, datatype, op, -1});
}

strettoResult_t strettoAllReduce(const void* sendbuff, void* recvbuff, size_t count, strettoDataType_t datatype,
                                 strettoRedOp_t op, strettoComm_t comm, strettoStream_t stream) {
  return strettoAllReduceConfig(sendbuff, recvbuff, count, datatype, op, comm, stream, nullptr);
}

strettoResult_t strettoAllGatherConfig(const void* sendbuff, void* recvbuff, size_t sendcount,
                                       strettoDataType_t datatype, strettoComm_t comm, strettoStream_t stream,
                                       const strettoCallConfig_t* call) {
  return run_call({"strettoAllGather", sendbuff, recvbuff, comm, stream, call},
                  {Collective::all_gather, sendcount, datatype, strettoSum, -1});
}

strettoResult_t strettoAllGather(const void* sendbuff, void* recvbuff, size_t sendcount, strettoDataType_t datatype,
                                 strettoComm_t comm, strettoStream_t stream) {
  return strettoAllGatherConfig(sendbuff, recvbuff, sendcount, datatype, comm, stream, nullptr);
}

strettoResult_t strettoReduceScatterConfig(const void* sendbuff, void* recvbuff, size_t recvcount,
                                           strettoDataType_t datatype, strettoRedOp_t op, strettoComm_t comm,
                                           strettoStream_t stream, const strettoCallConfig_t* call) {
  return run_call({"strettoReduceScatter", sendbuff, recvbuff, comm, stream, call},
                  {Collective::reduce_scatter, recvcount, datatype, op, -1});
}

strettoResult_t strettoReduceScatter(const void* sendbuff, void* recvbuff, size_t recvcount, strettoDataType_t datatype,
                                     strettoRedOp_t op, strettoComm_t comm, strettoStream_t stream) {
  return strettoReduceScatterConfig(sendbuff, recvbuff, recvcount, datatype, op, comm, stream, nullptr);
}

strettoResult_t strettoBroadcastConfig(const void* sendbuff, void* recvbuff, size_t count, strettoDataType_t datatype,
                                       int root, strettoComm_t comm, strettoStream_t stream,
                                       const strettoCallConfig_t* call) {
  return run_call({"strettoBroadcast", sendbuff, recvbuff, comm, stream, call},
                  {Collective::broadcast, count, datatype, strettoSum, root});
}

strettoResult_t strettoBroadcast(const void* sendbuff, void* recvbuff, size_t count, strettoDataType_t datatype,
                                 int root, strettoComm_t comm, strettoStream_t stream) {
  return strettoBroadcastConfig(sendbuff, recvbuff, count, datatype, root, comm, stream, nullptr);
}

strettoResult_t strettoReduceConfig(const void* sendbuff, void* recvbuff, size_t count, strettoDataType_t datatype,
                                    strettoRedOp_t op, int root, strettoComm_t comm, strettoStream_t stream,
                                    const strettoCallConfig_t* call) {
  return run_call({"strettoReduce", sendbuff, recvbuff, comm, stream, call},
                  {Collective::reduce, count, datatype, op, root});
}

strettoResult_t strettoReduce(const void* sendbuff, void* recvbuff, size_t count, strettoDataType_t datatype,
                              strettoRedOp_t op, int root, strettoComm_t comm, strettoStream_t stream) {
  return strettoReduceConfig(sendbuff, recvbuff, count, datatype, op, root, comm, stream, nullptr);
}

strettoResult_t strettoGatherConfig(const void* sendbuff, void* recvbuff, size_t sendcount, strettoDataType_t datatype,
                                    int root, strettoComm_t comm, strettoStream_t stream,
                                    const strettoCallConfig_t* call) {
  return run_call({"strettoGather", sendbuff, recvbuff, comm, stream, call},
                  {Collective::gather, sendcount, datatype, strettoSum, root});
}

strettoResult_t strettoGather(const void* sendbuff, void* recvbuff, size_t sendcount, strettoDataType_t datatype,
                              int root, strettoComm_t comm, strettoStream_t stream) {
  return strettoGatherConfig(sendbuff, recvbuff, sendcount, datatype, root, comm, stream, nullptr);
}

strettoResult_t strettoScatterConfig(const void* sendbuff, void* recvbuff, size_t recvcount, strettoDataType_t datatype,
                                     int root, strettoComm_t comm, strettoStream_t stream,
                                     const strettoCallConfig_t* call) {
  return run_call({"strettoScatter", sendbuff, recvbuff, comm, stream, call},
                  {Collective::scatter, recvcount, datatype, strettoSum, root});
}

strettoResult_t strettoScatter(const void* sendbuff, void* recvbuff, size_t recvcount, strettoDataType_t datatype,
                               int root, strettoComm_t comm, strettoStream_t stream) {
  return strettoScatterConfig(sendbuff, recvbuff, recvcount, datatype, root, comm, stream, nullptr);
}

strettoResult_t strettoAllToAllConfig(const void* sendbuff, void* recvbuff, size_t count, strettoDataType_t datatype,
                                      strettoComm_t comm, strettoStream_t stream, const strettoCallConfig_t* call) {
  return run_call({"strettoAllToAll", sendbuff, recvbuff, comm, stream, call},
                  {Collective::all_to_all, count, datatype, strettoSum, -1});
}

strettoResult_t strettoAllToAll(const void* sendbuff, void* recvbuff, size_t count, strettoDataType_t datatype,
                                strettoComm_t comm, strettoStream_t stream) {
  return strettoAllToAllConfig(sendbuff, recvbuff, count, datatype, comm, stream, nullptr);
}

}  // extern "C"
