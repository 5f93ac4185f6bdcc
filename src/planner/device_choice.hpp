// Chooses how a device communicator carries out an operation: algorithm, protocol, channels. A pure function of numbers
// that all ranks share, so that all choose alike.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "planner/planner.hpp"

namespace stretto {

/// What an operation of two GPUs takes, from one to the next on a stream: a start and so much for each byte that
/// crosses the link in a direction; all else that is done is hidden behind that. What was measured is of plans that
/// were chosen, so these predict, and do not choose: they cannot say where one protocol overtakes the other.
///
/// Rank 0's count for all ranks: what `stretto tune` measured, or the defaults, fitted (fit_line) to the reports of two
/// H200s with NVLink in perf/results/gpu by tests/plan/device_prediction_test.cpp, which fails where these are no
/// longer what the reports give.
struct PairTimes {
  Picoseconds packets_start = 6'811'000;
  std::uint64_t packets_byte_fs = 5'448;  ///< femtoseconds
  Picoseconds slots_start = 9'299'000;
  std::uint64_t slots_byte_fs = 2'882;

  bool operator==(const PairTimes&) const = default;
};

/// A field of PairTimes, for whatever reads, writes or prints them all.
struct PairTimeRow {
  std::string_view name;  ///< with the unit
  std::uint64_t PairTimes::*field;
  std::uint64_t most;  ///< what a sane machine cannot exceed
};

std::span<const PairTimeRow> pair_time_rows() noexcept;

/// The same where an operation is replayed with its graph, which spares the launch: as much as the reports say.
PairTimes in_graph(const PairTimes& eager);

/// What a GPU's links cost, by each protocol; equal on all ranks, since it comes from rank 0.
struct DeviceModel {
  LinkModel packets;
  LinkModel slots;
  /// What a program by slots takes before and after its bytes move, more than packets do.
  Picoseconds slots_start = 6'000'000;
  int max_channels = 64;
  /// What one block of threads moves at a time without a second turn: more channels than that would only wait.
  std::uint64_t packet_bytes_per_channel = 4 << 10;
  std::uint64_t slot_bytes_per_channel = 8 << 10;
  PairTimes pair;  ///< as operations are launched: eager, or in_graph()
};

/// Constants measured on two H100s with NVLink (packets: one trip of 1.1 us, half the bandwidth; slots: a fence on each
/// side). `slots_bytes`: capacity of a slot of each protocol.
DeviceModel default_device_model(std::uint64_t packet_slot_bytes, std::uint32_t packet_slots, std::uint64_t slot_bytes,
                                 std::uint32_t slots, int max_channels, const PairTimes& pair = {});

struct DeviceChoice {
  PlanSpec spec;
  bool by_packets = true;
  Picoseconds cost = 0;  ///< of two ranks: by PairTimes
};

/// @param forced name of an algorithm, or "" for the cheapest
/// Throws as choose_plan.
DeviceChoice choose_device_plan(Collective collective, std::uint64_t block_bytes, int n_ranks, Rank root,
                                const DeviceModel& model, std::string_view forced);

}  // namespace stretto
