#include "perf/common/calls.hpp"

#include "stretto/stretto.hpp"

namespace stretto::perf {

const Calls& stretto_calls() {
  static constexpr Calls kCalls{
      .all_reduce = strettoAllReduce,
      .all_gather = strettoAllGather,
      .broadcast = strettoBroadcast,
      .reduce_scatter = strettoReduceScatter,
      .reduce = strettoReduce,
      .all_to_all = strettoAllToAll,
      .all_to_all_v = strettoAllToAllV,
      .gather = strettoGather,
      .scatter = strettoScatter,
      .send = strettoSend,
      .receive = strettoRecv,
      .group_start = strettoGroupStart,
      .group_end = strettoGroupEnd,
      .make_pre_mul_sum = strettoRedOpCreatePreMulSum,
      .destroy_op = strettoRedOpDestroy,
      .register_buffer = strettoCommRegister,
      .async_error = strettoCommGetAsyncError,
      .check = [](strettoResult_t result, strettoComm_t comm) { stretto::check(result, comm); },
  };
  return kCalls;
}

}  // namespace stretto::perf
