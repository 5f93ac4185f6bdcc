#include "plan/simulator.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>
#include <set>
#include <tuple>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "plan/alike_rounds.hpp"
#include "plan/simulated_program.hpp"

namespace stretto {
namespace {

constexpr std::uint64_t kStepsBetweenQuestions = 1024;

/// One direction of a connection: what was signalled, or released, and has not been waited for. Their times of arrival
/// lie elsewhere, since there are millions.
struct Stream {
  std::uint32_t first = 0;  ///< in a ring of as many as there are slots
  std::uint32_t count = 0;
  std::int32_t waiter = -1;  ///< the strand that waits for the next one
};

struct Connection {
  Stream filled;
  Stream credits;                 ///< begins with one for each slot
  std::uint32_t outstanding = 0;  ///< signalled and not released
  std::int32_t drainer = -1;      ///< the strand that waits for all of them
  double last_release_s = 0;      ///< when the sender knows of it
};

struct Cursor {
  std::uint32_t at = 0;  ///< the step
  std::uint32_t moving = 0;
  std::size_t round = 0;
  bool has_waited = false;  ///< for the local work of the step
};

class Run {
 public:
  Run(const SimulatedPrograms& programs, const SimulatedMachine& machine)
      : programs_(programs),
        machine_(machine),
        flows_(machine.routes->capacities()),
        cursors_(programs.strands().size()),
        connections_(programs.n_connections()),
        arrivals_(programs.n_connections() * 2 * machine.slots),
        alike_(programs, machine.skips_alike_rounds && machine.late.empty() && machine.stops.empty()),
        left_out_bytes_(machine.routes->capacities().size(), 0) {
    for (std::size_t strand = 0; strand < cursors_.size(); ++strand) {
      const SimulatedStrand& it = programs.strands()[strand];
      cursors_[strand].at = it.body == it.epilogue || rounds(it) == 0 ? it.epilogue : it.body;
      if (it.body == it.epilogue) cursors_[strand].round = rounds(it);
      n_steps_ += (it.epilogue - it.body) * rounds(it) + it.end - it.epilogue;
    }
    for (Connection& connection : connections_) connection.credits.count = machine.slots;
  }

  Simulation run() {
    for (std::size_t strand = 0; strand < cursors_.size(); ++strand) {
      wake(static_cast<std::int32_t>(strand),
           seconds_of(machine_.late, strand_of(static_cast<std::int32_t>(strand)).rank, 0));
    }
    std::vector<std::int32_t> ended;
    while (!timers_.empty() || !flows_.empty()) {
      if (!may_go_on()) return result(false);
      ended.clear();
      const double timer_s = timers_.empty() ? kNever : std::get<0>(timers_.top());
      const double next_s = std::min(timer_s, flows_.next_end_s());
      if (next_s == kNever) break;
      now_s_ = std::max(now_s_, next_s);
      flows_.advance_to(now_s_, ended);
      for (const std::int32_t strand : ended) {
        if (--cursors_[static_cast<std::size_t>(strand)].moving == 0) carry_on(strand);
      }
      while (!timers_.empty() && std::get<0>(timers_.top()) <= now_s_) {
        const std::int32_t strand = std::get<2>(timers_.top());
        timers_.pop();
        carry_on(strand);
      }
    }
    Simulation simulation = result(true);
    if (machine_.stops.empty()) {
      check_end();
    } else {
      simulation.waiting_ranks = count_waiting();
      for (std::size_t i = 0; i < cursors_.size(); ++i) {
        simulation.unfinished = simulation.unfinished || cursors_[i].at < programs_.strands()[i].end;
      }
    }
    return simulation;
  }

 private:
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  Simulation result(bool complete) const {
    Simulation simulation{now_s_ + alike_.skipped_s(), flows_.carried(), messages_, n_steps_run_, complete};
    for (std::size_t link = 0; link < left_out_bytes_.size(); ++link) {
      simulation.link_bytes[link] += left_out_bytes_[link];
    }
    simulation.messages *= programs_.stands_for();
    return simulation;
  }

  bool may_go_on() {
    if (!machine_.go_on || n_steps_run_ < next_question_) return true;
    next_question_ = n_steps_run_ + kStepsBetweenQuestions;
    return machine_.go_on(static_cast<double>(n_steps_run_ + n_steps_skipped_) / static_cast<double>(n_steps_));
  }

  const SimulatedStrand& strand_of(std::int32_t strand) const {
    return programs_.strands()[static_cast<std::size_t>(strand)];
  }
  std::size_t rounds(const SimulatedStrand& strand) const { return programs_.geometry(strand.channel).rounds; }

