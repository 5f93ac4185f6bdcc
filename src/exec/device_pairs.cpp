#include "exec/device_pairs.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "device/kernel_arguments.hpp"
#include "exec/strand_lowering.hpp"

namespace stretto {
namespace {

using device::Instruction;
using device::Opcode;
using device::Operand;
using device::Place;
using device::Protocol;

constexpr std::uint64_t kBytesPerChannel = 16 << 10;
/// Of packets: one for each of a block's threads.
constexpr std::uint64_t kPacketBytesPerChannel = 4 << 10;
constexpr std::uint32_t kMostThreads = device::kMostThreadsPerBlock;
/// Of a program, after which the next messages have one of their own: with room for as many again, below
/// kMostImage_bytes.
constexpr std::size_t kEnough_bytes = device::kMostImage_bytes / 2;

/// Beyond half of what packets hold, the second trip of slots costs less than the packets' half of the bandwidth.
Protocol protocol_of(std::uint64_t bytes, const device::WindowShape& shape) {
  const std::uint64_t most = static_cast<std::uint64_t>(shape.channels) * shape.packet_slot_bytes / 2;
  return bytes <= most ? Protocol::packets : Protocol::slots;
}

/// `parts` > 0.
std::uint64_t divided_up(std::uint64_t bytes, std::uint64_t parts) {
  return parts == 0 ? bytes : (bytes + parts - 1) / parts;
}

/// Of a message's bytes: a receive of another size than the send would leave the two sides' counts apart.
std::uint16_t salt_of(std::uint64_t bytes) {
  const std::uint64_t mixed = (bytes + 1) * 0x9E3779B97F4A7C15ULL;
  return static_cast<std::uint16_t>(mixed >> 48);
}

/// How a message is cut.
struct Cut {
  Protocol protocol = Protocol::packets;
  std::uint32_t channels = 1;
  std::uint64_t per_channel_bytes = 0;  ///< whole lines; less on the last ones

  static Cut of(std::uint64_t bytes, const device::WindowShape& shape) {
    Cut cut;
    cut.protocol = protocol_of(bytes, shape);
    const bool packets = cut.protocol == Protocol::packets;
    const std::uint64_t wanted_bytes =
        packets ? std::min<std::uint64_t>(kPacketBytesPerChannel, shape.packet_slot_bytes) : kBytesPerChannel;
    cut.channels = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(divided_up(bytes, wanted_bytes), 1, packets ? shape.channels : pair_channels(shape)));
    cut.per_channel_bytes = divided_up(bytes, device::kLine_bytes * cut.channels) * device::kLine_bytes;
    return cut;
  }
  /// For as many threads as have a packet each, or for the most.
  std::uint32_t threads() const {
    if (protocol == Protocol::slots) return kMostThreads;
    const std::uint64_t packets = per_channel_bytes / device::kPacketPayload_bytes;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>((packets + 31) / 32 * 32, 32, kMostThreads));
  }
};

/// Messages of which those of one peer and direction come in their order.
class ProgramWriter {
 public:
  explicit ProgramWriter(const device::WindowShape& shape) : shape_(shape) {}

  void add(const DeviceTransfer& transfer) {
    const Cut cut = Cut::of(transfer.bytes, shape_);
    launch_.threads = std::max(launch_.threads, cut.threads());
    device::Link link;
    link.peer = static_cast<std::uint16_t>(transfer.peer);
    (transfer.sends ? link.sends_per_round : link.receives_per_round) = 1;
    link.salt = salt_of(transfer.bytes);
    device::Strand strand;
    strand.protocol = cut.protocol;
    strand.first_link = static_cast<std::uint16_t>(links_.size());
    strand.n_links = 1;
    links_.push_back(link);
    std::tie(strand.first_instruction, strand.n_body) = instructions_of(cut.protocol, transfer.sends);
    for (std::uint32_t channel = 0; channel < cut.channels; ++channel) {
      const std::uint64_t begin = std::min(transfer.bytes, channel * cut.per_channel_bytes);
      device::Share share;
      share.base = transfer.address + begin;
      share.elements = std::min(cut.per_channel_bytes, transfer.bytes - begin);
      share.chunk_elements = cut.protocol == Protocol::packets ? shape_.packet_slot_bytes : shape_.slot_bytes;
      strand.rounds =
          static_cast<std::uint32_t>(std::max<std::uint64_t>(1, divided_up(share.elements, share.chunk_elements)));
      strand.channel = static_cast<std::uint16_t>(channel);
      strand.first_share = static_cast<std::uint32_t>(shares_.size());
      shares_.push_back(share);
      block_of(transfer, channel).push_back(strand);
    }
  }

