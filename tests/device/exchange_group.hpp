// One_shot's plans of all ranks, recognised as exchanges by packets or by wide packets, and windows to run them in.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "algorithms/catalogue.hpp"
#include "case_buffers.hpp"
#include "device_team.hpp"
#include "exec/device_exchange.hpp"
#include "support/collective_oracle.hpp"

namespace stretto::test {

inline device::WindowShape small_windows(int n_ranks, int channels) {
  device::WindowShape shape;
  shape.n_ranks = static_cast<std::uint32_t>(n_ranks);
  shape.channels = static_cast<std::uint32_t>(channels);
  shape.packet_slot_bytes = 1024;
  shape.slot_bytes = 64;
  shape.wide_channels = shape.channels;
  shape.wide_packets = 8;
  shape.refresh_period = 4;
  return shape;
}

/// One_shot's plans of all ranks, and windows for them.
class ExchangeGroup {
 public:
  static constexpr int kChannels = 2;

  ExchangeGroup(device::Protocol protocol, Collective collective, int n_ranks, Rank root, std::uint64_t seed)
      : team_(small_windows(n_ranks, kChannels), seed), protocol_(protocol), collective_(collective), root_(root) {
    PlanSpec spec;
    spec.collective = collective;
    spec.algorithm = "one_shot";
    spec.n_ranks = n_ranks;
    spec.root = root;
    spec.channels = kChannels;
    for (Rank rank = 0; rank < n_ranks; ++rank) plans_.push_back(prepare(make_plan(spec, rank), {}));
  }

  bool short_sum = false;  ///< run by the kernel for the smallest sums

  void change_to(device::Protocol protocol) { protocol_ = protocol; }
  DeviceTeam& team() { return team_; }
  const Plan& plan(std::size_t rank) const { return plans_[rank].plan; }
  const std::vector<RankResult>& results() const { return results_; }

  std::optional<device::Exchange> recognise(std::size_t rank, std::size_t count) const {
    const Request request{collective_, count, strettoInt64, strettoSum, root_};
    const device::WindowShape& shape = team_.shape();
    if (protocol_ == device::Protocol::packets) {
      return recognise_exchange(bind_request(request, plans_[rank], shape.packet_slot_bytes));
    }
    const std::size_t capacity_bytes = shape.wide_capacity_bytes();
    return recognise_wide_exchange(bind_request(request, plans_[rank], capacity_bytes), capacity_bytes);
  }

  /// All ranks, to their results.
  std::vector<Buffer> run(const CollectiveCase& c, const std::vector<Buffer>& inputs, bool in_place, bool unaligned) {
    std::vector<device::Exchange> exchanges;
    for (std::size_t i = 0; i < inputs.size(); ++i) exchanges.push_back(recognise(i, c.count).value());
    test::CaseBuffers buffers(c, inputs, in_place, unaligned);
    std::vector<RankCall> calls(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      calls[i].exchange = &exchanges[i];
      calls[i].channels = kChannels;
      calls[i].short_sum = short_sum;
      calls[i].input = buffers.input(i);
      calls[i].output = buffers.output(i);
    }
    const bool reduces = row_of(c.collective).reduces;
    results_ = team_.run(protocol_, strettoInt64, strettoSum, reduces, calls);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_TRUE(results_[i].failures.empty()) << "rank " << i << " gave up";
    }
    EXPECT_TRUE(team_.is_quiet()) << "messages and credits do not balance";
    return buffers.outputs();
  }

 private:
  DeviceTeam team_;
  device::Protocol protocol_;
  Collective collective_;
  Rank root_;
  std::vector<PreparedPlan> plans_;
  std::vector<RankResult> results_;
};

}  // namespace stretto::test
