#include "transports/shm/layout.hpp"

#include <bit>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto::shm {
namespace {

constexpr std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

[[noreturn]] void refuse(const char* field, const std::string& text) {
  ErrorInfo info;
  info.code = strettoInvalidArgument;
  info.field = field;
  info.name = "shared memory";
  info.text = text;
  throw Error(std::move(info));
}

}  // namespace

Layout::Layout(std::size_t n_ranks, std::size_t channels, std::uint32_t slots, std::size_t slot_bytes)
    : n_ranks_(n_ranks), channels_(channels), slots_(slots), slot_bytes_(slot_bytes) {
  if (n_ranks == 0) refuse("n_ranks", "shared memory for 0 ranks makes no sense: give at least 1");
  if (channels == 0) refuse("channels", "shared memory with 0 channels makes no sense: give at least 1");
  if (!std::has_single_bit(slots) || slots > (1U << 16))
    refuse("slots", format("{} slots per connection: give a power of two up to 65536", slots));
  if (slot_bytes == 0 || slot_bytes % 64 != 0 || slot_bytes > (std::size_t{1} << 31))
    refuse("slot_bytes", format("slots of {} bytes: give a multiple of 64 up to 2 GiB", slot_bytes));

  lines_bytes_ = round_up(slots * sizeof(SlotLine), kPairBytes);
  control_bytes_ = lines_bytes_ + sizeof(CreditLine);
  data_bytes_ = round_up(slots * slot_bytes, kPageBytes);  // at most 2^47: no overflow up to here
  std::size_t connections = 0;
  std::size_t total = 0;
  const bool overflow = __builtin_mul_overflow(n_ranks, n_ranks - 1, &connections) ||
                        __builtin_mul_overflow(connections, channels, &connections) ||
                        __builtin_mul_overflow(connections, control_bytes_ + data_bytes_, &total) ||
                        total > std::size_t{std::numeric_limits<std::int64_t>::max()} - kPageBytes;
  if (overflow) {
    refuse("slot_bytes", format("shared memory for {} ranks, {} channels and {} slots of {} bytes each exceeds the "
                                "address space: lower one of them",
                                n_ranks, channels, slots, slot_bytes));
  }
  data_offset_ = round_up(connections * control_bytes_, kPageBytes);
  bytes_ = data_offset_ + connections * data_bytes_;
}

Connection Layout::at(std::byte* base, std::size_t source, std::size_t destination, std::size_t channel) const {
  STRETTO_ASSERT(source < n_ranks_ && destination < n_ranks_ && source != destination && channel < channels_);
  const std::size_t column = destination < source ? destination : destination - 1;
  const std::size_t index = (source * (n_ranks_ - 1) + column) * channels_ + channel;
  std::byte* control = base + index * control_bytes_;
  return {reinterpret_cast<SlotLine*>(control), reinterpret_cast<CreditLine*>(control + lines_bytes_),
          base + data_offset_ + index * data_bytes_};
}

}  // namespace stretto::shm
