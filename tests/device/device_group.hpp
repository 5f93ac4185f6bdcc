// The device programs of all ranks for one plan, and windows to run them in.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "algorithms/catalogue.hpp"
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

  /// In place: each input lies where its output will. Unaligned: nothing is where vectors would like it.
  std::vector<Buffer> run(const CollectiveCase& c, const std::vector<Buffer>& inputs, bool in_place, bool unaligned) {
    const CollectiveRow& row = row_of(c.collective);
    const std::vector<DeviceProgram> programs = bind(c.count);
    std::vector<std::vector<std::byte>> in(inputs.size());
    std::vector<std::vector<std::byte>> out(inputs.size());
    std::vector<RankCall> calls(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::size_t shift = unaligned ? 1 + i : 0;
      const std::size_t in_bytes = inputs[i].size() * 8;
      const std::size_t out_bytes = c.count * blocks_of(c, row.output, i) * 8;
      const std::size_t in_at = shift + (in_place ? in_place_shift(c, row.input, i) * 8 : 0);
      const std::size_t out_at = shift + (in_place ? in_place_shift(c, row.output, i) * 8 : 0);
      out[i].resize(std::max(out_at + out_bytes, in_place ? in_at + in_bytes : 0) + 8, std::byte{0x5e});
      in[i].resize(in_at + in_bytes + 8, std::byte{0x5e});
      std::byte* from = (in_place ? out[i] : in[i]).data() + in_at;
      if (in_bytes > 0) std::memcpy(from, inputs[i].data(), in_bytes);
      calls[i].program = &programs[i];
      calls[i].input = from;
      calls[i].output = out[i].data() + out_at;
      calls[i].orders_halves = in_place;
    }
    results_ = team_.run(protocol_, strettoInt64, strettoSum, row.reduces, calls);
    std::vector<Buffer> outputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_TRUE(results_[i].failures.empty()) << "rank " << i << " gave up";
      Buffer output(c.count * blocks_of(c, row.output, i), kPoison);
      if (!output.empty()) std::memcpy(output.data(), calls[i].output, output.size() * 8);
      outputs.push_back(std::move(output));
      if (!in_place && !inputs[i].empty()) {
        EXPECT_EQ(std::memcmp(calls[i].input, inputs[i].data(), inputs[i].size() * 8), 0) << "an input was written";
      }
    }
    EXPECT_TRUE(team_.is_quiet()) << "signals, waits and credits do not balance";
    return outputs;
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
