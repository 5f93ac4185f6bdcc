#include "plan/simulator.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <queue>
#include <tuple>

#include "base/error.hpp"
#include "base/text.hpp"
#include "plan/geometry.hpp"

namespace stretto {
namespace {

constexpr std::uint64_t kEventsBetweenQuestions = 256;

/// One direction of a connection: when what was signalled, or released, arrives.
struct Stream {
  std::deque<double> arrivals;
  std::int32_t waiter = -1;  ///< the strand that waits for the next one
};

struct Connection {
  Stream filled;
  Stream credits;  ///< begins with one for each slot
  std::uint64_t signalled = 0;
  std::vector<double> releases;  ///< when the sender knows of them
  std::int32_t drainer = -1;     ///< the strand that waits for all of them
};

struct Cursor {
  const Strand* strand;
  Rank rank;
  std::size_t round = 0;
  std::size_t step = 0;
  ChannelGeometry geometry;
  bool moving = false;  ///< the step's bytes are under way, or have just arrived
};

class Run {
 public:
  Run(std::span<const Plan> plans, std::uint64_t block_bytes, const SimulatedMachine& machine)
      : plans_(plans), machine_(machine), flows_(machine.routes->capacities()) {
    const Plan& plan = plans.front();
    const Geometry geometry({plan.spec.blocks(), plan.chunks_per_block, plan.spec.channels, plan.parts_per_slot},
                            block_bytes, 1, machine.slot_bytes);
    for (const Plan& each : plans) {
      for (const Strand& strand : each.program.strands) {
        cursors_.push_back({&strand, each.rank, 0, 0, geometry.channel(strand.channel), false});
        n_steps_ += strand.body.size() * cursors_.back().geometry.rounds + strand.epilogue.size();
      }
    }
  }

  Simulation run() {
    for (std::size_t strand = 0; strand < cursors_.size(); ++strand) wake(static_cast<std::int32_t>(strand), 0);
    std::vector<std::int32_t> ended;
    for (std::uint64_t event = 0; !timers_.empty() || !flows_.empty(); ++event) {
      if (event % kEventsBetweenQuestions == 0 && !may_go_on()) return {now_, flows_.carried(), messages_, false};
      ended.clear();
      const double flow_s = flows_.next_end_s();
      const bool by_timer = !timers_.empty() && std::get<0>(timers_.top()) - now_ <= flow_s;
      if (!by_timer && flow_s == std::numeric_limits<double>::infinity()) break;
      const double next = by_timer ? std::max(now_, std::get<0>(timers_.top())) : now_ + flow_s;
      flows_.advance(by_timer ? next - now_ : flow_s, ended);
      now_ = next;
      for (const std::int32_t strand : ended) carry_on(strand);
      while (!timers_.empty() && std::get<0>(timers_.top()) <= now_) {
        const std::int32_t strand = std::get<2>(timers_.top());
        timers_.pop();
        carry_on(strand);
      }
    }
    check_end();
    return {now_, flows_.carried(), messages_, true};
  }

 private:
  bool may_go_on() const {
    return !machine_.go_on || machine_.go_on(static_cast<double>(n_steps_done_) / static_cast<double>(n_steps_));
  }

  bool at_end(const Cursor& cursor) const {
    return cursor.round > cursor.geometry.rounds ||
           (cursor.round == cursor.geometry.rounds && cursor.step >= cursor.strand->epilogue.size());
  }

  const Step& step_of(const Cursor& cursor) const {
    return cursor.round < cursor.geometry.rounds ? cursor.strand->body[cursor.step]
                                                 : cursor.strand->epilogue[cursor.step];
  }

  void wake(std::int32_t strand, double when) { timers_.emplace(when, ++n_timers_, strand); }

  /// Runs a strand until it has to wait.
  void carry_on(std::int32_t strand) {
    Cursor& cursor = cursors_[static_cast<std::size_t>(strand)];
    skip_empty_bodies(cursor);
    while (!at_end(cursor) && take(strand, cursor, step_of(cursor))) {
      cursor.moving = false;
      ++n_steps_done_;
      ++cursor.step;
      if (cursor.round < cursor.geometry.rounds && cursor.step == cursor.strand->body.size()) {
        ++cursor.round;
        cursor.step = 0;
      }
    }
  }

  static void skip_empty_bodies(Cursor& cursor) {
    if (cursor.strand->body.empty()) cursor.round = std::max(cursor.round, cursor.geometry.rounds);
  }

