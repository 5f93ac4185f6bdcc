// Operations that users make.
#include "frontends/nccl/entry.hpp"

using namespace stretto::nccl;

STRETTO_NCCL_ENTRY(ncclResult_t, ncclRedOpCreatePreMulSum,
                   (ncclRedOp_t * op, void* scalar, ncclDataType_t datatype, ncclScalarResidence_t residence,
                    ncclComm_t comm)) {
  return call_on(comm, [&](strettoComm_t own) {
    return strettoRedOpCreatePreMulSum(reinterpret_cast<strettoRedOp_t*>(op), scalar, ours(datatype),
                                       static_cast<strettoScalarResidence_t>(residence), own);
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclRedOpDestroy, (ncclRedOp_t op, ncclComm_t comm)) {
  return call_on(comm, [&](strettoComm_t own) { return strettoRedOpDestroy(ours(op), own); });
}
