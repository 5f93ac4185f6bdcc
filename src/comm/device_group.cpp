#include "comm/device_group.hpp"

#include <algorithm>
#include <utility>

namespace stretto {

DeviceGroup::DeviceGroup(std::vector<DeviceCall> calls) : calls_(std::move(calls)) {
  if (calls_.empty()) return;
  try {
    claim();
    check_and_prepare();
  } catch (...) {
    leave();
    throw;
  }
}

DeviceGroup::~DeviceGroup() { leave(); }

void DeviceGroup::leave() noexcept {
  for (DeviceCommunicator* communicator : claimed_) communicator->leave();
  claimed_.clear();
}

void DeviceGroup::claim() {
  std::vector<DeviceCommunicator*> faulty;
  claimed_.reserve(calls_.size());
  for (const DeviceCall& call : calls_) {
    DeviceCommunicator* const communicator = call.communicator;
    if (std::ranges::find(claimed_, communicator) != claimed_.end()) continue;
    if (std::ranges::find(faulty, communicator) != faulty.end()) continue;
    std::optional<ErrorInfo> error = communicator->claim();
    if (!error) {
      claimed_.push_back(communicator);
      continue;
    }
    if (communicator->fault() == nullptr) throw Error(std::move(*error));
    faulty.push_back(communicator);
    if (!fault_) fault_ = std::move(error);
  }
  std::erase_if(calls_,
                [&](const DeviceCall& call) { return std::ranges::find(faulty, call.communicator) != faulty.end(); });
}

/// Arguments first: preparing takes lanes for captures, which all ranks count.
void DeviceGroup::check_and_prepare() {
  for (const DeviceCall& call : calls_) check_self_messages(call.communicator->rank(), call.batch);
  const auto each = [this](const auto& step) {
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      try {
        step(*calls_[i].communicator, work_[i]);
      } catch (const Error& error) {
        calls_[i].communicator->note(error.info());
        throw;
      }
    }
  };
  for (const DeviceCall& call : calls_) {
    DeviceWork& work = work_.emplace_back();
    work.batch = call.batch;
    work.stream = call.stream;
    work.others = call.others;
  }
  each([](DeviceCommunicator& communicator, DeviceWork& work) { communicator.check(work); });
  each([](DeviceCommunicator& communicator, DeviceWork& work) { communicator.prepare(work); });
}

std::optional<ErrorInfo> DeviceGroup::launch() {
  std::optional<ErrorInfo> first = std::move(fault_);
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    std::optional<ErrorInfo> error = calls_[i].communicator->launch(work_[i]);
    if (!first) first = std::move(error);
  }
  leave();
  return first;
}

}  // namespace stretto
