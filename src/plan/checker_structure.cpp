// The static half of the checker: holds each program to the rules of plan.hpp (operands, turns of the slots, equal
// counts at both ends) and numbers everything for the pass.
#include <algorithm>
#include <bit>

#include "base/text.hpp"
#include "plan/checker_layout.hpp"
#include "plan/checker_model.hpp"
#include "plan/checker_rules.hpp"

namespace stretto::checker {
namespace {

/// One end of a connection in one operation.
struct End {
  std::int32_t strand = -1;
  std::int32_t per_round = 0;
};

struct Line {
  End sender;
  End receiver;
  SenderTurn sender_turn = SenderTurn::idle;
  ReceiverTurn receiver_turn = ReceiverTurn::idle;
  std::int32_t credit_step = -1;  ///< the wait_credit of the sender's current slot
  std::int32_t filled = 0;        ///< its parts
  std::int32_t message = -1;      ///< current one of the receiver, as an index of Compiler::arrivals_
};

/// A message as one end has it.
struct Departure {
  std::int32_t connection = -1;
  std::int32_t number = 0;  ///< within the round
  std::int32_t parts = 0;
};

struct Arrival {
  std::int32_t connection = -1;
  std::int32_t number = 0;  ///< within the round
  std::uint64_t read = 0;   ///< bit p: part p
  std::vector<Landing> landings;
};

struct Drain {
  std::int32_t connection = -1;
  CheckReport where;
};

std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

class Compiler {
 public:
  Compiler(std::span<const CheckedOperation> operations, const CheckConfig& config)
      : operations_(operations), config_(config) {}

  Model compile();

 private:
  void compile_operation(const CheckedOperation& operation);
  void compile_strand(const Strand& strand);
  void compile_step(const Step& step);
  void synchronise(const Step& step, CompiledStep& compiled);
  void move(const Step& step, CompiledStep& compiled);
  Operand operand(const Step& step, const Ref& ref, bool is_destination);
  Operand slot_operand(const Step& step, const Ref& ref, bool is_destination);
  void release(const Step& step, Line& on);
  Operand user_operand(const Ref& ref, const Step& step, const Window& window);
  void take_end(End& end, const char* verb);
  void settle_traffic();
  void settle_messages(const std::vector<Traffic>& traffic);
  std::int32_t connection(Rank source, Rank destination);
  Line& line(std::int32_t connection) { return lines_[index(connection)]; }
  [[noreturn]] void bad(const std::string& text) { fail(ProblemKind::structure, where_, text); }
  [[noreturn]] void bad(const Step& step, const std::string& text) { bad(to_string(step) + ": " + text); }

