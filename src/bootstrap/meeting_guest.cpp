#include <algorithm>
#include <cstring>

#include "base/text.hpp"
#include "bootstrap/meeting.hpp"

namespace stretto {
namespace {

/// Between attempts to connect while rank 0 does not listen yet. They grow: where there are more ranks than cores, the
/// attempts of many would keep rank 0 from its work.
constexpr std::int64_t kFirstRetryNs = 500'000;
constexpr std::int64_t kLastRetryNs = 16'000'000;

}  // namespace

MeetingGuest::MeetingGuest(System& system, MeetingPlace place, const std::optional<ErrorInfo>& refusal)
    : system_(system), place_(std::move(place)) {
  mine_.rank = place_.rank;
  mine_.n_ranks = place_.n_ranks;
  mine_.process = system_.identity().process;
  mine_.digest = place_.digest;
  if (refusal) put_refusal(mine_, *refusal);
}

bool MeetingGuest::poll() {
  if (wire_ || connect()) {
    const IoStatus sent = wire_->flush(system_);
    const IoStatus came = sent == IoStatus::ok ? wire_->fill(system_) : sent;
    if (came == IoStatus::ok) {
      if (take_answer()) return true;
    } else if (came != IoStatus::would_block && put_off_) {
      wire_.reset();
    } else if (came != IoStatus::would_block) {
      fail(strettoRemoteError, "",
           format("rank {} closed the connection before it said where the ranks of {} meet: it died or gave up (its "
                  "own output says why), or took this process for none of them",
                  place_.host(), place_.job),
           place_.host());
    }
  }
  check_deadline();
  return false;
}

bool MeetingGuest::connect() {
  if (!pending_) {
    const std::int64_t now_ns = system_.now_ns();
    if (now_ns < retry_ns_) return false;
    retry_interval_ns_ = std::clamp(2 * retry_interval_ns_, kFirstRetryNs, kLastRetryNs);
    retry_ns_ = now_ns + retry_interval_ns_;
    pending_ = system_.connect_local(place_.name);
  }
  int os_error = 0;
  const ConnectStatus status = system_.connect_status(pending_.id(), os_error);
  if (status == ConnectStatus::failed) pending_.reset();  // nobody listens yet: again, until the deadline
  if (status != ConnectStatus::connected) return false;
  const PeerCredentials host = system_.peer_credentials(pending_.id());
  if (host.user != system_.user()) {
    fail(strettoSystemError, "",
         format(
             "process {} of user {} listens where rank {} of {} should, and this process is user {}'s: start all ranks "
             "as one user; if that process is a stranger, set STRETTO_SECRET_FILE, which makes the name secret",
             host.process, host.user, place_.host(), place_.job, system_.user()),
         place_.host());
  }
  wire_.emplace(std::move(pending_));
  mine_.remaining_ns = place_.deadline_ns - system_.now_ns();
  wire_->queue(mine_);
  return true;
}

/// False: it is no answer yet.
bool MeetingGuest::take_answer() {
  const MeetingCard& answer = wire_->in;
  if (answer.magic != MeetingCard().magic) {
    fail(strettoInvalidUsage, "version",
         format("process {} answers for rank {} of {} in another version of stretto: install the same one everywhere",
                answer.process, place_.host(), place_.job),
         place_.host());
  }
  if (answer.code == strettoSuccess) return true;
  if (answer.code == strettoInProgress) {
    put_off_ = true;
    wire_.reset();
    return false;
  }
  const ErrorInfo why = refusal_of(answer);
  Rank peer = place_.members.empty() ? why.peer : answer.peer;  // of a communicator, in its numbers
  if (!place_.expects(peer)) peer = -1;
  if (peer == place_.rank && !why.field.empty() && why.field == place_.digest_by)
    peer = place_.host();  // it differs from it
  fail(why.code, why.field, why.text, peer);
}

void MeetingGuest::check_deadline() const {
  if (system_.now_ns() < place_.deadline_ns) return;
  if (!wire_ && !place_.advice.empty()) {
    fail(strettoTimeout, "",
         format("set-up deadline: rank {} of {} has not come. {}", place_.host(), place_.job, place_.advice),
         place_.host());
  }
  fail(strettoTimeout, "",
       wire_ ? format("set-up deadline: rank {} of {} does not say where the ranks meet: it may be stopped",
                      place_.host(), place_.job)
             : format(
                   "set-up deadline: rank 0 of {} has not come. Check that it runs, on host {} and in the same network "
                   "namespace (ranks on other hosts need STRETTO_SECRET_FILE and STRETTO_BOOTSTRAP_ADDRESS), that "
                   "the launcher's variables reach all ranks unchanged, and that all make the same number of calls "
                   "of strettoCommInitEnvironment",
                   place_.job, system_.identity().host_name),
       place_.host());
}

void MeetingGuest::fail(strettoResult_t code, std::string field, std::string text, Rank peer) const {
  ErrorInfo info;
  info.code = code;
  info.rank = place_.rank;
  info.peer = peer;
  info.host = system_.identity().host_name;
  info.field = std::move(field);
  info.name = place_.topic;
  info.text = place_.members.empty() ? format("rank {} of {}: {}", place_.rank, place_.n_ranks, text)
                                     : format("rank {}: {}", place_.rank, text);
  throw Error(std::move(info));
}

void MeetingGuest::watch(WaitSet& waits) {
  if (pending_) waits.watch(pending_.id(), WaitSet::writable);
  if (wire_) wire_->watch(waits);
}

std::int64_t MeetingGuest::next_deadline_ns() const {
  return wire_ || pending_ ? place_.deadline_ns : std::min(retry_ns_, place_.deadline_ns);
}

}  // namespace stretto
