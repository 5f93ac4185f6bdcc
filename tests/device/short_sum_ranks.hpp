// Ranks that sum by the kernel for the smallest sums or by that for exchanges, as host threads.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "algorithms/catalogue.hpp"
#include "base/datatypes.hpp"
#include "device_team.hpp"
#include "exec/device_exchange.hpp"
#include "reduce/arithmetic_oracle.hpp"

namespace stretto::test {

using Bytes = std::vector<std::byte>;

inline constexpr std::byte kPoison{0x5e};
inline constexpr std::size_t kGuard_bytes = 16;

inline device::WindowShape windows_for(int n_ranks, int channels = 1) {
  device::WindowShape shape;
  shape.n_ranks = static_cast<std::uint32_t>(n_ranks);
  shape.channels = static_cast<std::uint32_t>(channels);
  shape.slot_bytes = 64;
  shape.packet_slot_bytes = 16 << 10;
  shape.refresh_period = 4;
  return shape;
}

/// Elements of each rank's part. The shares of several channels are whole lines.
inline std::size_t most_elements(int n_ranks, strettoDataType_t type, int channels = 1) {
  const std::size_t bytes = device::kMostShortSumParts / static_cast<std::size_t>(n_ranks - 1) * 8;
  if (channels == 1) return bytes / data_type_bytes(type);
  return bytes / device::kLine_bytes * device::kLine_bytes * static_cast<std::size_t>(channels) / data_type_bytes(type);
}

struct Sum {
  strettoDataType_t type = strettoInt64;
  strettoRedOp_t op = strettoSum;
  std::size_t count = 1;
  bool in_place = false;
  std::size_t shift_bytes = 0;  ///< of all buffers from their alignment
};

/// Which ranks run the kernel for the smallest sums, as bits.
using Short = std::uint32_t;
inline constexpr Short kAll = ~Short{0};

/// Ranks with windows.
class Ranks {
 public:
  Ranks(int n, std::uint64_t seed, int channels = 1)
      : n_(static_cast<std::size_t>(n)), channels_(channels), team_(windows_for(n, channels), seed) {
    for (const Collective collective : {Collective::all_reduce, Collective::broadcast}) {
      PlanSpec spec;
      spec.collective = collective;
      spec.algorithm = "one_shot";
      spec.n_ranks = n;
      spec.root = collective == Collective::broadcast ? 0 : -1;
      spec.channels = channels;
      auto& plans = collective == Collective::broadcast ? broadcasts_ : sums_;
      for (Rank rank = 0; rank < n; ++rank) plans.push_back(prepare(make_plan(spec, rank), {}));
    }
  }

  DeviceTeam& team() { return team_; }
  const Plan& plan(std::size_t rank) const { return sums_[rank].plan; }
  const std::vector<RankResult>& results() const { return results_; }

  device::Exchange exchange(std::size_t rank, const Sum& sum) const {
    return recognise({Collective::all_reduce, sum.count, sum.type, sum.op, -1}, sums_[rank]);
  }

  /// One sum of all ranks; their outputs. What lies around them must stay.
  std::vector<Bytes> run(const Sum& sum, const std::vector<Bytes>& inputs, Short which) {
    std::vector<Bytes> memory(n_);
    std::vector<Bytes> sources(n_);
    std::vector<device::Exchange> exchanges;
    std::vector<RankCall> calls(n_);
    const auto shift = static_cast<std::ptrdiff_t>(sum.shift_bytes);
    for (std::size_t rank = 0; rank < n_; ++rank) {
      const std::size_t bytes = inputs[rank].size();
      memory[rank].assign(sum.shift_bytes + bytes + kGuard_bytes, kPoison);
      sources[rank] = memory[rank];
      Bytes& source = sum.in_place ? memory[rank] : sources[rank];
      std::ranges::copy(inputs[rank], source.begin() + shift);
      exchanges.push_back(exchange(rank, sum));
      calls[rank].input = source.data() + shift;
      calls[rank].output = memory[rank].data() + shift;
    }
    for (std::size_t rank = 0; rank < n_; ++rank) {
      calls[rank].exchange = &exchanges[rank];
      calls[rank].channels = channels_;
      calls[rank].short_sum = (which >> rank & 1) != 0;
    }
    results_ = team_.run(device::Protocol::packets, sum.type, sum.op, true, calls);
    std::vector<Bytes> outputs;
    for (std::size_t rank = 0; rank < n_; ++rank) {
      EXPECT_TRUE(results_[rank].failures.empty()) << "rank " << rank << " gave up";
      const auto begin = memory[rank].begin() + shift;
      const auto end = begin + static_cast<std::ptrdiff_t>(inputs[rank].size());
      const auto is_poison = [](std::byte byte) { return byte == kPoison; };
      EXPECT_TRUE(std::all_of(memory[rank].begin(), begin, is_poison) &&
                  std::all_of(end, memory[rank].end(), is_poison))
          << "rank " << rank << " wrote around its output";
      outputs.emplace_back(begin, end);
    }
    return outputs;
  }

