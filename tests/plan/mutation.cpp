#include "plan/mutation.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace stretto::mutation {
namespace {

using sweep::Places;
using sweep::WholePlan;

constexpr int kOperations = 3;
constexpr int kRounds = 2;

/// Makes the mutants of one list of steps (a body or an epilogue) of one rank's program.
class Maker {
 public:
  Maker(const WholePlan& plan, Rank rank, std::vector<Mutant>& made) : plan_(plan), rank_(rank), made_(made) {
    original_.rank = rank;
    original_.program = plan.programs[static_cast<std::size_t>(rank)];
    original_.names = names_of({original_.program}).front();
  }

  void all() {
    for (strand_ = 0; strand_ < original_.program.strands.size(); ++strand_) {
      for (const bool epilogue : {false, true}) {
        in_epilogue_ = epilogue;
        for (step_ = 0; step_ < steps(original_).size(); ++step_) one_step();
      }
    }
  }

 private:
  std::vector<Step>& steps(Mutant& of) const {
    Strand& strand = of.program.strands[strand_];
    return in_epilogue_ ? strand.epilogue : strand.body;
  }
  std::vector<StepName>& names(Mutant& of) const {
    return in_epilogue_ ? of.names[strand_].epilogue : of.names[strand_].body;
  }

  template <typename Change>
  void add(const char* kind, Change change) {
    Mutant mutant = original_;
    mutant.kind = kind;
    const auto at = static_cast<std::ptrdiff_t>(step_);
    change(mutant, steps(mutant).begin() + at, names(mutant).begin() + at);
    mutant.change = format("{} {} {} of strand {} of rank {}: {}", kind, in_epilogue_ ? "epilogue step" : "step", step_,
                           strand_, rank_, to_string(steps(original_)[step_]));
    made_.push_back(std::move(mutant));
  }

  /// Puts another step in the place of this one.
  void replace(const char* kind, Step changed) {
    if (changed == steps(original_)[step_]) return;
    add(kind, [&](Mutant&, auto step, auto) { *step = changed; });
  }

  void one_step() {
    add("delete", [&](Mutant& mutant, auto step, auto name) {
      steps(mutant).erase(step);
      names(mutant).erase(name);
    });
    add("duplicate", [&](Mutant& mutant, auto step, auto name) {
      const Step copied = *step;
      steps(mutant).insert(step + 1, copied);
      names(mutant).insert(name + 1, {name->number, true});
    });
    if (step_ + 1 < steps(original_).size()) {
      add("swap", [](Mutant&, auto step, auto name) {
        std::iter_swap(step, step + 1);
        std::iter_swap(name, name + 1);
      });
    }
    if (steps(original_)[step_].peer >= 0)
      change_peer();
    else
      change_move();
  }

  void change_peer() {
    const Step& step = steps(original_)[step_];
    for (Rank peer = 0; peer < plan_.spec.n_ranks; ++peer) {
      Step changed = step;
      changed.peer = peer;
      replace("other peer", changed);
    }
    Step changed = step;
    for (const StepKind kind :
         {StepKind::signal, StepKind::wait, StepKind::wait_credit, StepKind::wait_drain, StepKind::release}) {
      changed.kind = kind;
      replace("other kind", changed);
    }
  }

  void change_move() {
    const Step& step = steps(original_)[step_];
    Step changed = step;
    changed.completes = !step.completes;
    replace("completes", changed);
    for (std::size_t i = 0; i < step.sources.size(); ++i) change_source(i);
    for (const Ref& target : alternatives(step.destination, step.chunk)) {
      changed = step;
      changed.destination = target;
      replace("other target", changed);
    }
    const int chunks = plan_.spec.blocks() * plan_.chunks_per_block;
    if (chunks == 1) return;
    changed = step;
    changed.chunk = (step.chunk + 1) % chunks;
    replace("other size", changed);
    // The whole step moved to another chunk.
    for (Ref& source : changed.sources) {
      if (source.space == Space::input || source.space == Space::output) source.index = changed.chunk;
    }
    if (changed.destination.space == Space::output) changed.destination.index = changed.chunk;
    replace("other chunk", changed);
  }

  void change_source(std::size_t i) {
    const Step& step = steps(original_)[step_];
    for (const Ref& source : alternatives(step.sources[i], step.chunk)) {
      Step changed = step;
      changed.sources[i] = source;
      replace("other source", changed);
    }
    if (step.sources.size() < 2) return;
    Step fewer = step;
    std::vector<Ref> others(step.sources.begin(), step.sources.end());
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    fewer.sources = others;
    replace("source left out", fewer);
    Step twice = step;
    twice.sources.push_back(step.sources[i]);
    replace("source twice", twice);
  }

