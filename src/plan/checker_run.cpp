// The dynamic half of the checker: one walk over all steps of all ranks in some order that the waits allow. See
// checker.hpp for why one walk decides.
#include <algorithm>

#include "base/text.hpp"
#include "plan/checker_clocks.hpp"
#include "plan/checker_goal.hpp"
#include "plan/checker_memory.hpp"
#include "plan/checker_model.hpp"
#include "plan/checker_text.hpp"

namespace stretto::checker {
namespace {

using Row = Clocks::Row;

/// Counters and queues of a connection. Rings are indexed by message modulo slots; the turns that checker_structure
/// enforces keep a row from being overwritten before it is used.
struct Line {
  std::int32_t credited = 0;
  std::int32_t signalled = 0;
  std::int32_t waited = 0;
  std::int32_t released = 0;
  std::int32_t parked_sender = -1;  ///< thread waiting for a release
  std::int32_t parked_receiver = -1;
  Row last_release = Clocks::kNoRow;
};

struct Thread {
  std::int32_t strand = -1;  ///< of Model::strands; -1: none in this operation
  std::int32_t next = 0;     ///< step, relative to the body or the epilogue
  std::int32_t round = 0;    ///< == rounds: in the epilogue
};

struct RankState {
  std::int32_t operation = -1;
  std::int32_t running = 0;  ///< strands
  Row began = Clocks::kNoRow;
  std::vector<std::int32_t> parked;  ///< threads of peers that wait for this rank's begin
};

/// Whether a part of the slot that the step acquires is the receiver's output.
bool lands(const Connection& link, const CompiledStep& step, const Landing& landing, std::int32_t part) {
  if (landing.base < 0) return false;
  if (link.alias == Alias::receiver || link.alias == Alias::receiver_first) return true;
  return link.alias == Alias::sender_first && ((step.from_user >> part) & 1) == 0;
}

class Run {
 public:
  Run(std::span<const CheckedOperation> operations, const Model& model)
      : operations_(operations),
        model_(model),
        clocks_(model.first_thread.empty() ? 0 : model.first_thread.back()),
        memory_(model, clocks_),
        goal_(operations, model),
        lines_(model.connections.size()),
        signals_(model.connections.size() * index(model.slots), Clocks::kNoRow),
        releases_(signals_),
        homes_(signals_.size() * index(model.parts), -1),
        threads_(model.first_thread.empty() ? 0 : index(model.first_thread.back())),
        ranks_(index(model.n_ranks)) {}

  void all();

 private:
  void next_operation(Rank rank);
  void begin(Rank rank);
  void end(Rank rank);
  void advance(std::int32_t thread);
  bool synchronise(std::int32_t thread, const CompiledStep& step);
  bool wait_credit(std::int32_t thread, const CompiledStep& step);
  bool wait(std::int32_t thread, const CompiledStep& step);
  bool wait_drain(std::int32_t thread, const CompiledStep& step);
  void signal(std::int32_t thread, const CompiledStep& step);
  void release(std::int32_t thread, const CompiledStep& step);
  void wake(std::int32_t& parked);
  void move(std::int32_t thread, const CompiledStep& step);
  void reduce(const CompiledStep& step, Location to, Tag tag);
  Location source(const Operand& operand) const;
  Location destination(const CompiledStep& step) const;
  /// Of part 0; the other parts follow.
  std::size_t home(std::int32_t connection, std::int32_t message) const {
    return ring(connection, message) * index(model_.parts);
  }
  Location at(const Operand& slot, std::int32_t message) const {
    const std::size_t place = home(slot.base, message) + index(slot.part);
    return homes_[place] >= 0 ? homes_[place] : model_.first_slot + static_cast<Location>(place);
  }
  std::size_t ring(std::int32_t connection, std::int32_t message) const {
    return index(connection * model_.slots + message % model_.slots);
  }
  void read(Location at, std::int32_t thread);
  void write(Location at, std::int32_t thread);
  Access access(std::int32_t thread) const { return {thread, clocks_.own(thread), step_}; }
  Place place() const { return {step_, round_}; }
  [[noreturn]] void bad(ProblemKind kind, const std::string& text) {
    fail_at(operations_, model_, place(), kind, text);
  }
  [[noreturn]] void conflict(Location at, bool writes, const Conflict& with);
  [[noreturn]] void deadlock();

