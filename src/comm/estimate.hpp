// How long a group would take, by the cost model that chooses plans: an estimate, made without running anything.
#pragma once

#include <span>

#include "comm/device_group.hpp"
#include "comm/issue.hpp"

namespace stretto {

/// Microseconds. Operations of one communicator run one after another, different communicators side by side; sends and
/// receives of one are priced as messages that share a link. That small operations are fused is left out.
double estimate_us(std::span<const GroupShare> shares, std::span<const DeviceCall> calls);

}  // namespace stretto
