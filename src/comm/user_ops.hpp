// The reduction operations that a user made for one communicator: sums of inputs that are multiplied by a scalar first.
//
// A handle is a number that no other operation of the process has (they begin again after 2^30 of them): one that was
// destroyed, or that belongs to another communicator, is unknown here, and not taken for its successor.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/error.hpp"

namespace stretto {

/// What each input is multiplied by. An operation takes it when it begins.
struct UserOp {
  strettoDataType_t type = strettoFloat32;
  std::uint64_t scalar = 0;         ///< the element's bits, in the low end
  const void* residence = nullptr;  ///< where the element is read instead, if not nullptr

  /// The scalar's bits as they are now; of host memory only.
  std::uint64_t read() const noexcept;
};

/// Any thread, any time.
class UserOps {
 public:
  /// `scalar` is one element of `type`, at any alignment: read now, or, if `immediate` is false, by each operation.
  strettoRedOp_t create(const void* scalar, strettoDataType_t type, bool immediate);
  /// False if there is no such operation.
  bool destroy(strettoRedOp_t op);
  std::optional<UserOp> find(strettoRedOp_t op) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<int, UserOp> ops_;
};

}  // namespace stretto
