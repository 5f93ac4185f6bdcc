#include "algorithms/symbolic_run.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <tuple>

#include "base/text.hpp"

namespace stretto::testing {
namespace {

/// Contributions: element r counts rank r's input of the chunk in question.
using Value = std::vector<int>;
/// (channel, round, chunk, space): the address of a chunk on one rank. Scratch has no channel and no round: all share
/// it.
using Place = std::tuple<int, int, int, Space>;

struct Part {
  Value value;
  bool aliased = false;
  Place place;  ///< on the sender, if aliased
};

struct Slot {
  std::vector<Part> parts;
};

struct Connection {
  std::deque<Slot> filled;  ///< signalled and not released; the first is the receiver's
  std::uint32_t consumed = 0;
  Slot current;
  bool acquired = false;
  bool waited = false;
};

struct Cursor {
  const Strand* strand;
  Rank rank;
  int round = 0;
  std::size_t next = 0;
};

class Machine {
 public:
  Machine(const PlanSpec& spec, const RunOptions& options) : spec_(spec), options_(options), random_(options.seed) {
    for (Rank rank = 0; rank < spec.n_ranks; ++rank) plans_.push_back(make_plan(spec, rank));
    memory_.resize(plans_.size());
    for (Rank rank = 0; rank < spec.n_ranks; ++rank) fill_input(rank);
    for (Rank rank = 0; rank < spec.n_ranks; ++rank) {
      for (const Strand& strand : at(plans_, rank).program.strands) cursors_.push_back({&strand, rank});
    }
  }

  std::string run() {
    std::vector<std::size_t> alive(cursors_.size());
    for (std::size_t i = 0; i < alive.size(); ++i) alive[i] = i;
    while (!alive.empty()) {
      std::shuffle(alive.begin(), alive.end(), random_);
      bool moved = false;
      for (std::size_t& i : alive) {
        int budget = std::uniform_int_distribution<int>(1, 8)(random_);
        while (budget-- > 0 && !done(cursors_[i]) && problem_.empty() && advance(cursors_[i])) moved = true;
      }
      if (!problem_.empty()) return problem_;
      std::erase_if(alive, [&](std::size_t i) { return done(cursors_[i]); });
      if (!moved && !alive.empty()) return deadlock(cursors_[alive.front()]);
    }
    return verify();
  }

 private:
  template <typename T>
  static T& at(std::vector<T>& items, int index) {
    return items.at(static_cast<std::size_t>(index));
  }

  template <typename Function>
  void for_each_chunk(const Function& function) const {
    for (int channel = 0; channel < spec_.channels; ++channel) {
      for (int round = 0; round < options_.rounds; ++round) {
        for (int chunk = 0; chunk < plans_.front().chunks(); ++chunk) function(channel, round, chunk);
      }
    }
  }

  bool has(const Side& side, Rank rank, int chunk) const {
    if (side.root_only && rank != spec_.root) return false;
    const int block = chunk / plans_.front().chunks_per_block;
    switch (side.holds) {
      case Holds::every_block:
        return true;
      case Holds::own_block:
        return block == rank;
      case Holds::own_row:
        return block / spec_.n_ranks == rank;
      case Holds::own_column:
        return block % spec_.n_ranks == rank;
    }
    return false;
  }
  Place place(int channel, int round, Space space, int chunk) const {
    if (space == Space::scratch) return {0, 0, chunk, space};
    return {channel, round, chunk, space == Space::output && options_.in_place ? Space::input : space};
  }
  Place place(const Cursor& cursor, Ref ref) const {
    return place(cursor.strand->channel, cursor.round, ref.space, ref.index);
  }
  void fill_input(Rank rank) {
    Value own(plans_.size(), 0);
    at(own, rank) = 1;
    for_each_chunk([&](int channel, int round, int chunk) {
      if (!has(row_of(spec_.collective).input, rank, chunk)) return;
      at(memory_, rank)[place(channel, round, Space::input, chunk)] = own;
    });
  }

  static const std::vector<Step>& steps(const Cursor& cursor, int rounds) {
    return cursor.round < rounds ? cursor.strand->body : cursor.strand->epilogue;
  }
  bool done(const Cursor& cursor) const {
    return cursor.round >= options_.rounds && cursor.next >= cursor.strand->epilogue.size();
  }
  Connection& connection(Rank from, Rank to, int channel) { return connections_[{from, to, channel}]; }

  std::string deadlock(const Cursor& cursor) const {
    return format("deadlock: rank {} round {} at {}", cursor.rank, cursor.round,
                  to_string(steps(cursor, options_.rounds).at(cursor.next)));
  }
  void complain(const Cursor& cursor, const Step& step, const char* what) {
    problem_ = format("rank {} round {}: {}: {}", cursor.rank, cursor.round, to_string(step), what);
  }

  /// False if the step has to wait.
  bool advance(Cursor& cursor) {
    const Step& step = steps(cursor, options_.rounds).at(cursor.next);
    if (step.peer >= 0 ? !synchronise(cursor, step) : !move(cursor, step)) return false;
    ++cursor.next;
    while (cursor.round < options_.rounds && cursor.next >= cursor.strand->body.size()) {
      ++cursor.round;
      cursor.next = 0;
    }
    return true;
  }

