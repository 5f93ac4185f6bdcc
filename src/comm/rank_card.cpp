#include "comm/rank_card.hpp"

#include <bit>

#include "base/text.hpp"
#include "base/wire.hpp"

namespace stretto {
namespace {

std::uint64_t most(Knob knob) { return static_cast<std::uint64_t>(knob_rows()[static_cast<std::size_t>(knob)].most); }

/// 0: the cheapest, else the protocol's number and 1.
std::uint8_t encode(std::optional<DeviceProtocol> protocol) {
  return protocol ? static_cast<std::uint8_t>(static_cast<int>(*protocol) + 1) : std::uint8_t{0};
}

std::optional<DeviceProtocol> decode_protocol(std::uint8_t code) {
  if (code == 0) return std::nullopt;
  if (code > device_protocol_rows().size()) {
    throw Error(strettoRemoteError, format("it asks for protocol {}, and there is none", code));
  }
  return static_cast<DeviceProtocol>(code - 1);
}

/// Others compute with these numbers: sizes, and what they divide by.
void check(const Settings& settings) {
  const bool sane = settings.max_channels <= max_channels_most && settings.shm_slots <= most(Knob::shm_slots) &&
                    (settings.shm_slots == 0 || std::has_single_bit(settings.shm_slots)) &&
                    settings.shm_slot_bytes <= most(Knob::shm_slot_bytes) && settings.shm_slot_bytes % 64 == 0;
  for (const LinkConstantRow& row : link_constant_rows()) {
    if (settings.constants.*row.field <= row.most) continue;
    throw Error(strettoRemoteError,
                format("its constant {} is {}, and no machine's", row.name, settings.constants.*row.field));
  }
  for (const PairTimeRow& row : pair_time_rows()) {
    if (settings.pair_times.*row.field <= row.most) continue;
    throw Error(strettoRemoteError,
                format("its constant {} is {}, and no machine's", row.name, settings.pair_times.*row.field));
  }
  if (sane) return;
  throw Error(strettoRemoteError, format("{} channels and {} slots of {} bytes cannot be", settings.max_channels,
                                         settings.shm_slots, settings.shm_slot_bytes));
}

}  // namespace

std::vector<std::byte> encode(const RankCard& card) {
  WireWriter out;
  out.text(card.identity.host_name);
  out.text(card.identity.host_id);
  out.number(card.identity.process);
  out.number(card.identity.n_cores);
  out.number(card.identity.socket);
  out.text(card.settings.algorithm);
  out.number(static_cast<std::uint8_t>(card.settings.algorithm_from_config));
  out.number(encode(card.settings.protocol));
  out.number(card.settings.max_channels);
  out.number(card.settings.shm_slot_bytes);
  out.number(card.settings.shm_slots);
  out.number(encode(card.settings.debug));
  for (const LinkConstantRow& row : link_constant_rows()) out.number(card.settings.constants.*row.field);
  for (const PairTimeRow& row : pair_time_rows()) out.number(card.settings.pair_times.*row.field);
  out.number(card.resident_blocks);
  for (const std::byte byte : card.gpu) out.number(byte);
  return out.take();
}

RankCard decode_rank_card(std::span<const std::byte> bytes) {
  WireReader in(bytes);
  RankCard card;
  card.identity.host_name = in.text();
  card.identity.host_id = in.text();
  card.identity.process = in.number<std::int32_t>();
  card.identity.n_cores = in.number<std::int32_t>();
  card.identity.socket = in.number<std::int32_t>();
  card.settings.algorithm = in.text();
  card.settings.algorithm_from_config = in.number<std::uint8_t>() != 0;
  card.settings.protocol = decode_protocol(in.number<std::uint8_t>());
  card.settings.max_channels = in.number<std::uint32_t>();
  card.settings.shm_slot_bytes = in.number<std::uint64_t>();
  card.settings.shm_slots = in.number<std::uint32_t>();
  card.settings.debug = decode_debug_mode(in.number<std::uint8_t>());
  for (const LinkConstantRow& row : link_constant_rows())
    card.settings.constants.*row.field = in.number<std::uint64_t>();
  for (const PairTimeRow& row : pair_time_rows()) card.settings.pair_times.*row.field = in.number<std::uint64_t>();
  card.resident_blocks = in.number<std::uint32_t>();
  for (std::byte& byte : card.gpu) byte = in.number<std::byte>();
  check(card.settings);
  return card;
}

std::vector<std::byte> encode(const Descriptions& descriptions) {
  WireWriter out;
  for (const std::vector<std::byte>& blob : descriptions) out.blob(blob);
  return out.take();
}

Descriptions decode_descriptions(std::span<const std::byte> bytes) {
  Descriptions result;
  for (WireReader in(bytes); !in.at_end();) {
    const std::span<const std::byte> blob = in.blob();
    result.emplace_back(blob.begin(), blob.end());
  }
  return result;
}

}  // namespace stretto
