#include "exec/device_pairs.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"

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

std::uint32_t channels_of(std::uint64_t bytes, const device::WindowShape& shape) {
  const std::uint64_t wanted = (bytes + kBytesPerChannel - 1) / kBytesPerChannel;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(wanted, 1, pair_channels(shape)));
}

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

/// What of one wave goes by slots.
class WaveWriter {
 public:
  explicit WaveWriter(const device::WindowShape& shape) : shape_(shape) {}

  void add(const DeviceTransfer& transfer) {
    const std::uint32_t channels = channels_of(transfer.bytes, shape_);
    const std::uint64_t per_channel = divided_up(transfer.bytes, channels * 64) * 64;
    const std::uint16_t first_instruction = add_instructions(transfer);
    for (std::uint32_t channel = 0; channel < channels; ++channel) {
      device::Share share;
      share.base = std::min(transfer.bytes, channel * per_channel);
      share.elements = std::min(per_channel, transfer.bytes - share.base);
      share.chunk_elements = shape_.slot_bytes;
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
    link.salt = salt_of(transfer.bytes);
    links_.push_back(link);
    if (transfer.sends) {
      move(Place::outgoing, Place::input, position);
      instructions_.back().flags |= device::kAcquires;
      synchronise(Opcode::signal, 2, device::kBarrierBefore);
    } else {
      synchronise(Opcode::wait, 0, device::kBarrierAfter);
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

  const device::WindowShape& shape_;
  std::vector<device::Share> shares_;
  std::vector<std::uint64_t> offsets_;
  std::vector<device::Strand> strands_;
  std::vector<device::Link> links_;
  std::vector<Instruction> instructions_;
  std::vector<Operand> operands_;
  std::vector<std::byte> image_;
};

/// What of one wave goes by packets: of each peer one message at most in each direction.
class ExchangeWriter {
 public:
  explicit ExchangeWriter(const device::WindowShape& shape) : shape_(shape) {}

  void add(const DeviceTransfer& transfer) {
    device::ExchangePeer& peer = peer_of(transfer.peer);
    const auto index = static_cast<std::uint8_t>(&peer - launch_.exchange.peers);
    const std::uint64_t per_channel = std::min<std::uint64_t>(kPacketBytesPerChannel, shape_.packet_slot_bytes);
    const std::uint64_t wanted =
        std::clamp<std::uint64_t>((transfer.bytes + per_channel - 1) / per_channel, 1, shape_.channels);
    const auto lines = static_cast<std::uint16_t>(divided_up(transfer.bytes, device::kLine_bytes * wanted));
    const auto channels = static_cast<std::uint16_t>(wanted);
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
    const std::uint32_t packets =
        lines * static_cast<std::uint32_t>(device::kLine_bytes / device::kPacketPayload_bytes);
    launch_.threads = std::clamp<std::uint32_t>((packets + 31) / 32 * 32, launch_.threads, kMostThreads);
  }
  bool has_room_for(Rank peer) const {
    return launch_.exchange.n_peers < device::kMostExchangePeers || find(peer) < launch_.exchange.n_peers;
  }
  const PairLaunch& launch() const { return launch_; }

 private:
  static constexpr std::uint32_t kMostThreads = 512;

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

/// In as few launches as have room for them.
void add_exchanges(std::vector<PairLaunch>& launches, const std::vector<DeviceTransfer>& transfers,
                   const device::WindowShape& shape) {
  std::optional<ExchangeWriter> writer;
  for (const DeviceTransfer& transfer : transfers) {
    if (writer && !writer->has_room_for(transfer.peer)) {
      launches.push_back(writer->launch());
      writer.reset();
    }
    if (!writer) writer.emplace(shape);
    writer->add(transfer);
  }
  if (writer) launches.push_back(writer->launch());
}

void add_program(std::vector<PairLaunch>& launches, const std::vector<DeviceTransfer>& transfers,
                 const device::WindowShape& shape) {
  WaveWriter writer(shape);
  for (const DeviceTransfer& transfer : transfers) writer.add(transfer);
  PairLaunch launch;
  launch.program.emplace();
  launch.program->image = writer.finish();
  launch.blocks = device::ProgramView(launch.program->image.data()).header->n_strands;
  launch.threads = 512;
  launches.push_back(std::move(launch));
}

bool fit_one_exchange(const std::vector<DeviceTransfer>& transfers) {
  std::set<Rank> peers;
  for (const DeviceTransfer& transfer : transfers) peers.insert(transfer.peer);
  return peers.size() <= device::kMostExchangePeers;
}

}  // namespace

std::uint32_t pair_channels(const device::WindowShape& shape) {
  return std::clamp<std::uint32_t>(shape.channels / std::max<std::uint32_t>(1, shape.n_ranks - 1), 1, shape.channels);
}

std::vector<PairLaunch> lower_pairs(std::span<const DeviceTransfer> transfers, const device::WindowShape& shape) {
  struct Wave {
    std::vector<DeviceTransfer> by_packets;
    std::vector<DeviceTransfer> by_slots;
  };
  std::vector<Wave> waves;
  std::map<std::pair<Rank, bool>, std::size_t> next_wave;
  for (const DeviceTransfer& transfer : transfers) {
    const std::size_t wave = next_wave[{transfer.peer, transfer.sends}]++;
    if (waves.size() <= wave) waves.resize(wave + 1);
    const bool packets = protocol_of(transfer.bytes, shape) == Protocol::packets;
    (packets ? waves[wave].by_packets : waves[wave].by_slots).push_back(transfer);
  }
  std::vector<PairLaunch> launches;
  for (const Wave& wave : waves) {
    // Where one launch cannot have all, those that send come before those that wait, so that nobody waits for what has
    // not been launched.
    const bool apart = !wave.by_slots.empty() || !fit_one_exchange(wave.by_packets);
    std::vector<DeviceTransfer> first = wave.by_packets;
    std::vector<DeviceTransfer> last;
    if (apart) {
      const auto takes =
          std::stable_partition(first.begin(), first.end(), [](const DeviceTransfer& each) { return each.sends; });
      last.assign(takes, first.end());
      first.erase(takes, first.end());
    }
    add_exchanges(launches, first, shape);
    if (!wave.by_slots.empty()) add_program(launches, wave.by_slots, shape);
    add_exchanges(launches, last, shape);
  }
  return launches;
}

}  // namespace stretto
