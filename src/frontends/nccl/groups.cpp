#include "frontends/nccl/groups.hpp"

#include <cstring>
#include <utility>

#include "base/text.hpp"
#include "frontends/nccl/background.hpp"
#include "frontends/nccl/process.hpp"

namespace stretto::nccl {
namespace {

constexpr unsigned int kSimulationMagic = 0x74685283;

/// Whether the outermost group ends here, and what was kept until then.
Group close_group() {
  Group& group = group_of_thread();
  if (group.depth > 0) --group.depth;
  return group.depth > 0 ? Group{} : std::exchange(group, Group{});
}

ncclResult_t run_parts(Group& ended, ncclResult_t issued) {
  if (issued == ncclSuccess) {
    const ncclResult_t finished = finish_parts(ended.started);
    if (finished != ncclSuccess) issued = finished;
  }
  if (ended.splits.empty()) return issued;
  if (issued == ncclSuccess) return run_splits(ended.splits);
  // The other ranks are told, and do not wait.
  const std::string text = last_text();
  for (Part& split : ended.splits) {
    if (split.trouble.empty()) split.trouble = "ncclCommSplit: another call of its group failed: " + text;
  }
  run_splits(ended.splits);
  return refuse(issued, text);
}

/// Of communicators that do not block: what the group has called on them before is issued by now.
ncclResult_t begin_ends(Group& ended) {
  for (ncclComm_t const comm : ended.finalized) {
    const ncclResult_t result = begin_finalize(comm);
    if (result != ncclInProgress) return result;
    ended.under_way = true;
  }
  return ncclSuccess;
}

ncclResult_t end_group() {
  Group ended = close_group();
  ncclResult_t result = ncclSuccess;
  {
    const Inside inside(Inside::any());
    result = translate(strettoGroupEnd());
  }
  if (ended.refusal != ncclSuccess) result = refuse(ended.refusal, ended.text);
  result = run_parts(ended, result);
  if (result == ncclSuccess) result = begin_ends(ended);
  return result == ncclSuccess && ended.under_way ? ncclInProgress : result;
}

/// No struct of NCCL's has been shorter than ours.
ncclResult_t check(const ncclSimInfo_t* info) {
  if (info == nullptr) return refuse(ncclInvalidArgument, "ncclGroupSimulateEnd: simInfo is NULL");
  if (info->size >= sizeof(ncclSimInfo_t) && info->magic == kSimulationMagic) return ncclSuccess;
  return refuse(ncclInvalidArgument, "ncclGroupSimulateEnd: start simInfo from NCCL_SIM_INFO_INITIALIZER");
}

ncclResult_t simulate(ncclSimInfo_t* info) {
  const bool outermost = group_of_thread().depth == 1;
  const Group ended = close_group();
  const Inside inside(Inside::any());
  double time_us = 0;
  ncclResult_t result = translate(strettoGroupSimulateEnd(&time_us));
  if (result == ncclSuccess && ended.refusal != ncclSuccess) result = refuse(ended.refusal, ended.text);
  if (result == ncclSuccess && outermost) result = check(info);
  if (result != ncclSuccess || !outermost) return result;
  if (!ended.splits.empty()) {
    return refuse(ncclInvalidUsage, "ncclGroupSimulateEnd: a group with ncclCommSplit cannot be simulated");
  }
  info->estimatedTime = static_cast<float>(time_us);
  return ncclSuccess;
}

}  // namespace

Group& group_of_thread() {
  static thread_local Group group;
  return group;
}

ncclResult_t spoil_group(ncclResult_t refusal) noexcept {
  Group& group = group_of_thread();
  if (refusal == ncclSuccess || refusal == ncclInProgress || group.depth == 0 || group.refusal != ncclSuccess) {
    return refusal;
  }
  group.refusal = refusal;
  group.text = last_text();
  return refusal;
}

ncclResult_t started(strettoResult_t result) noexcept {
  Group& group = group_of_thread();
  if (result != strettoInProgress || group.depth == 0) return with_device(translate(result));
  group.under_way = true;
  return ncclSuccess;
}

}  // namespace stretto::nccl

using namespace stretto::nccl;

STRETTO_NCCL_ENTRY(ncclResult_t, ncclGroupStart, (void)) {
  ++group_of_thread().depth;
  return translate(strettoGroupStart());
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclGroupEnd, (void)) { return end_group(); }

STRETTO_NCCL_ENTRY(ncclResult_t, ncclGroupSimulateEnd, (ncclSimInfo_t * simInfo)) { return simulate(simInfo); }
