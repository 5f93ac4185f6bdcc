// The device programs of all ranks for one plan, and windows to run them in.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "algorithms/catalogue.hpp"
#include "case_buffers.hpp"
#include "device_team.hpp"
#include "plan/pretended_groups.hpp"
#include "support/collective_oracle.hpp"

namespace stretto::test {

using device::Protocol;

constexpr std::int64_t kPoison = 0x5EADBEEF5EADBEEF;

inline device::WindowShape small_windows(int n_ranks, int channels) {
  device::WindowShape shape;
  shape.n_ranks = static_cast<std::uint32_t>(n_ranks);
  shape.channels = static_cast<std::uint32_t>(channels);
  shape.packet_slots = 2;
  shape.packet_slot_bytes = 512;
  shape.slots = 2;
  shape.slot_bytes = 512;
  shape.refresh_period = 4;
  return shape;
}

inline std::size_t slot_bytes(const device::WindowShape& shape, Protocol protocol) {
  return protocol == Protocol::packets ? shape.packet_slot_bytes : shape.slot_bytes;
}

inline PlanSpec spec_of(const AlgorithmRow& algorithm, Collective collective, int n_ranks, Rank root) {
  PlanSpec spec;
  spec.collective = collective;
  spec.algorithm = algorithm.name;
  spec.n_ranks = n_ranks;
  spec.root = row_of(collective).rooted ? root : -1;
  spec.channels = 2 * algorithm.channel_multiple;
  spec.groups = pretended_groups(algorithm, n_ranks, n_ranks + static_cast<int>(collective));
  return spec;
}

inline PlanSpec all_reduce_by(const char* algorithm, int n_ranks) {
  return spec_of(*find_algorithm(algorithm), Collective::all_reduce, n_ranks, -1);
}

/// The plans of all ranks, and windows for them.
class Group {
 public:
  Group(const PlanSpec& spec, Protocol protocol, std::uint64_t seed)
      : spec_(spec), protocol_(protocol), team_(shape_for(spec), seed) {
    for (Rank rank = 0; rank < spec.n_ranks; ++rank) plans_.push_back(prepare(make_plan(spec, rank), {}));
  }

  DeviceTeam& team() { return team_; }
  const Plan& plan(Rank rank) const { return plans_[static_cast<std::size_t>(rank)].plan; }

  std::vector<DeviceProgram> bind(std::size_t count) const {
    std::vector<DeviceProgram> programs;
    for (const PreparedPlan& plan : plans_) {
      const Request request{spec_.collective, count, strettoInt64, strettoSum, spec_.root};
      programs.push_back(lower(bind_request(request, plan, slot_bytes(team_.shape(), protocol_)), protocol_));
    }
    return programs;
  }

  std::vector<Buffer> run(const CollectiveCase& c, const std::vector<Buffer>& inputs, bool in_place, bool unaligned) {
    const std::vector<DeviceProgram> programs = bind(c.count);
    CaseBuffers buffers(c, inputs, in_place, unaligned);
    std::vector<RankCall> calls(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      calls[i].program = &programs[i];
      calls[i].input = buffers.input(i);
      calls[i].output = buffers.output(i);
      calls[i].orders_halves = in_place;
    }
    results_ = team_.run(protocol_, strettoInt64, strettoSum, row_of(c.collective).reduces, calls);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_TRUE(results_[i].failures.empty()) << "rank " << i << " gave up";
    }
    EXPECT_TRUE(team_.is_quiet()) << "signals, waits and credits do not balance";
    return buffers.outputs();
  }

  const std::vector<RankResult>& results() const { return results_; }
  /// From the next operation on.
  void change_to(Protocol protocol) { protocol_ = protocol; }

 private:
  static device::WindowShape shape_for(const PlanSpec& spec) {
    device::WindowShape shape = small_windows(spec.n_ranks, spec.channels);
    const Plan plan = make_plan(spec, 0);
    const auto least = 64 * static_cast<std::uint32_t>(plan.parts_per_slot);
    shape.packet_slot_bytes = std::max(shape.packet_slot_bytes, least);
    shape.slot_bytes = std::max(shape.slot_bytes, least);
    return shape;
  }

  PlanSpec spec_;
  Protocol protocol_;
  DeviceTeam team_;
  std::vector<PreparedPlan> plans_;
  std::vector<RankResult> results_;
};

}  // namespace stretto::test
