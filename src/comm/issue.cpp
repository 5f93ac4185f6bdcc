#include "comm/issue.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/fork.hpp"
#include "comm/batch_run.hpp"
#include "comm/host_event.hpp"

namespace stretto {
namespace {

class BatchTask : public StreamTask {
 public:
  std::optional<ErrorInfo> run(const std::atomic<bool>& ending) override { return run_together(runs, &ending); }

  std::vector<BatchRun> runs;
};

/// Tickets that are given back unless their operations were handed on: nobody else can have taken one meanwhile.
class Tickets {
 public:
  Tickets() = default;
  ~Tickets() {
    for (Communicator* communicator : taken_) communicator->return_turn();
  }
  Tickets(const Tickets&) = delete;
  Tickets& operator=(const Tickets&) = delete;

  Turns::Ticket take(Communicator& communicator, const Batch& batch) {
    taken_.push_back(&communicator);
    return communicator.take_turn(batch);
  }
  void keep() { taken_.clear(); }

 private:
  std::vector<Communicator*> taken_;
};

/// The right to issue on several communicators.
class Entered {
 public:
  Entered() = default;
  ~Entered() {
    for (Communicator* communicator : entered_) communicator->leave();
  }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

  std::optional<ErrorInfo> enter(Communicator& communicator) {
    entered_.reserve(entered_.size() + 1);
    std::optional<ErrorInfo> error = communicator.claim();
    if (!error) entered_.push_back(&communicator);
    return error;
  }
  /// Whoever holds it from now on leaves by himself.
  void hand_over(Communicator& communicator) { std::erase(entered_, &communicator); }

 private:
  std::vector<Communicator*> entered_;
};

ErrorInfo stream_is_going() {
  ErrorInfo info;
  info.code = strettoInvalidUsage;
  info.field = "stream";
  info.text = "the stream is being destroyed, by another thread or because the process ends";
  return info;
}

bool enqueue_task(HostStream& stream, std::vector<BatchRun> runs) {
  auto task = std::make_unique<BatchTask>();
  task->runs = std::move(runs);
  return stream.enqueue(std::move(task));
}

/// Has `waiting` wait for what `earlier` has so far.
bool join_streams(HostStream& earlier, HostStream& waiting) {
  auto record = std::make_shared<EventRecord>();
  return enqueue_record(earlier, record) && enqueue_wait(waiting, record);
}

/// The streams that a share names beside its own wait for it, and it for them.
bool join_others(const GroupShare& share, bool before) {
  for (std::size_t i = 1; i < share.streams.size(); ++i) {
    HostStream& own = *share.streams.front();
    HostStream& other = *share.streams[i];
    if (!(before ? join_streams(other, own) : join_streams(own, other))) return false;
  }
  return true;
}

/// What goes to streams: one task per stream. Two groups whose tasks lay in one order in one stream and in another in
/// another could wait for each other for ever, so groups are issued one at a time.
std::optional<ErrorInfo> issue_to_streams(std::vector<GroupShare>& shares) {
  static PerProcess<std::mutex> issuing;
  const std::lock_guard lock(issuing.get());
  for (const GroupShare& share : shares) {
    if (!join_others(share, true)) return stream_is_going();
  }
  std::vector<bool> issued(shares.size(), false);
  for (std::size_t first = 0; first < shares.size(); ++first) {
    if (issued[first] || shares[first].streams.empty()) continue;
    HostStream& stream = *shares[first].streams.front();
    Tickets tickets;
    std::vector<BatchRun> runs;
    for (std::size_t i = first; i < shares.size(); ++i) {
      GroupShare& share = shares[i];
      if (share.streams.empty() || share.streams.front().get() != &stream) continue;
      const Turns::Ticket ticket = tickets.take(*share.communicator, share.batch);
      runs.emplace_back(*share.communicator, std::move(share.batch), ticket);
      issued[i] = true;
    }
    if (!enqueue_task(stream, std::move(runs))) return stream_is_going();
    tickets.keep();
  }
  for (const GroupShare& share : shares) {
    if (!join_others(share, false)) return stream_is_going();
  }
  return std::nullopt;
}

}  // namespace

std::optional<ErrorInfo> issue(Communicator& communicator, HostStream& stream, const Operation& operation) {
  Entered entered;
  if (std::optional<ErrorInfo> refused = entered.enter(communicator)) return refused;
  Tickets tickets;
  Batch batch{operation};
  const Turns::Ticket ticket = tickets.take(communicator, batch);
  std::vector<BatchRun> runs;
  runs.emplace_back(communicator, std::move(batch), ticket);
  if (!enqueue_task(stream, std::move(runs))) return stream_is_going();
  tickets.keep();
  return std::nullopt;
}

std::optional<ErrorInfo> issue_together(std::vector<GroupShare> shares) {
  std::optional<ErrorInfo> error;
  const auto note = [&](std::optional<ErrorInfo> found) {
    if (!error) error = std::move(found);
  };
  std::vector<BatchRun> here;
  {
    Entered entered;
    std::erase_if(shares, [&](const GroupShare& share) {
      std::optional<ErrorInfo> refused = entered.enter(*share.communicator);
      const bool out = refused.has_value();
      note(std::move(refused));
      return out;
    });
    note(issue_to_streams(shares));
    here.reserve(shares.size());
    for (GroupShare& share : shares) {
      if (!share.streams.empty()) continue;
      here.emplace_back(*share.communicator, std::move(share.batch), std::nullopt);
      entered.hand_over(*share.communicator);
    }
  }
  if (!here.empty()) note(run_together(here, nullptr));
  return error;
}

}  // namespace stretto
