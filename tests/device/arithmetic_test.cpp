// Device programs compute what the host's kernels compute, bit for bit: every type and operation, averages and
// pre-multiplied sums, on random codes and on those that are likely to hurt.
#include <gtest/gtest.h>

#include <cstring>

#include "algorithms/catalogue.hpp"
#include "base/datatypes.hpp"
#include "device_team.hpp"
#include "exec/reduce/reduce.hpp"
#include "reduce/arithmetic_oracle.hpp"

namespace stretto {
namespace {

using device::Protocol;
using test::RankCall;

constexpr int kRanks = 3;
constexpr std::size_t kCount = 250;

using Bytes = std::vector<std::byte>;

Bytes random_codes(strettoDataType_t type, std::mt19937_64& random) {
  const std::size_t bytes = data_type_bytes(type);
  const std::vector<oracle::Code> hard = oracle::hard_values(type);
  Bytes codes(kCount * bytes);
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::uint64_t code = random() % 2 == 0 ? random() : hard[random() % hard.size()];
    std::memcpy(codes.data() + i * bytes, &code, bytes);
  }
  return codes;
}

/// What the host's kernels make of the inputs, in rank order and in one step, as a one-shot plan has it.
Bytes on_host(strettoDataType_t type, strettoRedOp_t op, const std::vector<Bytes>& inputs) {
  std::vector<const void*> sources;
  for (const Bytes& input : inputs) sources.push_back(input.data());
  Bytes result(inputs.front().size());
  find_reduce(type, op)(result.data(), sources.data(), kRanks, kCount, op == strettoAvg ? kRanks : 1);
  return result;
}

struct Case {
  strettoDataType_t type = strettoFloat32;
  strettoRedOp_t op = strettoSum;
  Protocol protocol = Protocol::packets;
  const std::vector<std::uint64_t>* scalars = nullptr;  ///< by rank
};

std::vector<Bytes> on_device(const Case& c, const std::vector<Bytes>& inputs) {
  PlanSpec spec;
  spec.algorithm = "one_shot";
  spec.n_ranks = kRanks;
  device::WindowShape shape;
  shape.n_ranks = kRanks;
  shape.packet_slot_bytes = 1024;
  shape.slot_bytes = 1024;
  test::DeviceTeam team(shape, 1);
  std::vector<PreparedPlan> plans;
  for (Rank rank = 0; rank < kRanks; ++rank) plans.push_back(prepare(make_plan(spec, rank), {}));
  std::vector<DeviceProgram> programs;
  std::vector<Bytes> outputs(kRanks, Bytes(inputs.front().size()));
  std::vector<RankCall> calls(kRanks);
  for (const PreparedPlan& plan : plans) {
    programs.push_back(lower(bind_request({spec.collective, kCount, c.type, c.op, -1}, plan, 1024), c.protocol));
  }
  for (std::size_t rank = 0; rank < kRanks; ++rank) {
    calls[rank] = {&programs[rank], inputs[rank].data(), outputs[rank].data(), 0, false};
    if (c.scalars == nullptr) continue;
    calls[rank].scalar = (*c.scalars)[rank];
    calls[rank].multiplies = true;
  }
  team.run(c.protocol, c.type, c.op, true, calls);
  return outputs;
}

class DeviceArithmetic : public testing::TestWithParam<int> {};

TEST_P(DeviceArithmetic, EveryOperation_GivesTheHostsBits) {
  const auto type = static_cast<strettoDataType_t>(GetParam());
  std::mt19937_64 random(static_cast<std::uint64_t>(GetParam()));
  for (const strettoRedOp_t op : {strettoSum, strettoProd, strettoMax, strettoMin, strettoAvg}) {
    std::vector<Bytes> inputs;
    for (int rank = 0; rank < kRanks; ++rank) inputs.push_back(random_codes(type, random));
    const Bytes expected = on_host(type, op, inputs);
    for (const Protocol protocol : {Protocol::packets, Protocol::slots}) {
      for (const Bytes& output : on_device({type, op, protocol, nullptr}, inputs)) {
        EXPECT_EQ(output, expected) << red_op_name(op) << (protocol == Protocol::packets ? " packets" : " slots");
      }
    }
  }
}

TEST_P(DeviceArithmetic, PreMultipliedSums_GiveTheHostsBits) {
  const auto type = static_cast<strettoDataType_t>(GetParam());
  std::mt19937_64 random(100 + static_cast<std::uint64_t>(GetParam()));
  std::vector<std::uint64_t> scalars;
  std::vector<Bytes> inputs;
  std::vector<Bytes> products;
  for (int rank = 0; rank < kRanks; ++rank) {
    scalars.push_back(random());
    inputs.push_back(random_codes(type, random));
    products.emplace_back(inputs.back().size());
    find_scale(type)(products.back().data(), inputs.back().data(), kCount, scalars.back());
  }
  const Bytes expected = on_host(type, strettoSum, products);
  for (const Protocol protocol : {Protocol::packets, Protocol::slots}) {
    for (const Bytes& output : on_device({type, strettoSum, protocol, &scalars}, inputs)) EXPECT_EQ(output, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, DeviceArithmetic, testing::Range(0, static_cast<int>(strettoNumDataTypes)),
                         [](const auto& instance) {
                           return std::string(data_type_name(static_cast<strettoDataType_t>(instance.param)));
                         });

}  // namespace
}  // namespace stretto
