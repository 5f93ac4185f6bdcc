#include "comm/user_ops.hpp"

#include <atomic>
#include <bit>
#include <cstring>

#include "base/datatypes.hpp"

namespace stretto {
namespace {

constexpr std::uint32_t kFirstHandle = 1U << 30;
constexpr std::uint32_t kHandles = (1U << 30) - 1;  // strettoMaxRedOp is none
static_assert(kFirstHandle + kHandles == static_cast<std::uint32_t>(strettoMaxRedOp));

std::uint64_t element_bits(const void* element, strettoDataType_t type) noexcept {
  static_assert(std::endian::native == std::endian::little, "the low end of a word comes first");
  std::uint64_t bits = 0;
  std::memcpy(&bits, element, data_type_bytes(type));
  return bits;
}

int next_handle() noexcept {
  static std::atomic<std::uint32_t> made{0};
  return static_cast<int>(kFirstHandle + made.fetch_add(1, std::memory_order_relaxed) % kHandles);
}

}  // namespace

std::uint64_t UserOp::read() const noexcept { return residence == nullptr ? scalar : element_bits(residence, type); }

strettoRedOp_t UserOps::create(const void* scalar, strettoDataType_t type, bool immediate) {
  UserOp op;
  op.type = type;
  if (immediate) {
    op.scalar = element_bits(scalar, type);
  } else {
    op.residence = scalar;
  }
  const std::lock_guard lock(mutex_);
  for (;;) {
    const int handle = next_handle();
    if (ops_.try_emplace(handle, op).second) return static_cast<strettoRedOp_t>(handle);
  }
}

bool UserOps::destroy(strettoRedOp_t op) {
  const std::lock_guard lock(mutex_);
  return ops_.erase(op) == 1;
}

std::optional<UserOp> UserOps::find(strettoRedOp_t op) const {
  const std::lock_guard lock(mutex_);
  const auto found = ops_.find(op);
  if (found == ops_.end()) return std::nullopt;
  return found->second;
}

}  // namespace stretto
