#include "planner/device_choice.hpp"

#include <algorithm>
#include <array>

namespace stretto {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000'000;
constexpr std::uint64_t kMicrosecondFs = 1'000'000'000;
constexpr std::array kProtocolRows = {
    DeviceProtocolRow{DeviceProtocol::packets, "packets", "packets"},
    DeviceProtocolRow{DeviceProtocol::wide, "wide", "wide packets"},
    DeviceProtocolRow{DeviceProtocol::slots, "slots", "slots"},
};
constexpr std::array kPairTimeRows = {
    PairTimeRow{"packets_start_ps", &PairTimes::packets_start, kSecond},
    PairTimeRow{"packets_byte_fs", &PairTimes::packets_byte_fs, kMicrosecondFs},
    PairTimeRow{"wide_start_ps", &PairTimes::wide_start, kSecond},
    PairTimeRow{"wide_byte_fs", &PairTimes::wide_byte_fs, kMicrosecondFs},
    PairTimeRow{"slots_start_ps", &PairTimes::slots_start, kSecond},
    PairTimeRow{"slots_byte_fs", &PairTimes::slots_byte_fs, kMicrosecondFs},
};

/// Dearer than packets', whose kernels are shorter.
constexpr Picoseconds kWideMessage = 3'500'000;

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

Picoseconds pair_cost(const PairTimes& pair, DeviceProtocol protocol, std::uint64_t block_bytes) {
  const auto cost = [&](Picoseconds start, std::uint64_t byte_fs) {
    return (Saturating(block_bytes) * byte_fs / 1000 + start).value();
  };
  switch (protocol) {
    case DeviceProtocol::packets:
      return cost(pair.packets_start, pair.packets_byte_fs);
    case DeviceProtocol::wide:
      return cost(pair.wide_start, pair.wide_byte_fs);
    case DeviceProtocol::slots:
      return cost(pair.slots_start, pair.slots_byte_fs);
  }
  return 0;
}

/// Of what was chosen. Where packets end, what follows is not faster, whatever two lines that were fitted apart say.
Picoseconds predicted(const DeviceModel& model, DeviceProtocol protocol, std::uint64_t block_bytes) {
  const Picoseconds cost = pair_cost(model.pair, protocol, block_bytes);
  const PairTimes& device = model.device;
  if (protocol == DeviceProtocol::packets || device.packets_byte_fs <= device.wide_byte_fs) return cost;
  const Picoseconds behind_ps = device.wide_start - std::min(device.wide_start, device.packets_start);
  const std::uint64_t end_bytes = behind_ps * 1000 / (device.packets_byte_fs - device.wide_byte_fs);
  return std::max(cost, pair_cost(model.pair, DeviceProtocol::packets, std::min(block_bytes, end_bytes)));
}

bool wide_can_serve(const DeviceModel& model, std::string_view algorithm, int n_ranks, std::uint64_t block_bytes) {
  return model.wide_channels > 0 && n_ranks > 1 && n_ranks <= kMostWideRanks &&
         (algorithm.empty() || algorithm == "one_shot") && block_bytes <= model.wide_most_bytes;
}

/// Where nobody has asked for them. Of more than two ranks nothing was measured: what a rank sends is taken to be as
/// far from what slots do better as between two.
bool wide_may_pay(int n_ranks, std::uint64_t block_bytes) {
  constexpr std::uint64_t kMostSent_bytes = 32 << 20;
  return n_ranks == 2 || (static_cast<std::uint64_t>(n_ranks) - 1) * block_bytes <= kMostSent_bytes;
}

}  // namespace

std::span<const DeviceProtocolRow> device_protocol_rows() noexcept { return kProtocolRows; }

std::string_view name_of(DeviceProtocol protocol) noexcept {
  return kProtocolRows[static_cast<std::size_t>(protocol)].text;
}

std::span<const PairTimeRow> pair_time_rows() noexcept { return kPairTimeRows; }

PairTimes on_device(const PairTimes& eager) {
  constexpr PairTimes kEager;
  constexpr Picoseconds kPacketsStart = 2'265'000;
  constexpr std::uint64_t kPacketsByteFs = 9'168;
  constexpr Picoseconds kWideStart = 4'712'000;
  constexpr std::uint64_t kWideByteFs = 3'287;
  PairTimes device;
  device.packets_start = eager.packets_start * kPacketsStart / kEager.packets_start;
  // Packets in a graph follow one another so closely that their bytes count for more than beside a launch.
  device.packets_byte_fs = eager.packets_byte_fs * kPacketsByteFs / kEager.packets_byte_fs;
  device.wide_start = eager.wide_start * kWideStart / kEager.wide_start;
  device.wide_byte_fs = eager.wide_byte_fs * kWideByteFs / kEager.wide_byte_fs;
  // Of such slots in graphs there are no reports: what they are taken to spare is what packets spare.
  device.slots_start = eager.slots_start - std::min(eager.packets_start - device.packets_start, eager.slots_start / 2);
  device.slots_byte_fs = eager.slots_byte_fs;
  return device;
}

