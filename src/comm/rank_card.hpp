// What every rank tells every other during set-up.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/system.hpp"
#include "comm/settings.hpp"

namespace stretto {

struct RankCard {
  HostIdentity identity;
  Settings settings;                  ///< only the values that are part of the plan
  std::uint32_t resident_blocks = 0;  ///< that its GPU can hold; 0: it is of host memory
  GpuUuid gpu{};
};

std::vector<std::byte> encode(const RankCard& card);
/// Throws Error(strettoRemoteError) if the bytes are no card, or a setting is out of the range that its own rank holds
/// it to.
RankCard decode_rank_card(std::span<const std::byte> bytes);

/// Transport::describe() of each row of the registry; empty where unused.
using Descriptions = std::vector<std::vector<std::byte>>;
std::vector<std::byte> encode(const Descriptions& descriptions);
Descriptions decode_descriptions(std::span<const std::byte> bytes);

}  // namespace stretto
