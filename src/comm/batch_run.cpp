#include "comm/batch_run.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/text.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kTurnSliceNs = 20'000'000;
/// Several communicators share this thread, so most rounds get on with some: a pause helps only when none does.
constexpr std::uint32_t kSharedSpinPolls = 0;

bool is_set(const std::atomic<bool>* flag) { return flag != nullptr && flag->load(std::memory_order_relaxed); }

}  // namespace

BatchRun::BatchRun(Communicator& communicator, Batch batch, std::optional<Turns::Ticket> ticket)
    : communicator_(&communicator),
      batch_(pairs_first(std::move(batch))),
      ticket_(ticket),
      watch_{&communicator, longest_timeout_ns(batch_)},
      units_(fuse(batch_)) {}

/// A ticket's turn counts only while there is no fault: after one, tickets end out of turn. A thread that holds its
/// place waits for all tickets, in whichever order.
bool BatchRun::due() const {
  Communicator& c = *communicator_;
  if (!ticket_) return c.turns_.due(c.turns_.next());
  return c.turns_.due(*ticket_) && c.fault() == nullptr;
}

void BatchRun::poll() {
  progressed_ = false;
  switch (phase_) {
    case Phase::waiting:
      if (due()) {
        progressed_ = true;
        phase_ = Phase::running;
        next_unit();
      } else if (communicator_->fault() != nullptr) {
        end(communicator_->fault_out_of_turn());
      }
      break;
    case Phase::running:
      try {
        went(communicator_->poll());
      } catch (const std::exception& unexpected) {
        went(communicator_->fail_unexpectedly(unexpected));
      }
      break;
    case Phase::ended:
      break;
  }
}

void BatchRun::went(Progress progress) {
  if (progress == Progress::faulted) return end(*communicator_->reported_.get());
  if (progress == Progress::done) return next_unit();
  const std::uint64_t steps = communicator_->engine_.steps();
  progressed_ = progressed_ || steps != steps_;
  steps_ = steps;
}

void BatchRun::next_unit() {
  if (fused_) fused_->unpack();
  fused_.reset();
  if (next_ == units_.size()) return end(std::nullopt);
  progressed_ = true;
  const Unit unit = units_[next_++];
  try {
    const std::span<const Operation> operations = std::span(batch_).subspan(unit.first, unit.count);
    if (unit.count == 1 || is_pair_call(operations.front().request.collective)) return begin(operations);
    fused_.emplace(batch_, unit, communicator_->rank());
    const Operation fused = fused_->operation();
    begin({&fused, 1});
  } catch (const std::exception& unexpected) {  // the call has long returned: it is a fault
    ErrorInfo info = communicator_->at_this_point(strettoSystemError);
    info.text = format("rank {} cannot go on with operation {}: {}", info.rank, info.operation, unexpected.what());
    end(*communicator_->fail(std::move(info)));
  }
}

void BatchRun::begin(std::span<const Operation> operations) {
  const Progress progress = communicator_->begin(operations);
  if (progress == Progress::faulted) end(*communicator_->reported_.get());
}

void BatchRun::check() {
  if (phase_ == Phase::running) {
    try {
      went(communicator_->check());
    } catch (const std::exception& unexpected) {
      went(communicator_->fail_unexpectedly(unexpected));
    }
  } else if (phase_ == Phase::waiting) {
    watch_.late();  // makes a fault, which the next round finds
  }
}

void BatchRun::abandon() {
  if (phase_ == Phase::ended) return;
  communicator_->fail_at_exit();
}

void BatchRun::await_turn(const std::atomic<bool>* ending) {
  Communicator& c = *communicator_;
  const auto ready = [&] { return due() || c.fault() != nullptr || is_set(ending); };
  while (!ready() && !c.turns_.wait(ready, kTurnSliceNs)) check();
}

/// The error is a copy: once the turn is over, the communicator may be destroyed.
void BatchRun::end(std::optional<ErrorInfo> error) {
  error_ = std::move(error);
  phase_ = Phase::ended;
  ticket_ ? communicator_->turns_.end() : communicator_->turns_.leave();
}

std::optional<ErrorInfo> run_together(std::vector<BatchRun>& runs, const std::atomic<bool>* ending) {
  const bool alone = runs.size() == 1;
  if (alone) runs.front().await_turn(ending);
  Waiter shared(kSharedSpinPolls);
  Waiter* waiter = nullptr;
  for (;;) {
    if (is_set(ending)) std::for_each(runs.begin(), runs.end(), [](BatchRun& run) { run.abandon(); });
    bool progressed = false;
    bool running = false;
    for (BatchRun& run : runs) {
      if (run.ended()) continue;
      run.poll();
      progressed = progressed || run.progressed();
      running = running || !run.ended();
    }
    if (!running) break;
    if (waiter == nullptr) {
      waiter = alone ? &runs.front().waiter() : &shared;
      waiter->begin();
    }
    if (progressed) {
      waiter->progressed();
    } else if (waiter->pause()) {
      for (BatchRun& run : runs) run.check();
    }
  }
  const auto failed =
      std::find_if(runs.begin(), runs.end(), [](const BatchRun& run) { return run.error().has_value(); });
  return failed == runs.end() ? std::nullopt : failed->error();
}

}  // namespace stretto
