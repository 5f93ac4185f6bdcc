#include "sweep_call.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "base/datatypes.hpp"
#include "base/text.hpp"
#include "reduce/arithmetic_oracle.hpp"

namespace stretto::test {
namespace {

using oracle::Code;

constexpr std::size_t kGuardBytes = 64;
constexpr std::array<const char*, kSweeps> kNames{"all_reduce", "reduce_scatter", "reduce",       "reduce_scatter_v",
                                                  "all_gather", "broadcast",      "gather",       "scatter",
                                                  "all_to_all", "all_gather_v",   "all_to_all_v", "ring_of_sends"};

bool is_unequal(Sweep collective) {
  return collective == Sweep::reduce_scatter_v || collective == Sweep::all_gather_v ||
         collective == Sweep::all_to_all_v;
}

/// Elements that rank `from` has for rank `to`, or of block `to`, where blocks are unequal: some have none.
std::size_t block_count(const SweepCall& call, int from, int to) {
  if (!is_unequal(call.collective)) return call.count;
  const int kind = call.collective == Sweep::all_to_all_v ? from + 2 * to : to;
  const std::size_t third = call.count / 3;
  return kind % 3 == 0 ? call.count : kind % 3 == 1 ? third : call.count - third;
}

std::vector<std::size_t> counts_from(const SweepCall& call, int from) {
  std::vector<std::size_t> counts;
  for (int to = 0; to < call.n_ranks; ++to) counts.push_back(block_count(call, from, to));
  return counts;
}
std::vector<std::size_t> counts_to(const SweepCall& call, int to) {
  std::vector<std::size_t> counts;
  for (int from = 0; from < call.n_ranks; ++from) counts.push_back(block_count(call, from, to));
  return counts;
}

/// One behind the other, `gap` elements between them.
std::vector<std::size_t> places(const std::vector<std::size_t>& counts, std::size_t gap) {
  std::vector<std::size_t> at(counts.size(), 0);
  for (std::size_t i = 1; i < counts.size(); ++i) at[i] = at[i - 1] + counts[i - 1] + gap;
  return at;
}

std::size_t sum(const std::vector<std::size_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::size_t{0});
}

constexpr std::size_t kGap = 1;  ///< between the blocks of an all-to-all-v

/// Elements of a rank's two buffers, and where its own block lies in the larger one.
struct Extents {
  std::size_t input = 0;
  std::size_t output = 0;
  std::size_t own_block_at = 0;
};

Extents extents_of(const SweepCall& call, int rank) {
  const auto r = static_cast<std::size_t>(rank);
  const std::vector<std::size_t> counts = counts_from(call, rank);
  const std::size_t all = sum(counts);
  const std::size_t own_at = places(counts, 0)[r];
  const bool at_root = rank == call.root;
  switch (call.collective) {
    case Sweep::all_reduce:
    case Sweep::reduce:
    case Sweep::broadcast:
    case Sweep::ring_of_sends:
      return {call.count, call.count, 0};
    case Sweep::reduce_scatter:
    case Sweep::reduce_scatter_v:
      return {all, counts[r], own_at};
    case Sweep::all_gather:
    case Sweep::all_gather_v:
      return {counts[r], all, own_at};
    case Sweep::gather:
      return {call.count, at_root ? all : 0, at_root ? own_at : 0};
    case Sweep::scatter:
      return {at_root ? all : 0, call.count, at_root ? own_at : 0};
    case Sweep::all_to_all:
      return {all, all, 0};
    case Sweep::all_to_all_v:
      return {all + kGap * counts.size(), sum(counts_to(call, rank)) + kGap * counts.size(), 0};
  }
  return {};
}

bool has_in_place_form(Sweep collective) {
  return collective != Sweep::all_to_all_v && collective != Sweep::ring_of_sends;
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

const FloatShape* shape_of(strettoDataType_t type) {
  for (const FloatShape& shape : kFloats) {
    if (shape.type == type) return &shape;
  }
  return nullptr;
}

class Elements {
 public:
  Elements(const SweepCall& call, std::uint64_t seed)
      : call_(call),
        shape_(shape_of(call.type)),
        bits_(static_cast<int>(8 * data_type_bytes(call.type))),
        hard_(oracle::hard_values(call.type)),
        random_(seed) {}

  Code next() {
    if (shape_ == nullptr || !reduces(call_.collective)) return any();
    return call_.values == Values::hard ? hard() : exact();
  }
  /// What a rank multiplies with.
  Code scalar() {
    if (shape_ == nullptr) return any();
    return call_.values == Values::hard ? about_one() : with_sign(shape_->one);
  }

 private:
  Code any() { return random_() & (~Code{0} >> (64 - bits_)); }
  Code with_sign(Code code) { return code | (random_() % 2 << (bits_ - 1)); }
  /// Of about the same size, so that sums depend on order and rounding.
  Code about_one() {
    const Code width = Code{4} << shape_->mantissa_bits;
    return with_sign(shape_->one - width / 2 + random_() % width);
  }
  Code hard() {
    const auto kind = random_() % 16;
    if (kind == 0) return hard_[random_() % hard_.size()];
    return kind == 1 ? any() : about_one();
  }
  /// Zeros and small numbers; now and then a NaN.
  Code exact() {
    const Code step = Code{1} << shape_->mantissa_bits;
    const auto kind = random_() % 64;
    if (kind == 0) return ~Code{0} >> (65 - bits_);
    if (kind < 8) return with_sign(0);
    if (call_.op == strettoProd) return with_sign(shape_->one - step + step * (random_() % 3));
    // Eighths below 2, where eight of them have a sum that fits; ones elsewhere.
    const Code eighths = shape_->mantissa_bits >= 7 ? (random_() % 8) << (shape_->mantissa_bits - 3) : 0;
    return with_sign(shape_->one + eighths);
  }

  const SweepCall& call_;
  const FloatShape* shape_;
  int bits_;
  std::vector<Code> hard_;
  std::mt19937_64 random_;
};

std::uint64_t seed_of(const SweepCall& call, int rank) {
  return (call.seed + static_cast<std::uint64_t>(rank)) * 0x9E3779B97F4A7C15ULL;
}

/// By which a buffer misses its alignment: by nothing, by elements, or by bytes.
std::size_t draw_shift(std::mt19937_64& random, std::size_t element_bytes) {
  const auto kind = random() % 4;
  if (kind < 2) return 0;
  return kind == 2 ? (1 + random() % 7) * element_bytes : 1 + random() % 15;
}

strettoResult_t exchange_around(const SweepCall& call, int rank, const std::byte* in, std::byte* out,
                                strettoComm_t comm, strettoStream_t stream) {
  const int n = call.n_ranks;
  if (const auto result = strettoGroupStart(); result != strettoSuccess) return result;
  const strettoResult_t sent = strettoSend(in, call.count, call.type, (rank + 1) % n, comm, stream);
  const strettoResult_t received = strettoRecv(out, call.count, call.type, (rank + n - 1) % n, comm, stream);
  const strettoResult_t ended = strettoGroupEnd();
  return sent != strettoSuccess ? sent : received != strettoSuccess ? received : ended;
}

strettoResult_t exchange_unequal(const SweepCall& call, int rank, const std::byte* in, std::byte* out,
                                 strettoComm_t comm, strettoStream_t stream) {
  const std::vector<std::size_t> sends = counts_from(call, rank);
  const std::vector<std::size_t> receives = counts_to(call, rank);
  return strettoAllToAllV(in, sends.data(), places(sends, kGap).data(), out, receives.data(),
                          places(receives, kGap).data(), call.type, comm, stream);
}

strettoResult_t issue_as(const SweepCall& call, strettoRedOp_t op, int rank, const std::byte* in, std::byte* out,
                         strettoComm_t comm, strettoStream_t stream) {
  const std::vector<std::size_t> counts = counts_from(call, rank);
  switch (call.collective) {
    case Sweep::all_reduce:
      return strettoAllReduce(in, out, call.count, call.type, op, comm, stream);
    case Sweep::reduce_scatter:
      return strettoReduceScatter(in, out, call.count, call.type, op, comm, stream);
    case Sweep::reduce:
      return strettoReduce(in, out, call.count, call.type, op, call.root, comm, stream);
    case Sweep::reduce_scatter_v:
      return strettoReduceScatterV(in, out, counts.data(), call.type, op, comm, stream);
    case Sweep::all_gather:
      return strettoAllGather(in, out, call.count, call.type, comm, stream);
    case Sweep::broadcast:
      return strettoBroadcast(in, out, call.count, call.type, call.root, comm, stream);
    case Sweep::gather:
      return strettoGather(in, out, call.count, call.type, call.root, comm, stream);
    case Sweep::scatter:
      return strettoScatter(in, out, call.count, call.type, call.root, comm, stream);
    case Sweep::all_to_all:
      return strettoAllToAll(in, out, call.count, call.type, comm, stream);
    case Sweep::all_gather_v:
      return strettoAllGatherV(in, out, counts.data(), places(counts, 0).data(), call.type, comm, stream);
    case Sweep::all_to_all_v:
      return exchange_unequal(call, rank, in, out, comm, stream);
    case Sweep::ring_of_sends:
      return exchange_around(call, rank, in, out, comm, stream);
  }
  return strettoInternalError;
}

}  // namespace

Image image_of(const SweepCall& call, int rank) {
  std::mt19937_64 random(seed_of(call, rank));
  const std::size_t element_bytes = data_type_bytes(call.type);
  const Extents extents = extents_of(call, rank);
  const std::size_t input_bytes = extents.input * element_bytes;
  const std::size_t output_bytes = extents.output * element_bytes;
  const std::size_t own_bytes = extents.own_block_at * element_bytes;
  Image image;
  image.in_place = has_in_place_form(call.collective) && random() % 2 == 0;
  const std::size_t at = kGuardBytes + draw_shift(random, element_bytes);
  if (image.in_place) {
    image.input_at = at + (extents.input < extents.output ? own_bytes : 0);
    image.output_at = at + (extents.output < extents.input ? own_bytes : 0);
  } else {
    image.input_at = at;
    const std::size_t aligned = (at + input_bytes + kGuardBytes + 15) / 16 * 16;
    image.output_at = aligned + draw_shift(random, element_bytes);
  }
  const std::size_t end = std::max(image.input_at + input_bytes, image.output_at + output_bytes);
  image.bytes.assign(end + kGuardBytes, kSweepPoison);
  Elements elements(call, random());
  for (std::size_t i = 0; i < extents.input; ++i) {
    const Code code = elements.next();
    std::memcpy(&image.bytes[image.input_at + i * element_bytes], &code, element_bytes);
  }
  return image;
}

strettoResult_t issue(const SweepCall& call, int rank, const Image& image, std::byte* memory, strettoComm_t comm,
                      strettoStream_t stream) {
  // Ranks in host memory have no all-to-all in place: they read what the image was made with.
  const bool apart = stream == nullptr && image.in_place && call.collective == Sweep::all_to_all;
  const std::byte* const in = (apart ? image.bytes.data() : memory) + image.input_at;
  std::byte* const out = memory + image.output_at;
  if (call.op != kPreMulSum) return issue_as(call, call.op, rank, in, out, comm, stream);
  Code scalar = Elements(call, ~seed_of(call, rank)).scalar();
  strettoRedOp_t op{};
  strettoResult_t result = strettoRedOpCreatePreMulSum(&op, &scalar, call.type, strettoScalarHostImmediate, comm);
  if (result != strettoSuccess) return result;
  result = issue_as(call, op, rank, in, out, comm, stream);
  const strettoResult_t forgotten = strettoRedOpDestroy(op, comm);
  return result != strettoSuccess ? result : forgotten;
}

bool any_order_gives_the_same(const SweepCall& call) {
  return !reduces(call.collective) || shape_of(call.type) == nullptr || call.op == strettoMax ||
         call.op == strettoMin || call.n_ranks <= 2;
}

std::string text_of(const SweepCall& call) {
  const auto op = call.op == kPreMulSum ? std::string_view("pre-multiplied sum") : red_op_name(call.op);
  return format("{} of {} x {}, {}, root {}, {} values, seed {}", kNames[static_cast<std::size_t>(call.collective)],
                call.count, data_type_name(call.type), reduces(call.collective) ? op : "no operation", call.root,
                call.values == Values::hard ? "hard" : "exact", call.seed);
}

}  // namespace stretto::test
