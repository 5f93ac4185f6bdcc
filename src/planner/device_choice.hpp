// Chooses how a device communicator carries out an operation: algorithm, protocol, channels. A pure function of numbers
// that all ranks share, so that all choose alike.
#pragma once

#include <cstdint>
#include <string_view>

#include "planner/planner.hpp"

namespace stretto {

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
};

/// Constants measured on two H100s with NVLink (packets: one trip of 1.1 us, half the bandwidth; slots: a fence on each
/// side). `slots_bytes`: capacity of a slot of each protocol.
DeviceModel default_device_model(std::uint64_t packet_slot_bytes, std::uint32_t packet_slots, std::uint64_t slot_bytes,
                                 std::uint32_t slots, int max_channels);

struct DeviceChoice {
  PlanSpec spec;
  bool by_packets = true;
  Picoseconds cost = 0;
};

/// @param forced name of an algorithm, or "" for the cheapest
/// Throws as choose_plan.
DeviceChoice choose_device_plan(Collective collective, std::uint64_t block_bytes, int n_ranks, Rank root,
                                const DeviceModel& model, std::string_view forced);

}  // namespace stretto
