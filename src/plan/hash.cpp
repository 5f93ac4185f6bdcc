#include "plan/hash.hpp"

namespace stretto {
namespace {

/// Every bit of the result depends on every bit of the argument (the finaliser of splitmix64).
constexpr std::uint64_t scramble(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

constexpr void mix(std::uint64_t& hash, std::uint64_t value) {
  hash = scramble((hash + 0x9e3779b97f4a7c15U) ^ scramble(value));
}

}  // namespace

std::uint64_t plan_hash(const PlanSpec& spec, std::uint32_t revision, std::int32_t chunks_per_block,
                        std::int32_t parts_per_slot) noexcept {
  std::uint64_t hash = 0;
  mix(hash, spec.algorithm.size());
  for (const char letter : spec.algorithm) mix(hash, static_cast<unsigned char>(letter));
  mix(hash, revision);
  mix(hash, static_cast<std::uint64_t>(spec.collective));
  mix(hash, static_cast<std::uint64_t>(spec.n_ranks));
  mix(hash, static_cast<std::uint64_t>(spec.root));
  mix(hash, static_cast<std::uint64_t>(spec.channels));
  mix(hash, static_cast<std::uint64_t>(chunks_per_block));
  for (const std::int32_t group : spec.groups) mix(hash, static_cast<std::uint64_t>(group));
  for (const std::int32_t parent : spec.parents) mix(hash, static_cast<std::uint64_t>(parent) + 1);
  for (const std::int32_t rail : spec.rails) mix(hash, static_cast<std::uint64_t>(rail) + 1);
  for (const std::int32_t width : spec.widths) mix(hash, static_cast<std::uint64_t>(width) + 1);
  if (parts_per_slot != 1) mix(hash, static_cast<std::uint64_t>(parts_per_slot));
  return hash;
}

}  // namespace stretto
