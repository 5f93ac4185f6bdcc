// The element types and reduction operations: one row each. Adding a row here gives the enum's name, size and
// dispatch to everything that is written over the lists; the arithmetic itself is in src/exec/reduce.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "stretto/stretto.h"

// X(C enumerator, name on command lines, bytes)
#define STRETTO_DATA_TYPES(X)       \
  X(strettoInt8, int8, 1)           \
  X(strettoUint8, uint8, 1)         \
  X(strettoInt32, int32, 4)         \
  X(strettoUint32, uint32, 4)       \
  X(strettoInt64, int64, 8)         \
  X(strettoUint64, uint64, 8)       \
  X(strettoFloat16, half, 2)        \
  X(strettoFloat32, float, 4)       \
  X(strettoFloat64, double, 8)      \
  X(strettoBfloat16, bfloat16, 2)   \
  X(strettoFloat8e4m3, fp8_e4m3, 1) \
  X(strettoFloat8e5m2, fp8_e5m2, 1)

// X(C enumerator, name on command lines)
#define STRETTO_RED_OPS(X) \
  X(strettoSum, sum)       \
  X(strettoProd, prod)     \
  X(strettoMax, max)       \
  X(strettoMin, min)       \
  X(strettoAvg, avg)

namespace stretto {

/// Bytes of one element; 0 for a number that is no type.
std::size_t data_type_bytes(strettoDataType_t type) noexcept;
/// "float", "int8", ...; "invalid" for a number that is no type.
std::string_view data_type_name(strettoDataType_t type) noexcept;
std::string_view red_op_name(strettoRedOp_t op) noexcept;
std::optional<strettoDataType_t> data_type_from_name(std::string_view name) noexcept;
std::optional<strettoRedOp_t> red_op_from_name(std::string_view name) noexcept;

}  // namespace stretto
