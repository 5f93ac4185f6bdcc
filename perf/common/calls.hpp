// The calls that tools make, as a table: stretto's, or those of NCCL, whose functions, types and operations have the
// same shapes and numbers.
#pragma once

#include "stretto/stretto.h"

namespace stretto::perf {

struct Calls {
  decltype(&strettoAllReduce) all_reduce;
  decltype(&strettoAllGather) all_gather;
  decltype(&strettoBroadcast) broadcast;
  decltype(&strettoReduceScatter) reduce_scatter;
  decltype(&strettoReduce) reduce;
  decltype(&strettoAllToAll) all_to_all;
  decltype(&strettoAllToAllV) all_to_all_v;  ///< may be null: send and receive then
  decltype(&strettoGather) gather;
  decltype(&strettoScatter) scatter;
  decltype(&strettoSend) send;
  decltype(&strettoRecv) receive;
  decltype(&strettoGroupStart) group_start;
  decltype(&strettoGroupEnd) group_end;
  decltype(&strettoRedOpCreatePreMulSum) make_pre_mul_sum;
  decltype(&strettoRedOpDestroy) destroy_op;
  decltype(&strettoCommRegister) register_buffer;
  decltype(&strettoCommGetAsyncError) async_error;
  /// Throws what a failed call says.
  void (*check)(strettoResult_t result, strettoComm_t comm);
};

const Calls& stretto_calls();

/// Calls between its construction and end() are issued as one. Destroyed without end(), by an exception, it ends the
/// group and drops the error.
class CallsGroup {
 public:
  /// @param wanted false: there is no group, calls are issued one by one.
  CallsGroup(const Calls& calls, bool wanted) : calls_(calls), open_(wanted) {
    if (wanted) calls_.check(calls_.group_start(), nullptr);
  }
  CallsGroup(const CallsGroup&) = delete;
  CallsGroup& operator=(const CallsGroup&) = delete;
  ~CallsGroup() {
    if (open_) calls_.group_end();
  }
  void end() {
    if (!open_) return;
    open_ = false;
    calls_.check(calls_.group_end(), nullptr);
  }

 private:
  const Calls& calls_;
  bool open_;
};

}  // namespace stretto::perf
