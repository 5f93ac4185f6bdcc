#include "foreign/recorder.hpp"

#include <algorithm>
#include <bit>

#include "base/text.hpp"

namespace stretto::foreign {
namespace {

constexpr std::int64_t kSpace = std::int64_t{1} << 32;  ///< between the keys of two buffers

std::string name_of(Buffer buffer, std::int32_t offset) {
  static constexpr const char* kNames[] = {"input", "output", "scratch"};
  return format("{} {}", kNames[static_cast<std::size_t>(buffer)], offset);
}

/// Of two sums in one place: how many steps may lie between them if they are to be one.
constexpr std::size_t kMostStepsBetween = 256;
/// Of a sum that is put together of several.
constexpr std::size_t kMostSources = 4096;
constexpr std::int64_t kMostSteps = std::int64_t{1} << 20;  ///< of all ranks

Rank lowest(const std::vector<std::uint64_t>& ranks) {
  for (std::size_t word = 0; word < ranks.size(); ++word) {
    if (ranks[word] != 0) return static_cast<Rank>(word * 64) + std::countr_zero(ranks[word]);
  }
  return 0;
}

std::int32_t count(const std::vector<std::uint64_t>& ranks) {
  std::int32_t n = 0;
  for (const std::uint64_t word : ranks) n += std::popcount(word);
  return n;
}

}  // namespace

Recorder::Recorder(const Shape& shape, const std::vector<std::int32_t>& scratch_chunks, bool by_copies)
    : shape_(shape), by_copies_(by_copies), ranks_(static_cast<std::size_t>(shape.n_ranks)) {
  for (std::size_t rank = 0; rank < ranks_.size(); ++rank) ranks_[rank].scratch_chunks = scratch_chunks[rank];
}

bool Recorder::comes_first(const Value& a, const Value& b) { return lowest(a.ranks) < lowest(b.ranks); }

std::int64_t Recorder::key(Rank rank, Buffer buffer, std::int32_t offset) const {
  if (buffer == Buffer::scratch) return 2 * kSpace + offset;
  if (shape_.in_place) return shape_.shared_place(rank, buffer, offset);
  return (buffer == Buffer::output ? kSpace : 0) + offset;
}

/// What a place holds that nothing was written to; of no chunk if nothing.
Recorder::Value Recorder::initial(Rank rank, Buffer buffer, std::int32_t offset) const {
  if (buffer == Buffer::scratch || (buffer == Buffer::output && !shape_.in_place)) return {};
  // In place, a place of the output is one of the input if the input reaches so far.
  const std::int64_t shift = key(rank, buffer, offset) - key(rank, Buffer::input, 0);
  if (shift < 0 || shift >= shape_.held(Buffer::input)) return {};
  Value value;
  value.chunk = shape_.chunk_at(rank, Buffer::input, static_cast<std::int32_t>(shift));
  value.ref = input(value.chunk);
  value.ranks.assign((ranks_.size() + 63) / 64, 0);
  value.ranks[static_cast<std::size_t>(rank) / 64] = std::uint64_t{1} << (rank % 64);
  return value;
}

bool Recorder::holds(Rank rank, Buffer buffer, std::int32_t offset) const {
  const auto& values = ranks_[static_cast<std::size_t>(rank)].values;
  return values.count(key(rank, buffer, offset)) > 0 || initial(rank, buffer, offset).chunk >= 0;
}

Recorder::Value Recorder::value(Rank rank, const Operand& operand) {
  if (operand.message >= 0) return message_of(operand.message).parts[static_cast<std::size_t>(operand.part)];
  const auto& values = at(rank).values;
  const auto found = values.find(key(rank, operand.buffer, operand.offset));
  Value value = found != values.end() ? found->second : initial(rank, operand.buffer, operand.offset);
  if (value.chunk < 0) {
    refuse(format("rank {} reads {}, to which nothing was written", rank, name_of(operand.buffer, operand.offset)));
  }
  return value;
}

std::vector<Recorder::Value> Recorder::values(Rank rank, const Sum& sum) {
  std::vector<Value> values;
  for (const Operand& operand : sum) {
    values.push_back(value(rank, operand));
    if (values.back().chunk != values.front().chunk) {
      refuse(format("rank {} adds chunk {} to chunk {}: a sum is of one chunk", rank, values.back().chunk,
                    values.front().chunk));
    }
  }
  std::stable_sort(values.begin(), values.end(), comes_first);
  return values;
}

Recorder::Value Recorder::added(const std::vector<Value>& sources) const {
  Value sum = sources.front();
  for (const Value& each : sources) {
    for (std::size_t word = 0; word < sum.ranks.size(); ++word) sum.ranks[word] |= each.ranks[word];
  }
  return sum;
}

/// Where a place's value lies in stretto's buffers: in the output if that is where the chunk belongs.
Ref Recorder::home(Rank rank, Buffer buffer, std::int32_t offset, std::int32_t chunk) {
  RankState& state = at(rank);
  if (buffer == Buffer::scratch) return scratch(offset);
  const std::int64_t place = key(rank, buffer, offset);
  const std::int64_t shift = place - key(rank, Buffer::output, 0);
  const bool in_output =
      (buffer == Buffer::output || shape_.in_place) && shift >= 0 && shift < shape_.held(Buffer::output);
  if (in_output && shape_.chunk_at(rank, Buffer::output, static_cast<std::int32_t>(shift)) == chunk)
    return output(chunk);
  const auto [shadow, is_new] = state.shadows.try_emplace(place, state.scratch_chunks);
  if (is_new) ++state.scratch_chunks;
  return scratch(shadow->second);
}

std::int32_t Recorder::bounce(Rank rank) {
  RankState& state = at(rank);
  if (state.bounce < 0) state.bounce = state.scratch_chunks++;
  return state.bounce;
}

/// A short file can say much.
void Recorder::push(Rank rank, Step step) {
  if (++n_steps_ > kMostSteps) refuse(format("more than {} steps are not taken", kMostSteps));
  at(rank).steps.push_back(std::move(step));
}

void Recorder::synchronise(Rank rank, StepKind kind, Rank peer) {
  Step step;
  step.kind = kind;
  step.peer = peer;
  push(rank, std::move(step));
}

/// Sums into one place that follow one another become one sum: MSCCL adds them so, too, and then the order is that of
/// the ranks, equal everywhere. The earlier one may wait if nothing between the two touches what it touches.
void Recorder::join_last(Rank rank, const Ref& to, std::vector<Value>& sources) {
  RankState& state = at(rank);
  const auto found = state.reduces.find({to.space, to.index});
  if (found == state.reduces.end() || to.space == Space::slot) return;
  const auto is_target = [&](const Value& value) { return value.ref == to; };
  if (std::count_if(sources.begin(), sources.end(), is_target) != 1) return;
  const std::size_t at_step = found->second.at;
  const std::vector<Value>& earlier = found->second.sources;
  if (state.steps.size() - at_step > kMostStepsBetween) return;
  // More than one of each rank is no sum that the checker lets pass; it must not cost what such a file likes.
  if (earlier.size() + sources.size() > kMostSources) return;
  const auto reads = [&](const Ref& ref) {
    return std::any_of(earlier.begin(), earlier.end(), [&](const Value& each) { return each.ref == ref; });
  };
  const bool from_slot =
      std::any_of(earlier.begin(), earlier.end(), [](const Value& each) { return each.ref.space == Space::slot; });
  if (from_slot && at_step + 1 != state.steps.size()) return;
  for (std::size_t i = at_step + 1; i < state.steps.size(); ++i) {
    const Step& between = state.steps[i];
    if (between.destination == to || reads(between.destination)) return;
    if (std::find(between.sources.begin(), between.sources.end(), to) != between.sources.end()) return;
  }
  std::vector<Value> all = earlier;
  std::copy_if(sources.begin(), sources.end(), std::back_inserter(all),
               [&](const Value& each) { return !is_target(each); });
  std::stable_sort(all.begin(), all.end(), comes_first);
  sources = std::move(all);
  state.steps[at_step] = Step{};  // taken out when all is recorded
}

void Recorder::transfer(Rank rank, const Ref& to, std::vector<Value> sources) {
  RankState& state = at(rank);
  if (sources.size() > 1) join_last(rank, to, sources);
  Step step;
  step.chunk = sources.front().chunk;
  step.destination = to;
  for (const Value& each : sources) step.sources.push_back(each.ref);
  if (sources.size() > 1) {
    step.kind = StepKind::reduce;
    step.completes = count(added(sources).ranks) == shape_.n_ranks;
    state.reduces[{to.space, to.index}] = {state.steps.size(), std::move(sources)};
    push(rank, std::move(step));
    return;
  }
  const bool from_slot = step.sources.front().space == Space::slot;
  if (!from_slot && to.space != Space::slot) {
    step.kind = StepKind::copy;
    if (step.sources.front() != to) push(rank, std::move(step));
    return;
  }
  const bool alias =
      to.space == Space::output || (to.space == Space::slot && step.sources.front().space != Space::scratch);
  if (alias && by_copies_) {
    const Value middle{scratch(bounce(rank)), step.chunk, sources.front().ranks};
    transfer(rank, middle.ref, std::move(sources));
    return transfer(rank, to, {middle});
  }
  step.kind = from_slot ? StepKind::get : StepKind::put;
  push(rank, std::move(step));
}

MessageId Recorder::send(Rank from, Rank to, const std::vector<Sum>& parts) {
  const auto id = static_cast<MessageId>(messages_.size());
  Message message{from, to, {}, false};
  synchronise(from, StepKind::wait_credit, to);
  for (const Sum& sum : parts) {
    const auto part = static_cast<std::int32_t>(message.parts.size());
    std::vector<Value> sources = values(from, sum);
    Value value = added(sources);
    transfer(from, slot(to, part), std::move(sources));
    value.ref = slot(from, part);
    message.parts.push_back(std::move(value));
  }
  synchronise(from, StepKind::signal, to);
  messages_.push_back(std::move(message));
  Connection& connection = connections_[{from, to}];
  connection.messages.push_back(id);
  min_slots_ = std::max(min_slots_, connection.messages.size() - connection.n_closed);
  parts_per_slot_ = std::max(parts_per_slot_, static_cast<std::int32_t>(parts.size()));
  return id;
}

void Recorder::keep(MessageId id) {
  Message& message = message_of(id);
  RankState& state = at(message.to);
  synchronise(message.to, StepKind::wait, message.from);
  for (Value& part : message.parts) {
    const Ref place = scratch(state.scratch_chunks++);
    transfer(message.to, place, {part});
    part.ref = place;
  }
  synchronise(message.to, StepKind::release, message.from);
}

void Recorder::open(MessageId id) {
  const Message& message = message_of(id);
  if (message.is_read) return;
  Connection& connection = connections_[{message.from, message.to}];
  for (bool found = false; !found;) {
    const MessageId next = connection.messages[connection.n_opened++];
    message_of(next).is_read = true;
    found = next == id;
    if (found) {
      synchronise(message.to, StepKind::wait, message.from);
    } else {
      keep(next);
      ++connection.n_closed;
    }
  }
}

void Recorder::close(MessageId id) {
  const Message& message = message_of(id);
  if (message.parts.front().ref.space != Space::slot) return;  // it was kept
  synchronise(message.to, StepKind::release, message.from);
  ++connections_[{message.from, message.to}].n_closed;
}

void Recorder::move(Rank rank, Buffer buffer, std::int32_t offset, const Sum& sum) {
  std::vector<Value> sources = values(rank, sum);
  Value value = added(sources);
  value.ref = home(rank, buffer, offset, value.chunk);
  transfer(rank, value.ref, std::move(sources));
  at(rank).values[key(rank, buffer, offset)] = std::move(value);
}

/// In place, what is an input and an output as well needs no step; in other buffers it is copied.
void Recorder::complete_outputs(Rank rank) {
  for (std::int32_t offset = 0; offset < shape_.held(Buffer::output); ++offset) {
    if (!holds(rank, Buffer::output, offset)) continue;
    const Value held = value(rank, cell(Buffer::output, offset));
    const std::int32_t chunk = shape_.chunk_at(rank, Buffer::output, offset);
    if (held.chunk == chunk) transfer(rank, output(chunk), {held});
  }
}

Recording Recorder::finish() {
  for (const Message& message : messages_) {
    if (!message.is_read) {
      refuse(format("rank {} sends rank {} a message (chunk {}) that rank {} does not receive", message.from,
                    message.to, message.parts.front().chunk, message.to));
    }
  }
  Recording recording;
  for (Rank rank = 0; rank < shape_.n_ranks; ++rank) {
    complete_outputs(rank);
    Program program;
    std::erase_if(at(rank).steps, [](const Step& step) { return step.peer < 0 && step.chunk < 0; });
    if (!at(rank).steps.empty()) program.strands.push_back({0, std::move(at(rank).steps), {}});
    program.scratch_chunks = at(rank).scratch_chunks;
    recording.programs.push_back(std::move(program));
  }
  for (const auto& [ends, connection] : connections_) {
    Step drain;
    drain.kind = StepKind::wait_drain;
    drain.peer = ends.second;
    recording.programs[static_cast<std::size_t>(ends.first)].strands.front().epilogue.push_back(std::move(drain));
  }
  recording.parts_per_slot = parts_per_slot_;
  recording.min_slots = static_cast<std::int32_t>(min_slots_);
  return recording;
}

}  // namespace stretto::foreign
