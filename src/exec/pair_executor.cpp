#include "exec/pair_executor.hpp"

#include <utility>

#include "base/text.hpp"

namespace stretto {
namespace {

/// All messages between pairs use the first channel: there it is their order among the collectives that counts.
constexpr int kChannel = 0;

std::int32_t step_of(std::size_t round) { return static_cast<std::int32_t>(round); }

}  // namespace

PairExecutor::PairExecutor(Rank rank, int n_ranks, PortSource ports, std::size_t slot_bytes)
    : rank_(rank), ports_(std::move(ports)), slot_bytes_(slot_bytes), lanes_(2 * static_cast<std::size_t>(n_ranks)) {}

void PairExecutor::begin(std::uint64_t operation) {
  STRETTO_ASSERT(active_.empty());
  operation_ = operation;
}

PairExecutor::Lane& PairExecutor::lane_of(const Transfer& transfer) {
  const std::size_t at = static_cast<std::size_t>(transfer.peer) * 2 + (transfer.sends ? 1 : 0);
  Lane& lane = lanes_[at];
  if (lane.peer < 0) {
    lane.peer = transfer.peer;
    lane.sends = transfer.sends;
    if (transfer.sends) {
      lane.send = &ports_.send(transfer.peer, kChannel);
    } else {
      lane.receive = &ports_.receive(transfer.peer, kChannel);
    }
  }
  if (!lane.active) {
    lane.active = true;
    active_.push_back(at);
    lane.queue.clear();
    lane.current = 0;
  }
  return lane;
}

void PairExecutor::add(const Transfer& transfer) {
  STRETTO_ASSERT(transfer.peer != rank_);
  Lane& lane = lane_of(transfer);
  lane.queue.push_back(transfer);
  if (lane.queue.size() == 1) next_transfer(lane);
}

/// Makes the current transfer of the queue ready to go.
void PairExecutor::next_transfer(Lane& lane) const {
  lane.round = 0;
  if (lane.current < lane.queue.size()) {
    lane.geometry = Geometry({1, 1, 1}, lane.queue[lane.current].bytes, 1, slot_bytes_).channel(0);
  }
}

Progress PairExecutor::poll() {
  if (faulted_) return Progress::faulted;
  for (std::size_t i = 0; i < active_.size();) {
    const bool ended = advance(lanes_[active_[i]]);
    if (faulted_) return Progress::faulted;
    if (ended) {
      lanes_[active_[i]].active = false;
      active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  return active_.empty() ? Progress::done : Progress::running;
}

/// The ports are then in no defined state: the communicator is faulted.
void PairExecutor::give_up() {
  for (const std::size_t at : active_) lanes_[at].active = false;
  active_.clear();
}

/// As far as it goes; true when all its messages are through.
bool PairExecutor::advance(Lane& lane) {
  while (lane.current < lane.queue.size()) {
    const Transfer& transfer = lane.queue[lane.current];
    if (lane.sends ? !send_chunk(lane, transfer) : !receive_chunk(lane, transfer)) return false;
    ++steps_;
    if (++lane.round < lane.geometry.rounds) continue;
    ++lane.current;
    next_transfer(lane);
  }
  return !lane.sends || lane.send->drained();
}

bool PairExecutor::send_chunk(Lane& lane, const Transfer& transfer) {
  if (!lane.send->try_acquire()) return false;
  const Extent chunk = lane.geometry.chunk(lane.round, 0);
  lane.send->put(transfer.memory + chunk.offset, chunk.count);
  lane.send->signal(chunk.count, transfer.tag);
  if (log_ != nullptr) record(lane, {StepKind::wait_credit, StepKind::put, StepKind::signal});
  return true;
}

bool PairExecutor::receive_chunk(Lane& lane, const Transfer& transfer) {
  const Extent chunk = lane.geometry.chunk(lane.round, 0);
  if (!lane.receive->try_wait() || !accept(lane, transfer, chunk.count)) return false;
  lane.receive->get(transfer.memory + chunk.offset, chunk.count);
  lane.receive->release();
  if (log_ != nullptr) record(lane, {StepKind::wait, StepKind::get, StepKind::release});
  return true;
}

bool PairExecutor::accept(const Lane& lane, const Transfer& transfer, std::size_t expected_bytes) {
  const OpTag theirs = lane.receive->tag();  // a copy: a broken peer may write it again
  if (theirs != transfer.tag) [[unlikely]] {
    refuse(lane, transfer, strettoInvalidUsage, differing_field(transfer.tag, theirs),
           format("the ranks disagree: rank {} expects {} of rank {}, which calls {}. Both sides of a pair must make "
                  "matching calls in the same order",
                  rank_, to_string(transfer.tag), lane.peer, to_string(theirs)));
    return false;
  }
  if (lane.receive->bytes() != expected_bytes) [[unlikely]] {
    refuse(lane, transfer, strettoInternalError, "bytes",
           format("rank {} sent rank {} a slot of {} bytes where the plan has {}: memory was overwritten, or a bug",
                  lane.peer, rank_, lane.receive->bytes(), expected_bytes));
    return false;
  }
  return true;
}

void PairExecutor::refuse(const Lane& lane, const Transfer& transfer, strettoResult_t code, const char* field,
                          std::string text) {
  fault_ = ErrorInfo{};
  fault_.code = code;
  fault_.field = field;
  const auto called = static_cast<Collective>(transfer.tag.collective);
  fault_.name = row_of(is_pair_call(called) ? Collective::receive : called).name;  // its tag is the send's
  fault_.rank = rank_;
  fault_.peer = lane.peer;
  fault_.operation = static_cast<std::int64_t>(operation_);
  fault_.step = step_of(lane.round);
  fault_.text = std::move(text);
  faulted_ = true;
}

std::vector<Blocked> PairExecutor::blocked() const {
  std::vector<Blocked> result;
  for (const std::size_t at : active_) {
    const Lane& lane = lanes_[at];
    const bool drains = lane.current == lane.queue.size();
    const StepKind kind = drains ? StepKind::wait_drain : lane.sends ? StepKind::wait_credit : StepKind::wait;
    result.push_back({lane.peer, kind, step_of(lane.round), kChannel});
  }
  return result;
}

void PairExecutor::record(const Lane& lane, std::initializer_list<StepKind> kinds) {
  for (const StepKind kind : kinds) {
    StepRecord entry;
    entry.operation = operation_;
    entry.rank = rank_;
    entry.channel = kChannel;
    entry.strand = static_cast<std::int32_t>(&lane - lanes_.data());
    entry.step = step_of(lane.round);
    entry.round = lane.round;
    entry.kind = kind;
    entry.peer = lane.peer;
    log_->add(entry);
  }
}

}  // namespace stretto
