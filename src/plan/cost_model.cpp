#include "plan/cost_model.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace stretto {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000'000;
constexpr std::uint64_t kMicrosecond = 1'000'000;

constexpr std::array kConstantRows = {
    LinkConstantRow{"operation_ps", &LinkConstants::operation, kSecond},
    LinkConstantRow{"message_ps", &LinkConstants::message, kSecond},
    LinkConstantRow{"step_ps", &LinkConstants::step, kSecond},
    LinkConstantRow{"byte_copied_ps", &LinkConstants::byte_copied, kMicrosecond},
    LinkConstantRow{"byte_reduced_ps", &LinkConstants::byte_reduced, kMicrosecond},
    LinkConstantRow{"cached_byte_copied_ps", &LinkConstants::cached_byte_copied, kMicrosecond},
    LinkConstantRow{"cached_byte_reduced_ps", &LinkConstants::cached_byte_reduced, kMicrosecond},
    LinkConstantRow{"cached_bytes", &LinkConstants::cached_bytes, std::uint64_t{1} << 50},
    LinkConstantRow{"early_byte_ps", &LinkConstants::early_byte, kMicrosecond},
    LinkConstantRow{"early_bytes", &LinkConstants::early_bytes, std::uint64_t{1} << 50},
    LinkConstantRow{"core_switch_ps", &LinkConstants::core_switch, kSecond},
    LinkConstantRow{"crossing_message_ps", &LinkConstants::crossing_message, kSecond},
    LinkConstantRow{"byte_crossing_ps", &LinkConstants::byte_crossing, kMicrosecond},
};

Saturating byte_time(Saturating bytes, Picoseconds cached, Picoseconds beyond, std::uint64_t cached_bytes) {
  const std::uint64_t fast = std::min(bytes.value(), cached_bytes);
  return Saturating(fast) * cached + Saturating(bytes.value() - fast) * beyond;
}

Saturating work_time(const Work& work, const LinkModel& link) {
  const Saturating bytes = work.copied_bytes + work.reduced_bytes;
  return work.steps * link.step + std::min(bytes, Saturating(link.early_bytes)) * link.early_byte +
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

std::span<const LinkConstantRow> link_constant_rows() noexcept { return kConstantRows; }

std::string to_string(const LinkConstants& constants) {
  std::string text;
  for (const LinkConstantRow& row : kConstantRows) {
    text += format("{}{}={}", text.empty() ? "" : " ", row.name, constants.*row.field);
  }
  return text;
}

Picoseconds Price::total() const { return (Saturating(operation) + hops + std::max({path, core, crossing})).value(); }

Price price(const Workload& load, const LinkModel& link) {
  const std::uint32_t sharers = std::max(1U, link.ranks_per_core);
  // A message wakes a rank that shares its core with others only when those have had their turn.
  const Saturating hop = Saturating(link.message) + Saturating(sharers - 1) * link.core_switch;
  const Saturating core = time_with_sends(load.rank, load.sends, link) * sharers;
  const Saturating hops = load.hops * hop + load.crossing_hops * link.crossing_message;
  return {link.operation, hops.value(), time_with_sends(load.path, load.sends, link).value(), core.value(),
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
