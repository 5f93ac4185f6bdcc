#include "exec/device_pairs.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"

namespace stretto {
namespace {

using device::Instruction;
using device::Opcode;
using device::Operand;
using device::Place;
using device::Protocol;

/// Strands of all messages of a wave together: no more than half of what a GPU holds.
constexpr std::uint32_t kStrandsPerWave = 64;
/// Beyond this the second trip of slots costs less than the packets' half of the bandwidth.
constexpr std::uint64_t kMostByPackets_bytes = 64 << 10;
constexpr std::uint64_t kBytesPerChannel = 16 << 10;

std::uint32_t channels_of(std::uint64_t bytes, const device::WindowShape& shape) {
  const std::uint64_t wanted = (bytes + kBytesPerChannel - 1) / kBytesPerChannel;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(wanted, 1, pair_channels(shape)));
}

Protocol protocol_of(std::uint64_t bytes) {
  return bytes <= kMostByPackets_bytes ? Protocol::packets : Protocol::slots;
}

/// One wave by one protocol.
class WaveWriter {
 public:
  WaveWriter(Protocol protocol, const device::WindowShape& shape) : protocol_(protocol), shape_(shape) {}

  void add(const DeviceTransfer& transfer) {
    const std::uint32_t channels = channels_of(transfer.bytes, shape_);
    const std::uint64_t per_channel = (transfer.bytes + channels * 64 - 1) / (channels * 64) * 64;
    const std::uint16_t first_instruction = add_instructions(transfer);
    for (std::uint32_t channel = 0; channel < channels; ++channel) {
      device::Share share;
      share.base = std::min(transfer.bytes, channel * per_channel);
      share.elements = std::min(per_channel, transfer.bytes - share.base);
      share.chunk_elements = protocol_ == Protocol::packets ? shape_.packet_slot_bytes : shape_.slot_bytes;
      device::Strand strand;
      strand.rounds = static_cast<std::uint32_t>(
          std::max<std::uint64_t>(1, (share.elements + share.chunk_elements - 1) / share.chunk_elements));
      strand.channel = static_cast<std::uint16_t>(channel);
      strand.first_instruction = first_instruction;
      strand.n_body = static_cast<std::uint16_t>(instructions_.size() - first_instruction);
      strand.first_link = static_cast<std::uint16_t>(links_.size() - 1);
      strand.n_links = 1;
      strand.first_share = static_cast<std::uint32_t>(shares_.size());
      shares_.push_back(share);
      strands_.push_back(strand);
    }
  }

  std::vector<std::byte> finish() {
    device::ProgramHeader header;
    header.n_shares = static_cast<std::uint32_t>(shares_.size());
    header.n_offsets = static_cast<std::uint32_t>(offsets_.size());
    header.n_strands = static_cast<std::uint32_t>(strands_.size());
    header.n_links = static_cast<std::uint32_t>(links_.size());
    header.n_instructions = static_cast<std::uint32_t>(instructions_.size());
    header.n_operands = static_cast<std::uint32_t>(operands_.size());
    append(&header, 1);
    append(shares_.data(), shares_.size());
    append(offsets_.data(), offsets_.size());  // of inputs
    append(offsets_.data(), offsets_.size());  // of outputs
    append(strands_.data(), strands_.size());
    append(links_.data(), links_.size());
    append(instructions_.data(), instructions_.size());
    append(operands_.data(), operands_.size());
    reinterpret_cast<device::ProgramHeader*>(image_.data())->image_bytes = static_cast<std::uint32_t>(image_.size());
    return std::move(image_);
  }

 private:
  /// The same for all channels: a message is cut like one block, and its link is the strand's only one.
  std::uint16_t add_instructions(const DeviceTransfer& transfer) {
    const auto first = static_cast<std::uint16_t>(instructions_.size());
    const auto position = static_cast<std::uint32_t>(offsets_.size());
    offsets_.push_back(transfer.address);
    device::Link link;
    link.peer = static_cast<std::uint16_t>(transfer.peer);
    (transfer.sends ? link.sends_per_round : link.receives_per_round) = 1;
    links_.push_back(link);
    if (transfer.sends) {
      move(Place::outgoing, Place::input, position);
      instructions_.back().flags |= device::kAcquires;
      if (protocol_ == Protocol::slots) synchronise(Opcode::signal, 2, device::kBarrierBefore);
    } else {
      if (protocol_ == Protocol::slots) synchronise(Opcode::wait, 0, device::kBarrierAfter);
      move(Place::output, Place::incoming, position);
      synchronise(Opcode::release, 2, device::kBarrierBefore);
    }
    return first;
  }

  void synchronise(Opcode opcode, std::uint16_t step, std::uint8_t flags) {
    Instruction instruction;
    instruction.opcode = opcode;
    instruction.step = step;
    instruction.flags = flags;
    instructions_.push_back(instruction);
  }

  void move(Place to, Place from, std::uint32_t position) {
    Instruction instruction;
    instruction.step = 1;
    instruction.first_source = static_cast<std::uint16_t>(operands_.size());
    instruction.n_sources = 1;
    instruction.destination.place = to;
    instruction.destination.position = position;
    Operand source;
    source.place = from;
    source.position = position;
    operands_.push_back(source);
    instructions_.push_back(instruction);
  }

  template <typename T>
  void append(const T* values, std::size_t count) {
    const auto* bytes = reinterpret_cast<const std::byte*>(values);
    image_.insert(image_.end(), bytes, bytes + count * sizeof(T));
  }

  Protocol protocol_;
  const device::WindowShape& shape_;
  std::vector<device::Share> shares_;
  std::vector<std::uint64_t> offsets_;
  std::vector<device::Strand> strands_;
  std::vector<device::Link> links_;
  std::vector<Instruction> instructions_;
  std::vector<Operand> operands_;
  std::vector<std::byte> image_;
};

}  // namespace

std::uint32_t pair_channels(const device::WindowShape& shape) {
  return std::clamp<std::uint32_t>(kStrandsPerWave / std::max<std::uint32_t>(1, 2 * (shape.n_ranks - 1)), 1,
                                   shape.channels);
}

std::vector<PairProgram> lower_pairs(std::span<const DeviceTransfer> transfers, const device::WindowShape& shape) {
  struct Wave {
    std::vector<DeviceTransfer> by_packets;
    std::vector<DeviceTransfer> by_slots;
  };
  std::vector<Wave> waves;
  std::map<std::pair<Rank, bool>, std::size_t> next_wave;
  for (const DeviceTransfer& transfer : transfers) {
    const std::size_t wave = next_wave[{transfer.peer, transfer.sends}]++;
    if (waves.size() <= wave) waves.resize(wave + 1);
    const bool packets = protocol_of(transfer.bytes) == Protocol::packets;
    (packets ? waves[wave].by_packets : waves[wave].by_slots).push_back(transfer);
  }
  std::vector<PairProgram> programs;
  for (const Wave& wave : waves) {
    for (const Protocol protocol : {Protocol::packets, Protocol::slots}) {
      const auto& of_protocol = protocol == Protocol::packets ? wave.by_packets : wave.by_slots;
      if (of_protocol.empty()) continue;
      WaveWriter writer(protocol, shape);
      for (const DeviceTransfer& transfer : of_protocol) writer.add(transfer);
      PairProgram program;
      program.protocol = protocol;
      program.program.image = writer.finish();
      programs.push_back(std::move(program));
    }
  }
  return programs;
}

}  // namespace stretto
