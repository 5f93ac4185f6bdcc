#include "comm/requests.hpp"

#include <bit>
#include <limits>
#include <numeric>

#include "base/datatypes.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

[[noreturn]] void too_large(const Request& request, std::string_view name) {
  ErrorInfo info;
  info.code = strettoInvalidArgument;
  info.field = "count";
  info.name = name;
  info.text = format("{}: count={} of {}-byte elements is more than memory can be", name, request.count,
                     data_type_bytes(request.type));
  throw Error(info);
}

}  // namespace

std::size_t entry_of(const Request& request) noexcept {
  static_assert(kBoundMost == 256, "the hash below gives eight bits");
  std::uint64_t hash = request.count * 0x9E3779B97F4A7C15ULL;
  hash ^= (static_cast<std::uint64_t>(request.collective) << 24) ^ (static_cast<std::uint64_t>(request.type) << 16) ^
          (static_cast<std::uint64_t>(static_cast<std::uint32_t>(request.op)) << 8) ^
          static_cast<std::uint64_t>(static_cast<std::uint32_t>(request.root));
  return static_cast<std::size_t>((hash * 0xD6E8FEB86659FD93ULL) >> 56);
}

void check_size(const Request& request, const CollectiveRow& row, int n_ranks) {
  // What one buffer holds: a row of pairs has as many blocks as there are ranks.
  const std::size_t blocks = row.blocks == Blocks::one ? 1 : static_cast<std::size_t>(n_ranks);
  const std::size_t element_bytes = data_type_bytes(request.type);
  if (request.count > std::numeric_limits<std::ptrdiff_t>::max() / element_bytes / blocks) too_large(request, row.name);
}

std::size_t count_to_plan(const BlockSizes& sizes) noexcept {
  const std::size_t total = std::accumulate(sizes.counts.begin(), sizes.counts.end(), std::size_t{0});
  return std::bit_ceil(total / sizes.counts.size() + (total % sizes.counts.size() != 0));
}

}  // namespace stretto
