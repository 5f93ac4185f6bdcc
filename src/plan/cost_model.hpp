// What communication costs, in integers, so that every rank computes the same numbers. An algorithm states the work of
// a plan (algorithms/*/workload.cpp); the model prices it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/saturating.hpp"

namespace stretto {

using Picoseconds = std::uint64_t;

/// What was measured of a machine, or is taken for it. Rank 0's count for all ranks. The defaults were fitted roughly
/// to shared memory on a virtual machine of two cores; `stretto tune` measures (docs/tuning.md).
struct LinkConstants {
  Picoseconds operation = 0;            ///< of a call, whatever it does: the same for all plans, so it decides nothing
  Picoseconds message = 250'000;        ///< from signal to wait, for an empty message
  Picoseconds step = 20'000;            ///< fixed cost of a step on the rank that runs it
  Picoseconds byte_copied = 100;        ///< put, get or copy, per byte, from memory
  Picoseconds byte_reduced = 120;       ///< per byte of each source, from memory
  Picoseconds cached_byte_copied = 20;  ///< the same for the first cached_bytes that a rank touches
  Picoseconds cached_byte_reduced = 40;
  std::uint64_t cached_bytes = 1 << 19;
  // Beyond that: what each of the first bytes costs more, before the processor fetches ahead of what is read.
  Picoseconds early_byte = 0;
  std::uint64_t early_bytes = 0;
  Picoseconds core_switch = 1'500'000;  ///< from one rank to the next where they share a core
  // What crossing from group to group costs beyond the rest. Not measured: no machine with two sockets was at hand.
  Picoseconds crossing_message = 150'000;
  Picoseconds byte_crossing = 20;  ///< per byte that leaves a group, all its ranks together

  bool operator==(const LinkConstants&) const = default;
};

/// A field of LinkConstants, for whatever reads, writes or prints them all.
struct LinkConstantRow {
  std::string_view name;  ///< with the unit: ps, bytes
  std::uint64_t LinkConstants::*field;
  std::uint64_t most;  ///< what a sane machine cannot exceed; sums of such costs stay far from 2^64
};

std::span<const LinkConstantRow> link_constant_rows() noexcept;

/// "message_ps=250000 step_ps=20000 ...", for the log.
std::string to_string(const LinkConstants& constants);

/// Of the slowest link that a plan uses; equal on all ranks.
struct LinkModel : LinkConstants {
  std::uint32_t ranks_per_core = 1;  ///< oversubscription: work of co-located ranks is serialised
  std::uint64_t slot_bytes = 1 << 16;
  std::uint32_t slots = 4;
  /// The group of each rank, as in PlanSpec::groups: ranks of a group share a socket. Empty: nothing is known, or all
  /// do.
  std::vector<std::int32_t> groups = {};
  // What executors of devices save (exec/device_program.hpp).
  bool sums_in_place = false;  ///< no copy out of scratch memory follows a sum
  bool duplex = false;         ///< Workload::sends is done beside the rest
};

/// Steps and bytes that one rank works through, or that lie along a path through several.
struct Work {
  Saturating steps;
  Saturating copied_bytes;
  Saturating reduced_bytes;  ///< of all sources
};

struct Workload {
  Saturating hops;                ///< messages of which each needs the one before
  Work path;                      ///< that must be done one after the other, whichever ranks do it
  Work rank;                      ///< all that the average rank does
  Saturating crossing_hops = 0;   ///< of the hops: from group to group
  Saturating crossing_bytes = 0;  ///< that leave the busiest group
  Work sends = {};                ///< of `path` and of `rank` alike: puts of the input, which need nothing of the rest
};

/// What an operation costs: the call itself, waiting for the hops, plus the work, be it the path's or, where ranks
/// share a core, that of all its ranks, or that of the link between groups.
struct Price {
  Picoseconds operation = 0;
  Picoseconds hops = 0;
  Picoseconds path = 0;
  Picoseconds core = 0;
  Picoseconds crossing = 0;  ///< of the bytes, between groups

  Picoseconds total() const;
};

Price price(const Workload& load, const LinkModel& link);

/// Work of `times` repetitions.
Work operator*(const Work& work, Saturating times);
Work operator+(const Work& a, const Work& b);
Work operator-(const Work& a, const Work& b);

/// Steps of a message: wait_credit, put, signal; wait, get, release.
inline constexpr std::uint64_t kSendSteps = 3;
inline constexpr std::uint64_t kReceiveSteps = 3;

}  // namespace stretto
