#include "exec/device_program.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

using device::Instruction;
using device::Opcode;
using device::Operand;
using device::Place;
using device::Protocol;

/// Strands of different channels do the same, mostly: they are kept once.
struct Pattern {
  std::vector<Instruction> instructions;  ///< first_source counted from the pattern's first operand
  std::vector<Operand> operands;
  std::vector<device::Link> links;
  std::uint16_t n_body = 0;
  std::vector<std::uint16_t> left_out;
};

template <typename T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  static_assert(std::has_unique_object_representations_v<T>);
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

bool operator==(const Pattern& a, const Pattern& b) {
  return a.n_body == b.n_body && same_bytes(a.instructions, b.instructions) && same_bytes(a.operands, b.operands) &&
         same_bytes(a.links, b.links);
}

std::uint16_t narrow(std::size_t value) {
  if (value > std::numeric_limits<std::uint16_t>::max()) {
    throw Error(strettoInternalError, format("a plan with {} of something is too large for a device's program", value));
  }
  return static_cast<std::uint16_t>(value);
}

class StrandLowering {
 public:
  StrandLowering(const PreparedStrand& strand, Protocol protocol) : strand_(strand), protocol_(protocol) {}

  Pattern run() {
    find_folds();
    lower_all(strand_.body, 0);
    pattern_.n_body = narrow(pattern_.instructions.size());
    lower_all(strand_.epilogue, strand_.body.size());
    place_barriers();
    return std::move(pattern_);
  }

 private:
  static bool uses(const PreparedRef& ref, const PreparedRef& scratch) {
    return ref.space == Space::scratch && ref.position == scratch.position;
  }

