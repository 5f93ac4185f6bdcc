// docs/arithmetic.md, algorithm by algorithm: plans have the order of summation and the roundings that its table says,
// and what an all-reduce gives is that, bit for bit, in every type and operation.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

#include "algorithms/catalogue.hpp"
#include "api/api.hpp"
#include "base/datatypes.hpp"
#include "exec/documented_order.hpp"
#include "exec/plan_meaning.hpp"
#include "exec/reduce/arithmetic_oracle.hpp"
#include "plan/pretended_groups.hpp"
#include "plan/pretended_trees.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

using oracle::Code;

TEST(ArithmeticTable, OrderAndRoundings_AreTheDocumentedOnes) {
  for (const AlgorithmRow& algorithm : catalogue()) {
    if (!algorithm.supports(Collective::all_reduce)) continue;
    for (int n = 2; n <= 9; ++n) {
      const PlanSpec spec{Collective::all_reduce,
                          algorithm.name,
                          n,
                          -1,
                          algorithm.channel_multiple,
                          pretended_groups(algorithm, n, n),
                          pretended_parents(algorithm, Collective::all_reduce, n, -1, algorithm.channel_multiple, n,
                                            pretended_groups(algorithm, n, n))};
      const PlanMeaning meaning = meaning_of(spec);
      for (const auto& [place, term] : meaning.outputs) {
        const auto [rank, channel, chunk] = place;
        expect_documented(*term, spec, channel, chunk);
        EXPECT_EQ(to_string(*term), to_string(*meaning.outputs.at({0, channel, chunk}))) << "on rank " << rank;
      }
    }
  }
}

/// The bits of 1, and the bits of its mantissa.
struct FloatShape {
  strettoDataType_t type;
  Code one;
  int mantissa_bits;
};
constexpr FloatShape kFloats[] = {{strettoFloat16, 0x3C00, 10}, {strettoFloat32, 0x3F800000, 23},
                                  {strettoBfloat16, 0x3F80, 7}, {strettoFloat64, 0x3FF0000000000000, 52},
                                  {strettoFloat8e4m3, 0x38, 3}, {strettoFloat8e5m2, 0x3C, 2}};

/// Values that hurt, any bits, and, mostly, floats of about the same size, whose sums depend on order and rounding.
Code random_code(strettoDataType_t type, std::mt19937_64& random) {
  const std::size_t bits = 8 * data_type_bytes(type);
  const auto kind = random() % 16;
  if (kind == 0) {
    const std::vector<Code> hard = oracle::hard_values(type);
    return hard[random() % hard.size()];
  }
  const auto* shape =
      std::find_if(std::begin(kFloats), std::end(kFloats), [&](const auto& f) { return f.type == type; });
  if (kind == 1 || shape == std::end(kFloats)) return random() & (~Code{0} >> (64 - bits));
  const Code width = Code{4} << shape->mantissa_bits;
  return (shape->one - width / 2 + random() % width) | (random() % 2 << (bits - 1));
}

/// What a term is, of one element of all ranks' inputs.
Code value_of(const Term& term, strettoDataType_t type, strettoRedOp_t op, const std::vector<Code>& inputs) {
  if (term.is_input()) return inputs[static_cast<std::size_t>(term.rank)];
  std::vector<Code> values;
  for (const TermRef& source : term.sources) values.push_back(value_of(*source, type, op, inputs));
  const bool divides = op == strettoAvg && term.completes;
  return oracle::reduce(type, op == strettoAvg ? strettoSum : op, values,
                        divides ? static_cast<int>(inputs.size()) : 1);
}

struct Case {
  strettoDataType_t type = strettoFloat32;
  strettoRedOp_t op = strettoSum;
  bool in_place = false;
  std::vector<std::vector<Code>> inputs;   ///< by rank
  std::vector<std::vector<Code>> outputs;  ///< by rank
};

constexpr std::size_t kCount = 389;

std::vector<Case> every_case(int n, std::mt19937_64& random) {
  std::vector<Case> cases;
  for (int type = 0; type < strettoNumDataTypes; ++type) {
    for (const strettoRedOp_t op : {strettoSum, strettoProd, strettoMax, strettoMin, strettoAvg}) {
      Case c{static_cast<strettoDataType_t>(type), op, random() % 2 == 0, {}, {}};
      c.inputs.assign(static_cast<std::size_t>(n), std::vector<Code>(kCount));
      for (auto& input : c.inputs) {
        for (Code& code : input) code = random_code(c.type, random);
      }
      c.outputs.resize(static_cast<std::size_t>(n));
      cases.push_back(std::move(c));
    }
  }
  return cases;
}

