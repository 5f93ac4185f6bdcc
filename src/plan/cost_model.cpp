#include "plan/cost_model.hpp"

#include <algorithm>

namespace stretto {
namespace {

Saturating byte_time(Saturating bytes, Picoseconds cached, Picoseconds beyond, std::uint64_t cached_bytes) {
  const std::uint64_t fast = std::min(bytes.value(), cached_bytes);
  return Saturating(fast) * cached + Saturating(bytes.value() - fast) * beyond;
}

Saturating work_time(const Work& work, const LinkModel& link) {
  return work.steps * link.step +
         byte_time(work.copied_bytes, link.cached_byte_copied, link.byte_copied, link.cached_bytes) +
         byte_time(work.reduced_bytes, link.cached_byte_reduced, link.byte_reduced, link.cached_bytes);
}

/// Side by side, the shorter part still takes half of its time from the longer one: they share memory. The half is a
/// guess.
Saturating time_with_sends(const Work& work, const Work& sends, const LinkModel& link) {
  if (!link.duplex) return work_time(work, link);
  const Saturating sending = work_time(sends, link);
  const Saturating rest = work_time(work - sends, link);
  return std::max(sending, rest) + std::min(sending, rest) / 2;
}

}  // namespace

Picoseconds Price::total() const { return (Saturating(hops) + std::max({path, core, crossing})).value(); }

Price price(const Workload& load, const LinkModel& link) {
  const std::uint32_t sharers = std::max(1U, link.ranks_per_core);
  // A message wakes a rank that shares its core with others only when those have had their turn.
  const Saturating hop = Saturating(link.message) + Saturating(sharers - 1) * link.core_switch;
  const Saturating core = time_with_sends(load.rank, load.sends, link) * sharers;
  const Saturating hops = load.hops * hop + load.crossing_hops * link.crossing_message;
  return {hops.value(), time_with_sends(load.path, load.sends, link).value(), core.value(),
          (load.crossing_bytes * link.byte_crossing).value()};
}

Work operator*(const Work& work, Saturating times) {
  return {work.steps * times, work.copied_bytes * times, work.reduced_bytes * times};
}

Work operator-(const Work& a, const Work& b) {
  return {a.steps - b.steps, a.copied_bytes - b.copied_bytes, a.reduced_bytes - b.reduced_bytes};
}

Work operator+(const Work& a, const Work& b) {
  return {a.steps + b.steps, a.copied_bytes + b.copied_bytes, a.reduced_bytes + b.reduced_bytes};
}

}  // namespace stretto