  std::vector<Ref> alternatives(const Ref& ref, int chunk) const {
    std::vector<Ref> others = {input(chunk), output(chunk), scratch(0)};
    if (ref.space == Space::slot) {
      others.push_back(slot((ref.index + 1) % plan_.spec.n_ranks, ref.part));
      others.push_back(slot(ref.index, ref.part + 1));
      if (ref.part > 0) others.push_back(slot(ref.index, ref.part - 1));
    }
    if (ref.space == Space::scratch) others.push_back(scratch(ref.index + 1));
    std::erase(others, ref);
    return others;
  }

  const WholePlan& plan_;
  Rank rank_;
  std::vector<Mutant>& made_;
  Mutant original_;
  std::size_t strand_ = 0;
  std::size_t step_ = 0;
  bool in_epilogue_ = false;
};

/// The trial of the mutants of one plan.
class Trial {
 public:
  Trial(const WholePlan& plan, Tally& tally) : plan_(plan), tally_(tally), programs_(plan.programs) {
    for (const int slots : {plan.min_slots, plan.min_slots + 1}) {
      for (const Places places : sweep::kPlaces) {
        for (const Alias alias : sweep::kAliases) {
          if (alias == Alias::mixed) continue;
          battery_.push_back({{slots, alias, 0}, sweep::in_place_of(places, plan.spec.n_ranks, battery_.size())});
        }
      }
    }
    originals_.resize(battery_.size());
  }

  void judge(const Mutant& mutant) {
    ++tally_.mutants;
    const auto rank = static_cast<std::size_t>(mutant.rank);
    programs_[rank] = mutant.program;
    Names names = names_of(plan_.programs);
    names[rank] = mutant.names;
    const auto setting =
        std::find_if(battery_.begin(), battery_.end(), [&](const Setting& each) { return !verdict(each).ok(); });
    if (setting == battery_.end())
      explain(mutant, names);
    else
      confirm(mutant, names, *setting);
    programs_[rank] = plan_.programs[rank];
  }

 private:
  struct Setting {
    CheckConfig config;
    std::vector<bool> in_place;
  };

  std::vector<CheckedOperation> operations(const Setting& setting, const std::vector<Program>& programs) const {
    return std::vector<CheckedOperation>(
        kOperations, CheckedOperation{plan_.spec, plan_.chunks_per_block, &programs, kRounds, setting.in_place,
                                      plan_.parts_per_slot});
  }

  CheckReport verdict(const Setting& setting) const { return check(operations(setting, programs_), setting.config); }

  std::string describe(const Mutant& mutant) const {
    return format("{} {} n={} channels={}: {}", plan_.spec.algorithm, row_of(plan_.spec.collective).name,
                  plan_.spec.n_ranks, plan_.spec.channels, mutant.change);
  }

  /// Both arguments must agree about races and deadlocks; the other one does not look at the rest.
  void confirm(const Mutant& mutant, const Names& names, const Setting& setting) {
    ++tally_.caught;
    const CheckReport report = verdict(setting);
    const bool comparable = report.kind == ProblemKind::race || report.kind == ProblemKind::deadlock ||
                            report.kind == ProblemKind::touched_outside_operation;
    if (!comparable) return;
    if (normal_form(operations(setting, programs_), names, setting.config)) {
      tally_.disputed.push_back(describe(mutant) + "; " + report.text);
    } else {
      ++tally_.confirmed;
    }
  }

  /// Equivalent under each setting of the battery, or unexplained.
  void explain(const Mutant& mutant, const Names& names) {
    bool repeats = false;
    for (std::size_t i = 0; i < battery_.size(); ++i) {
      std::optional<NormalForm>& original = originals_[i];
      if (!original) {
        const Names own = names_of(plan_.programs);
        original = normal_form(operations(battery_[i], plan_.programs), own, battery_[i].config);
      }
      std::optional<NormalForm> changed = normal_form(operations(battery_[i], programs_), names, battery_[i].config);
      if (original && changed && *changed == *original) continue;
      repeats = true;
      if (original && changed && remove_repetitions(*changed) && *changed == *original) continue;
      tally_.unexplained.push_back(describe(mutant));
      return;
    }
    ++(repeats ? tally_.repeating : tally_.commuting);
  }

  const WholePlan& plan_;
  Tally& tally_;
  std::vector<Program> programs_;
  std::vector<Setting> battery_;
  std::vector<std::optional<NormalForm>> originals_;
};

}  // namespace

std::vector<Mutant> mutants_of(const WholePlan& plan, Rank rank) {
  std::vector<Mutant> made;
  Maker(plan, rank, made).all();
  return made;
}

void try_mutants(const WholePlan& plan, const std::vector<Rank>& ranks, Tally& tally) {
  Trial trial(plan, tally);
  for (const Rank rank : ranks) {
    for (const Mutant& mutant : mutants_of(plan, rank)) trial.judge(mutant);
  }
}

}  // namespace stretto::mutation