  static double seconds_of(const std::vector<RankAt>& ranks, Rank rank, double otherwise) {
    const auto found = std::ranges::find(ranks, rank, &RankAt::rank);
    return found == ranks.end() ? otherwise : found->seconds;
  }

  std::int32_t count_waiting() const {
    std::set<Rank> waiting;
    for (std::size_t number = 0; number < cursors_.size(); ++number) {
      const SimulatedStrand& strand = programs_.strands()[number];
      if (cursors_[number].at < strand.end && seconds_of(machine_.stops, strand.rank, kNever) == kNever) {
        waiting.insert(strand.rank);
      }
    }
    return static_cast<std::int32_t>(waiting.size());
  }

  void wake(std::int32_t strand, double when_s) { timers_.emplace(when_s, ++n_timers_, strand); }

  /// Runs a strand until it has to wait.
  void carry_on(std::int32_t number) {
    const SimulatedStrand& strand = strand_of(number);
    Cursor& cursor = cursors_[static_cast<std::size_t>(number)];
    if (!machine_.stops.empty() && seconds_of(machine_.stops, strand.rank, kNever) <= now_s_) return;
    while (cursor.at < strand.end && take(number, strand, cursor)) {
      cursor.has_waited = false;
      ++n_steps_run_;
      ++cursor.at;
      if (cursor.at == strand.epilogue && cursor.round < rounds(strand)) next_round(number, strand, cursor);
    }
  }

  void next_round(std::int32_t number, const SimulatedStrand& strand, Cursor& cursor) {
    ++cursor.round;
    if (cursor.round < rounds(strand)) cursor.at = strand.body;
    const std::size_t skipped = alike_.begins(number, cursor.round, now_s_);
    for (std::size_t i = 0; skipped > 0 && i < cursors_.size(); ++i)
      leave_out(programs_.strands()[i], cursors_[i], skipped);
  }

  /// Rounds of full chunks, all alike.
  void leave_out(const SimulatedStrand& strand, Cursor& cursor, std::size_t skipped) {
    if (strand.body == strand.epilogue) return;
    for (std::uint32_t at = strand.body; at < strand.epilogue; ++at) {
      const SimulatedStep& step = programs_.step(at);
      if (step.kind == StepKind::signal) messages_ += skipped;
      if (!step.moves_bytes) continue;
      const double bytes = bytes_of(strand, cursor, step) * static_cast<double>(skipped);
      for (const Share& share : programs_.way(step.way)) {
        left_out_bytes_[static_cast<std::size_t>(share.link)] += bytes * share.flows;
      }
    }
    cursor.round += skipped;
    n_steps_skipped_ += skipped * (strand.epilogue - strand.body);
  }

  /// False: it has to wait, and will be woken.
  bool take(std::int32_t number, const SimulatedStrand& strand, Cursor& cursor) {
    const SimulatedStep& step = programs_.step(cursor.at);
    if (step.moves_bytes) {
      move_into_slots(number, strand, cursor);
      return true;
    }
    if (cursor.moving > 0) return false;
    switch (step.kind) {
      case StepKind::signal:
        return signal(step.connection);
      case StepKind::wait:
        return await(step.connection, false, number);
      case StepKind::wait_credit:
        return await(step.connection, true, number);
      case StepKind::wait_drain:
        return drain(connection(step.connection), number);
      case StepKind::release:
        return release(step.connection);
      default:
        return work_here(number, strand, cursor, step);
    }
  }

  double bytes_of(const SimulatedStrand& strand, const Cursor& cursor, const SimulatedStep& step) const {
    return static_cast<double>(
        programs_.geometry(strand.channel).chunk(cursor.round, static_cast<std::size_t>(step.within)).count);
  }

  /// Parts of one message, or of several on one way, are one flow.
  void move_into_slots(std::int32_t number, const SimulatedStrand& strand, Cursor& cursor) {
    const std::int32_t way = programs_.step(cursor.at).way;
    const std::uint32_t end = cursor.round < rounds(strand) ? strand.epilogue : strand.end;
    double bytes = bytes_of(strand, cursor, programs_.step(cursor.at));
    while (cursor.at + 1 < end && programs_.step(cursor.at + 1).way == way) {
      ++cursor.at;
      ++n_steps_run_;
      bytes += bytes_of(strand, cursor, programs_.step(cursor.at));
    }
    if (bytes == 0) return;
    ++cursor.moving;
    flows_.start(bytes, programs_.way(way), number);
  }

