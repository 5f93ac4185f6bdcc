// How a plan's work is repeated, for workloads.
#pragma once

#include <cstdint>

#include "plan/cost_model.hpp"
#include "plan/geometry.hpp"
#include "plan/plan.hpp"

namespace stretto {

/// Rounds of the busiest channel and bytes of a full chunk.
struct Rounds {
  Saturating count;
  Saturating chunk_bytes;
  Saturating channels;
};

inline Rounds rounds_of(const PlanSpec& spec, int chunks_per_block, std::uint64_t block_bytes, const LinkModel& link,
                        int parts_per_slot = 1) {
  const Geometry geometry({spec.blocks(), chunks_per_block, spec.channels, parts_per_slot}, block_bytes, 1,
                          link.slot_bytes);
  const Saturating count = geometry.rounds(0);
  const auto chunks = static_cast<std::uint64_t>(chunks_per_block);
  const auto channels = static_cast<std::uint64_t>(spec.channels);
  return {count, Saturating(block_bytes) / (count * chunks * channels), channels};
}

/// Of lone_rank_program().
inline Workload lone_rank_workload(const PlanSpec& spec, std::uint64_t block_bytes) {
  const Work work{static_cast<std::uint64_t>(spec.channels), block_bytes, 0};
  return {0, work, work};
}

}  // namespace stretto
