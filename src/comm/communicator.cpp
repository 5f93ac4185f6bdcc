#include "comm/communicator.hpp"

#include <algorithm>
#include <exception>

#include "base/log.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kGoodbyeNs = 1'000'000'000;

}  // namespace

Communicator::Communicator(std::shared_ptr<MembershipTask> task, Membership membership)
    : task_(std::move(task)), engine_(std::move(membership)), waiter_(spin_polls()) {
  const Settings& settings = engine_.settings();
  if (settings.debug.any()) {
    debug_ = std::make_unique<DebugCheck>(settings.debug, rank(), n_ranks(), settings.name);
  }
  const HostNode& host = engine_.topology().host_of(rank());
  log(LogLevel::info,
      "event=communicator comm={} rank={} ranks={} host={} host_ranks={} cores={} slots={}x{} constants=\"{}\" {}",
      engine_.settings().name, rank(), n_ranks(), host.name, host.ranks.size(), host.n_cores,
      engine_.settings().shm_slots, engine_.settings().shm_slot_bytes, settings.constants_source,
      log_enabled(LogLevel::info) ? to_string(settings.constants) : "");
}

Communicator::~Communicator() {
  drain();
  // This rank passes on what others say. Going before they do would part those beyond it from each other, so it stays
  // for a moment, unless the others are (also) in this process, where the service thread stays on.
  const HostNode& host = engine_.topology().host_of(rank());
  const std::int32_t process = engine_.topology().identity(rank()).process;
  const bool alone = 1 == std::count_if(host.ranks.begin(), host.ranks.end(), [&](Rank other) {
                       return engine_.topology().identity(other).process == process;
                     });
  const auto gone = [&] {
    return task_->goodbye_said() && (!alone || task_->everyone_left() || task_->fault().get() != nullptr);
  };
  Service& service = Service::of_process();
  service.run([&] { task_->leave(completed_); });
  service.wait_until(gone, posix_system().now_ns() + kGoodbyeNs);
}

const ErrorInfo* Communicator::fault() const {
  if (const ErrorInfo* reported = reported_.get(); reported != nullptr) return reported;
  const ErrorInfo* const first = task_->fault().get();
  // This rank's own is in its words, but for the host where the service thread found it.
  if (first == nullptr || (first->rank == rank() && (first->peer < 0 || !first->host.empty()))) return first;
  if (heard_.get() == nullptr) heard_.set(fault_out_of_turn());
  return heard_.get();
}

void Communicator::abort() {
  ErrorInfo info;
  info.code = strettoAborted;
  info.rank = rank();
  info.text = format("rank {} was told to abort its communicator", rank());
  if (!task_->fault().set(info)) return;
  turns_.wake();
  info.code = strettoRemoteError;
  info.peer = rank();
  info.host = engine_.topology().identity(rank()).host_name;
  info.text = format("rank {} on host {} aborted the communicator", rank(), info.host);
  Service::of_process().run([&] { task_->report(info); });
}

}  // namespace stretto