  /// Of the image, if it is finished now.
  std::size_t bytes() const {
    return sizeof(device::ProgramHeader) + shares_.size() * (sizeof(device::Share) + sizeof(device::Strand)) +
           links_.size() * sizeof(device::Link) + instructions_.size() * sizeof(Instruction) +
           operands_.size() * sizeof(Operand);
  }

  PairLaunch finish() {
    const std::vector<device::Strand> strands = chained();
    device::ProgramHeader header;
    header.n_shares = static_cast<std::uint32_t>(shares_.size());
    header.n_strands = static_cast<std::uint32_t>(strands.size());
    header.n_links = static_cast<std::uint32_t>(links_.size());
    header.n_instructions = static_cast<std::uint32_t>(instructions_.size());
    header.n_operands = static_cast<std::uint32_t>(operands_.size());
    header.image_bytes = static_cast<std::uint32_t>(bytes());
    DeviceProgram& program = launch_.program.emplace();
    program.image.resize(header.image_bytes);
    std::byte* to = program.image.data();
    const auto append = [&](const auto* values, std::size_t count) {
      if (count != 0) std::memcpy(to, values, count * sizeof *values);
      to += count * sizeof *values;
    };
    append(&header, 1);
    append(shares_.data(), shares_.size());
    append(strands.data(), strands.size());
    append(links_.data(), links_.size());
    append(instructions_.data(), instructions_.size());
    append(operands_.data(), operands_.size());
    launch_.blocks = static_cast<std::uint32_t>(blocks_.size());
    launch_.strands = header.n_strands;
    return std::move(launch_);
  }

 private:
  using Block = std::vector<device::Strand>;

  /// A channel's messages are one block's: it counts them.
  Block& block_of(const DeviceTransfer& transfer, std::uint32_t channel) {
    std::vector<std::size_t>& own = blocks_of_[{transfer.peer, transfer.sends}];
    const std::uint32_t which = channel % pair_channels(shape_);
    if (which == own.size()) {
      own.push_back(blocks_.size());
      blocks_.emplace_back();
    }
    return blocks_[own[which]];
  }

  /// The first ones of all blocks, by block, and what follows them.
  std::vector<device::Strand> chained() const {
    std::vector<device::Strand> strands;
    for (const Block& block : blocks_) strands.push_back(block.front());
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      std::size_t last = block;
      for (std::size_t i = 1; i < blocks_[block].size(); ++i) {
        strands[last].next = narrow(strands.size());
        last = strands.size();
        strands.push_back(blocks_[block][i]);
      }
    }
    return strands;
  }

  /// The same for all messages of one kind: first and count.
  std::pair<std::uint16_t, std::uint16_t> instructions_of(Protocol protocol, bool sends) {
    const auto [found, is_new] = patterns_.try_emplace({protocol, sends});
    if (!is_new) return found->second;
    const auto first = narrow(instructions_.size());
    const bool slots = protocol == Protocol::slots;
    if (sends) {
      move(Place::outgoing, Place::input);
      instructions_.back().flags |= device::kAcquires;
      if (slots) synchronise(Opcode::signal, 2, device::kBarrierBefore);
    } else {
      if (slots) synchronise(Opcode::wait, 0, device::kBarrierAfter);
      move(Place::output, Place::incoming);
      synchronise(Opcode::release, 2, device::kBarrierBefore);
    }
    found->second = {first, narrow(instructions_.size() - first)};
    return found->second;
  }

  void synchronise(Opcode opcode, std::uint16_t step, std::uint8_t flags) {
    Instruction& instruction = instructions_.emplace_back();
    instruction.opcode = opcode;
    instruction.step = step;
    instruction.flags = flags;
  }

  void move(Place to, Place from) {
    Instruction& instruction = instructions_.emplace_back();
    instruction.step = 1;
    instruction.first_source = narrow(operands_.size());
    instruction.n_sources = 1;
    instruction.destination.place = to;
    operands_.emplace_back().place = from;
  }

  const device::WindowShape& shape_;
  PairLaunch launch_;
  std::vector<device::Share> shares_;  ///< at absolute addresses, so that instructions need not tell messages apart
  std::vector<device::Link> links_;
  std::vector<Block> blocks_;
  std::map<std::pair<Rank, bool>, std::vector<std::size_t>> blocks_of_;  ///< by peer and direction
  std::map<std::pair<Protocol, bool>, std::pair<std::uint16_t, std::uint16_t>> patterns_;
  std::vector<Instruction> instructions_;
  std::vector<Operand> operands_;
};

