// One call of any collective, in any type and operation, as each rank makes it: how its buffers lie, what is in them,
// and the call itself. The same on the host and on GPUs, so that whole buffers can be held against one another.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "stretto/stretto.h"

namespace stretto::test {

enum class Sweep : std::uint8_t {
  // These reduce:
  all_reduce,
  reduce_scatter,
  reduce,
  reduce_scatter_v,
  // These move:
  all_gather,
  broadcast,
  gather,
  scatter,
  all_to_all,
  all_gather_v,
  all_to_all_v,
  ring_of_sends,
};
inline constexpr int kSweeps = 12;
constexpr bool reduces(Sweep collective) { return collective <= Sweep::reduce_scatter_v; }

/// Stands for an operation that each rank makes of its own scalar.
inline constexpr strettoRedOp_t kPreMulSum = strettoNumRedOps;

/// What sums are made of: `hard` has values that hurt and values whose sum depends on order and rounding; the sums and
/// products of `exact` are the same in any order.
enum class Values : std::uint8_t { hard, exact };

struct SweepCall {
  Sweep collective = Sweep::all_reduce;
  int n_ranks = 1;
  strettoDataType_t type = strettoFloat32;
  strettoRedOp_t op = strettoSum;
  int root = 0;
  std::size_t count = 0;  ///< of a block; blocks of unequal sizes follow from it
  Values values = Values::hard;
  std::uint64_t seed = 0;
};

/// The memory of one rank in one call: guards, the input, the output; or one place for both.
struct Image {
  std::vector<std::byte> bytes;
  std::size_t input_at = 0;
  std::size_t output_at = 0;
  bool in_place = false;
};

/// All that lies around inputs, and all outputs before the call.
inline constexpr std::byte kSweepPoison{0x5e};

/// Ranks differ in whether they are in place, and in how their buffers miss their alignment: by elements, or bytes.
Image image_of(const SweepCall& call, int rank);
/// Issues the call. `memory` is where the image's bytes are.
strettoResult_t issue(const SweepCall& call, int rank, const Image& image, std::byte* memory, strettoComm_t comm,
                      strettoStream_t stream);
/// Whether any algorithm gives the same bits, whatever the inputs are.
bool any_order_gives_the_same(const SweepCall& call);
std::string text_of(const SweepCall& call);

}  // namespace stretto::test