  /// False: it has to wait, and will be woken.
  bool take(std::int32_t strand, Cursor& cursor, const Step& step) {
    switch (step.kind) {
      case StepKind::put:
      case StepKind::get:
      case StepKind::reduce:
      case StepKind::copy:
        return move(strand, cursor, step);
      case StepKind::signal:
        return signal(cursor, step);
      case StepKind::wait:
        return await(between(step.peer, cursor).filled, strand);
      case StepKind::wait_credit:
        return await(between(cursor, step.peer).credits, strand);
      case StepKind::wait_drain:
        return drain(between(cursor, step.peer), strand);
      case StepKind::release:
        return release(between(step.peer, cursor));
    }
    return true;
  }

  bool move(std::int32_t strand, Cursor& cursor, const Step& step) {
    if (cursor.moving) return true;
    const auto within = static_cast<std::size_t>(step.chunk % plans_.front().chunks_per_block);
    const auto bytes = static_cast<double>(cursor.geometry.chunk(cursor.round, within).count);
    if (bytes == 0) return true;
    cursor.moving = true;
    if (step.destination.space == Space::slot) {
      flows_.start(bytes, &machine_.routes->of(cursor.strand->channel, cursor.rank, step.destination.index), strand);
      return false;
    }
    if (machine_.local_bytes_per_s <= 0) return true;
    wake(strand, now_ + bytes * static_cast<double>(step.sources.size()) / machine_.local_bytes_per_s);
    return false;
  }

  bool signal(const Cursor& cursor, const Step& step) {
    Connection& connection = between(cursor, step.peer);
    ++connection.signalled;
    ++messages_;
    arrive(connection.filled);
    return true;
  }

  bool release(Connection& connection) {
    arrive(connection.credits);
    connection.releases.push_back(now_ + machine_.latency_s);
    if (connection.drainer >= 0 && connection.releases.size() == connection.signalled) {
      wake(connection.drainer, connection.releases.back());
    }
    return true;
  }

  void arrive(Stream& stream) {
    stream.arrivals.push_back(now_ + machine_.latency_s);
    if (stream.waiter >= 0 && stream.arrivals.size() == 1) wake(stream.waiter, stream.arrivals.front());
  }

  bool await(Stream& stream, std::int32_t strand) {
    if (!stream.arrivals.empty() && stream.arrivals.front() <= now_) {
      stream.arrivals.pop_front();
      stream.waiter = -1;
      return true;
    }
    const bool known = !stream.arrivals.empty() && stream.waiter < 0;
    stream.waiter = strand;
    if (known) wake(strand, stream.arrivals.front());
    return false;
  }

  bool drain(Connection& connection, std::int32_t strand) {
    const bool all = connection.releases.size() == connection.signalled;
    if (all && (connection.releases.empty() || connection.releases.back() <= now_)) {
      connection.drainer = -1;
      return true;
    }
    if (all) wake(strand, connection.releases.back());
    connection.drainer = strand;
    return false;
  }

  Connection& between(const Cursor& from, Rank to) { return connection(from.rank, to, from.strand->channel); }
  Connection& between(Rank from, const Cursor& to) { return connection(from, to.rank, to.strand->channel); }
  Connection& connection(Rank from, Rank to, std::int32_t channel) {
    const auto [at, is_new] = connections_.try_emplace({from, to, channel});
    if (is_new) at->second.credits.arrivals.assign(machine_.slots, 0.0);
    return at->second;
  }

  void check_end() const {
    for (const Cursor& cursor : cursors_) {
      if (at_end(cursor)) continue;
      throw Error(
          strettoInvalidArgument,
          format("the plan cannot end: rank {} waits for ever at \"{}\" in round {}; give connections more slots "
                 "than {}",
                 cursor.rank, to_string(step_of(cursor)), cursor.round, machine_.slots));
    }
  }

  std::span<const Plan> plans_;
  SimulatedMachine machine_;
  Flows flows_;
  std::vector<Cursor> cursors_;
  std::map<std::tuple<Rank, Rank, std::int32_t>, Connection> connections_;
  /// When, in which order, which strand.
  using Timer = std::tuple<double, std::uint64_t, std::int32_t>;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::uint64_t n_timers_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t n_steps_ = 0;
  std::uint64_t n_steps_done_ = 0;
  double now_ = 0;
};

}  // namespace

Simulation simulate(std::span<const Plan> plans, std::uint64_t block_bytes, const SimulatedMachine& machine) {
  STRETTO_ASSERT(!plans.empty() && machine.routes != nullptr);
  STRETTO_ASSERT(static_cast<int>(plans.size()) == machine.routes->n_ranks());
  return Run(plans, block_bytes, machine).run();
}

}  // namespace stretto
