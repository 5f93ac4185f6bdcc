// A random call of the C API as all ranks see it: what they agree on. How each rank makes it (in place, stream,
// addresses) is its own choice: see job.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "random/random.hpp"
#include "stretto/stretto.h"

namespace stretto::script {

enum class Kind : std::uint8_t {
  all_reduce,
  all_gather,
  reduce_scatter,
  broadcast,
  reduce,
  gather,
  scatter,
  all_to_all,
  all_gather_v,
  reduce_scatter_v,
  all_to_all_v,
  barrier,
  messages,  ///< sends and receives
};
constexpr int kKinds = 13;

enum class Op : std::uint8_t { sum, prod, max, min, avg, pre_multiplied };
constexpr int kOps = 6;

/// What the elements are, which decides how results are compared.
enum class Values : std::uint8_t {
  bits,   ///< any bits; results to the last bit
  hard,   ///< zeros, infinities, NaNs, neighbours; to the last bit
  small,  ///< of floats: no order of reduction rounds; to the last bit
  rough,  ///< of floats: within the bound that as many roundings as there can be have
};

struct Message {
  int from = 0;
  int to = 0;
  std::size_t count = 0;
};

struct Call {
  std::uint64_t seed = 0;  ///< of its inputs
  int n = 1;
  Kind kind = Kind::barrier;
  strettoDataType_t type = strettoUint8;
  Op op = Op::sum;
  Values values = Values::bits;
  int root = 0;
  std::size_t count = 0;            ///< of a block
  std::vector<std::size_t> counts;  ///< v-variants: by rank; all_to_all_v: [from * n + to]
  std::vector<Message> messages;    ///< in an order that all ranks can keep without groups
};

bool reduces(Kind kind);
bool is_float(strettoDataType_t type);
/// "ring", ...; nullptr: the planner's choice.
const char* random_algorithm(Random& random);
Call random_call(Random& random, int n);
/// Of the same kind, type, operation and root, with other sizes and inputs.
Call similar_call(const Call& call, Random& random);
/// One line, for whoever reads of its failure.
std::string to_string(const Call& call);

}  // namespace stretto::script
