// Counting NaNs and infinities. Included once by each variant's translation unit, inside its anonymous namespace.

/// `last_ordered`: the largest magnitude that is no NaN. `infinity`: its code; -1 in a format that has none.
template <typename Bits, typename Signed, Signed last_ordered, Signed infinity>
SpecialValues scan(const void* values, std::size_t count) {
  constexpr auto magnitude_mask = static_cast<Signed>(static_cast<Bits>(~Bits{0}) >> 1);
  // Counters as wide as the elements fill vectors best: the block is short enough for the narrowest.
  constexpr std::size_t block = 64;
  const auto* from = static_cast<const Unaligned<Signed>*>(values);
  SpecialValues found;
  for (std::size_t begin = 0; begin < count; begin += block) {
    const std::size_t length = count - begin < block ? count - begin : block;
    Signed nans = 0;
    Signed infinities = 0;
    for (std::size_t i = 0; i < length; ++i) {
      const auto magnitude = static_cast<Signed>(from[begin + i].value & magnitude_mask);
      nans = static_cast<Signed>(nans + (magnitude > last_ordered ? 1 : 0));
      infinities = static_cast<Signed>(infinities + (magnitude == infinity ? 1 : 0));
    }
    if ((nans | infinities) == 0) continue;
    if (found.nans + found.infinities == 0) {
      const auto special = [&](std::size_t i) {
        const auto magnitude = static_cast<Signed>(from[i].value & magnitude_mask);
        return magnitude > last_ordered || magnitude == infinity;
      };
      for (found.first = begin; !special(found.first);) ++found.first;
    }
    found.nans += static_cast<std::uint64_t>(nans);
    found.infinities += static_cast<std::uint64_t>(infinities);
  }
  return found;
}
