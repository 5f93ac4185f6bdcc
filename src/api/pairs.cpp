// Send, receive and barrier of the C API.
#include "api/call.hpp"
#include "base/text.hpp"
#include "comm/call_group.hpp"

using namespace stretto;
using namespace stretto::api;

namespace {

strettoResult_t run_pair(const Call& call, Collective direction, std::size_t count, strettoDataType_t type, int peer) {
  return spoil_group(guarded(call.function, [&] {
    const Target target = target_of(call.comm, call.function);
    if (const strettoResult_t result = check_type(call, type); result != strettoSuccess) return result;
    if (peer < 0 || peer >= target.n_ranks) {
      return refuse(strettoInvalidArgument, call.function, "peer",
                    format("peer is {}: it must be from 0 to {}", peer, target.n_ranks - 1));
    }
    if (peer == target.rank && !CallGroup::is_open()) {
      return refuse(strettoInvalidUsage, call.function, "peer",
                    format("rank {} sends to itself: put the send and its receive into one group "
                           "(strettoGroupStart, strettoGroupEnd), or each would wait for the other",
                           peer));
    }
    if (const strettoResult_t result = check_count(call, "count", count, 1, type); result != strettoSuccess) {
      return result;
    }
    const bool sends = direction == Collective::send;
    if (count > 0 && (sends ? call.input : call.output) == nullptr) {
      const char* const field = sends ? "sendbuff" : "recvbuff";
      return refuse(strettoInvalidArgument, call.function, field, format("{} is NULL", field));
    }
    Operation operation{{direction, count, type, strettoSum, peer}, call.input, call.output, 0};
    if (const strettoResult_t result = read_timeout(call, operation.timeout_ns); result != strettoSuccess)
      return result;
    return submit(target, call.stream, operation, call.function);
  }));
}

}  // namespace

extern "C" {

strettoResult_t strettoSendConfig(const void* sendbuff, size_t count, strettoDataType_t datatype, int peer,
                                  strettoComm_t comm, strettoStream_t stream, const strettoCallConfig_t* call) {
  return run_pair({"strettoSend", sendbuff, nullptr, comm, stream, call}, Collective::send, count, datatype, peer);
}

strettoResult_t strettoSend(const void* sendbuff, size_t count, strettoDataType_t datatype, int peer,
                            strettoComm_t comm, strettoStream_t stream) {
  return strettoSendConfig(sendbuff, count, datatype, peer, comm, stream, nullptr);
}

strettoResult_t strettoRecvConfig(void* recvbuff, size_t count, strettoDataType_t datatype, int peer,
                                  strettoComm_t comm, strettoStream_t stream, const strettoCallConfig_t* call) {
  return run_pair({"strettoRecv", nullptr, recvbuff, comm, stream, call}, Collective::receive, count, datatype, peer);
}

strettoResult_t strettoRecv(void* recvbuff, size_t count, strettoDataType_t datatype, int peer, strettoComm_t comm,
                            strettoStream_t stream) {
  return strettoRecvConfig(recvbuff, count, datatype, peer, comm, stream, nullptr);
}

strettoResult_t strettoBarrierConfig(strettoComm_t comm, strettoStream_t stream, const strettoCallConfig_t* call) {
  return run_call({"strettoBarrier", nullptr, nullptr, comm, stream, call},
                  {Collective::barrier, 0, strettoUint8, strettoSum, -1});
}

strettoResult_t strettoBarrier(strettoComm_t comm, strettoStream_t stream) {
  return strettoBarrierConfig(comm, stream, nullptr);
}

}  // extern "C"
