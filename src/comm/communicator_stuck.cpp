// How a communicator finds out about what its ranks disagree where no message says so: they wait for one another, or
// meet messages of calls that are not the one in which they parted.
#include <algorithm>

#include "base/text.hpp"
#include "comm/communicator.hpp"

namespace stretto {
namespace {

/// How long a rank stands still in a collective before it says so. Long beside any wait of ranks that get on.
constexpr std::int64_t kStuckNs = 1'000'000'000;
constexpr std::int64_t kAnswerNs = 1'000'000'000;

}  // namespace

/// Of a collective, once: ranks that made another call as this one may wait for each other without a message that
/// would show it.
void Communicator::say_if_stuck(std::int64_t now_ns) {
  if (standstill_.said) return;
  if (const std::uint64_t steps = engine_.steps(); standstill_.since_ns == 0 || standstill_.steps != steps) {
    standstill_ = {steps, now_ns, false};
  }
  if (now_ns - standstill_.since_ns < kStuckNs) return;
  say_waiting();
}

void Communicator::say_waiting() {
  standstill_.said = true;
  Service::of_process().run([&] { task_->say_waiting(engine_.operations() - 1, engine_.common_tag()); });
}

/// A message of a later call shows that the two disagree, and not about what. The rank that sent it knows what it
/// called as this operation, so it gets a moment to say: it will be the finder.
bool Communicator::asks_the_one_ahead() {
  const std::optional<OpTag>& theirs = engine_.refused();
  if (engine_.fault().field != "operation" || !theirs) return false;
  if (static_cast<std::int32_t>(theirs->operation - engine_.common_tag().operation) < 0) return false;
  const std::int64_t now_ns = posix_system().now_ns();
  if (answer_deadline_ns_ == 0) {
    answer_deadline_ns_ = now_ns + kAnswerNs;
    if (!standstill_.said) say_waiting();
  }
  return now_ns < answer_deadline_ns_;
}

/// As soon as this rank waits for anybody.
void Communicator::answer_what_it_waits_for() {
  const Rank peer = at_this_point(strettoTimeout).peer;
  if (peer < 0 || !task_->waits().take_question()) return;
  Service::of_process().run([&] { task_->tell(WaitChain::word(peer, -1)); });
}

/// Once the deadline has passed: whom this rank waits for may itself wait for another, which is then the one to name.
/// True while there may still be an answer.
bool Communicator::asks_along_the_row(const ErrorInfo& here) {
  const std::int64_t now_ns = posix_system().now_ns();
  if (here.peer < 0 || here.peer == rank()) return false;
  WaitChain& waits = task_->waits();
  if (question_.until_ns == 0) {
    waits.forget();
    question_.until_ns = now_ns + std::min(timeout_ns_, kAnswerNs);
  }
  const WaitChain::End end = waits.follow(here.peer);
  if (end.rank < 0 || end.is_idle) return false;
  if (end.rank != question_.whom) {
    question_.whom = end.rank;
    Service::of_process().run([&] { task_->tell(WaitChain::word(here.peer, end.rank)); });
  }
  return now_ns < question_.until_ns;
}

ErrorInfo Communicator::deadline_passed(ErrorInfo here) const {
  const auto host_of = [&](Rank rank) {
    return rank < 0 ? std::string() : engine_.topology().identity(rank).host_name;
  };
  WaitChain::End end = task_->waits().follow(here.peer);
  if (end.rank < 0) end = {here.peer, std::nullopt, false};  // each waits for the next: none is the last
  std::string in_turn;
  if (end.before)
    in_turn = format(", and rank {} in turn for rank {} on host {}", *end.before, end.rank, host_of(end.rank));
  here.text = format(
      "rank {} has waited {} ms for rank {} on host {} in {} (operation {}, step {}){}: {}. Raise "
      "STRETTO_DATA_TIMEOUT_MS if that is expected",
      rank(), timeout_ns_ / 1'000'000, here.peer, host_of(here.peer), here.name, here.operation, here.step, in_turn,
      end.is_idle ? "that rank lives, but has not begun this call"
                  : "it has not made this call, or is stopped or slow");
  here.peer = end.rank;
  here.host = host_of(end.rank);
  return here;
}

/// A call may meet what an earlier one of its peer left behind. If this rank made another call then, that is where the
/// two parted.
ErrorInfo Communicator::where_they_parted(ErrorInfo found) const {
  const std::optional<OpTag>& theirs = engine_.refused();
  if (found.field != "operation" || !theirs || theirs->flags != 0) return found;
  if (theirs->collective == static_cast<std::uint8_t>(Collective::all_to_all_v)) return found;  // of one pair only
  const std::uint64_t current = engine_.operations() - 1;
  const std::uint32_t behind = static_cast<std::uint32_t>(current) - theirs->operation;
  if (behind > current) return found;
  const std::optional<OpTag> mine = task_->calls().find(current - behind);
  if (!mine || *mine == *theirs) return found;
  found.field = differing_field(*mine, *theirs);
  found.text = disagreement_text(found.rank, *mine, found.peer, *theirs);
  return found;
}

}  // namespace stretto
