// Collectives, sends and receives: stretto's, with the same numbers.
#include "frontends/nccl/entry.hpp"

using namespace stretto::nccl;

STRETTO_NCCL_ENTRY(ncclResult_t, ncclAllReduce,
                   (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, ncclRedOp_t op,
                    ncclComm_t comm, cudaStream_t stream)) {
  return issue_on(comm, [&](strettoComm_t own) {
    return strettoAllReduce(sendbuff, recvbuff, count, ours(datatype), ours(op), own, ours(stream));
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclReduce,
                   (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, ncclRedOp_t op,
                    int root, ncclComm_t comm, cudaStream_t stream)) {
  return issue_on(comm, [&](strettoComm_t own) {
    return strettoReduce(sendbuff, recvbuff, count, ours(datatype), ours(op), root, own, ours(stream));
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclReduceScatter,
                   (const void* sendbuff, void* recvbuff, size_t recvcount, ncclDataType_t datatype, ncclRedOp_t op,
                    ncclComm_t comm, cudaStream_t stream)) {
  return issue_on(comm, [&](strettoComm_t own) {
    return strettoReduceScatter(sendbuff, recvbuff, recvcount, ours(datatype), ours(op), own, ours(stream));
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclAllGather,
                   (const void* sendbuff, void* recvbuff, size_t sendcount, ncclDataType_t datatype, ncclComm_t comm,
                    cudaStream_t stream)) {
  return issue_on(comm, [&](strettoComm_t own) {
    return strettoAllGather(sendbuff, recvbuff, sendcount, ours(datatype), own, ours(stream));
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclBroadcast,
                   (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, int root,
                    ncclComm_t comm, cudaStream_t stream)) {
  return issue_on(comm, [&](strettoComm_t own) {
    return strettoBroadcast(sendbuff, recvbuff, count, ours(datatype), root, own, ours(stream));
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclBcast,
                   (void* buff, size_t count, ncclDataType_t datatype, int root, ncclComm_t comm,
                    cudaStream_t stream)) {
  return issue_on(comm, [&](strettoComm_t own) {
    return strettoBroadcast(buff, buff, count, ours(datatype), root, own, ours(stream));
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclAlltoAll,
                   (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, ncclComm_t comm,
                    cudaStream_t stream)) {
  return issue_on(comm, [&](strettoComm_t own) {
    return strettoAllToAll(sendbuff, recvbuff, count, ours(datatype), own, ours(stream));
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclGather,
                   (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, int root,
                    ncclComm_t comm, cudaStream_t stream)) {
  return issue_on(comm, [&](strettoComm_t own) {
    return strettoGather(sendbuff, recvbuff, count, ours(datatype), root, own, ours(stream));
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclScatter,
                   (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, int root,
                    ncclComm_t comm, cudaStream_t stream)) {
  return issue_on(comm, [&](strettoComm_t own) {
    return strettoScatter(sendbuff, recvbuff, count, ours(datatype), root, own, ours(stream));
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclSend,
                   (const void* sendbuff, size_t count, ncclDataType_t datatype, int peer, ncclComm_t comm,
                    cudaStream_t stream)) {
  return issue_on(
      comm, [&](strettoComm_t own) { return strettoSend(sendbuff, count, ours(datatype), peer, own, ours(stream)); });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclRecv,
                   (void* recvbuff, size_t count, ncclDataType_t datatype, int peer, ncclComm_t comm,
                    cudaStream_t stream)) {
  return issue_on(
      comm, [&](strettoComm_t own) { return strettoRecv(recvbuff, count, ours(datatype), peer, own, ours(stream)); });
}
