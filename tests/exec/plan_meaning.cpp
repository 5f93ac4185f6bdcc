#include "exec/plan_meaning.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "algorithms/catalogue.hpp"

namespace stretto {
namespace {

using Connection = std::tuple<Rank, Rank, int>;  // source, destination, channel
using Slot = std::vector<TermRef>;               // its parts

/// One strand on its way through its body and epilogue.
struct Walker {
  Rank rank;
  const Strand* strand;
  std::size_t next = 0;

  const Step* step() const {
    const std::size_t body = strand->body.size();
    if (next < body) return &strand->body[next];
    return next - body < strand->epilogue.size() ? &strand->epilogue[next - body] : nullptr;
  }
};

class Interpreter {
 public:
  explicit Interpreter(const PlanSpec& spec) {
    for (Rank rank = 0; rank < spec.n_ranks; ++rank) plans_.push_back(make_plan(spec, rank));
    for (Rank rank = 0; rank < spec.n_ranks; ++rank) {
      for (const Strand& strand : plans_[static_cast<std::size_t>(rank)].program.strands) {
        walkers_.push_back({rank, &strand});
      }
    }
  }

  PlanMeaning run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (Walker& walker : walkers_) {
        while (walker.step() != nullptr && take(walker, *walker.step())) ++walker.next, moved = true;
      }
    }
    for (const Walker& walker : walkers_) EXPECT_EQ(walker.step(), nullptr) << "rank " << walker.rank << " is stuck";
    return {std::move(outputs_)};
  }

 private:
  static std::size_t part_of(const Ref& ref) { return static_cast<std::size_t>(ref.part); }

  /// False if the step has to wait.
  bool take(const Walker& walker, const Step& step) {
    const int channel = walker.strand->channel;
    switch (step.kind) {
      case StepKind::signal:
        signalled_[{walker.rank, step.peer, channel}].push_back(std::move(filling_[{walker.rank, step.peer, channel}]));
        return true;
      case StepKind::wait: {
        const Connection connection{step.peer, walker.rank, channel};
        std::deque<Slot>& queue = signalled_[connection];
        if (queue.empty()) return false;
        reading_[connection] = std::move(queue.front());
        queue.pop_front();
        return true;
      }
      case StepKind::wait_credit:
      case StepKind::wait_drain:
      case StepKind::release:
        return true;
      case StepKind::put:
      case StepKind::get:
      case StepKind::copy:
        write(walker, step.destination, read(walker, step.sources.front()));
        return true;
      case StepKind::reduce: {
        const auto sum = std::make_shared<Term>();
        sum->completes = step.completes;
        for (const Ref& source : step.sources) sum->sources.push_back(read(walker, source));
        write(walker, step.destination, sum);
        return true;
      }
    }
    return false;
  }

  TermRef read(const Walker& walker, const Ref& ref) {
    const int channel = walker.strand->channel;
    TermRef found;
    if (ref.space == Space::input) {
      const auto input = std::make_shared<Term>();
      input->rank = walker.rank;
      found = input;
    } else if (ref.space == Space::slot) {
      const Slot& slot = reading_[{ref.index, walker.rank, channel}];
      if (part_of(ref) < slot.size()) found = slot[part_of(ref)];
    } else {
      found = (ref.space == Space::output ? outputs_ : scratch_)[{walker.rank, channel, ref.index}];
    }
    if (found) return found;
    ADD_FAILURE() << "rank " << walker.rank << " reads what nobody wrote";
    return std::make_shared<Term>();
  }

  void write(const Walker& walker, const Ref& ref, TermRef term) {
    const int channel = walker.strand->channel;
    if (ref.space == Space::slot) {
      Slot& slot = filling_[{walker.rank, ref.index, channel}];
      slot.resize(std::max(slot.size(), part_of(ref) + 1));
      slot[part_of(ref)] = std::move(term);
    } else {
      (ref.space == Space::output ? outputs_ : scratch_)[{walker.rank, channel, ref.index}] = std::move(term);
    }
  }

  std::vector<Plan> plans_;
  std::vector<Walker> walkers_;
  std::map<Connection, Slot> filling_, reading_;
  std::map<Connection, std::deque<Slot>> signalled_;
  std::map<std::tuple<Rank, int, int>, TermRef> outputs_, scratch_;
};

}  // namespace

std::string to_string(const Term& term) {
  if (term.is_input()) return std::to_string(term.rank);
  std::string text;
  for (const TermRef& source : term.sources) text += (text.empty() ? "(" : " + ") + to_string(*source);
  return text + (term.completes ? ")!" : ")");
}

PlanMeaning meaning_of(const PlanSpec& spec) { return Interpreter(spec).run(); }

}  // namespace stretto