  bool synchronise(const Cursor& cursor, const Step& step) {
    const int channel = cursor.strand->channel;
    Connection& outgoing = connection(cursor.rank, step.peer, channel);
    Connection& incoming = connection(step.peer, cursor.rank, channel);
    switch (step.kind) {
      case StepKind::wait_credit:
        if (outgoing.filled.size() >= options_.slots) return false;
        if (outgoing.acquired) complain(cursor, step, "a slot is current already");
        outgoing.acquired = true;
        outgoing.current = {};
        return true;
      case StepKind::signal:
        if (!outgoing.acquired || outgoing.current.parts.empty()) complain(cursor, step, "no filled slot");
        outgoing.filled.push_back(outgoing.current);
        outgoing.acquired = false;
        return true;
      case StepKind::wait:
        if (incoming.filled.empty()) return false;
        if (incoming.waited) complain(cursor, step, "a slot is current already");
        incoming.waited = true;
        return true;
      case StepKind::release:
        if (!incoming.waited) return complain(cursor, step, "no current slot"), true;
        incoming.waited = false;
        incoming.filled.pop_front();
        return true;
      case StepKind::wait_drain:
        return !options_.aliased || outgoing.filled.empty();
      default:
        complain(cursor, step, "a step that moves data has a peer");
        return true;
    }
  }

  const Value* read(const Cursor& cursor, const Step& step, Ref source) {
    static const Value kNothing;
    if (source.space != Space::slot) {
      auto& memory = at(memory_, cursor.rank);
      const auto found = memory.find(place(cursor, source));
      if (found == memory.end()) complain(cursor, step, "reads what was never written");
      return found == memory.end() ? &kNothing : &found->second;
    }
    Connection& from = connection(source.index, cursor.rank, cursor.strand->channel);
    if (!from.waited) {
      complain(cursor, step, "reads a slot without waiting");
      return &kNothing;
    }
    if (static_cast<std::size_t>(source.part) >= from.filled.front().parts.size()) {
      complain(cursor, step, "reads a part that was not sent");
      return &kNothing;
    }
    const Part& part = at(from.filled.front().parts, source.part);
    return part.aliased ? &at(memory_, source.index)[part.place] : &part.value;
  }

  bool move(const Cursor& cursor, const Step& step) {
    Value sum(plans_.size(), 0);
    for (const Ref& source : step.sources) {
      const Value* value = read(cursor, step, source);
      if (!problem_.empty()) return true;
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += (*value)[i];
    }
    const bool whole = std::all_of(sum.begin(), sum.end(), [](int count) { return count == 1; });
    if (step.kind == StepKind::reduce && step.completes != whole) complain(cursor, step, "completes is wrong");
    if (step.destination.space != Space::slot) {
      at(memory_, cursor.rank)[place(cursor, step.destination)] = sum;
      return true;
    }
    Connection& to = connection(cursor.rank, step.destination.index, cursor.strand->channel);
    if (!to.acquired) complain(cursor, step, "fills a slot without credit");
    const auto part = static_cast<std::size_t>(step.destination.part);
    if (part != to.current.parts.size() || step.destination.part >= plans_.front().parts_per_slot) {
      complain(cursor, step, "fills a part out of order");
    }
    Part& filled = to.current.parts.emplace_back();
    filled.value = sum;
    filled.aliased = options_.aliased && step.kind == StepKind::put && step.sources[0].space != Space::scratch;
    if (filled.aliased) filled.place = place(cursor, step.sources[0]);
    return true;
  }

  std::string verify() {
    const CollectiveRow& row = row_of(spec_.collective);
    for (Rank rank = 0; rank < spec_.n_ranks; ++rank) {
      for_each_chunk([&](int channel, int round, int chunk) {
        if (!has(row.output, rank, chunk)) return;
        Value wanted(plans_.size(), row.reduces ? 1 : 0);
        const int block = chunk / plans_.front().chunks_per_block;
        const Rank owner = row.input.root_only              ? spec_.root
                           : row.blocks == Blocks::per_pair ? block / spec_.n_ranks
                                                            : block;
        if (!row.reduces) at(wanted, owner) = 1;
        if (at(memory_, rank)[place(channel, round, Space::output, chunk)] == wanted) return;
        problem_ = format("rank {} channel {} round {} chunk {}: wrong contributions", rank, channel, round, chunk);
      });
    }
    if (!problem_.empty()) return problem_;
    for (const auto& [key, each] : connections_) {
      if (!each.filled.empty() || each.acquired) return "a connection ends with a slot in use";
    }
    return "";
  }

  PlanSpec spec_;
  RunOptions options_;
  std::mt19937_64 random_;
  std::vector<Plan> plans_;
  std::vector<std::map<Place, Value>> memory_;
  std::map<std::tuple<Rank, Rank, int>, Connection> connections_;
  std::vector<Cursor> cursors_;
  std::string problem_;
};

}  // namespace

std::string run_symbolically(const PlanSpec& spec, const RunOptions& options) { return Machine(spec, options).run(); }

}  // namespace stretto::testing
