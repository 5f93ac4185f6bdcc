#include "plan/geometry.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace stretto {
namespace {

// Every element of the logical vector belongs to exactly one (channel, round, chunk), whatever the numbers.
TEST(Geometry, RandomShapes_PartitionTheVector) {
  std::mt19937 random(20261121);
  for (int trial = 0; trial < 2000; ++trial) {
    auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    const Shape shape{pick(1, 5), pick(1, 6), pick(1, 4), pick(1, 3)};
    const std::size_t element_bytes = std::size_t{1} << pick(0, 3);
    const auto parts = static_cast<std::size_t>(shape.parts_per_slot);
    const std::size_t slot_bytes = parts * 64U << pick(0, 3);
    const auto count = static_cast<std::size_t>(pick(0, 3) == 0 ? pick(0, 20) : pick(0, 3000));
    const Geometry geometry(shape, count, element_bytes, slot_bytes);
    std::vector<int> owners(static_cast<std::size_t>(shape.blocks) * count);
    for (int channel = 0; channel < shape.channels; ++channel) {
      ASSERT_GE(geometry.rounds(channel), 1U);
      for (std::size_t round = 0; round < geometry.rounds(channel); ++round) {
        for (int chunk = 0; chunk < shape.blocks * shape.chunks_per_block; ++chunk) {
          const Extent extent = geometry.chunk(channel, round, chunk);
          ASSERT_LE(extent.count * element_bytes, slot_bytes / parts);
          ASSERT_LE(extent.count, geometry.channel(channel).part_stride());
          ASSERT_LE(geometry.channel(channel).part_stride() * parts * element_bytes, slot_bytes);
          for (std::size_t i = 0; i < extent.count; ++i) ++owners.at(extent.offset + i);
        }
      }
    }
    for (std::size_t i = 0; i < owners.size(); ++i) ASSERT_EQ(owners[i], 1) << "trial " << trial << " element " << i;
  }
}

TEST(Geometry, CountsBeyond32Bits_StayExact) {
  const std::size_t count = (std::size_t{1} << 33) + 7;
  const Geometry geometry({1, 2, 1}, count, 1, 1 << 20);
  const std::size_t last = geometry.rounds(0) - 1;
  const Extent extent = geometry.chunk(0, last, 1);
  EXPECT_EQ(extent.offset + extent.count, count);
}

}  // namespace
}  // namespace stretto
