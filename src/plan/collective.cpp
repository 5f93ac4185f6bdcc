#include "plan/collective.hpp"

#include <array>

namespace stretto {
namespace {

constexpr std::array kRows = {
    CollectiveRow{Collective::all_reduce, "all_reduce", false, Holds::every_block, Holds::every_block, true, false,
                  BusFactor::twice_n_minus_1_over_n},
    CollectiveRow{Collective::all_gather, "all_gather", true, Holds::own_block, Holds::every_block, false, false,
                  BusFactor::n_minus_1_over_n},
    CollectiveRow{Collective::reduce_scatter, "reduce_scatter", true, Holds::every_block, Holds::own_block, true, false,
                  BusFactor::n_minus_1_over_n},
    CollectiveRow{Collective::broadcast, "broadcast", false, Holds::every_block, Holds::every_block, false, true,
                  BusFactor::one},
};

}  // namespace

std::span<const CollectiveRow> collective_rows() noexcept { return kRows; }

const CollectiveRow& row_of(Collective collective) noexcept { return kRows[static_cast<std::size_t>(collective)]; }

std::optional<Collective> collective_from_name(std::string_view name) noexcept {
  for (const CollectiveRow& row : kRows) {
    if (row.name == name) return row.collective;
  }
  return std::nullopt;
}

}  // namespace stretto