PairTimes in_graph(const PairTimes& eager) {
  constexpr PairTimes kEager;
  constexpr Picoseconds kSlotsStart = 12'774'000;
  constexpr std::uint64_t kSlotsByteFs = 3'792;
  PairTimes graph = on_device(eager);
  graph.slots_start = eager.slots_start * kSlotsStart / kEager.slots_start;
  graph.slots_byte_fs = eager.slots_byte_fs * kSlotsByteFs / kEager.slots_byte_fs;
  return graph;
}

DeviceModel default_device_model(const DeviceSlots& slots, int max_channels, const PairTimes& eager, bool of_graphs) {
  // All channels' slots together are what is under way: rounds are counted in those.
  const auto channels = static_cast<std::uint64_t>(max_channels);
  DeviceModel model;
  model.max_channels = max_channels;
  model.wide_channels = slots.wide_channels;
  model.pair = of_graphs ? in_graph(eager) : eager;
  // What was measured on a stream has launches in it, which take as long as the host is slow, and says little of the
  // GPU.
  constexpr PairTimes kDefaults;
  model.device = of_graphs ? in_graph(kDefaults) : on_device(kDefaults);
  model.packets = device_link(1'100'000, 6, slots.packet_bytes * channels, slots.packet_slots);
  // A round's messages are sent before the last one's are taken: as if all were one.
  model.wide = device_link(kWideMessage, 3, std::uint64_t{1} << 30, slots.packet_slots);
  model.slots = device_link(3'000'000, 3, slots.slot_bytes * channels, slots.slots);
  return model;
}

DeviceChoice choose_device_plan(Collective collective, std::uint64_t block_bytes, int n_ranks, Rank root,
                                const DeviceModel& model, const DeviceForced& forced) {
  std::string_view algorithm = forced.algorithm;
  // Between two ranks each byte crosses once by one_shot, and others do no better; small ones have a kernel for it.
  if (n_ranks == 2 && algorithm.empty()) algorithm = "one_shot";
  // Which sends each block before it receives the one of its place, and so may be in place.
  if (can_swap_in_place(row_of(collective))) algorithm = "one_shot";
  const bool wide_serves = wide_can_serve(model, algorithm, n_ranks, block_bytes);
  const bool wide_is_forced = forced.protocol == DeviceProtocol::wide && wide_serves;
  std::optional<DeviceProtocol> only = forced.protocol;
  if (only == DeviceProtocol::wide && !wide_serves) only.reset();
  // What was measured of two ranks goes before what a model says.
  const bool is_measured = n_ranks == 2 && algorithm == "one_shot";
  std::optional<DeviceChoice> choice;
  const auto consider = [&](DeviceProtocol protocol, LinkModel link, std::string_view by, Picoseconds start) {
    if (only && protocol != *only) return;
    // Of two ranks one_shot sends no byte more than others do, and by slots it sends while it sums. Of more ranks it
    // sends more; there the model, which prices a get like a put, although only puts cross the link, would make too
    // little of that.
    link.sums_in_place = n_ranks == 2;
    link.duplex = n_ranks == 2 && protocol != DeviceProtocol::packets;
    const PlanChoice plan = choose_plan(collective, block_bytes, n_ranks, root, model.max_channels, link, by);
    const Picoseconds cost = is_measured ? pair_cost(model.device, protocol, block_bytes) : plan.cost + start;
    if (!choice || cost < choice->cost) choice = {plan.spec, protocol, cost};
  };
  // Beyond a message of each channel the kernel of packets is no short one.
  const bool is_one_message = block_bytes <= model.packets.slot_bytes;
  if (!is_measured || only || is_one_message) consider(DeviceProtocol::packets, model.packets, algorithm, 0);
  if (wide_is_forced || (wide_serves && wide_may_pay(n_ranks, block_bytes))) {
    consider(DeviceProtocol::wide, model.wide, "one_shot", 0);
  }
  consider(DeviceProtocol::slots, model.slots, algorithm, model.slots_start);
  if (n_ranks == 2) choice->cost = predicted(model, choice->protocol, block_bytes);
  const bool wide = choice->protocol == DeviceProtocol::wide;
  const std::uint64_t bytes_per_channel = wide                                          ? model.wide_bytes_per_channel
                                          : choice->protocol == DeviceProtocol::packets ? model.packet_bytes_per_channel
                                                                                        : model.slot_bytes_per_channel;
  choice->spec.channels = channels_for(block_bytes, bytes_per_channel, choice->spec.channels,
                                       wide ? model.wide_channels : model.max_channels);
  return *choice;
}

}  // namespace stretto
