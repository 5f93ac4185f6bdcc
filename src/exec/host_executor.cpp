#include "exec/host_executor.hpp"

#include <cstring>

#include "base/text.hpp"

namespace stretto {

void HostExecutor::start(const Binding& binding, std::uint64_t operation, const void* input, void* output) {
  STRETTO_ASSERT(unfinished_ == 0);
  reserve(binding);
  binding_ = &binding;
  input_ = static_cast<const std::byte*>(input);
  output_ = static_cast<std::byte*>(output);
  operation_ = operation;
  tag_ = binding.tag;
  tag_.operation = static_cast<std::uint32_t>(operation);
  const std::vector<PreparedStrand>& strands = binding.plan->strands;
  cursors_.resize(strands.size());
  for (std::size_t i = 0; i < strands.size(); ++i) {
    const int channel = strands[i].channel;
    cursors_[i] = {&strands[i],
                   binding.geometries_of(channel),
                   binding.rounds[static_cast<std::size_t>(channel)],
                   binding.part_strides_bytes[static_cast<std::size_t>(channel)],
                   &strands[i].body,
                   0,
                   0,
                   false};
  }
  unfinished_ = strands.size();
}

/// All the memory that an operation needs, so that nothing can fail once it has begun.
void HostExecutor::reserve(const Binding& binding) {
  const PreparedPlan& prepared = *binding.plan;
  cursors_.reserve(prepared.strands.size());
  sources_.reserve(static_cast<std::size_t>(prepared.plan.spec.n_ranks) + 1);
  if (scratch_.size() < binding.scratch_bytes) scratch_.resize(binding.scratch_bytes);
}

Progress HostExecutor::poll() {
  if (faulted_) return Progress::faulted;
  for (Cursor& cursor : cursors_) {
    if (!cursor.finished && advance(cursor)) {
      cursor.finished = true;
      --unfinished_;
    }
    if (faulted_) return Progress::faulted;
  }
  return unfinished_ == 0 ? Progress::done : Progress::running;
}

/// Runs steps until one has to wait (false) or the strand has ended (true).
bool HostExecutor::advance(Cursor& cursor) {
  do {
    const std::vector<PreparedStep>& steps = *cursor.steps;
    while (cursor.step < steps.size()) {
      if (!run_step(cursor, steps[cursor.step])) return false;
      ++steps_;
      if (log_ != nullptr) record(cursor, steps[cursor.step]);
      ++cursor.step;
    }
  } while (next_round(cursor));
  return true;
}

bool HostExecutor::next_round(Cursor& cursor) {
  if (cursor.steps == &cursor.strand->epilogue) return false;
  cursor.step = 0;
  if (++cursor.round == cursor.rounds) cursor.steps = &cursor.strand->epilogue;
  return true;
}

bool HostExecutor::run_step(Cursor& cursor, const PreparedStep& step) {
  switch (step.kind) {
    case StepKind::put:
    case StepKind::get:
    case StepKind::copy:
      move_data(cursor, step);
      return true;
    case StepKind::reduce:
      reduce_data(cursor, step);
      return true;
    case StepKind::signal:
      step.send->signal(message_bytes(cursor, step.message), tag_);
      return true;
    case StepKind::wait:
      return step.receive->try_wait() && accept_slot(cursor, step);
    case StepKind::wait_credit:
      return step.send->try_acquire();
    case StepKind::wait_drain:
      return step.send->drained();
    case StepKind::release:
      step.receive->release();
      return true;
  }
  STRETTO_ASSERT(!"a step kind without a meaning");
}

Extent HostExecutor::extent_of(const Cursor& cursor, std::uint32_t block, std::uint32_t within) const {
  const bool sizes_differ = binding_->geometries_per_channel != 1;
  return cursor.geometries[sizes_differ ? block : 0].chunk(cursor.round, within);
}

std::size_t HostExecutor::bytes_of(const Cursor& cursor, const PreparedStep& step) const {
  return extent_of(cursor, step.block, step.within).count * binding_->element_bytes;
}

/// Parts of a slot lie at equal distances.
std::size_t HostExecutor::message_bytes(const Cursor& cursor, const MessageShape& message) const {
  return (message.parts - 1) * cursor.part_stride_bytes +
         extent_of(cursor, message.last_block, message.last_within).count * binding_->element_bytes;
}

std::byte* HostExecutor::slot_part(const Cursor& cursor, const PreparedRef& ref, std::size_t bytes) {
  if (ref.message.parts == 1) return ref.send->slot(bytes);
  return ref.send->slot(message_bytes(cursor, ref.message)) + ref.part * cursor.part_stride_bytes;
}

std::size_t HostExecutor::input_offset(const Cursor& cursor, const PreparedStep& step, const PreparedRef& ref) const {
  const std::size_t block = binding_->input_offsets_bytes.empty() ? ref.position * binding_->block_bytes
                                                                  : binding_->input_offsets_bytes[ref.position];
  return block + extent_of(cursor, step.block, step.within).offset * binding_->element_bytes;
}

std::size_t HostExecutor::output_offset(const Cursor& cursor, const PreparedStep& step, const PreparedRef& ref) const {
  const std::size_t block = binding_->output_offsets_bytes.empty() ? ref.position * binding_->block_bytes
                                                                   : binding_->output_offsets_bytes[ref.position];
  return block + extent_of(cursor, step.block, step.within).offset * binding_->element_bytes;
}

const std::byte* HostExecutor::source_of(const Cursor& cursor, const PreparedStep& step, const PreparedRef& ref) const {
  switch (ref.space) {
    case Space::input:
      return input_ + input_offset(cursor, step, ref);
    case Space::output:
      return output_ + output_offset(cursor, step, ref);
    case Space::scratch:
      return scratch_.data() + ref.position * binding_->scratch_stride_bytes;
    case Space::slot:
      return ref.receive->slot() + ref.part * cursor.part_stride_bytes;
    case Space::none:
      break;
  }
  STRETTO_ASSERT(!"a source that is nowhere");
}

std::byte* HostExecutor::destination_of(const Cursor& cursor, const PreparedStep& step, std::size_t bytes) {
  const PreparedRef& ref = step.destination;
  switch (ref.space) {
    case Space::output:
      return output_ + output_offset(cursor, step, ref);
    case Space::scratch:
      return scratch_.data() + ref.position * binding_->scratch_stride_bytes;
    case Space::slot:
      return slot_part(cursor, ref, bytes);
    case Space::input:
    case Space::none:
      break;
  }
  STRETTO_ASSERT(!"a destination that may not be written");
}

/// Whether an operand is read through the pre-multiplication: plans read their rank's input nowhere else.
bool HostExecutor::is_multiplied(const PreparedRef& ref) const {
  return ref.space == Space::input && binding_->pre_multiply.scale != nullptr;
}

void HostExecutor::scale_data(const Cursor& cursor, const PreparedStep& step) {
  const std::size_t count = extent_of(cursor, step.block, step.within).count;
  binding_->pre_multiply.scale(destination_of(cursor, step, count * binding_->element_bytes),
                               source_of(cursor, step, step.sources.front()), count, binding_->pre_multiply.scalar);
}

void HostExecutor::move_data(const Cursor& cursor, const PreparedStep& step) {
  const PreparedRef& source = step.sources.front();
  if (is_multiplied(source)) return scale_data(cursor, step);
  const std::size_t bytes = bytes_of(cursor, step);
  // A port may keep an alias of what is put as a whole, but scratch memory is written again.
  const bool whole = step.destination.message.parts == 1 && source.message.parts == 1;
  if (step.kind == StepKind::put && source.space != Space::scratch && whole) {
    step.destination.send->put(source_of(cursor, step, source), bytes);
    return;
  }
  std::byte* destination = destination_of(cursor, step, bytes);
  if (step.kind == StepKind::get && whole) {
    source.receive->get(destination, bytes);
    return;
  }
  const std::byte* from = source_of(cursor, step, source);
  if (from != destination && bytes > 0) std::memmove(destination, from, bytes);
}

void HostExecutor::reduce_data(const Cursor& cursor, const PreparedStep& step) {
  const std::size_t count = extent_of(cursor, step.block, step.within).count;
  sources_.clear();
  for (const PreparedRef& source : step.sources) {
    const std::byte* from = source_of(cursor, step, source);
    if (is_multiplied(source)) {
      std::byte* const product = scratch_.data() + (binding_->scratch_bytes - binding_->scratch_stride_bytes);
      binding_->pre_multiply.scale(product, from, count, binding_->pre_multiply.scalar);
      from = product;
    }
    sources_.push_back(from);
  }
  binding_->reduce(destination_of(cursor, step, count * binding_->element_bytes), sources_.data(),
                   static_cast<int>(sources_.size()), count, step.completes ? binding_->divisor : 1);
}

/// Holds what arrived against what was expected: the same operation, and exactly the bytes that will be read.
bool HostExecutor::accept_slot(const Cursor& cursor, const PreparedStep& step) {
  const OpTag theirs = step.receive->tag();  // a copy: a broken peer may write it again
  if (theirs != tag_) [[unlikely]] {
    refused_ = theirs;
    refuse(cursor, step, strettoInvalidUsage, differing_field(tag_, theirs),
           disagreement_text(rank_, tag_, step.peer, theirs));
    return false;
  }
  const std::size_t expected = message_bytes(cursor, step.message);
  if (step.receive->bytes() != expected) [[unlikely]] {
    refuse(cursor, step, strettoInternalError, "bytes",
           format("rank {} sent rank {} a slot of {} bytes where the plan has {}: memory was overwritten, or a bug",
                  step.peer, rank_, step.receive->bytes(), expected));
    return false;
  }
  return true;
}

void HostExecutor::refuse(const Cursor& cursor, const PreparedStep& step, strettoResult_t code, const char* field,
                          std::string text) {
  fault_ = ErrorInfo{};
  fault_.code = code;
  fault_.field = field;
  fault_.name = row_of(static_cast<Collective>(tag_.collective)).name;
  fault_.rank = rank_;
  fault_.peer = step.peer;
  fault_.operation = static_cast<std::int64_t>(operation_);
  fault_.step = step_number(cursor);
  fault_.text = std::move(text);
  faulted_ = true;
}

std::int32_t HostExecutor::step_number(const Cursor& cursor) const {
  const bool in_epilogue = cursor.steps == &cursor.strand->epilogue;
  return static_cast<std::int32_t>(cursor.step + (in_epilogue ? cursor.strand->body.size() : 0));
}

std::vector<Blocked> HostExecutor::blocked() const {
  std::vector<Blocked> result;
  for (const Cursor& cursor : cursors_) {
    if (cursor.finished || cursor.step >= cursor.steps->size()) continue;
    const PreparedStep& step = (*cursor.steps)[cursor.step];
    result.push_back({step.peer, step.kind, step_number(cursor), cursor.strand->channel});
  }
  return result;
}

void HostExecutor::give_up() {
  for (Cursor& cursor : cursors_) cursor.finished = true;
  unfinished_ = 0;
}

void HostExecutor::record(const Cursor& cursor, const PreparedStep& step) {
  StepRecord entry;
  entry.operation = operation_;
  entry.rank = rank_;
  entry.channel = cursor.strand->channel;
  entry.strand = static_cast<std::int32_t>(&cursor - cursors_.data());
  entry.step = step_number(cursor);
  entry.round = cursor.round;
  entry.kind = step.kind;
  entry.peer = step.peer;
  log_->add(entry);
}

}  // namespace stretto