  std::span<const CheckedOperation> operations_;
  const Model& model_;
  Clocks clocks_;
  Memory memory_;
  Goal goal_;
  std::vector<Line> lines_;
  std::vector<Row> signals_;
  std::vector<Row> releases_;
  std::vector<Location> homes_;  ///< [connection][slot][part]: where its bytes are, if not in the slot itself; else -1
  std::vector<Thread> threads_;
  std::vector<RankState> ranks_;
  std::vector<std::int32_t> ready_;
  std::int32_t step_ = kNobody;  ///< under way
  std::int32_t round_ = 0;
};

void Run::wake(std::int32_t& parked) {
  if (parked >= 0) ready_.push_back(parked);
  parked = -1;
}

void Run::begin(Rank rank) {
  RankState& state = ranks_[index(rank)];
  const OperationModel& laid = model_.operations[index(state.operation)];
  const Participation& part = laid.ranks[index(rank)];
  const std::int32_t main = model_.first_thread[index(rank)];
  memory_.begin(part.first_location, part.n_locations, {main, clocks_.own(main), kOperationBegan});
  goal_.fill_inputs(memory_, state.operation, rank);
  clocks_.forget(state.began);
  clocks_.touch(main);
  state.began = clocks_.publish(main);
  state.running = part.n_strands;
  for (std::int32_t i = 0; i < part.n_strands; ++i) {
    clocks_.join(main + i, state.began);
    threads_[index(main + i)] = {part.first_strand + i, 0, 0};
    ready_.push_back(main + i);
  }
  for (std::int32_t& peer : state.parked) wake(peer);
  state.parked.clear();
}

void Run::end(Rank rank) {
  const RankState& state = ranks_[index(rank)];
  const Participation& part = model_.operations[index(state.operation)].ranks[index(rank)];
  const std::int32_t main = model_.first_thread[index(rank)];
  for (std::int32_t i = 1; i < part.n_strands; ++i) clocks_.join_thread(main, main + i);
  Conflict with;
  Location at = 0;
  if (!memory_.end(part.first_location, part.n_locations, main, with, at)) {
    fail_open_at_end(operations_, model_, state.operation, rank, at, with);
  }
  goal_.check_outputs(memory_, state.operation, rank);
}

/// Operations without a strand end at once, so this goes on to the first that has one.
void Run::next_operation(Rank rank) {
  RankState& state = ranks_[index(rank)];
  while (state.running == 0) {
    if (state.operation >= 0) end(rank);
    if (++state.operation == static_cast<std::int32_t>(model_.operations.size())) return;
    begin(rank);
  }
}

void Run::read(Location at, std::int32_t thread) {
  Conflict with;
  if (!memory_.read(at, access(thread), with)) conflict(at, false, with);
}

void Run::write(Location at, std::int32_t thread) {
  Conflict with;
  if (!memory_.write(at, access(thread), with)) conflict(at, true, with);
}

void Run::conflict(Location at, bool writes, const Conflict& with) {
  const bool by_user = with.with.step < kNobody;
  bad(by_user ? ProblemKind::touched_outside_operation : ProblemKind::race,
      conflict_text(operations_, model_, at, writes, with));
}

bool Run::wait_credit(std::int32_t thread, const CompiledStep& step) {
  Line& line = lines_[index(step.connection)];
  const Connection& link = model_.connections[index(step.connection)];
  const std::int32_t message = line.credited;
  if (message >= line.released + model_.slots) {
    line.parked_sender = thread;
    return false;
  }
  const std::int32_t operation = model_.strands[index(step.strand)].operation;
  const Traffic& traffic = model_.traffic[index(operation)][index(step.connection)];
  const std::int32_t in_operation = message - traffic.first_message;
  const Landing* const landings =
      &model_.landings[index(traffic.first_landing + in_operation % traffic.per_round * model_.parts)];
  RankState& receiver = ranks_[index(link.destination)];
  bool any_lands = false;
  for (std::int32_t part = 0; part < model_.parts; ++part) any_lands |= lands(link, step, landings[part], part);
  if (any_lands && receiver.operation < operation) {
    receiver.parked.push_back(thread);
    return false;
  }
  if (any_lands) clocks_.join(thread, receiver.began);
  for (std::int32_t part = 0; part < model_.parts; ++part) {
    const Landing& landing = landings[part];
    const Location there = landing.base + in_operation / traffic.per_round * landing.stride;
    homes_[home(step.connection, message) + index(part)] = lands(link, step, landing, part) ? there : -1;
  }
  if (message >= model_.slots) {
    Row& row = releases_[ring(step.connection, message)];
    clocks_.join(thread, row);
    clocks_.forget(row);
    row = Clocks::kNoRow;
  }
  ++line.credited;
  return true;
}

bool Run::wait(std::int32_t thread, const CompiledStep& step) {
  Line& line = lines_[index(step.connection)];
  if (line.waited == line.signalled) {
    line.parked_receiver = thread;
    return false;
  }
  Row& row = signals_[ring(step.connection, line.waited)];
  clocks_.join(thread, row);
  clocks_.forget(row);
  row = Clocks::kNoRow;
  ++line.waited;
  return true;
}

bool Run::wait_drain(std::int32_t thread, const CompiledStep& step) {
  Line& line = lines_[index(step.connection)];
  if (line.released < line.signalled) {
    line.parked_sender = thread;
    return false;
  }
  // Releases of a connection come in order, so the last one knows all before it.
  if (line.last_release != Clocks::kNoRow) clocks_.join(thread, line.last_release);
  return true;
}

void Run::signal(std::int32_t thread, const CompiledStep& step) {
  Line& line = lines_[index(step.connection)];
  signals_[ring(step.connection, line.signalled)] = clocks_.publish(thread);
  ++line.signalled;
  wake(line.parked_receiver);
}

void Run::release(std::int32_t thread, const CompiledStep& step) {
  Line& line = lines_[index(step.connection)];
  const Connection& link = model_.connections[index(step.connection)];
  if (link.drained) {
    clocks_.forget(line.last_release);
    line.last_release = clocks_.publish(thread);
  }
  if (line.released + model_.slots < link.total_messages) {
    releases_[ring(step.connection, line.released)] = clocks_.publish(thread);
  }
  ++line.released;
  wake(line.parked_sender);
}

bool Run::synchronise(std::int32_t thread, const CompiledStep& step) {
  switch (step.kind) {
    case StepKind::wait_credit:
      return wait_credit(thread, step);
    case StepKind::wait:
      return wait(thread, step);
    case StepKind::wait_drain:
      return wait_drain(thread, step);
    case StepKind::signal:
      signal(thread, step);
      return true;
    case StepKind::release:
      release(thread, step);
      return true;
    default:
      move(thread, step);
      return true;
  }
}

Location Run::source(const Operand& operand) const {
  if (!operand.is_slot) return operand.location(round_);
  return at(operand, lines_[index(operand.base)].waited - 1);
}

Location Run::destination(const CompiledStep& step) const {
  if (!step.destination.is_slot) return step.destination.location(round_);
  return at(step.destination, lines_[index(step.destination.base)].credited - 1);
}

void Run::reduce(const CompiledStep& step, Location to, Tag tag) {
  memory_.start_sum();
  for (std::int32_t i = 0; i < step.n_sources; ++i) {
    if (!memory_.add(source(model_.sources[index(step.first_source + i)]))) {
      bad(ProblemKind::double_contribution, format("source {} holds contributions that are in the sum already", i));
    }
  }
  memory_.store(to, tag);
  if (memory_.holds_all_ranks(to) != step.completes) {
    bad(ProblemKind::wrong_completes, step.completes ? "marked as complete, but contributions are missing"
                                                     : "holds all contributions, but is not marked as complete");
  }
}

void Run::move(std::int32_t thread, const CompiledStep& step) {
  const Tag tag = step.tag + round_ * model_.strands[index(step.strand)].tags_per_round;
  const Operand& first = model_.sources[index(step.first_source)];
  if (step.kind == StepKind::put && first.is_user) {
    // Alias of the sender's buffer: nothing moves now, and the receiver's read is a read of that buffer.
    const Operand& to = step.destination;
    const Alias alias = model_.connections[index(to.base)].alias;
    Location& there = homes_[home(to.base, lines_[index(to.base)].credited - 1) + index(to.part)];
    if (alias == Alias::sender || alias == Alias::sender_first || (alias == Alias::receiver_first && there < 0)) {
      there = first.location(round_);
      return;
    }
  }
  const Location to = destination(step);
  for (std::int32_t i = 0; i < step.n_sources; ++i) {
    const Location from = source(model_.sources[index(step.first_source + i)]);
    // A get whose slot is its destination already moves nothing.
    const bool in_its_place = step.n_sources == 1 && from == to;
    if (!in_its_place) read(from, thread);
    if (memory_.tag(from) != tag) {
      bad(ProblemKind::wrong_contribution,
          format("source {} is to be {}, but {}", i, tag_text(model_, tag), holds_text(model_, memory_.tag(from))));
    }
  }
  if (step.n_sources == 1 && source(first) == to) return;
  write(to, thread);
  if (step.kind == StepKind::reduce)
    reduce(step, to, tag);
  else
    memory_.move(source(first), to);
}

void Run::advance(std::int32_t id) {
  Thread& thread = threads_[index(id)];
  const CompiledStrand& strand = model_.strands[index(thread.strand)];
  while (thread.round <= strand.rounds) {
    const bool in_body = thread.round < strand.rounds;
    const std::int32_t n_steps = in_body ? strand.body_steps : strand.epilogue_steps;
    const std::int32_t first = strand.first_step + (in_body ? 0 : strand.body_steps);
    for (; thread.next < n_steps; ++thread.next) {
      step_ = first + thread.next;
      round_ = thread.round;
      if (!synchronise(id, model_.steps[index(step_)])) return;
    }
    thread.next = 0;
    ++thread.round;
  }
  RankState& rank = ranks_[index(strand.rank)];
  thread.strand = -1;
  --rank.running;
  if (rank.running == 0) next_operation(strand.rank);
}

void Run::deadlock() {
  std::vector<Place> blocked;
  for (const Thread& thread : threads_) {
    if (thread.strand < 0) continue;
    const CompiledStrand& strand = model_.strands[index(thread.strand)];
    const bool in_body = thread.round < strand.rounds;
    blocked.push_back({strand.first_step + (in_body ? 0 : strand.body_steps) + thread.next, thread.round});
  }
  fail_deadlock(operations_, model_, blocked);
}

void Run::all() {
  for (Rank rank = 0; rank < model_.n_ranks; ++rank) next_operation(rank);
  while (!ready_.empty()) {
    const std::int32_t thread = ready_.back();
    ready_.pop_back();
    advance(thread);
  }
  for (const RankState& rank : ranks_) {
    if (rank.operation < static_cast<std::int32_t>(model_.operations.size())) deadlock();
  }
}

}  // namespace

void run(std::span<const CheckedOperation> operations, const Model& model) { Run(operations, model).all(); }

}  // namespace stretto::checker