/// Of each peer one message at most in each direction, by packets.
class ExchangeWriter {
 public:
  explicit ExchangeWriter(const device::WindowShape& shape) : shape_(shape) {}

  void add(const DeviceTransfer& transfer) {
    device::ExchangePeer& peer = peer_of(transfer.peer);
    const auto index = static_cast<std::uint8_t>(&peer - launch_.exchange.peers);
    const Cut cut = Cut::of(transfer.bytes, shape_);
    const auto lines = static_cast<std::uint16_t>(cut.per_channel_bytes / device::kLine_bytes);
    const auto channels = static_cast<std::uint16_t>(cut.channels);
    if (transfer.sends) {
      peer.send_offset = transfer.address;
      peer.send_bytes = static_cast<std::uint32_t>(transfer.bytes);
      peer.send_share_lines = lines;
      peer.send_channels = channels;
      peer.send_salt = salt_of(transfer.bytes);
      launch_.exchange.send_order[launch_.exchange.n_sends++] = index;
    } else {
      peer.receive_offset = transfer.address;
      peer.receive_bytes = static_cast<std::uint32_t>(transfer.bytes);
      peer.receive_share_lines = lines;
      peer.receive_channels = channels;
      peer.receive_salt = salt_of(transfer.bytes);
      launch_.exchange.take_order[launch_.exchange.n_takes++] = index;
    }
    launch_.blocks = std::max<std::uint32_t>(launch_.blocks, channels);
    launch_.strands = launch_.blocks;
    launch_.threads = std::max(launch_.threads, cut.threads());
  }
  const PairLaunch& launch() const { return launch_; }

 private:
  std::uint32_t find(Rank rank) const {
    std::uint32_t i = 0;
    while (i < launch_.exchange.n_peers && static_cast<Rank>(launch_.exchange.peers[i].rank) != rank) ++i;
    return i;
  }
  device::ExchangePeer& peer_of(Rank rank) {
    const std::uint32_t i = find(rank);
    if (i == launch_.exchange.n_peers) ++launch_.exchange.n_peers;
    launch_.exchange.peers[i].rank = static_cast<std::uint16_t>(rank);
    return launch_.exchange.peers[i];
  }

  const device::WindowShape& shape_;
  PairLaunch launch_;
};

using Wave = std::vector<DeviceTransfer>;

/// The k-th messages of all peers and directions are wave k.
std::vector<Wave> waves_of(std::span<const DeviceTransfer> transfers) {
  std::vector<Wave> waves;
  std::map<std::pair<Rank, bool>, std::size_t> next_wave;
  for (const DeviceTransfer& transfer : transfers) {
    const std::size_t wave = next_wave[{transfer.peer, transfer.sends}]++;
    if (waves.size() <= wave) waves.resize(wave + 1);
    waves[wave].push_back(transfer);
  }
  return waves;
}

bool fits_an_exchange(const Wave& wave, const device::WindowShape& shape) {
  std::set<Rank> peers;
  for (const DeviceTransfer& transfer : wave) {
    if (protocol_of(transfer.bytes, shape) != Protocol::packets) return false;
    peers.insert(transfer.peer);
  }
  return peers.size() <= device::kMostExchangePeers;
}

}  // namespace

std::uint32_t pair_channels(const device::WindowShape& shape) {
  return std::clamp<std::uint32_t>(shape.channels / std::max<std::uint32_t>(1, shape.n_ranks - 1), 1, shape.channels);
}

std::vector<PairLaunch> lower_pairs(std::span<const DeviceTransfer> transfers, const device::WindowShape& shape) {
  const std::vector<Wave> waves = waves_of(transfers);
  std::vector<PairLaunch> launches;
  if (waves.size() == 1 && fits_an_exchange(waves.front(), shape)) {
    ExchangeWriter writer(shape);
    for (const DeviceTransfer& transfer : waves.front()) writer.add(transfer);
    launches.push_back(writer.launch());
    return launches;
  }
  std::optional<ProgramWriter> writer;
  for (const Wave& wave : waves) {
    if (writer && writer->bytes() > kEnough_bytes) {
      launches.push_back(writer->finish());
      writer.reset();
    }
    if (!writer) writer.emplace(shape);
    for (const DeviceTransfer& transfer : wave) writer->add(transfer);
  }
  if (writer) launches.push_back(writer->finish());
  return launches;
}

}  // namespace stretto
