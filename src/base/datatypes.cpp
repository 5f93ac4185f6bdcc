#include "base/datatypes.hpp"

namespace stretto {

std::size_t data_type_bytes(strettoDataType_t type) noexcept {
  switch (type) {
#define ROW(value, name, bytes) \
  case value:                   \
    return bytes;
    STRETTO_DATA_TYPES(ROW)
#undef ROW
    default:
      return 0;
  }
}

std::string_view data_type_name(strettoDataType_t type) noexcept {
  switch (type) {
#define ROW(value, name, bytes) \
  case value:                   \
    return #name;
    STRETTO_DATA_TYPES(ROW)
#undef ROW
    default:
      return "invalid";
  }
}

std::string_view red_op_name(strettoRedOp_t op) noexcept {
  switch (op) {
#define ROW(value, name) \
  case value:            \
    return #name;
    STRETTO_RED_OPS(ROW)
#undef ROW
    default:
      return op >= strettoNumRedOps ? "user" : "invalid";
  }
}

std::optional<strettoDataType_t> data_type_from_name(std::string_view wanted) noexcept {
#define ROW(value, name, bytes) \
  if (wanted == #name) return value;
  STRETTO_DATA_TYPES(ROW)
#undef ROW
  return std::nullopt;
}

std::optional<strettoRedOp_t> red_op_from_name(std::string_view wanted) noexcept {
#define ROW(value, name) \
  if (wanted == #name) return value;
  STRETTO_RED_OPS(ROW)
#undef ROW
  return std::nullopt;
}

}  // namespace stretto
