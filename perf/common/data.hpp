// The tools' oracle. Inputs are a pure function of (seed, rank, index), so that every rank can work out what every
// other gave, and hold its result to it without trusting the library with anything.
//
// Half of the elements of a floating sum or product are small integers or powers of two that every order of reduction
// adds without rounding: they are checked for equality, so that a lost or doubled contribution is never within an
// error bound. The others are rough numbers, checked against a bound for n roundings. fp8 has exact ones only. Where
// nothing is reduced, elements are any bits at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "perf/common/collective.hpp"
#include "perf/common/types.hpp"

namespace stretto::perf {

/// The bits of an element, in the low end of a word.
using Code = std::uint64_t;

class Data {
 public:
  Data(strettoDataType_t type, strettoRedOp_t op, int n_ranks, std::uint64_t seed);
  /// For collectives that only move elements: they must leave NaNs and their payloads alone, too.
  static Data of_bits(strettoDataType_t type, int n_ranks, std::uint64_t seed);

  /// Input element `index` of `rank`.
  Code input(int rank, std::size_t index) const;
  /// Bits of the scalar that `rank` multiplies its inputs by, in a pre-multiplied sum: 1 or 2, so that nothing rounds.
  Code scalar(int rank) const;
  /// Writes inputs [0, count) of `rank`; no alignment needed.
  void fill(void* destination, int rank, std::size_t count) const;
  /// Number of wrong elements among `received`, which came from `origin`. Elements of Origin::kUntouched are not looked
  /// at.
  std::size_t count_wrong(const void* received, const Origin& origin) const;

  /// Whether `actual` is right for the reduction of element `index` of all ranks.
  bool reduced_rightly(Code actual, std::size_t index) const;

 private:
  Data(const TypeRow& row, strettoRedOp_t op, int n_ranks, std::uint64_t seed);
  struct Drawn {
    std::uint64_t random;
    bool exact;
    bool takes_part;
  };
  Drawn draw(int rank, std::size_t index) const;
  Code float_input(int rank, std::size_t index) const;
  Code assemble(bool negative, int exponent, std::uint64_t mantissa) const;
  Code encode_exactly(double value) const;
  double decode(Code code) const;
  bool integers_agree(Code actual, std::size_t index) const;
  bool floats_agree(Code actual, std::size_t index) const;
  double tolerance(bool exact, double expected, double magnitude) const;

  TypeRow row_;
  strettoRedOp_t op_;
  int n_ranks_;
  std::uint64_t seed_;
  int bias_ = 0;
  int participants_ = 1;       ///< ranks that give something else than the neutral element, to an exact element
  std::uint64_t largest_ = 1;  ///< integer that they give
  const std::vector<double>* narrow_ = nullptr;  ///< value of each code, of types of up to 16 bits
};

/// 64 bits that differ wherever the bytes do.
std::uint64_t hash_bytes(const void* bytes, std::size_t count);

}  // namespace stretto::perf
