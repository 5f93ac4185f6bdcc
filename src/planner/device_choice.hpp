// Chooses how a device communicator carries out an operation: algorithm, protocol, channels. A pure function of numbers
// that all ranks share, so that all choose alike.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "planner/planner.hpp"

namespace stretto {

/// How messages travel between devices (device/program.hpp has the same).
enum class DeviceProtocol : std::uint8_t {
  packets,  ///< half payload, half flags: no second trip
  wide,     ///< wide packets: no second trip either, but for exchanges only: plans of one_shot, blocks of equal size
  slots,    ///< plain bytes, and a counter behind them
};

struct DeviceProtocolRow {
  DeviceProtocol protocol;
  std::string_view knob;  ///< as STRETTO_PROTOCOL names it
  std::string_view text;
};

/// By their numbers.
std::span<const DeviceProtocolRow> device_protocol_rows() noexcept;
std::string_view name_of(DeviceProtocol protocol) noexcept;

/// What an operation of two GPUs takes, from one to the next on a stream: a start and so much for each byte that
/// crosses the link in a direction; all else that is done is hidden behind that.
///
/// Rank 0's count for all ranks: what `stretto tune` measured, or the defaults, fitted (fit_line) to the reports of two
/// H200s with NVLink in perf/results/gpu by tests/plan/device_prediction_test.cpp, which fails where these are no
/// longer what the reports give.
struct PairTimes {
  Picoseconds packets_start = 6'154'000;
  std::uint64_t packets_byte_fs = 4'178;  ///< femtoseconds
  Picoseconds wide_start = 5'351'000;
  std::uint64_t wide_byte_fs = 3'421;
  Picoseconds slots_start = 19'685'000;
  std::uint64_t slots_byte_fs = 2'796;

  bool operator==(const PairTimes&) const = default;
};

/// A field of PairTimes, for whatever reads, writes or prints them all.
struct PairTimeRow {
  std::string_view name;  ///< with the unit
  std::uint64_t PairTimes::*field;
  std::uint64_t most;  ///< what a sane machine cannot exceed
};

std::span<const PairTimeRow> pair_time_rows() noexcept;

/// The same without the launch, behind which small operations hide what they take of the GPU.
PairTimes on_device(const PairTimes& eager);

/// The same where an operation is replayed with its graph: no launch either, and smaller slots.
PairTimes in_graph(const PairTimes& eager);

/// What a GPU's links cost, by each protocol; equal on all ranks, since it comes from rank 0.
struct DeviceModel {
  LinkModel packets;
  LinkModel wide;
  LinkModel slots;
  /// What a program by slots takes before and after its bytes move, more than packets do.
  Picoseconds slots_start = 6'000'000;
  int max_channels = 64;
  /// Wide packets have channels of their own, of one block of threads each where slots have two; 0: none.
  int wide_channels = 0;
  /// Of a block: kernels count its bytes with 32 bits.
  std::uint64_t wide_most_bytes = std::uint64_t{256} << 20;
  std::uint64_t wide_bytes_per_channel = 4 << 10;
  /// What one block of threads moves at a time without a second turn: more channels than that would only wait.
  std::uint64_t packet_bytes_per_channel = 4 << 10;
  std::uint64_t slot_bytes_per_channel = 8 << 10;
  PairTimes pair;    ///< as operations are launched: eager, or in_graph(): what is predicted
  PairTimes device;  ///< of the GPU alone, by default: what is chosen by
};

/// What holds messages, in numbers: a slot of each protocol.
struct DeviceSlots {
  std::uint64_t packet_bytes = 0;
  std::uint32_t packet_slots = 2;  ///< of wide packets as well
  std::uint64_t wide_bytes = 0;
  int wide_channels = 0;
  std::uint64_t slot_bytes = 0;
  std::uint32_t slots = 2;
};

/// `Shape`: device::WindowShape, which this room does not see.
template <class Shape>
DeviceSlots device_slots(const Shape& shape) {
  return {
      shape.packet_slot_bytes, shape.packet_slots, shape.wide_capacity_bytes(), static_cast<int>(shape.wide_channels),
      shape.slot_bytes,        shape.slots};
}

/// Constants measured on two H100s with NVLink (packets: one trip of 1.1 us, half the bandwidth; slots: a fence on each
/// side).
DeviceModel default_device_model(const DeviceSlots& slots, int max_channels, const PairTimes& eager = {},
                                 bool of_graphs = false);

/// Most ranks whose exchanges wide packets serve.
constexpr int kMostWideRanks = 8;

struct DeviceChoice {
  PlanSpec spec;
  DeviceProtocol protocol = DeviceProtocol::packets;
  Picoseconds cost = 0;  ///< of two ranks: by PairTimes
};

/// What was asked for instead of the cheapest.
struct DeviceForced {
  std::string_view algorithm;              ///< "": the cheapest
  std::optional<DeviceProtocol> protocol;  ///< wherever it can serve
};

/// Throws as choose_plan.
DeviceChoice choose_device_plan(Collective collective, std::uint64_t block_bytes, int n_ranks, Rank root,
                                const DeviceModel& model, const DeviceForced& forced = {});

}  // namespace stretto
