#include "exec/content_hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace stretto {
namespace {

std::vector<unsigned char> random_bytes(std::size_t count, std::mt19937_64& random) {
  std::vector<unsigned char> bytes(count);
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random());
  return bytes;
}

TEST(ContentHash, OneBitOfAnySize_ChangesIt) {
  std::mt19937_64 random(1);
  for (std::size_t count = 1; count < 150; ++count) {
    std::vector<unsigned char> bytes = random_bytes(count, random);
    const std::uint64_t before = content_hash(bytes.data(), count, 7);
    for (std::size_t bit = 0; bit < 8 * count; ++bit) {
      bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ (1U << bit % 8));
      ASSERT_NE(content_hash(bytes.data(), count, 7), before) << "bit " << bit << " of " << count << " bytes";
      bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ (1U << bit % 8));
    }
    ASSERT_EQ(content_hash(bytes.data(), count, 7), before);
  }
}

TEST(ContentHash, SeedLengthAndOrder_Matter) {
  const std::vector<unsigned char> zeros(200, 0);
  std::set<std::uint64_t> seen;
  for (std::size_t count = 0; count < 200; ++count) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) seen.insert(content_hash(zeros.data(), count, seed));
  }
  EXPECT_EQ(seen.size(), 200U * 20U);
  std::mt19937_64 random(2);
  std::vector<unsigned char> bytes = random_bytes(128, random);
  const std::uint64_t before = content_hash(bytes.data(), bytes.size(), 0);
  for (const std::size_t width : {1UL, 8UL, 32UL, 64UL}) {
    std::vector<unsigned char> swapped = bytes;
    std::swap_ranges(swapped.begin(), swapped.begin() + static_cast<std::ptrdiff_t>(width),
                     swapped.begin() + static_cast<std::ptrdiff_t>(width));
    EXPECT_NE(content_hash(swapped.data(), swapped.size(), 0), before) << width;
  }
}

TEST(ContentHash, Alignment_DoesNotMatter) {
  std::mt19937_64 random(3);
  const std::vector<unsigned char> bytes = random_bytes(301, random);
  const std::uint64_t expected = content_hash(bytes.data(), bytes.size(), 5);
  for (std::size_t shift = 1; shift < 9; ++shift) {
    std::vector<unsigned char> shifted(shift);
    shifted.insert(shifted.end(), bytes.begin(), bytes.end());
    EXPECT_EQ(content_hash(shifted.data() + shift, bytes.size(), 5), expected);
  }
}

}  // namespace
}  // namespace stretto