  std::span<const CheckedOperation> operations_;
  const CheckConfig& config_;
  Model model_;
  std::vector<std::int32_t> connection_table_;  ///< [channel][source][destination], -1: not used yet
  std::vector<Location> first_scratch_;         ///< per rank
  CheckReport where_;
  // Of the operation under way:
  const CheckedOperation* operation_ = nullptr;
  const OperationModel* laid_ = nullptr;
  const Strand* strand_ = nullptr;
  std::vector<Line> lines_;            ///< per connection
  std::vector<std::int32_t> touched_;  ///< connections that the body or epilogue under way uses
  std::vector<Departure> departures_;
  std::vector<Arrival> arrivals_;
  std::vector<Drain> drains_;
};

std::int32_t Compiler::connection(Rank source, Rank destination) {
  const std::int32_t channel = strand_->channel;
  const std::size_t n = index(model_.n_ranks);
  const std::size_t place = (index(channel) * n + index(source)) * n + index(destination);
  std::int32_t& id = connection_table_[place];
  if (id < 0) {
    id = static_cast<std::int32_t>(model_.connections.size());
    Connection made{source, destination, channel, config_.alias, false, 0};
    if (config_.alias == Alias::mixed) {
      made.alias = static_cast<Alias>(mix(mix(config_.seed + 0x9e3779b97f4a7c15u) + place) % kUniformAliases);
    }
    model_.connections.push_back(made);
  }
  if (lines_.size() <= index(id)) lines_.resize(index(id) + 1);
  return id;
}

void Compiler::take_end(End& end, const char* verb) {
  if (end.strand >= 0 && end.strand != where_.strand) {
    bad(format("strands {} and {} both {} the same connection", end.strand, where_.strand, verb));
  }
  end.strand = where_.strand;
}

void Compiler::synchronise(const Step& step, CompiledStep& compiled) {
  if (step.peer < 0 || step.peer >= model_.n_ranks) bad(step, "the peer is no rank");
  if (step.peer == where_.rank) bad(step, "the peer is the rank itself");
  if (step.destination != Ref{} || !step.sources.empty()) bad(step, "a step that synchronises has no operands");
  const bool as_receiver = step.kind == StepKind::wait || step.kind == StepKind::release;
  compiled.connection = as_receiver ? connection(step.peer, where_.rank) : connection(where_.rank, step.peer);
  if (step.kind == StepKind::wait_drain) {
    model_.connections[index(compiled.connection)].drained = true;
    drains_.push_back({compiled.connection, where_});
    return;
  }
  Line& on = line(compiled.connection);
  take_end(as_receiver ? on.receiver : on.sender, as_receiver ? "read" : "write");
  touched_.push_back(compiled.connection);
  if (step.kind == StepKind::wait_credit) {
    if (on.sender_turn != SenderTurn::idle) bad(step, "the slot before is not signalled yet");
    on.sender_turn = SenderTurn::credited;
    on.credit_step = static_cast<std::int32_t>(model_.steps.size());
    on.filled = 0;
  } else if (step.kind == StepKind::signal) {
    if (on.sender_turn != SenderTurn::filled) bad(step, "no slot was filled to signal");
    on.sender_turn = SenderTurn::idle;
    departures_.push_back({compiled.connection, on.sender.per_round++, on.filled});
  } else if (step.kind == StepKind::wait) {
    if (on.receiver_turn != ReceiverTurn::idle) bad(step, "the slot before is not released yet");
    on.receiver_turn = ReceiverTurn::holding;
    on.message = static_cast<std::int32_t>(arrivals_.size());
    arrivals_.push_back(
        {compiled.connection, on.receiver.per_round++, 0, std::vector<Landing>(index(operation_->parts_per_slot))});
  } else {
    release(step, on);
  }
}

void Compiler::release(const Step& step, Line& on) {
  if (on.receiver_turn != ReceiverTurn::read) bad(step, "the current slot was not waited for and read");
  const std::uint64_t read = arrivals_[index(on.message)].read;
  if ((read & (read + 1)) != 0) bad(step, "later parts of the slot were read, and an earlier one was not");
  on.receiver_turn = ReceiverTurn::idle;
}

Operand Compiler::slot_operand(const Step& step, const Ref& ref, bool is_destination) {
  if (ref.index < 0 || ref.index >= model_.n_ranks || ref.index == where_.rank) bad(step, "a slot of no peer");
  const std::int32_t id = is_destination ? connection(where_.rank, ref.index) : connection(ref.index, where_.rank);
  Line& on = line(id);
  if (ref.part < 0 || ref.part >= operation_->parts_per_slot) {
    bad(step, format("a slot has {} parts", operation_->parts_per_slot));
  }
  if (is_destination) {
    if (on.sender_turn == SenderTurn::idle || on.sender.strand != where_.strand || ref.part != on.filled) {
      bad(step, "writes a slot without credit, or a part that is filled already, or before an earlier part");
    }
    on.sender_turn = SenderTurn::filled;
    const Space from = step.sources.front().space;
    const bool from_user = step.kind == StepKind::put && (from == Space::input || from == Space::output);
    model_.steps[index(on.credit_step)].from_user |= std::uint64_t{from_user} << on.filled++;
  } else {
    if (on.receiver_turn == ReceiverTurn::idle || on.receiver.strand != where_.strand) {
      bad(step, "reads a slot that was not waited for, or is released");
    }
    on.receiver_turn = ReceiverTurn::read;
    arrivals_[index(on.message)].read |= std::uint64_t{1} << ref.part;
  }
  return {true, false, id, ref.part, 0};
}

Operand Compiler::user_operand(const Ref& ref, const Step& step, const Window& window) {
  if (window.held() == 0) bad(step, "the rank has no such buffer");
  if (!window.holds(ref.index)) {
    bad(step, format("the buffer holds {} chunks, {} to {}, and not that one", window.held(), window.chunk_at(0),
                     window.chunk_at(window.held() - 1)));
  }
  if (ref.index != step.chunk) bad(step, format("chunk {} in the place of another, whose size may differ", step.chunk));
  return {false, true, window.location(strand_->channel * laid_->rounds, ref.index), 0, window.stride};
}

Operand Compiler::operand(const Step& step, const Ref& ref, bool is_destination) {
  const Participation& part = laid_->ranks[index(where_.rank)];
  switch (ref.space) {
    case Space::input:
      return user_operand(ref, step, part.input);
    case Space::output:
      return user_operand(ref, step, part.output);
    case Space::scratch:
      if (ref.index < 0 || ref.index >= (*operation_->programs)[index(where_.rank)].scratch_chunks) {
        bad(step, "beyond the scratch memory");
      }
      return {false, false, first_scratch_[index(where_.rank)] + ref.index, 0, 0};
    case Space::slot:
      return slot_operand(step, ref, is_destination);
    case Space::none:
      break;
  }
  bad(step, "an operand is missing");
}

void Compiler::move(const Step& step, CompiledStep& compiled) {
  if (where_.in_epilogue) bad(step, "the epilogue belongs to no round, so it cannot move data");
  if (step.peer != -1) bad(step, "a step that moves data has no peer");
  if (step.chunk < 0 || step.chunk >= laid_->chunks) bad(step, format("chunk {} does not exist", step.chunk));
  if (step.destination.space == Space::input) {
    fail(ProblemKind::input_clobbered, where_, to_string(step) + ": writes the input buffer");
  }
  if (!legal_destination(step.kind, step.destination.space)) bad(step, "not a legal destination");
  const bool count_ok = step.kind == StepKind::reduce ? step.sources.size() >= 2 : step.sources.size() == 1;
  if (!count_ok) bad(step, "a reduce has two sources or more, any other move has one");
  compiled.tag = laid_->first_tag + strand_->channel * laid_->rounds * laid_->chunks + step.chunk;
  compiled.first_source = static_cast<std::int32_t>(model_.sources.size());
  compiled.n_sources = static_cast<std::int32_t>(step.sources.size());
  for (const Ref& source : step.sources) {
    if (!legal_source(step.kind, source.space)) bad(step, "not a legal source");
    model_.sources.push_back(operand(step, source, false));
  }
  compiled.destination = operand(step, step.destination, true);
  if (step.kind == StepKind::get && step.destination.space == Space::output) {
    const Operand& from = model_.sources.back();
    Landing& landing = arrivals_[index(line(from.base).message)].landings[index(from.part)];
    if (landing.base < 0) landing = {compiled.destination.base, compiled.destination.stride};
  }
}

void Compiler::compile_step(const Step& step) {
  CompiledStep compiled;
  compiled.kind = step.kind;
  compiled.completes = step.completes;
  compiled.strand = static_cast<std::int32_t>(model_.strands.size());
  if (step.completes && step.kind != StepKind::reduce) bad(step, "only a reduce completes a chunk");
  if (moves_data(step.kind))
    move(step, compiled);
  else
    synchronise(step, compiled);
  model_.steps.push_back(compiled);
}

void Compiler::compile_strand(const Strand& strand) {
  strand_ = &strand;
  where_.step = -1;
  if (strand.channel < 0 || strand.channel >= operation_->spec.channels) bad("the strand's channel does not exist");
  CompiledStrand compiled;
  compiled.operation = where_.operation;
  compiled.rank = where_.rank;
  compiled.strand = where_.strand;
  compiled.first_step = static_cast<std::int32_t>(model_.steps.size());
  compiled.body_steps = static_cast<std::int32_t>(strand.body.size());
  compiled.epilogue_steps = static_cast<std::int32_t>(strand.epilogue.size());
  compiled.rounds = operation_->rounds;
  compiled.tags_per_round = laid_->chunks;
  const auto compile_all = [&](const std::vector<Step>& steps, bool in_epilogue) {
    where_.in_epilogue = in_epilogue;
    where_.step = 0;
    for (const Step& step : steps) {
      compile_step(step);
      ++where_.step;
    }
    // What a round begins it also ends: chunk sizes differ from round to round.
    where_.step = -1;
    for (const std::int32_t id : touched_) {
      const bool is_sender = model_.connections[index(id)].source == where_.rank;
      if (is_sender && line(id).sender_turn != SenderTurn::idle) {
        bad("ends with a slot that has credit but was not signalled");
      }
      if (!is_sender && line(id).receiver_turn != ReceiverTurn::idle) {
        bad("ends with a slot that was waited for but not released");
      }
    }
    touched_.clear();
  };
  compile_all(strand.body, false);
  compile_all(strand.epilogue, true);
  model_.strands.push_back(compiled);
}

/// Both ends of each connection must agree, or the numbers of later operations would not match.
void Compiler::settle_traffic() {
  std::vector<Traffic>& traffic = model_.traffic.emplace_back(lines_.size());
  where_.rank = where_.strand = where_.step = -1;
  auto first_landing = static_cast<std::int32_t>(model_.landings.size());
  for (std::size_t id = 0; id < lines_.size(); ++id) {
    const Line& on = lines_[id];
    Connection& link = model_.connections[id];
    if (on.sender.per_round != on.receiver.per_round) {
      where_.rank = link.source;
      fail(ProblemKind::unbalanced_signals, where_,
           format("rank {} signals {} messages a round to rank {} on channel {}, which waits for {}", link.source,
                  on.sender.per_round, link.destination, link.channel, on.receiver.per_round));
    }
    traffic[id] = {link.total_messages, on.sender.per_round, first_landing};
    link.total_messages += on.sender.per_round * operation_->rounds;
    first_landing += on.sender.per_round * model_.parts;
  }
  model_.landings.resize(index(first_landing));
  settle_messages(traffic);
  for (const Drain& drain : drains_) {
    End& sender = line(drain.connection).sender;
    where_ = drain.where;
    if (sender.strand >= 0 && sender.strand != where_.strand) {
      bad(format("drains a connection that strand {} writes", sender.strand));
    }
    sender.strand = where_.strand;
  }
}

void Compiler::settle_messages(const std::vector<Traffic>& traffic) {
  std::vector<std::int32_t> parts(model_.landings.size(), 0);
  const auto first_part = [&](std::int32_t connection, std::int32_t number) {
    return index(traffic[index(connection)].first_landing + number * model_.parts);
  };
  for (const Departure& each : departures_) parts[first_part(each.connection, each.number)] = each.parts;
  for (const Arrival& each : arrivals_) {
    const std::size_t first = first_part(each.connection, each.number);
    if (const int read = std::popcount(each.read); read != parts[first]) {
      const Connection& link = model_.connections[index(each.connection)];
      bad(format("message {} from rank {} to rank {} on channel {} has {} parts, of which {} are read", each.number,
                 link.source, link.destination, link.channel, parts[first], read));
    }
    std::copy(each.landings.begin(), each.landings.end(), model_.landings.begin() + static_cast<std::ptrdiff_t>(first));
  }
}

void Compiler::compile_operation(const CheckedOperation& operation) {
  operation_ = &operation;
  where_.rank = where_.strand = where_.step = -1;
  OperationModel laid = lay_out_operation(operation, model_);
  laid_ = &laid;
  lines_.assign(model_.connections.size(), Line{});
  departures_.clear();
  arrivals_.clear();
  drains_.clear();
  for (where_.rank = 0; where_.rank < model_.n_ranks; ++where_.rank) {
    const Program& program = (*operation.programs)[index(where_.rank)];
    Participation& part = laid.ranks[index(where_.rank)];
    part.first_strand = static_cast<std::int32_t>(model_.strands.size());
    part.n_strands = static_cast<std::int32_t>(program.strands.size());
    where_.strand = 0;
    for (const Strand& strand : program.strands) {
      compile_strand(strand);
      ++where_.strand;
    }
  }
  settle_traffic();
  model_.operations.push_back(std::move(laid));
}

Model Compiler::compile() {
  model_.slots = config_.slots;
  if (config_.slots < 1) bad("a connection needs a slot");
  if (operations_.empty()) return std::move(model_);
  check_shapes(operations_);
  model_.n_ranks = operations_.front().spec.n_ranks;
  std::int32_t channels = 1;
  for (const CheckedOperation& operation : operations_) {
    channels = std::max(channels, operation.spec.channels);
    model_.parts = std::max(model_.parts, operation.parts_per_slot);
  }
  connection_table_.assign(index(channels) * index(model_.n_ranks) * index(model_.n_ranks), -1);
  first_scratch_ = lay_out_scratch(operations_, model_);
  where_.operation = 0;
  for (const CheckedOperation& operation : operations_) {
    compile_operation(operation);
    ++where_.operation;
  }
  model_.first_thread.push_back(0);
  for (std::size_t rank = 0; rank < index(model_.n_ranks); ++rank) {
    std::int32_t threads = 1;
    for (const OperationModel& laid : model_.operations) threads = std::max(threads, laid.ranks[rank].n_strands);
    model_.first_thread.push_back(model_.first_thread.back() + threads);
  }
  model_.first_slot = model_.n_locations;
  model_.n_locations += static_cast<std::int32_t>(model_.connections.size()) * model_.slots * model_.parts;
  return std::move(model_);
}

}  // namespace

Model compile(std::span<const CheckedOperation> operations, const CheckConfig& config) {
  return Compiler(operations, config).compile();
}

}  // namespace stretto::checker
