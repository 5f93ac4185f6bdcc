// The buffers of all ranks for a case of a collective, in host memory: where the inputs are, where the outputs go.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "support/collective_oracle.hpp"

namespace stretto::test {

class CaseBuffers {
 public:
  /// In place: each input lies where its output will. Unaligned: nothing is where vectors would like it.
  CaseBuffers(const CollectiveCase& c, const std::vector<Buffer>& inputs, bool in_place, bool unaligned)
      : inputs_(inputs), in_place_(in_place) {
    const CollectiveRow& row = row_of(c.collective);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Memory rank;
      const std::size_t shift = unaligned ? 1 + i : 0;
      const std::size_t in_bytes = inputs[i].size() * 8;
      rank.out_bytes = c.count * blocks_of(c, row.output, i) * 8;
      rank.in_at = shift + (in_place ? in_place_shift(c, row.input, i) * 8 : 0);
      rank.out_at = shift + (in_place ? in_place_shift(c, row.output, i) * 8 : 0);
      const std::size_t end = std::max(rank.out_at + rank.out_bytes, in_place ? rank.in_at + in_bytes : 0);
      rank.out.resize(end + static_cast<std::size_t>(kGuard_bytes), kGuard);
      rank.in.resize(rank.in_at + in_bytes + static_cast<std::size_t>(kGuard_bytes), kGuard);
      ranks_.push_back(std::move(rank));
      if (in_bytes > 0) std::memcpy(memory_of_input(i) + ranks_[i].in_at, inputs[i].data(), in_bytes);
    }
  }

  const void* input(std::size_t rank) { return memory_of_input(rank) + ranks_[rank].in_at; }
  void* output(std::size_t rank) { return ranks_[rank].out.data() + ranks_[rank].out_at; }

  /// What the outputs hold now; inputs apart from them, and what lies behind the outputs, must be as they were.
  std::vector<Buffer> outputs() {
    std::vector<Buffer> all;
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      Buffer output(ranks_[i].out_bytes / 8);
      if (!output.empty()) std::memcpy(output.data(), this->output(i), ranks_[i].out_bytes);
      all.push_back(std::move(output));
      const bool kept = std::all_of(ranks_[i].out.end() - kGuard_bytes, ranks_[i].out.end(),
                                    [](std::byte byte) { return byte == kGuard; });
      EXPECT_TRUE(kept) << "rank " << i << " wrote beyond the end";
      if (!in_place_ && !inputs_[i].empty()) {
        EXPECT_EQ(std::memcmp(input(i), inputs_[i].data(), inputs_[i].size() * 8), 0) << "an input was written";
      }
    }
    return all;
  }

 private:
  static constexpr std::byte kGuard{0x5e};
  static constexpr std::ptrdiff_t kGuard_bytes = 8;
  struct Memory {
    std::vector<std::byte> in;
    std::vector<std::byte> out;
    std::size_t in_at = 0;
    std::size_t out_at = 0;
    std::size_t out_bytes = 0;
  };
  std::byte* memory_of_input(std::size_t rank) { return (in_place_ ? ranks_[rank].out : ranks_[rank].in).data(); }

  const std::vector<Buffer>& inputs_;
  bool in_place_;
  std::vector<Memory> ranks_;
};

}  // namespace stretto::test
