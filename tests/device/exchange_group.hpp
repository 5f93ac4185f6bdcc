// One_shot's plans of all ranks, recognised as exchanges by packets or by wide packets, and windows to run them in.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <random>
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

  /// All ranks' calls of the same input, each to its own output.
  static std::vector<RankCall> calls_of(const std::vector<device::Exchange>& exchanges,
                                        const std::vector<std::int64_t>& in, std::vector<Buffer>& out) {
    std::vector<RankCall> calls(exchanges.size());
    for (std::size_t rank = 0; rank < exchanges.size(); ++rank) {
      calls[rank].exchange = &exchanges[rank];
      calls[rank].channels = kChannels;
      calls[rank].input = in.data();
      calls[rank].output = out[rank].data();
    }
    return calls;
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

/// Every collective, on each number of ranks and of each count, in place or not, at odd addresses or not.
inline void expect_the_oracles_results(device::Protocol protocol, std::initializer_list<int> numbers_of_ranks,
                                       std::initializer_list<std::size_t> counts, std::uint64_t first_seed) {
  std::mt19937_64 random(first_seed);
  for (const CollectiveRow& row : collective_rows()) {
    for (const int n_ranks : numbers_of_ranks) {
      const Rank root = row.rooted ? static_cast<Rank>(random() % static_cast<std::uint64_t>(n_ranks)) : -1;
      const std::uint64_t seed = random();
      SCOPED_TRACE(testing::Message() << row.name << " n=" << n_ranks << " root=" << root << " seed=" << seed);
      ExchangeGroup group(protocol, row.collective, n_ranks, root, seed);
      for (const std::size_t count : counts) {
        group.team().threads_per_block = 1 + static_cast<std::uint32_t>(random() % 3);
        const bool in_place = (can_be_in_place(row) || can_swap_in_place(row)) && random() % 2 == 0;
        const bool unaligned = random() % 3 == 0;
        const CollectiveCase c{row.collective, n_ranks, root, count};
        const std::vector<Buffer> inputs = random_inputs(c, random);
        ASSERT_EQ(group.run(c, inputs, in_place, unaligned), expected_outputs(c, inputs))
            << "count=" << count << " in place " << in_place << " unaligned " << unaligned;
      }
    }
  }
}

/// Of four ranks that sum `count` elements rank 1 does not come: the others name it, write no result and leave their
/// windows dead, so that the next operation ends at once, without a word.
inline void expect_an_absent_rank_is_named(device::Protocol protocol, std::size_t count) {
  constexpr std::int64_t kPoison = 0x5EADBEEF5EADBEEF;
  ExchangeGroup group(protocol, Collective::all_reduce, 4, -1, 23);
  group.team().timeout_ms = 100;
  const std::vector<std::int64_t> in(count, 1);
  std::vector<Buffer> out(4, Buffer(count, kPoison));
  std::vector<device::Exchange> exchanges;
  for (std::size_t rank = 0; rank < 4; ++rank) exchanges.push_back(group.recognise(rank, count).value());
  std::vector<RankCall> calls = ExchangeGroup::calls_of(exchanges, in, out);
  calls[1] = {};
  const auto results = group.team().run(protocol, strettoInt64, strettoSum, true, calls);
  for (const std::size_t rank : {0U, 2U, 3U}) {
    ASSERT_FALSE(results[rank].failures.empty()) << "rank " << rank;
    for (const Failure& failure : results[rank].failures) EXPECT_EQ(failure.peer, 1U);
    EXPECT_TRUE(group.team().is_dead(static_cast<Rank>(rank)));
    EXPECT_EQ(out[rank], Buffer(count, kPoison)) << "what was not received is not in the result";
  }
  group.team().timeout_ms = 20'000;
  const auto again = group.team().run(protocol, strettoInt64, strettoSum, true, calls);
  for (const std::size_t rank : {0U, 2U, 3U}) EXPECT_TRUE(again[rank].failures.empty());
}

}  // namespace stretto::test
