// The number by which ranks recognise that they follow the same plan.
#pragma once

#include <cstdint>

#include "plan/plan.hpp"

namespace stretto {

/// Over what determines a plan, not over the steps of one rank, which differ from rank to rank.
std::uint64_t plan_hash(const PlanSpec& spec, std::uint32_t revision, std::int32_t chunks_per_block,
                        std::int32_t parts_per_slot) noexcept;

}  // namespace stretto
