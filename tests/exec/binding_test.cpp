// Bindings as numbers: blocks of very unequal sizes, and counts that no machine's memory holds.
#include "exec/binding.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <random>

#include "algorithms/catalogue.hpp"
#include "support/sim_ports.hpp"

namespace stretto {
namespace {

constexpr std::size_t kSlotBytes = 65'536;

class Bindings : public testing::Test {
 protected:
  PreparedPlan& plan(const char* algorithm, Collective collective, int n, Rank root = -1) {
    PlanSpec spec;
    spec.collective = collective;
    spec.algorithm = algorithm;
    spec.n_ranks = n;
    spec.root = root;
    spec.channels = find_algorithm(algorithm)->channel_multiple;
    plan_ = prepare(make_plan(spec, 0), network_.ports_of(0));
    return plan_;
  }

  SimNetwork network_{64, 2, 1};
  PreparedPlan plan_;
};

/// Each element of each block lies in one chunk of one round of one channel, in order, and no chunk exceeds a slot.
void expect_partition(const Binding& binding, const std::vector<std::size_t>& counts) {
  const Plan& plan = binding.plan->plan;
  for (std::size_t block = 0; block < counts.size(); ++block) {
    std::size_t next = 0;
    for (int channel = 0; channel < plan.spec.channels; ++channel) {
      const ChannelGeometry& geometry = binding.geometries_of(channel)[block];
      for (std::size_t round = 0; round < binding.rounds[static_cast<std::size_t>(channel)]; ++round) {
        for (std::size_t within = 0; within < geometry.chunks; ++within) {
          const Extent extent = geometry.chunk(round, within);
          ASSERT_LE(extent.count * binding.element_bytes, kSlotBytes);
          if (extent.count == 0) continue;
          ASSERT_EQ(extent.offset, next) << "block " << block;
          next += extent.count;
        }
      }
    }
    ASSERT_EQ(next, counts[block]) << "block " << block;
  }
}

TEST_F(Bindings, OfUnequalBlocks_PartEachOfThem) {
  std::mt19937_64 random(20261121);
  for (const char* const algorithm : {"ring", "tree", "one_shot"}) {
    PreparedPlan& prepared = plan(algorithm, Collective::all_gather, 5);
    for (int trial = 0; trial < 40; ++trial) {
      // From nothing to millions, side by side.
      std::vector<std::size_t> counts(5);
      for (std::size_t& count : counts) count = random() % 3 == 0 ? 0 : random() % (std::size_t{1} << (random() % 23));
      Binding binding = bind_request({Collective::all_gather, 8, strettoFloat16, strettoSum, -1}, prepared, kSlotBytes);
      BlockSizes sizes{counts, {0}, std::vector<std::size_t>(5, 0)};
      bind_sizes(binding, Collective::all_gather_v, sizes, kSlotBytes);
      EXPECT_EQ(binding.tag.count, std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
      expect_partition(binding, counts);
    }
  }
}

TEST_F(Bindings, OfOneHugeBlockAmongEmptyOnes_HaveItsRoundsForAll) {
  PreparedPlan& prepared = plan("ring", Collective::all_gather, 4);
  Binding binding = bind_request({Collective::all_gather, 1, strettoUint8, strettoSum, -1}, prepared, kSlotBytes);
  const std::size_t huge = std::size_t{1} << 40;
  bind_sizes(binding, Collective::all_gather_v, {{0, huge, 0, 1}, {0}, {0, 0, huge, huge}}, kSlotBytes);
  EXPECT_EQ(binding.tag.count, huge + 1);
  EXPECT_EQ(binding.rounds[0], huge / kSlotBytes);
  const ChannelGeometry* blocks = binding.geometries_of(0);
  EXPECT_EQ(blocks[0].chunk(5, 0).count, 0U);
  EXPECT_EQ(blocks[3].chunk(0, 0).count, 1U);
  EXPECT_EQ(blocks[3].chunk(binding.rounds[0] - 1, 0).count, 0U);
  const Extent last = blocks[1].chunk(binding.rounds[0] - 1, 0);
  EXPECT_EQ(last.offset + last.count, huge);
}

TEST_F(Bindings, OfTheSameSumInAnotherOrder_DifferInTheTag) {
  PreparedPlan& prepared = plan("ring", Collective::all_gather, 2);
  const auto tag = [&](std::vector<std::size_t> counts) {
    Binding binding = bind_request({Collective::all_gather, 1, strettoUint8, strettoSum, -1}, prepared, kSlotBytes);
    bind_sizes(binding, Collective::all_gather_v, {std::move(counts), {0}, {0, 0}}, kSlotBytes);
    return binding.tag;
  };
  EXPECT_EQ(tag({3, 5}), tag({3, 5}));
  EXPECT_NE(tag({3, 5}), tag({5, 3}));
  EXPECT_STREQ(differing_field(tag({3, 5}), tag({5, 3})), "recvcounts");
}

// Counts up to what a pointer difference can say, in any type: no overflow anywhere.
TEST_F(Bindings, OfCountsThatNoMemoryHolds_StayExact) {
  for (const char* const algorithm : {"ring", "tree", "one_shot", "two_shot"}) {
    PreparedPlan& prepared = plan(algorithm, Collective::all_reduce, 7);
    for (const strettoDataType_t type : {strettoUint8, strettoFloat16, strettoInt32, strettoFloat64}) {
      const std::size_t bytes = type == strettoUint8 ? 1 : type == strettoFloat16 ? 2 : type == strettoInt32 ? 4 : 8;
      const std::size_t most = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / bytes;
      for (const std::size_t count : {most, most - 1, most / 2 + 1, (std::size_t{1} << 31) + 13}) {
        const Binding binding =
            bind_request({Collective::all_reduce, count, type, strettoSum, -1}, prepared, kSlotBytes);
        EXPECT_EQ(binding.tag.count, count);
        EXPECT_EQ(binding.block_bytes, count * bytes);
        std::size_t begin = 0;
        for (const ChannelGeometry& channel : binding.channels) {
          EXPECT_EQ(channel.base, begin);
          begin += channel.elements;
          // The last round ends where the share does; chunks of the middle are next to one another.
          const Extent last = channel.chunk(channel.rounds - 1, channel.chunks - 1);
          EXPECT_EQ(last.offset + last.count, channel.base + channel.elements) << algorithm << " " << count;
          const std::size_t middle = channel.rounds / 2;
          const Extent before = channel.chunk(middle - 1, channel.chunks - 1);
          EXPECT_EQ(before.offset + before.count, channel.chunk(middle, 0).offset);
          EXPECT_LE(before.count * bytes, kSlotBytes);
        }
        EXPECT_EQ(begin, count);
      }
    }
  }
}

TEST_F(Bindings, ExtentsOfBuffers_ReachToTheLastBlock) {
  const auto extents = [&](Collective collective, Rank root) {
    PreparedPlan& prepared = plan("one_shot", collective, 3, root);  // of rank 0
    const BufferExtents found =
        extents_of(bind_request({collective, 5, strettoInt64, strettoSum, root}, prepared, kSlotBytes), {});
    return std::pair(found.input_bytes, found.output_bytes);
  };
  using Bytes = std::pair<std::size_t, std::size_t>;
  EXPECT_EQ(extents(Collective::all_reduce, -1), Bytes(40, 40));
  EXPECT_EQ(extents(Collective::all_gather, -1), Bytes(40, 120));
  EXPECT_EQ(extents(Collective::reduce_scatter, -1), Bytes(120, 40));
  EXPECT_EQ(extents(Collective::all_to_all, -1), Bytes(120, 120));
  EXPECT_EQ(extents(Collective::gather, 0), Bytes(40, 120));
  EXPECT_EQ(extents(Collective::gather, 1), Bytes(40, 0));
  PreparedPlan& prepared = plan("one_shot", Collective::all_gather, 3);
  Binding binding = bind_request({Collective::all_gather, 0, strettoInt64, strettoSum, -1}, prepared, kSlotBytes);
  const std::vector<std::size_t> counts = {4, 0, 2};
  bind_sizes(binding, Collective::all_gather_v, {counts, {0}, {800, 4000, 80}}, kSlotBytes);
  EXPECT_EQ(extents_of(binding, counts).input_bytes, 32U);
  EXPECT_EQ(extents_of(binding, counts).output_bytes, 832U) << "a block of nothing lies nowhere";
}

TEST(BufferOverlap, OfOneByte_IsSeenFromBothSides) {
  const std::byte memory[100] = {};
  const BufferExtents extents{10, 20};
  EXPECT_TRUE(overlap(memory, memory, extents));
  EXPECT_TRUE(overlap(memory + 9, memory, extents));
  EXPECT_TRUE(overlap(memory + 19, memory, extents));
  EXPECT_FALSE(overlap(memory + 20, memory, extents));
  EXPECT_TRUE(overlap(memory, memory + 9, extents));
  EXPECT_FALSE(overlap(memory, memory + 10, extents));
  EXPECT_FALSE(overlap(memory, memory, {0, 20})) << "nothing overlaps nothing";
  EXPECT_FALSE(overlap(memory, memory, {10, 0}));
}

}  // namespace
}  // namespace stretto