void run_case(Case& c, std::size_t rank, strettoComm_t comm) {
  const std::size_t bytes = data_type_bytes(c.type);
  std::vector<unsigned char> in(kCount * bytes);
  std::vector<unsigned char> out(kCount * bytes, 0xA5);
  for (std::size_t i = 0; i < kCount; ++i) std::memcpy(&in[i * bytes], &c.inputs[rank][i], bytes);
  if (c.in_place) out = in;
  const void* from = c.in_place ? out.data() : in.data();
  EXPECT_EQ(strettoAllReduce(from, out.data(), kCount, c.type, c.op, comm, nullptr), strettoSuccess)
      << strettoGetLastError(comm);
  c.outputs[rank].assign(kCount, 0);
  for (std::size_t i = 0; i < kCount; ++i) std::memcpy(&c.outputs[rank][i], &out[i * bytes], bytes);
}

/// Holds every element to the term of the chunk that it lies in.
void check_case(const Case& c, const Binding& binding, const PlanMeaning& meaning) {
  std::size_t checked = 0;
  for (int channel = 0; channel < binding.plan->plan.spec.channels; ++channel) {
    const ChannelGeometry& geometry = binding.channels[static_cast<std::size_t>(channel)];
    for (std::size_t place = 0; place < geometry.rounds * geometry.chunks; ++place) {
      const std::size_t chunk = place % geometry.chunks;
      const Extent extent = geometry.chunk(place / geometry.chunks, chunk);
      const Term& term = *meaning.outputs.at({0, channel, static_cast<int>(chunk)});
      for (std::size_t i = extent.offset; i < extent.offset + extent.count; ++i, ++checked) {
        std::vector<Code> inputs;
        for (const auto& input : c.inputs) inputs.push_back(input[i]);
        const Code expected = value_of(term, c.type, c.op, inputs);
        for (std::size_t rank = 0; rank < c.outputs.size(); ++rank) {
          ASSERT_EQ(c.outputs[rank][i], expected)
              << data_type_name(c.type) << " " << red_op_name(c.op) << " of " << testing::PrintToString(inputs)
              << ", element " << i << " on rank " << rank << ": " << to_string(term);
        }
      }
    }
  }
  EXPECT_EQ(checked, kCount);
}

class ArithmeticOf : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    setenv("STRETTO_ALGORITHM", GetParam().c_str(), 1);
    setenv("STRETTO_SHM_SLOT_BYTES", "256", 1);  // several rounds
    setenv("STRETTO_TEST_SOCKETS", "2", 1);
  }
  void TearDown() override {
    unsetenv("STRETTO_ALGORITHM");
    unsetenv("STRETTO_SHM_SLOT_BYTES");
    unsetenv("STRETTO_TEST_SOCKETS");
  }
};

TEST_P(ArithmeticOf, AllReduce_GivesTheDocumentedBitsInEveryTypeAndOperation) {
  for (const int n : {1, 2, 3, 5, 8}) {
    if (knows_groups(find_algorithm(GetParam())->reach) && n < 3) continue;  // two ranks on a socket are needed
    SCOPED_TRACE(std::to_string(n) + " ranks");
    std::mt19937_64 random(20261124 + static_cast<unsigned>(n));
    std::vector<Case> cases = every_case(n, random);
    ThreadRanks ranks(n);
    ranks.run([&](int rank, strettoComm_t comm) {
      for (Case& c : cases) run_case(c, static_cast<std::size_t>(rank), comm);
    });
    for (const Case& c : cases) {
      const Request request{Collective::all_reduce, kCount, c.type, c.op, -1};
      const Binding& binding = ranks.comm(0)->participant->communicator().engine().bind(request);
      ASSERT_EQ(binding.plan->plan.spec.algorithm, GetParam());
      check_case(c, binding, meaning_of(binding.plan->plan.spec));
      if (HasFatalFailure()) return;
    }
  }
}

std::vector<std::string> algorithms() {
  std::vector<std::string> names;
  for (const AlgorithmRow& row : catalogue()) {
    if (row.supports(Collective::all_reduce)) names.emplace_back(row.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Algorithms, ArithmeticOf, testing::ValuesIn(algorithms()),
                         [](const auto& test) { return test.param; });

// Or the tests above would prove nothing: with their inputs, another order gives other bits.
TEST(ArithmeticTable, Inputs_TellOrdersOfSummationApart) {
  std::mt19937_64 random(1);
  const auto term_of = [](const char* algorithm) {
    return meaning_of({Collective::all_reduce, algorithm, 5, -1, 2}).outputs;
  };
  const TermRef terms[] = {term_of("one_shot").at({0, 0, 0}), term_of("ring").at({0, 0, 2}),
                           term_of("tree").at({0, 1, 0})};
  for (const FloatShape& shape : kFloats) {
    for (const strettoRedOp_t op : {strettoSum, strettoProd, strettoAvg}) {
      int differ = 0;
      for (int i = 0; i < 300; ++i) {
        std::vector<Code> inputs(5);
        for (Code& code : inputs) code = random_code(shape.type, random);
        std::set<Code> results;
        for (const TermRef& term : terms) results.insert(value_of(*term, shape.type, op, inputs));
        differ += results.size() > 1;
      }
      EXPECT_GE(differ, 10) << data_type_name(shape.type) << " " << red_op_name(op);
    }
  }
}

}  // namespace
}  // namespace stretto
