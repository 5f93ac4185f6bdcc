#include "planner/device_choice.hpp"

#include <algorithm>
#include <array>

namespace stretto {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000'000;
constexpr std::uint64_t kMicrosecondFs = 1'000'000'000;
constexpr std::array kPairTimeRows = {
    PairTimeRow{"packets_start_ps", &PairTimes::packets_start, kSecond},
    PairTimeRow{"packets_byte_fs", &PairTimes::packets_byte_fs, kMicrosecondFs},
    PairTimeRow{"slots_start_ps", &PairTimes::slots_start, kSecond},
    PairTimeRow{"slots_byte_fs", &PairTimes::slots_byte_fs, kMicrosecondFs},
};

/// A device's memory is one level, and its blocks share nothing that a model of cores would know of.
LinkModel device_link(Picoseconds message, Picoseconds byte, std::uint64_t slot_bytes, std::uint32_t slots) {
  LinkModel link;
  link.message = message;
  link.step = 20'000;
  link.byte_copied = link.cached_byte_copied = byte;
  link.byte_reduced = link.cached_byte_reduced = 1;
  link.cached_bytes = 0;
  link.slot_bytes = slot_bytes;
  link.slots = slots;
  return link;
}

/// As many as the bytes need, in multiples of what the algorithm wants.
std::int32_t channels_for(std::uint64_t bytes, std::uint64_t bytes_per_channel, std::int32_t multiple, int most) {
  const std::uint64_t wanted = std::max<std::uint64_t>(1, (bytes + bytes_per_channel - 1) / bytes_per_channel);
  const std::uint64_t groups =
      (std::min<std::uint64_t>(wanted, static_cast<std::uint64_t>(most)) + static_cast<std::uint64_t>(multiple) - 1) /
      static_cast<std::uint64_t>(multiple);
  const std::int32_t most_groups = std::max(1, most / multiple);
  return std::min(static_cast<std::int32_t>(groups), most_groups) * multiple;
}

Picoseconds pair_cost(const PairTimes& pair, bool by_packets, std::uint64_t block_bytes) {
  const Saturating bytes = Saturating(block_bytes) * (by_packets ? pair.packets_byte_fs : pair.slots_byte_fs) / 1000;
  return (bytes + (by_packets ? pair.packets_start : pair.slots_start)).value();
}

}  // namespace

std::span<const PairTimeRow> pair_time_rows() noexcept { return kPairTimeRows; }

PairTimes in_graph(const PairTimes& eager) {
  constexpr PairTimes kEager;
  constexpr Picoseconds kPacketsStart = 2'211'000;
  constexpr std::uint64_t kPacketsByteFs = 9'364;
  // Packets in a graph follow one another so closely that their bytes count for more than beside a launch.
  const std::uint64_t packets_byte_fs = eager.packets_byte_fs * kPacketsByteFs / kEager.packets_byte_fs;
  const Picoseconds packets_start = eager.packets_start * kPacketsStart / kEager.packets_start;
  // Of slots in graphs there are no reports: what they are taken to spare is what packets spare.
  const Picoseconds spared = std::min(eager.packets_start - packets_start, eager.slots_start / 2);
  return {packets_start, packets_byte_fs, eager.slots_start - spared, eager.slots_byte_fs};
}

DeviceModel default_device_model(std::uint64_t packet_slot_bytes, std::uint32_t packet_slots, std::uint64_t slot_bytes,
                                 std::uint32_t slots, int max_channels, const PairTimes& pair) {
  const auto channels = static_cast<std::uint64_t>(max_channels);
  DeviceModel model;
  model.max_channels = max_channels;
  model.pair = pair;
  // All channels' slots together are what is under way: rounds are counted in those.
  model.packets = device_link(1'100'000, 6, packet_slot_bytes * channels, packet_slots);
  model.slots = device_link(3'000'000, 3, slot_bytes * channels, slots);
  return model;
}

DeviceChoice choose_device_plan(Collective collective, std::uint64_t block_bytes, int n_ranks, Rank root,
                                const DeviceModel& model, std::string_view forced) {
  // Between two ranks each byte crosses once by one_shot, and others do no better; small ones have a kernel for it.
  if (n_ranks == 2 && forced.empty()) forced = "one_shot";
  // Which sends each block before it receives the one of its place, and so may be in place.
  if (can_swap_in_place(row_of(collective))) forced = "one_shot";
  const auto choose = [&](const LinkModel& link) {
    return choose_plan(collective, block_bytes, n_ranks, root, model.max_channels, link, forced);
  };
  LinkModel by_packets = model.packets;
  LinkModel by_slots = model.slots;
  // Of two ranks one_shot sends no byte more than others do, and by slots it sends while it sums. Of more ranks it
  // sends more; there the model, which prices a get like a put, although only puts cross the link, would make too
  // little of that.
  by_packets.sums_in_place = by_slots.sums_in_place = by_slots.duplex = n_ranks == 2;
  const PlanChoice packets = choose(by_packets);
  const PlanChoice slots = choose(by_slots);
  DeviceChoice choice;
  const Picoseconds cost_by_slots = slots.cost + model.slots_start;
  choice.by_packets = packets.cost <= cost_by_slots;
  choice.spec = choice.by_packets ? packets.spec : slots.spec;
  choice.cost =
      n_ranks == 2 ? pair_cost(model.pair, choice.by_packets, block_bytes) : std::min(packets.cost, cost_by_slots);
  choice.spec.channels =
      channels_for(block_bytes, choice.by_packets ? model.packet_bytes_per_channel : model.slot_bytes_per_channel,
                   choice.spec.channels, model.max_channels);
  return choice;
}

}  // namespace stretto