  /// reduce scratch <- ...; (synchronisation only); copy output <- scratch: if nothing else uses that scratch chunk,
  /// the reduction can write the output. Each granule's sources are read before it is written, by the thread that
  /// writes it.
  void find_folds() {
    const std::vector<PreparedStep>& steps = strand_.body;
    folded_into_.assign(steps.size(), std::nullopt);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].kind != StepKind::copy || steps[i].sources.front().space != Space::scratch) continue;
      std::size_t writer = i;
      while (writer-- > 0 && is_synchronisation(steps[writer].kind)) {
      }
      if (writer >= i || steps[writer].kind != StepKind::reduce) continue;
      if (!uses(steps[writer].destination, steps[i].sources.front())) continue;
      if (count_uses(steps[i].sources.front()) == 2) folded_into_[writer] = i;
    }
  }

  static bool is_synchronisation(StepKind kind) {
    return kind != StepKind::put && kind != StepKind::get && kind != StepKind::reduce && kind != StepKind::copy;
  }

  std::size_t count_uses(const PreparedRef& scratch) const {
    std::size_t found = 0;
    for (const std::vector<PreparedStep>* steps : {&strand_.body, &strand_.epilogue}) {
      for (const PreparedStep& step : *steps) {
        if (uses(step.destination, scratch)) ++found;
        for (const PreparedRef& source : step.sources) found += uses(source, scratch) ? 1 : 0;
      }
    }
    return found;
  }

  bool is_folded_copy(std::size_t step) const {
    return std::find(folded_into_.begin(), folded_into_.end(), step) != folded_into_.end();
  }

  void lower_all(const std::vector<PreparedStep>& steps, std::size_t first_number) {
    for (std::size_t i = 0; i < steps.size(); ++i) lower_step(steps[i], first_number + i);
  }

  void lower_step(const PreparedStep& step, std::size_t number) {
    const bool packets = protocol_ == Protocol::packets;
    switch (step.kind) {
      case StepKind::put:
      case StepKind::get:
      case StepKind::reduce:
      case StepKind::copy:
        return is_folded_copy(number) ? leave_out(number) : combine(step, number);
      case StepKind::wait_credit:
        ++link_of(step.peer).sends_per_round;
        acquired_.insert(step.peer);
        return leave_out(number);
      case StepKind::signal:
        if (packets) return leave_out(number);
        return synchronise(Opcode::signal, step, number, link_of(step.peer).sends_per_round - 1U);
      case StepKind::wait:
        ++link_of(step.peer).receives_per_round;
        if (packets) return leave_out(number);
        return synchronise(Opcode::wait, step, number, link_of(step.peer).receives_per_round - 1U);
      case StepKind::release:
        return synchronise(Opcode::release, step, number, link_of(step.peer).receives_per_round - 1U);
      case StepKind::wait_drain:
        return leave_out(number);
    }
  }

  void leave_out(std::size_t number) { pattern_.left_out.push_back(narrow(number)); }

  void synchronise(Opcode opcode, const PreparedStep& step, std::size_t number, std::size_t message) {
    STRETTO_ASSERT(number < strand_.body.size());  // messages of an epilogue would need numbers of their own
    Instruction instruction;
    instruction.opcode = opcode;
    instruction.step = narrow(number);
    instruction.link = index_of(step.peer);
    instruction.message = narrow(message);
    pattern_.instructions.push_back(instruction);
  }

  void combine(const PreparedStep& step, std::size_t number) {
    const bool is_folded = number < folded_into_.size() && folded_into_[number].has_value();
    const PreparedStep& writes = is_folded ? strand_.body[*folded_into_[number]] : step;
    Instruction instruction;
    instruction.opcode = Opcode::combine;
    instruction.flags = step.completes ? device::kCompletes : std::uint8_t{0};
    instruction.step = narrow(number);
    instruction.first_source = narrow(pattern_.operands.size());
    instruction.n_sources = narrow(step.sources.size());
    instruction.within = narrow(step.within);
    instruction.block = step.block;
    instruction.destination = operand(writes.destination, /*is_destination=*/true);
    if (writes.destination.space == Space::slot && acquired_.erase(writes.destination.peer) > 0) {
      instruction.flags |= device::kAcquires;
    }
    for (const PreparedRef& source : step.sources) pattern_.operands.push_back(operand(source, false));
    pattern_.instructions.push_back(instruction);
  }

  Operand operand(const PreparedRef& ref, bool is_destination) {
    Operand operand;
    operand.position = ref.position;
    switch (ref.space) {
      case Space::input:
        operand.place = Place::input;
        return operand;
      case Space::output:
        operand.place = Place::output;
        return operand;
      case Space::scratch:
        operand.place = Place::scratch;
        return operand;
      case Space::slot:
        break;
      case Space::none:
        STRETTO_ASSERT(!"an operand that is nowhere");
    }
    const device::Link& link = link_of(ref.peer);
    operand.place = is_destination ? Place::outgoing : Place::incoming;
    operand.part = static_cast<std::uint8_t>(ref.part);
    operand.link = index_of(ref.peer);
    operand.message = (is_destination ? link.sends_per_round : link.receives_per_round) - 1U;
    return operand;
  }

  std::uint16_t index_of(Rank peer) {
    std::vector<device::Link>& links = pattern_.links;
    const auto found = std::find_if(links.begin(), links.end(),
                                    [&](const device::Link& link) { return static_cast<Rank>(link.peer) == peer; });
    if (found != links.end()) return narrow(static_cast<std::size_t>(found - links.begin()));
    device::Link link;
    link.peer = narrow(static_cast<std::size_t>(peer));
    links.push_back(link);
    return narrow(links.size() - 1);
  }
  device::Link& link_of(Rank peer) { return pattern_.links[index_of(peer)]; }

  /// What the first of several signals or releases in a row needs, or the last of several waits, serves all of them.
  void place_barriers() {
    bool is_moved = false;  // since the last barrier
    std::vector<Instruction>& all = pattern_.instructions;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i == pattern_.n_body || i == 0) is_moved = true;  // what the body's end, or the round before, left
      if (all[i].opcode == Opcode::combine) is_moved = true;
      if (all[i].opcode == Opcode::wait) {
        const bool more = i + 1 < all.size() && i + 1 != pattern_.n_body && all[i + 1].opcode == Opcode::wait;
        if (more) continue;
        all[i].flags |= device::kBarrierAfter;
        is_moved = false;
      }
      if (all[i].opcode != Opcode::signal && all[i].opcode != Opcode::release) continue;
      if (is_moved) all[i].flags |= device::kBarrierBefore;
      is_moved = false;
    }
  }

  const PreparedStrand& strand_;
  Protocol protocol_;
  Pattern pattern_;
  std::set<Rank> acquired_;  ///< peers towards which the current slot has not been written yet
  std::vector<std::optional<std::size_t>> folded_into_;  ///< by step of the body: the copy that it makes needless
};

class ImageWriter {
 public:
  explicit ImageWriter(const Binding& binding) : binding_(binding) {}

  void add(const PreparedStrand& strand, Pattern pattern) {
    device::Strand result = place_of(std::move(pattern));
    const auto channel = static_cast<std::size_t>(strand.channel);
    result.channel = narrow(channel);
    result.rounds = static_cast<std::uint32_t>(binding_.rounds[channel]);
    result.first_share = static_cast<std::uint32_t>(channel * binding_.geometries_per_channel);
    // Whole lines: parts of messages begin where granules do.
    result.part_stride_bytes = static_cast<std::uint32_t>((binding_.part_strides_bytes[channel] + 63) / 64 * 64);
    strands_.push_back(result);
  }

