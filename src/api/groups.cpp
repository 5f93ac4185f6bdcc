// Groups of the C API: operations and set-ups between start and end are kept, and begun or awaited together.
#include <utility>

#include "api/api.hpp"
#include "comm/call_group.hpp"
#include "comm/estimate.hpp"

using namespace stretto;
using namespace stretto::api;

namespace {

/// Set-ups that have begun in this thread's group, and where their handles go.
struct PendingSetups {
  std::vector<std::unique_ptr<Participant>> participants;
  std::vector<strettoComm_t*> handles;
};

PendingSetups& pending_setups() {
  static thread_local PendingSetups pending;
  return pending;
}

/// Waits until all are complete; then, and only then, gives out the handles.
void finish_setups(PendingSetups setups) {
  if (setups.participants.empty()) return;
  Participant::await(setups.participants);
  std::vector<std::unique_ptr<strettoComm>> made;
  for (auto& participant : setups.participants) {
    made.push_back(std::make_unique<strettoComm>(strettoComm{std::move(participant)}));
  }
  for (std::size_t i = 0; i < made.size(); ++i) *setups.handles[i] = made[i].release();
}

/// Destructors of the parent's participants must not run here, so these are let go of.
strettoResult_t forget_parents_group(CallGroup& group) {
  group.forget();
  for (auto& participant : pending_setups().participants) static_cast<void>(participant.release());
  pending_setups() = {};
  return refuse(strettoInvalidUsage, "strettoGroupEnd", "comm",
                "the group was opened before fork: what it holds belongs to the parent process");
}

}  // namespace

namespace stretto::api {

void defer(std::unique_ptr<Participant> participant, strettoComm_t* comm) {
  PendingSetups& pending = pending_setups();
  pending.handles.reserve(pending.handles.size() + 1);
  pending.participants.push_back(std::move(participant));
  pending.handles.push_back(comm);
}

strettoResult_t spoil_group(strettoResult_t result) {
  if (result != strettoSuccess && result != strettoInProgress && CallGroup::is_open()) {
    CallGroup::of_thread().spoil(error_of_thread());
  }
  return result;
}

}  // namespace stretto::api

extern "C" {

strettoResult_t strettoGroupStart(void) {
  CallGroup::of_thread().start();
  return strettoSuccess;
}

strettoResult_t strettoGroupSimulateEnd(double* time_us) {
  static constexpr const char* kName = "strettoGroupSimulateEnd";
  return guarded(kName, [&] {
    CallGroup& group = CallGroup::of_thread();
    if (CallGroup::is_open() && group.is_of_parent()) return forget_parents_group(group);
    if (!group.end()) return strettoSuccess;
    const PendingSetups setups = std::exchange(pending_setups(), {});  // which end here
    const std::vector<DeviceCall> device_calls = group.take_device_calls();
    const std::vector<GroupShare> shares = group.take();
    if (time_us == nullptr) return refuse(strettoInvalidArgument, kName, "time_us", "time_us is NULL");
    if (!setups.participants.empty()) {
      return refuse(strettoInvalidUsage, kName, "group",
                    "communicators are started in the group, which cannot be simulated: their set-up ends here");
    }
    *time_us = estimate_us(shares, device_calls);
    return strettoSuccess;
  });
}

strettoResult_t strettoGroupEnd(void) {
  return guarded("strettoGroupEnd", [&] {
    CallGroup& group = CallGroup::of_thread();
    if (CallGroup::is_open() && group.is_of_parent()) return forget_parents_group(group);
    if (!group.end()) return strettoSuccess;
    PendingSetups setups = std::exchange(pending_setups(), {});
    std::optional<ErrorInfo> failed;
    if (setups.participants.empty() && group.run_if_simple(failed)) return failed ? remember(*failed) : strettoSuccess;
    std::vector<DeviceCall> device_calls = group.take_device_calls();
    std::vector<GroupShare> shares = group.take();
    DeviceGroup on_devices(std::move(device_calls));  // all is checked before anything is issued
    finish_setups(std::move(setups));
    std::optional<ErrorInfo> error = issue_together(std::move(shares));
    std::optional<ErrorInfo> found = on_devices.launch();
    if (!error) error = std::move(found);
    return error ? remember(*error) : strettoSuccess;
  });
}

}  // extern "C"
