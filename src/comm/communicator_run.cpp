// How a communicator runs its operations: turns, the loop that waits, deadlines, and faults in this rank's words.
#include <algorithm>
#include <exception>

#include "base/log.hpp"
#include "base/text.hpp"
#include "comm/communicator.hpp"

namespace stretto {
namespace {

/// How long a thread that waits for its turn sleeps before it looks for a fault that nobody told it of.
constexpr std::int64_t kTurnSliceNs = 20'000'000;
constexpr int kTurnPolls = 500;

const ErrorInfo& in_use() {
  static const ErrorInfo& info = []() -> const ErrorInfo& {
    ErrorInfo& made = *new ErrorInfo;  // for ever
    made.code = strettoInvalidUsage;
    made.field = "comm";
    made.text = "two threads use one communicator at once: give each thread its own, or take turns";
    return made;
  }();
  return info;
}

}  // namespace

const ErrorInfo* Communicator::enter() {
  if (const ErrorInfo* earlier = reported_.get(); earlier != nullptr) return earlier;
  return turns_.try_enter() ? nullptr : &in_use();
}

const ErrorInfo* Communicator::run(std::span<const Operation> operations) {
  if (const ErrorInfo* error = enter(); error != nullptr) return error;
  struct Leave {
    Turns& turns;
    ~Leave() { turns.leave(); }
  } leave{turns_};
  if (!turns_.due(turns_.next())) {
    if (const ErrorInfo* error = await_turn(longest_timeout_ns(operations)); error != nullptr) return error;
  }
  Progress progress = begin(operations);
  waiter_.begin();
  try {
    std::uint64_t steps = engine_.steps();
    while (progress == Progress::running && (progress = poll()) == Progress::running) {
      if (const std::uint64_t now = engine_.steps(); now != steps) {
        steps = now;
        waiter_.progressed();
      }
      if (waiter_.pause()) progress = check();
    }
  } catch (const std::exception& unexpected) {
    progress = fail_unexpectedly(unexpected);
  }
  return progress == Progress::done ? nullptr : reported_.get();
}

Progress Communicator::begin(std::span<const Operation> operations) {
  if (const ErrorInfo* heard = task_->fault().get(); heard != nullptr) {
    fail_with(*heard);
    return Progress::faulted;
  }
  timeout_ns_ = longest_timeout_ns(operations);
  if (timeout_ns_ == 0) timeout_ns_ = engine_.settings().data_timeout_ns;
  start_ns_ = 0;
  standstill_ = {};
  question_ = {};
  try {
    engine_.start(operations, debug_ ? debug_->begin(operations) : nullptr);
  } catch (const Error& refused) {
    fail(refused.info());
    return Progress::faulted;
  } catch (const std::exception& unexpected) {
    ErrorInfo info = at_this_point(strettoSystemError);
    info.text = format("rank {} cannot go on with operation {}: {}", rank(), info.operation, unexpected.what());
    fail(std::move(info));
    return Progress::faulted;
  }
  if (engine_.is_collective()) task_->calls().begin(engine_.operations() - 1, engine_.common_tag());
  flight_.begin(engine_.is_collective() ? engine_.operations() - 1 : engine_.tag().operation, engine_.tag());
  task_->waits().enter_operation();
  return Progress::running;
}

Progress Communicator::poll() {
  const Progress progress = engine_.poll();
  if (progress == Progress::done) return debug_ ? verify() : end(nullptr);
  if (progress == Progress::faulted && !asks_the_one_ahead()) return end(fail(where_they_parted(engine_.fault())));
  if (const ErrorInfo* heard = task_->fault().get(); heard != nullptr) return end(fail_with(*heard));
  return Progress::running;
}

Progress Communicator::verify() {
  if (debug_->collect()) {
    engine_.start_exchange(debug_->own_report(), debug_->reports());
    return Progress::running;
  }
  ErrorInfo here = at_this_point(strettoSuccess);
  std::optional<ErrorInfo> found = debug_->judge(here.operation);
  if (!found) return end(nullptr);
  found->rank = here.rank;
  found->operation = here.operation;
  found->name = std::move(here.name);
  return end(fail(std::move(*found)));
}

/// A rank that has left counts as gone in a collective that it cannot have completed. Of a pair nobody knows how many
/// messages it had sent before: what is there after it was seen to have left is all. So who is gone is asked first,
/// then what has come; who leaves later is found next time.
Progress Communicator::check() {
  const std::int64_t now_ns = posix_system().now_ns();
  if (start_ns_ == 0) start_ns_ = now_ns;
  if (engine_.is_collective()) say_if_stuck(now_ns);
  if (task_->waits().asked()) answer_what_it_waits_for();
  std::vector<Rank> gone;
  for (const Blocked& at : engine_.blocked()) {
    if (at.peer >= 0 && has_left(at.peer)) gone.push_back(at.peer);
  }
  if (!gone.empty()) {
    if (const Progress progress = poll(); progress != Progress::running) return progress;
  }
  const ErrorInfo* error = check_peers(gone);
  return error == nullptr ? Progress::running : end(error);
}

/// What nobody expected, in the midst of an operation: it cannot go on, and neither can the communicator.
Progress Communicator::fail_unexpectedly(const std::exception& unexpected) {
  ErrorInfo info = at_this_point(strettoSystemError);
  info.text = format("rank {} cannot go on with operation {}: {}", rank(), info.operation, unexpected.what());
  return end(fail(std::move(info)));
}

/// The current operation has ended.
Progress Communicator::end(const ErrorInfo* error) {
  task_->waits().leave_operation();
  flight_.end(error == nullptr ? FlightState::done : FlightState::faulted);
  if (error != nullptr) return Progress::faulted;
  if (engine_.is_collective()) ++completed_;
  return Progress::done;
}

/// Until all that was issued before has ended, for the thread that has entered: nullptr, or the fault that came first.
const ErrorInfo* Communicator::await_turn(std::int64_t timeout_ns) {
  const Turns::Ticket mine = turns_.next();
  for (int polls = 0; polls < kTurnPolls; ++polls) {
    if (turns_.due(mine)) return nullptr;
    cpu_relax();
  }
  TurnWatch watch{this, timeout_ns};
  const auto ready = [&] { return turns_.due(mine) || fault() != nullptr; };
  while (!turns_.wait(ready, kTurnSliceNs) && !watch.late()) {
  }
  if (turns_.due(mine)) return nullptr;
  reported_.set(fault_out_of_turn());
  return reported_.get();
}

/// The deadline of a turn begins anew whenever an earlier operation ends, and is no shorter than any of theirs. Once it
/// has passed there is a fault.
bool Communicator::TurnWatch::late() {
  const std::int64_t now_ns = posix_system().now_ns();
  if (start_ns == 0 || ended != comm->turns_.ended()) {
    start_ns = now_ns;
    ended = comm->turns_.ended();
  }
  const std::int64_t own_ns = timeout_ns != 0 ? timeout_ns : comm->engine_.settings().data_timeout_ns;
  const std::int64_t limit_ns = std::max(own_ns, comm->longest_timeout_ns_.load(std::memory_order_relaxed));
  if (now_ns - start_ns < limit_ns) return false;
  ErrorInfo info;
  info.code = strettoTimeout;
  info.rank = comm->rank();
  info.field = "stream";
  info.text = format(
      "rank {} has waited {} ms for its turn: operations that were issued to a stream before this one have not ended. "
      "A host function or an event in that stream holds them up, or they are slow",
      info.rank, limit_ns / 1'000'000);
  if (comm->task_->fault().set(info)) {
    Service::of_process().run([&] { comm->task_->report(info); });
    comm->turns_.wake();
  }
  return true;
}

std::optional<ErrorInfo> Communicator::claim() {
  if (const ErrorInfo* error = enter(); error != nullptr) return *error;
  if (task_->fault().get() == nullptr) return std::nullopt;
  leave();
  return fault_out_of_turn();
}

Turns::Ticket Communicator::take_turn(const Batch& batch) {
  std::int64_t timeout_ns = longest_timeout_ns(batch);
  if (timeout_ns == 0) timeout_ns = engine_.settings().data_timeout_ns;
  if (timeout_ns > longest_timeout_ns_.load(std::memory_order_relaxed)) {
    longest_timeout_ns_.store(timeout_ns, std::memory_order_relaxed);
  }
  return turns_.take();
}

void Communicator::drain() {
  const auto idle = [&] { return turns_.due(turns_.next()); };
  while (!turns_.wait(idle, kTurnSliceNs)) {
  }
}

/// Spinning pays for a few microseconds, and only while every rank has a core of its own: beyond that a yield costs
/// little in comparison, and helps much if the peer was put on the same core.
std::uint32_t Communicator::spin_polls() const {
  constexpr std::uint32_t kPollsPerUs = 20;
  constexpr std::uint32_t kDefaultPolls = 200;
  const std::int64_t asked_us = engine_.settings().spin_us;
  if (asked_us >= 0) return static_cast<std::uint32_t>(asked_us) * kPollsPerUs;
  return engine_.topology().ranks_per_core() > 1 ? 0 : kDefaultPolls;
}

bool Communicator::has_left(Rank peer) const {
  return task_->left_before(peer, engine_.is_collective() ? engine_.operations() : UINT64_MAX);
}

/// Peers that we wait for and that have left, and the deadline.
const ErrorInfo* Communicator::check_peers(const std::vector<Rank>& gone) {
  const std::vector<Blocked> blocked = engine_.blocked();
  for (const Blocked& at : blocked) {
    if (std::ranges::find(gone, at.peer) == gone.end()) continue;
    ErrorInfo info = at_this_point(strettoRemoteError);
    info.peer = at.peer;
    info.step = at.step;
    info.host = engine_.topology().identity(at.peer).host_name;
    info.text = format(
        "rank {} waits for rank {} on host {} in {} (operation {}), but that rank has finalized or destroyed "
        "its communicator: every rank must make the same calls",
        rank(), info.peer, info.host, info.name, info.operation);
    return fail(std::move(info));
  }
  if (posix_system().now_ns() - start_ns_ < timeout_ns_) return nullptr;
  ErrorInfo info = at_this_point(strettoTimeout);
  return asks_along_the_row(info) ? nullptr : fail(deadline_passed(std::move(info)));
}

/// Who we are, and where in which operation; `peer` is the first that we wait for. Between operations: the next one.
ErrorInfo Communicator::at_this_point(strettoResult_t code) const {
  ErrorInfo info;
  info.code = code;
  info.rank = rank();
  const std::vector<FlightRecord> records = flight_.records();
  if (records.empty() || records.back().state != FlightState::running) {
    info.operation = static_cast<std::int64_t>(engine_.operations());
    return info;
  }
  info.operation = static_cast<std::int64_t>(records.back().operation);
  auto called = static_cast<Collective>(records.back().tag.collective);
  for (const Blocked& at : engine_.blocked()) {
    info.step = at.step;
    info.peer = at.peer;
    if (is_pair_call(called)) called = at.kind == StepKind::wait ? Collective::receive : Collective::send;
    break;
  }
  info.name = row_of(called).name;
  if (info.peer >= 0) info.host = engine_.topology().identity(info.peer).host_name;
  return info;
}

/// A fault that this rank found in its operation: it is everyone's, unless another one was first.
const ErrorInfo* Communicator::fail(ErrorInfo found) {
  if (found.peer >= 0 && found.host.empty()) found.host = engine_.topology().identity(found.peer).host_name;
  if (!task_->fault().set(found)) return fail_with(*task_->fault().get());
  Service::of_process().run([&] { task_->report(found); });
  return settle(found);
}

/// A fault that this rank heard of, in its own words: who hears it, and where it stood.
const ErrorInfo* Communicator::fail_with(const ErrorInfo& heard) {
  const ErrorInfo here = at_this_point(heard.code);
  ErrorInfo info = as_heard_here(heard);
  info.operation = here.operation;
  info.step = here.step;
  if (!here.name.empty()) info.name = here.name;
  info.text = here.name.empty() ? format("rank {} before operation {}: {}", rank(), here.operation, heard.text)
                                : format("rank {} in {} (operation {}, step {}): {}", rank(), here.name, here.operation,
                                         here.step, heard.text);
  return settle(info);
}

ErrorInfo Communicator::as_heard_here(const ErrorInfo& heard) const {
  ErrorInfo info = heard;
  if (heard.peer == rank()) {  // the finder speaks of us: for us, the other side is the finder
    info.peer = heard.rank;
    info.host.clear();
  }
  if (info.peer >= 0 && info.host.empty()) info.host = engine_.topology().identity(info.peer).host_name;
  info.rank = rank();
  return info;
}

/// The fault, for an operation whose turn has not come: the engine and the flight recorder are another thread's.
ErrorInfo Communicator::fault_out_of_turn() const {
  if (const ErrorInfo* reported = reported_.get(); reported != nullptr) return *reported;
  const ErrorInfo& heard = *task_->fault().get();
  ErrorInfo info = as_heard_here(heard);
  info.text = format("rank {} before its next operation: {}", rank(), heard.text);
  return info;
}

/// The others see the end of the process itself.
void Communicator::fail_at_exit() {
  ErrorInfo info;
  info.code = strettoAborted;
  info.rank = rank();
  info.text = format("rank {}: the process ends with operations in a stream that have not ended", rank());
  if (task_->fault().set(info)) turns_.wake();
}

/// Ends the current operation, if any, and keeps the error for all later calls.
const ErrorInfo* Communicator::settle(const ErrorInfo& info) {
  engine_.give_up();
  if (reported_.set(info)) {
    log(LogLevel::warn, "event=fault comm={} rank={} peer={} code={} operation={} step={} text=\"{}\"",
        engine_.settings().name, info.rank, info.peer, static_cast<int>(info.code), info.operation, info.step,
        info.text);
    log_flight();
  }
  return reported_.get();
}

/// What this rank did last, oldest first, for whoever reads the log after a fault.
void Communicator::log_flight() const {
  constexpr std::size_t kLines = 16;
  if (!log_enabled(LogLevel::info)) return;
  const std::vector<FlightRecord> records = flight_.records();
  const std::uint64_t now = flight_ticks();
  for (std::size_t i = records.size() > kLines ? records.size() - kLines : 0; i < records.size(); ++i) {
    const FlightRecord& record = records[i];
    log(LogLevel::info, "event=flight comm={} rank={} state={} ticks_ago={} {}", engine_.settings().name, rank(),
        to_string(record.state), now - record.start_ticks, to_string(record.tag));
  }
}

}  // namespace stretto
