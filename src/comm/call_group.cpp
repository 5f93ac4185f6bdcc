#include "comm/call_group.hpp"

#include <algorithm>
#include <utility>

namespace stretto {
namespace {

/// A rank's messages to itself must match within the group: known before anything is issued, so that nobody is left
/// waiting.
void check_self_messages(const GroupShare& share) { share.communicator->engine().check_self_messages(share.batch); }

}  // namespace

constinit thread_local int open_groups = 0;

CallGroup& CallGroup::of_thread() {
  static thread_local CallGroup group;
  return group;
}

void CallGroup::add(Communicator& communicator, std::shared_ptr<HostStream> stream, Operation operation) {
  // Mostly the one of the call before.
  const auto found = std::find_if(shares_.rbegin(), shares_.rend(),
                                  [&](const GroupShare& share) { return share.communicator == &communicator; });
  const bool kept = shares_.size() == 1 && shares_.front().communicator == nullptr;
  if (kept) shares_.front().communicator = &communicator;
  GroupShare& share = kept                      ? shares_.front()
                      : found != shares_.rend() ? *found
                                                : shares_.emplace_back(GroupShare{&communicator, {}, {}});
  if (!share.batch.empty() && share.streams.empty() != (stream == nullptr)) {
    throw Error(strettoInvalidUsage,
                "a communicator is used with a stream and without one in the same group: choose one", "stream");
  }
  if (stream != nullptr && std::find(share.streams.begin(), share.streams.end(), stream) == share.streams.end()) {
    share.streams.push_back(std::move(stream));
  }
  share.batch.push_back(std::move(operation));
}

/// All sends and receives of a communicator go at once, in the first of their streams, and before its collectives.
void CallGroup::add(DeviceCommunicator& communicator, strettoStream_t stream, Operation operation) {
  const auto is_of_this = [&](const DeviceCall& call) { return call.communicator == &communicator; };
  const auto first = std::find_if(device_calls_.begin(), device_calls_.end(), is_of_this);
  if (!is_pair_call(operation.request.collective)) {
    device_calls_.push_back({&communicator, stream, {}, {std::move(operation)}});
  } else if (first == device_calls_.end() || !is_pair_call(first->batch.front().request.collective)) {
    device_calls_.insert(first, {&communicator, stream, {}, {std::move(operation)}});
  } else {
    std::vector<strettoStream_t>& others = first->others;
    if (stream != first->stream && std::find(others.begin(), others.end(), stream) == others.end()) {
      others.push_back(stream);
    }
    first->batch.push_back(std::move(operation));
  }
}

void CallGroup::forget() noexcept {
  open_groups = 0;
  shares_.clear();
  device_calls_.clear();
  spoiled_.reset();
}

void CallGroup::spoil(const ErrorInfo& error) {
  if (!spoiled_) spoiled_ = error;
}

bool CallGroup::end() {
  if (open_groups == 0) {
    throw Error(strettoInvalidUsage, "no group is open in this thread: each strettoGroupEnd has its strettoGroupStart",
                "group");
  }
  return --open_groups == 0;
}

bool CallGroup::run_if_simple(std::optional<ErrorInfo>& error) {
  if (spoiled_ || !device_calls_.empty() || shares_.size() != 1 || !shares_.front().streams.empty()) return false;
  GroupShare& share = shares_.front();
  const auto is_pair = [](const Operation& each) { return is_pair_call(each.request.collective); };
  if (share.communicator == nullptr || !std::ranges::all_of(share.batch, is_pair)) return false;
  struct Forget {
    GroupShare& share;
    ~Forget() {
      share.communicator = nullptr;  // what is left keeps its memory for the next group
      share.batch.clear();
    }
  } forget{share};
  check_self_messages(share);
  const ErrorInfo* const found = share.communicator->run(share.batch);
  if (found != nullptr) error = *found;
  return true;
}

std::vector<GroupShare> CallGroup::take() {
  if (shares_.size() == 1 && shares_.front().communicator == nullptr) shares_.clear();
  std::vector<GroupShare> shares = std::exchange(shares_, {});
  if (std::optional<ErrorInfo> error = std::exchange(spoiled_, std::nullopt)) throw Error(*error);
  for (const GroupShare& share : shares) check_self_messages(share);
  return shares;
}

}  // namespace stretto
