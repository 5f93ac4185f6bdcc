// Chooses how a device communicator carries out an operation: algorithm, protocol, channels. A pure function of numbers
// that all ranks share, so that all choose alike.
#pragma once

#include <cstdint>
#include <string_view>

#include "planner/planner.hpp"

namespace stretto {

/// What an operation of two GPUs takes, from one to the next on a stream: a start and so much for each byte that
/// crosses the link in a direction; all else that is done is hidden behind that. Fitted (fit_line) to the reports of
/// two H200s with NVLink in perf/results/gpu, by tests/plan/device_prediction_test.cpp, which fails where these are no
/// longer what the reports give. The reports are of plans that were chosen, so these predict, and do not choose: they
/// cannot say where one protocol overtakes the other.
struct PairTimes {
  Picoseconds packets_start = 0;
  std::uint64_t packets_byte_fs = 0;  ///< femtoseconds
  Picoseconds slots_start = 0;
  std::uint64_t slots_byte_fs = 0;
};

/// @param in_graph replayed with its graph; else each operation is launched by itself, which takes longer
PairTimes pair_times(bool in_graph);

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
  PairTimes pair;
};

/// Constants measured on two H100s with NVLink (packets: one trip of 1.1 us, half the bandwidth; slots: a fence on each
/// side). `slots_bytes`: capacity of a slot of each protocol.
DeviceModel default_device_model(std::uint64_t packet_slot_bytes, std::uint32_t packet_slots, std::uint64_t slot_bytes,
                                 std::uint32_t slots, int max_channels, bool in_graph = false);

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