  bool work_here(std::int32_t number, const SimulatedStrand& strand, Cursor& cursor, const SimulatedStep& step) {
    const double bytes = bytes_of(strand, cursor, step);
    if (cursor.has_waited || bytes == 0 || machine_.local_bytes_per_s <= 0) return true;
    cursor.has_waited = true;
    wake(number, now_s_ + bytes * step.sources / machine_.local_bytes_per_s);
    return false;
  }

  Connection& connection(std::int32_t number) { return connections_[static_cast<std::size_t>(number)]; }

  double& arrival(std::int32_t number, bool of_credit, std::uint32_t at) {
    const std::size_t ring = static_cast<std::size_t>(number) * 2 + (of_credit ? 1 : 0);
    return arrivals_[ring * machine_.slots + at % machine_.slots];
  }

  bool signal(std::int32_t number) {
    ++messages_;
    ++connection(number).outstanding;
    arrive(number, false);
    return true;
  }

  bool release(std::int32_t number) {
    Connection& from = connection(number);
    arrive(number, true);
    from.last_release_s = now_s_ + machine_.latency_s;
    if (--from.outstanding == 0 && from.drainer >= 0) wake(from.drainer, from.last_release_s);
    return true;
  }

  void arrive(std::int32_t number, bool of_credit) {
    Stream& stream = of_credit ? connection(number).credits : connection(number).filled;
    STRETTO_ASSERT(stream.count < machine_.slots);
    const double when_s = now_s_ + machine_.latency_s;
    arrival(number, of_credit, stream.first + stream.count++) = when_s;
    if (stream.waiter >= 0 && stream.count == 1) wake(stream.waiter, when_s);
  }

  bool await(std::int32_t number, bool of_credit, std::int32_t strand) {
    Stream& stream = of_credit ? connection(number).credits : connection(number).filled;
    const double when_s = stream.count > 0 ? arrival(number, of_credit, stream.first) : kNever;
    if (when_s <= now_s_) {
      stream.first = (stream.first + 1) % machine_.slots;
      --stream.count;
      stream.waiter = -1;
      return true;
    }
    const bool is_known = stream.count > 0 && stream.waiter < 0;
    stream.waiter = strand;
    if (is_known) wake(strand, when_s);
    return false;
  }

  bool drain(Connection& connection, std::int32_t strand) {
    if (connection.outstanding == 0 && connection.last_release_s <= now_s_) {
      connection.drainer = -1;
      return true;
    }
    if (connection.outstanding == 0 && connection.drainer < 0) wake(strand, connection.last_release_s);
    connection.drainer = strand;
    return false;
  }

  void check_end() const {
    for (std::size_t number = 0; number < cursors_.size(); ++number) {
      const SimulatedStrand& strand = programs_.strands()[number];
      const Cursor& cursor = cursors_[number];
      if (cursor.at >= strand.end && cursor.moving == 0) continue;
      throw Error(strettoInvalidArgument,
                  format("the plan cannot end: {} in round {}; give connections more slots than {}",
                         programs_.describe(strand, cursor.at), cursor.round, machine_.slots));
    }
  }

  const SimulatedPrograms& programs_;
  const SimulatedMachine& machine_;
  Flows flows_;
  std::vector<Cursor> cursors_;
  std::vector<Connection> connections_;
  std::vector<double> arrivals_;  ///< two rings of each connection: messages, credits
  AlikeRounds alike_;
  std::vector<double> left_out_bytes_;  ///< by link
  /// When, in which order, which strand.
  using Timer = std::tuple<double, std::uint64_t, std::int32_t>;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::uint64_t n_timers_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t n_steps_ = 0;
  std::uint64_t n_steps_run_ = 0;
  std::uint64_t n_steps_skipped_ = 0;
  std::uint64_t next_question_ = 0;
  double now_s_ = 0;
};

}  // namespace

Simulation simulate(const PlanOf& plan_of, std::uint64_t block_bytes, const SimulatedMachine& machine) {
  const SimulatedPrograms programs(plan_of, block_bytes, machine);
  if (programs.complete()) return Run(programs, machine).run();
  Simulation ended;
  ended.link_bytes.resize(machine.routes->capacities().size());
  ended.complete = false;
  return ended;
}

Simulation simulate(std::span<const Plan> plans, std::uint64_t block_bytes, const SimulatedMachine& machine) {
  STRETTO_ASSERT(!plans.empty());
  return simulate([&](Rank rank) { return plans[static_cast<std::size_t>(rank)]; }, block_bytes, machine);
}

}  // namespace stretto
