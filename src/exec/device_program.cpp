#include "exec/device_program.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "exec/strand_lowering.hpp"

namespace stretto {
namespace {

using device::Instruction;
using device::Operand;
using device::Place;
using device::Protocol;
using device::StrandHalf;

class ImageWriter {
 public:
  explicit ImageWriter(const Binding& binding) : binding_(binding) {}

  void add(const PreparedStrand& strand, StrandPattern pattern) {
    const StrandHalf half = pattern.half;
    device::Strand result = place_of(std::move(pattern));
    const auto channel = static_cast<std::size_t>(strand.channel);
    result.half = half;
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

  /// Of the scratch chunks that are used still.
  std::size_t scratch_bytes() const {
    std::size_t chunks = 0;
    const auto add = [&](const Operand& operand) {
      if (operand.place == Place::scratch) chunks = std::max<std::size_t>(chunks, operand.position + 1);
    };
    for (const Instruction& instruction : instructions_) add(instruction.destination);
    for (const Operand& operand : operands_) add(operand);
    return chunks * scratch_stride();
  }

 private:
  device::Strand place_of(StrandPattern pattern) {
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
  std::vector<StrandPattern> patterns_;
  std::vector<device::Strand> places_;  ///< of patterns_
  std::vector<device::Strand> strands_;
  std::vector<device::Link> links_;
  std::vector<Instruction> instructions_;
  std::vector<Operand> operands_;
  std::vector<std::byte> image_;
};

/// On its channel. A channel has two strands of a device at most, for which there is room (device_channels in
/// comm/setup.cpp), and one pair of halves.
bool is_alone(const std::vector<PreparedStrand>& strands, std::size_t index) {
  return std::ranges::count_if(
             strands, [&](const PreparedStrand& other) { return other.channel == strands[index].channel; }) == 1;
}

}  // namespace

DeviceProgram lower(const Binding& binding, Protocol protocol) {
  const std::vector<PreparedStrand>& strands = binding.plan->strands;
  ImageWriter writer(binding);
  DeviceProgram program;
  for (std::size_t i = 0; i < strands.size(); ++i) {
    const auto lower_half = [&](StrandHalf half) {
      StrandPattern pattern = lower_strand(strands[i], protocol, half);
      program.strands.push_back({i, std::move(pattern.left_out)});
      writer.add(strands[i], std::move(pattern));
    };
    if (protocol == Protocol::slots && is_alone(strands, i) && can_be_halved(strands[i])) {
      lower_half(StrandHalf::sending);
      lower_half(StrandHalf::receiving);
    } else {
      lower_half(StrandHalf::whole);
    }
  }
  program.scratch_bytes = writer.scratch_bytes();
  program.image = writer.finish();
  return program;
}

}  // namespace stretto