  /// Rank 0's message of one element goes to all others; those in `ranks` take part.
  void broadcast(std::int64_t value, Short ranks) {
    std::vector<std::int64_t> outputs(n_, value);
    std::vector<device::Exchange> exchanges;
    std::vector<RankCall> calls(n_);
    for (std::size_t rank = 0; rank < n_; ++rank) {
      exchanges.push_back(recognise({Collective::broadcast, 1, strettoInt64, strettoSum, 0}, broadcasts_[rank]));
      if (rank != 0) outputs[rank] = ~value;
    }
    for (std::size_t rank = 0; rank < n_; ++rank) {
      if ((ranks >> rank & 1) == 0) continue;
      calls[rank].exchange = &exchanges[rank];
      calls[rank].channels = channels_;
      calls[rank].input = &value;
      calls[rank].output = &outputs[rank];
    }
    team_.run(device::Protocol::packets, strettoInt64, strettoSum, false, calls);
    for (std::size_t rank = 0; rank < n_; ++rank) {
      const bool takes_part = (ranks >> rank & 1) != 0;
      EXPECT_EQ(outputs[rank], takes_part || rank == 0 ? value : ~value) << "rank " << rank;
    }
  }

  /// A sum of one element of which only `ranks` know, with a descriptor of each rank's own.
  std::vector<RankResult> run_some(Short ranks, Short which, const std::vector<std::uint32_t>& descriptors,
                                   std::vector<std::int64_t>& outputs) {
    const std::int64_t value = 1;
    std::vector<device::Exchange> exchanges;
    std::vector<RankCall> calls(n_);
    for (std::size_t rank = 0; rank < n_; ++rank) {
      exchanges.push_back(exchange(rank, {}));
      exchanges.back().descriptor = descriptors[rank];
    }
    for (std::size_t rank = 0; rank < n_; ++rank) {
      if ((ranks >> rank & 1) == 0) continue;
      calls[rank].exchange = &exchanges[rank];
      calls[rank].channels = channels_;
      calls[rank].input = &value;
      calls[rank].output = &outputs[rank];
      calls[rank].short_sum = (which >> rank & 1) != 0;
    }
    return team_.run(device::Protocol::packets, strettoInt64, strettoSum, true, calls);
  }

 private:
  device::Exchange recognise(const Request& request, const PreparedPlan& plan) const {
    return recognise_exchange(bind_request(request, plan, team_.shape().packet_slot_bytes)).value();
  }

  std::size_t n_;
  int channels_;
  DeviceTeam team_;
  std::vector<PreparedPlan> sums_;
  std::vector<PreparedPlan> broadcasts_;
  std::vector<RankResult> results_;
};

inline std::vector<Bytes> random_inputs(int n, const Sum& sum, std::mt19937_64& random) {
  const std::size_t bytes = data_type_bytes(sum.type);
  const std::vector<oracle::Code> hard = oracle::hard_values(sum.type);
  std::vector<Bytes> inputs(static_cast<std::size_t>(n), Bytes(sum.count * bytes));
  for (Bytes& input : inputs) {
    for (std::size_t i = 0; i < sum.count; ++i) {
      const std::uint64_t code = random() % 2 == 0 ? random() : hard[random() % hard.size()];
      std::memcpy(input.data() + i * bytes, &code, bytes);
    }
  }
  return inputs;
}

}  // namespace stretto::test
