// User-made reduction operations of the C API.
#include "api/api.hpp"
#include "base/datatypes.hpp"
#include "base/text.hpp"

using namespace stretto;
using namespace stretto::api;

extern "C" {

strettoResult_t strettoRedOpCreatePreMulSum(strettoRedOp_t* op, void* scalar, strettoDataType_t datatype,
                                            strettoScalarResidence_t residence, strettoComm_t comm) {
  static constexpr const char* kName = "strettoRedOpCreatePreMulSum";
  return guarded(kName, [&] {
    const Target target = target_of(comm, kName);
    if (op == nullptr) return refuse(strettoInvalidArgument, kName, "op", "op is NULL");
    if (scalar == nullptr) return refuse(strettoInvalidArgument, kName, "scalar", "scalar is NULL");
    if (data_type_bytes(datatype) == 0) {
      return refuse(strettoInvalidArgument, kName, "datatype",
                    format("datatype is {}, which is none", static_cast<int>(datatype)));
    }
    if (residence != strettoScalarDevice && residence != strettoScalarHostImmediate) {
      return refuse(strettoInvalidArgument, kName, "residence",
                    format("residence is {}: it must be strettoScalarDevice or strettoScalarHostImmediate",
                           static_cast<int>(residence)));
    }
    *op = target.user_ops->create(scalar, datatype, residence == strettoScalarHostImmediate);
    return strettoSuccess;
  });
}

strettoResult_t strettoRedOpDestroy(strettoRedOp_t op, strettoComm_t comm) {
  static constexpr const char* kName = "strettoRedOpDestroy";
  return guarded(kName, [&] {
    if (target_of(comm, kName).user_ops->destroy(op)) return strettoSuccess;
    return refuse(
        strettoInvalidArgument, kName, "op",
        format("op is {}, which is no operation made for this communicator, or was destroyed", static_cast<int>(op)));
  });
}

}  // extern "C"
