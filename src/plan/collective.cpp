#include "plan/collective.hpp"

#include <algorithm>
#include <array>

namespace stretto {
namespace {

using enum Holds;

constexpr Side kEvery{every_block};
constexpr Side kOwn{own_block};
constexpr Side kEveryAtRoot{every_block, true};

// clang-format off
constexpr std::array kRows = {
    // collective, name, blocks, input, output, reduces, rooted, bus factor
    CollectiveRow{Collective::all_reduce, "all_reduce", Blocks::one, kEvery, kEvery, true, false,
                  BusFactor::twice_n_minus_1_over_n},
    CollectiveRow{Collective::all_gather, "all_gather", Blocks::per_rank, kOwn, kEvery, false, false,
                  BusFactor::n_minus_1_over_n},
    CollectiveRow{Collective::reduce_scatter, "reduce_scatter", Blocks::per_rank, kEvery, kOwn, true, false,
                  BusFactor::n_minus_1_over_n},
    CollectiveRow{Collective::broadcast, "broadcast", Blocks::one, kEveryAtRoot, kEvery, false, true, BusFactor::one},
    CollectiveRow{Collective::reduce, "reduce", Blocks::one, kEvery, kEveryAtRoot, true, true, BusFactor::one},
    CollectiveRow{Collective::gather, "gather", Blocks::per_rank, kOwn, kEveryAtRoot, false, true,
                  BusFactor::n_minus_1_over_n},
    CollectiveRow{Collective::scatter, "scatter", Blocks::per_rank, kEveryAtRoot, kOwn, false, true,
                  BusFactor::n_minus_1_over_n},
    CollectiveRow{Collective::all_to_all, "all_to_all", Blocks::per_pair, {own_row}, {own_column}, false, false,
                  BusFactor::n_minus_1_over_n},
    CollectiveRow{Collective::barrier, "barrier", Blocks::one, kEvery, kEvery, true, false, BusFactor::one,
                  Collective::all_reduce},
    CollectiveRow{Collective::all_gather_v, "all_gather_v", Blocks::per_rank, kOwn, kEvery, false, false,
                  BusFactor::n_minus_1_over_n, Collective::all_gather, true},
    CollectiveRow{Collective::reduce_scatter_v, "reduce_scatter_v", Blocks::per_rank, kEvery, kOwn, true, false,
                  BusFactor::n_minus_1_over_n, Collective::reduce_scatter, true},
    CollectiveRow{Collective::all_to_all_v, "all_to_all_v", Blocks::per_pair, {own_row}, {own_column}, false, false,
                  BusFactor::n_minus_1_over_n, Collective::all_to_all_v, true},
    CollectiveRow{Collective::send, "send", Blocks::one, kEvery, kEvery, false, false, BusFactor::one},
    CollectiveRow{Collective::receive, "receive", Blocks::one, kEvery, kEvery, false, false, BusFactor::one},
};
// clang-format on
constexpr std::size_t kPlanned = static_cast<std::size_t>(
    std::ranges::count_if(kRows, [](const CollectiveRow& row) { return has_plans(row.collective); }));

}  // namespace

std::int32_t block_count(Blocks blocks, int n_ranks) noexcept {
  switch (blocks) {
    case Blocks::one:
      return 1;
    case Blocks::per_rank:
      return n_ranks;
    case Blocks::per_pair:
      return n_ranks * n_ranks;
  }
  return 0;
}

BlockWindow window_of(const CollectiveRow& row, const Side& side, Rank rank, Rank root, int n_ranks) noexcept {
  if (side.root_only && rank != root) return {};
  switch (side.holds) {
    case every_block:
      return {0, 1, block_count(row.blocks, n_ranks)};
    case own_block:
      return {rank, 1, 1};
    case own_row:
      return {rank * n_ranks, 1, n_ranks};
    case own_column:
      return {rank, n_ranks, n_ranks};
  }
  return {};
}

Rank origin_of(const CollectiveRow& row, std::int32_t block, Rank root, int n_ranks) noexcept {
  if (row.input.root_only) return root;
  return row.blocks == Blocks::per_pair ? block / n_ranks : block;
}

bool can_be_in_place(const CollectiveRow& row) noexcept { return row.blocks != Blocks::per_pair; }
bool can_swap_in_place(const CollectiveRow& row) noexcept { return row.collective == Collective::all_to_all; }

std::span<const CollectiveRow> collective_rows() noexcept { return std::span(kRows).first(kPlanned); }

std::span<const CollectiveRow> call_rows() noexcept { return kRows; }

const CollectiveRow& row_of(Collective collective) noexcept { return kRows[static_cast<std::size_t>(collective)]; }

std::optional<Collective> collective_from_name(std::string_view name) noexcept {
  for (const CollectiveRow& row : collective_rows()) {
    if (row.name == name) return row.collective;
  }
  return std::nullopt;
}

}  // namespace stretto
