// Names of element types and operations on command lines and in tables, and the numbers behind the float formats.
// The tools know the library by its public header alone, so these are written down a second time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "stretto/stretto.h"

namespace stretto::perf {

enum class Kind : std::uint8_t { signed_integer, unsigned_integer, floating };

struct TypeRow {
  strettoDataType_t type;
  std::string_view name;
  std::string_view alias;  ///< what nccl-tests calls it, where that differs
  std::size_t bytes;
  Kind kind;
  int mantissa_bits;  ///< stored ones; 0 for integers
};

inline constexpr std::array<TypeRow, strettoNumDataTypes> kTypes{{
    {strettoInt8, "int8", "", 1, Kind::signed_integer, 0},
    {strettoUint8, "uint8", "", 1, Kind::unsigned_integer, 0},
    {strettoInt32, "int32", "", 4, Kind::signed_integer, 0},
    {strettoUint32, "uint32", "", 4, Kind::unsigned_integer, 0},
    {strettoInt64, "int64", "", 8, Kind::signed_integer, 0},
    {strettoUint64, "uint64", "", 8, Kind::unsigned_integer, 0},
    {strettoFloat16, "half", "float16", 2, Kind::floating, 10},
    {strettoFloat32, "float", "", 4, Kind::floating, 23},
    {strettoFloat64, "double", "", 8, Kind::floating, 52},
    {strettoBfloat16, "bfloat16", "", 2, Kind::floating, 7},
    {strettoFloat8e4m3, "fp8_e4m3", "f8e4m3", 1, Kind::floating, 3},
    {strettoFloat8e5m2, "fp8_e5m2", "f8e5m2", 1, Kind::floating, 2},
}};

/// Stands for the operation that each rank makes for a row of its own scalar: a pre-multiplied sum.
inline constexpr strettoRedOp_t kMulSum = strettoNumRedOps;
inline constexpr std::array<std::string_view, kMulSum + 1> kOps{"sum", "prod", "max", "min", "avg", "mulsum"};

constexpr const TypeRow& row_of(strettoDataType_t type) { return kTypes.at(static_cast<std::size_t>(type)); }
constexpr std::string_view name_of(strettoRedOp_t op) { return kOps.at(static_cast<std::size_t>(op)); }

constexpr std::optional<strettoDataType_t> type_from_name(std::string_view name) {
  for (const TypeRow& row : kTypes) {
    if (name == row.name || (!row.alias.empty() && name == row.alias)) return row.type;
  }
  return std::nullopt;
}

constexpr std::optional<strettoRedOp_t> op_from_name(std::string_view name) {
  for (std::size_t op = 0; op < kOps.size(); ++op) {
    if (name == kOps[op]) return static_cast<strettoRedOp_t>(op);
  }
  return std::nullopt;
}

}  // namespace stretto::perf