  std::vector<std::byte> finish() {
    const bool unequal = !binding_.input_offsets_bytes.empty() || !binding_.output_offsets_bytes.empty();
    device::ProgramHeader header;
    header.n_offsets = unequal ? static_cast<std::uint32_t>(std::max(binding_.input_offsets_bytes.size(),
                                                                     binding_.output_offsets_bytes.size()))
                               : 0;
    header.n_shares = static_cast<std::uint32_t>(binding_.channels.size());
    header.n_strands = static_cast<std::uint32_t>(strands_.size());
    header.n_links = static_cast<std::uint32_t>(links_.size());
    header.n_instructions = static_cast<std::uint32_t>(instructions_.size());
    header.n_operands = static_cast<std::uint32_t>(operands_.size());
    header.chunks_per_block = narrow(static_cast<std::size_t>(binding_.plan->plan.chunks_per_block));
    header.shares_differ = binding_.geometries_per_channel != 1 ? 1 : 0;
    header.element_bytes = static_cast<std::uint32_t>(binding_.element_bytes);
    header.divisor = binding_.divisor;
    header.block_bytes = binding_.block_bytes;
    header.scratch_stride_bytes = scratch_stride();
    header.image_bytes = static_cast<std::uint32_t>(
        sizeof(header) + header.n_shares * sizeof(device::Share) + 2 * header.n_offsets * sizeof(std::uint64_t) +
        strands_.size() * sizeof(device::Strand) + links_.size() * sizeof(device::Link) +
        instructions_.size() * sizeof(Instruction) + operands_.size() * sizeof(Operand));
    append(&header, 1);
    for (const ChannelGeometry& channel : binding_.channels) {
      const device::Share share{channel.base, channel.elements, channel.chunk_elements};
      append(&share, 1);
    }
    append_offsets(binding_.input_offsets_bytes, header.n_offsets);
    append_offsets(binding_.output_offsets_bytes, header.n_offsets);
    append(strands_.data(), strands_.size());
    append(links_.data(), links_.size());
    append(instructions_.data(), instructions_.size());
    append(operands_.data(), operands_.size());
    STRETTO_ASSERT(image_.size() == header.image_bytes);
    return std::move(image_);
  }

  std::size_t scratch_stride() const { return (binding_.scratch_stride_bytes + 63) / 64 * 64; }

 private:
  device::Strand place_of(Pattern pattern) {
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      if (patterns_[i] == pattern) return places_[i];
    }
    device::Strand place;
    place.first_instruction = narrow(instructions_.size());
    place.first_link = narrow(links_.size());
    place.n_links = narrow(pattern.links.size());
    place.n_body = pattern.n_body;
    place.n_epilogue = narrow(pattern.instructions.size() - pattern.n_body);
    for (Instruction instruction : pattern.instructions) {
      instruction.first_source = narrow(instruction.first_source + operands_.size());
      instructions_.push_back(instruction);
    }
    operands_.insert(operands_.end(), pattern.operands.begin(), pattern.operands.end());
    links_.insert(links_.end(), pattern.links.begin(), pattern.links.end());
    patterns_.push_back(std::move(pattern));
    places_.push_back(place);
    return place;
  }

  template <typename T>
  void append(const T* values, std::size_t count) {
    const auto* bytes = reinterpret_cast<const std::byte*>(values);
    image_.insert(image_.end(), bytes, bytes + count * sizeof(T));
  }

  void append_offsets(const std::vector<std::size_t>& offsets, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t offset = i < offsets.size() ? offsets[i] : i * binding_.block_bytes;
      append(&offset, 1);
    }
  }

  const Binding& binding_;
  std::vector<Pattern> patterns_;
  std::vector<device::Strand> places_;  ///< of patterns_
  std::vector<device::Strand> strands_;
  std::vector<device::Link> links_;
  std::vector<Instruction> instructions_;
  std::vector<Operand> operands_;
  std::vector<std::byte> image_;
};

}  // namespace

DeviceProgram lower(const Binding& binding, Protocol protocol) {
  ImageWriter writer(binding);
  DeviceProgram program;
  for (const PreparedStrand& strand : binding.plan->strands) {
    Pattern pattern = StrandLowering(strand, protocol).run();
    program.left_out.push_back(pattern.left_out);
    writer.add(strand, std::move(pattern));
  }
  program.scratch_bytes = writer.scratch_stride() * static_cast<std::size_t>(binding.plan->plan.program.scratch_chunks);
  program.image = writer.finish();
  return program;
}

}  // namespace stretto
