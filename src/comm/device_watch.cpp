#include "comm/device_watch.hpp"

#include <algorithm>
#include <exception>

#include "base/log.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

/// A kernel that gave up is known, and a fault is known to kernels, after this long at most.
constexpr std::int64_t kLookNs = 10'000'000;
/// How long ranks may take to say what they called.
constexpr std::int64_t kAnswerNs = 1'000'000'000;

}  // namespace

void DeviceHistory::add(std::uint64_t operation, Collective collective) {
  const std::lock_guard lock(mutex_);
  if (kept_.size() < kKept) kept_.resize(kKept, {~std::uint64_t{0}, Collective::all_reduce});
  kept_[operation % kKept] = {operation, collective};
}

std::string_view DeviceHistory::name_of(std::uint64_t operation) const {
  const std::lock_guard lock(mutex_);
  if (kept_.empty() || kept_[operation % kKept].first != operation) return {};
  return row_of(kept_[operation % kKept].second).name;
}

DeviceWatch::DeviceWatch(std::shared_ptr<MembershipTask> task, Rank rank, const Topology& topology,
                         DeviceMailbox& mailbox, std::shared_ptr<const ResidencyChain> chain)
    : task_(std::move(task)), rank_(rank), topology_(topology), mailbox_(mailbox), chain_(std::move(chain)) {}

void DeviceWatch::poll() {
  if (finished()) return;
  tell_kernels();
  try {
    read_reports();
  } catch (
      const std::exception& error) {  // out of memory, say: the fault itself is told already, or will be found again
    log(LogLevel::warn, "event=device_watch rank={} text=\"{}\"", rank_, error.what());
  }
}

std::int64_t DeviceWatch::next_deadline_ns() { return posix_system().now_ns() + kLookNs; }

void DeviceWatch::tell_kernels() {
  if (task_->fault().get() == nullptr) return;
  std::atomic_ref(mailbox_.abort).store(1, std::memory_order_release);
}

void DeviceWatch::read_reports() {
  if (reported_.get() != nullptr) return;
  for (device::KernelReport& report : mailbox_.reports) {
    const auto reason =
        static_cast<device::KernelFailure>(std::atomic_ref(report.reason).load(std::memory_order_acquire));
    if (reason == device::KernelFailure::none) continue;
    const ErrorInfo found = words_of(report);
    if (reason == device::KernelFailure::disagreement && asks_what_they_called(report)) return;
    if (reason != device::KernelFailure::aborted && task_->fault().set(found)) task_->report(found);
    // Another rank's fault comes first: it is why this rank's kernel stood there.
    ErrorInfo info = *task_->fault().get();
    if (info.rank != rank_ || info.text != found.text) {
      info.operation = found.operation;
      info.step = found.step;
      info.name = found.name;
      if (info.peer == rank_ || (info.peer < 0 && info.rank != rank_)) info.peer = info.rank;
      info.rank = rank_;
      info.text = format("rank {} in {} (operation {}, step {}): {}", rank_, found.name, found.operation, found.step,
                         info.text);
    }
    if (info.peer >= 0 && info.host.empty()) info.host = topology_.identity(info.peer).host_name;
    reported_.set(info);
    log(LogLevel::warn, "event=fault rank={} peer={} code={} operation={} step={} text=\"{}\"", info.rank, info.peer,
        static_cast<int>(info.code), info.operation, info.step, info.text);
    return;
  }
}

/// A kernel knows that a peer makes another call, but not which: the others are told of this rank's, and whoever made
/// another one says so. True while that may still come.
bool DeviceWatch::asks_what_they_called(const device::KernelReport& report) {
  if (task_->fault().get() != nullptr) return false;
  const std::int64_t now_ns = posix_system().now_ns();
  if (answer_deadline_ns_ == 0) {
    answer_deadline_ns_ = now_ns + kAnswerNs;
    const std::optional<OpTag> mine = task_->calls().find(report.operation);
    if (mine) task_->say_waiting(report.operation, *mine);
  }
  return now_ns < answer_deadline_ns_;
}

ErrorInfo DeviceWatch::words_of(const device::KernelReport& report) const {
  ErrorInfo info;
  info.code = strettoTimeout;
  info.rank = rank_;
  info.peer = static_cast<Rank>(report.peer);
  if (info.peer >= topology_.n_ranks()) info.peer = -1;
  if (info.peer >= 0) info.host = topology_.identity(info.peer).host_name;
  info.operation = static_cast<std::int64_t>(report.operation);
  info.step = static_cast<std::int32_t>(report.step);
  info.name = history_.name_of(report.operation);
  if (static_cast<device::KernelFailure>(report.reason) == device::KernelFailure::concurrent) {
    info.code = strettoInvalidUsage;
    info.peer = -1;
    info.host.clear();
    info.text = format(
        "rank {} ran the captured operation {} ({}) twice at once: executables made of one graph must not run beside "
        "each other. Launch them into one stream, or capture a graph for each",
        rank_, info.operation, info.name);
    return info;
  }
  if (info.peer == rank_ && report.step != 0) {
    info.text = format(
        "rank {} has waited in vain in {} (operation {}, step {}) for its own sending half to read what is to be "
        "written: a rank that it sends to is stopped or slow. Raise STRETTO_DATA_TIMEOUT_MS if that is expected",
        rank_, info.name, info.operation, info.step);
    return info;
  }
  if (info.peer == rank_) {
    info.text = format(
        "rank {} has waited in vain in {} (operation {}) for its operation before that, in another stream, to end: "
        "what "
        "its stream runs before it takes longer than the deadline. Raise STRETTO_DATA_TIMEOUT_MS if that is expected",
        rank_, info.name, info.operation);
    return info;
  }
  if (static_cast<device::KernelFailure>(report.reason) == device::KernelFailure::disagreement) {
    info.code = strettoInvalidUsage;
    info.text = format(
        "the ranks disagree: rank {} calls {} as operation {}, but rank {} makes another call. Every rank must make "
        "the "
        "same calls in the same order",
        rank_, info.name, info.operation, info.peer);
    return info;
  }
  info.text = format(
      "rank {} has waited in vain for rank {} on host {} in {} (operation {}, step {}) until the deadline: it has not "
      "made this call, or is stopped or slow. Raise STRETTO_DATA_TIMEOUT_MS if that is expected",
      rank_, info.peer, info.host, info.name, info.operation, info.step);
  if (chain_->was_short_of_room(report.operation)) {
    info.text +=
        ". Operations of several communicators did not all fit this GPU and ran in the order of their calls: issue "
        "them in the same order on all ranks, or lower max_channels";
  }
  return info;
}

}  // namespace stretto
