#include "plan/checker_memory.hpp"

#include <algorithm>
#include <bit>

namespace stretto::checker {
namespace {

/// A clock that nobody ever knows: whatever meets it is a conflict.
constexpr std::uint32_t kNever = 0xffffffffu;

std::uint64_t scramble(std::uint64_t value) {
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdu;
  return value ^ (value >> 29);
}

}  // namespace

Memory::Memory(const Model& model, Clocks& clocks)
    : clocks_(clocks),
      words_((static_cast<std::size_t>(model.n_ranks) + 63) / 64),
      n_ranks_(model.n_ranks),
      uses_(index(model.n_locations)),
      tags_(index(model.n_locations), -1),
      sums_(index(model.n_locations), 0),
      bits_(index(model.n_locations) * words_, 0),
      sum_bits_(words_, 0) {
  for (Location at = model.first_user_location; at < model.first_slot; ++at) {
    uses_[index(at)].write = {0, kNever, kNotBegun};
  }
}

bool Memory::read(Location at, const Access& access, Conflict& conflict) {
  Uses& uses = uses_[index(at)];
  clocks_.touch(access.thread);
  if (!precedes(uses.write, access.thread)) {
    conflict = {uses.write, true};
    return false;
  }
  // A read that lies before this one need not be kept: what must come after this one comes after it as well.
  if (precedes(uses.read, access.thread)) {
    uses.read = access;
    return true;
  }
  for (std::int32_t i = uses.more; i >= 0; i = more_[index(i)].next) {
    if (precedes(more_[index(i)].access, access.thread)) {
      more_[index(i)].access = access;
      return true;
    }
  }
  more_.push_back({access, uses.more});
  uses.more = static_cast<std::int32_t>(more_.size()) - 1;
  return true;
}

bool Memory::all_precede(const Uses& uses, std::int32_t thread, Conflict& conflict) const {
  if (!precedes(uses.write, thread)) {
    conflict = {uses.write, true};
    return false;
  }
  if (!precedes(uses.read, thread)) {
    conflict = {uses.read, false};
    return false;
  }
  for (std::int32_t i = uses.more; i >= 0; i = more_[index(i)].next) {
    if (!precedes(more_[index(i)].access, thread)) {
      conflict = {more_[index(i)].access, false};
      return false;
    }
  }
  return true;
}

bool Memory::write(Location at, const Access& access, Conflict& conflict) {
  Uses& uses = uses_[index(at)];
  clocks_.touch(access.thread);
  if (!all_precede(uses, access.thread, conflict)) return false;
  uses = {access, {}, -1};
  return true;
}

void Memory::begin(Location first, std::int32_t count, const Access& access) {
  for (Location at = first; at < first + count; ++at) uses_[index(at)] = {access, {}, -1};
}

bool Memory::end(Location first, std::int32_t count, std::int32_t thread, Conflict& conflict, Location& at) {
  for (at = first; at < first + count; ++at) {
    Uses& uses = uses_[index(at)];
    if (!all_precede(uses, thread, conflict)) return false;
    uses = {{thread, kNever, kOperationEnded}, {}, -1};
  }
  return true;
}

bool Memory::holds_all_ranks(Location at) const {
  std::int32_t count = 0;
  for (const std::uint64_t word : ranks(at)) count += std::popcount(word);
  return count == n_ranks_;
}

bool Memory::holds_only(Location at, Rank rank) const {
  const auto bits = ranks(at);
  for (std::size_t word = 0; word < words_; ++word) {
    const std::uint64_t expected = index(rank) / 64 == word ? std::uint64_t{1} << (index(rank) % 64) : 0;
    if (bits[word] != expected) return false;
  }
  return true;
}

void Memory::set_input(Location at, Tag tag, Rank rank) {
  tags_[index(at)] = tag;
  sums_[index(at)] = scramble(static_cast<std::uint64_t>(rank) + 1);
  bits_[index(at) * words_ + index(rank) / 64] |= std::uint64_t{1} << (index(rank) % 64);
}

void Memory::move(Location from, Location to) {
  tags_[index(to)] = tags_[index(from)];
  sums_[index(to)] = sums_[index(from)];
  std::copy_n(bits_.begin() + static_cast<std::ptrdiff_t>(index(from) * words_), words_,
              bits_.begin() + static_cast<std::ptrdiff_t>(index(to) * words_));
}

void Memory::start_sum() {
  std::fill(sum_bits_.begin(), sum_bits_.end(), 0);
  sum_ = 0;
}

bool Memory::add(Location from) {
  const auto bits = ranks(from);
  std::uint64_t overlap = 0;
  for (std::size_t word = 0; word < words_; ++word) {
    overlap |= sum_bits_[word] & bits[word];
    sum_bits_[word] |= bits[word];
  }
  sum_ = scramble(sum_ * 0x9e3779b97f4a7c15u + sum(from));
  return overlap == 0;
}

void Memory::store(Location to, Tag tag) {
  tags_[index(to)] = tag;
  sums_[index(to)] = sum_;
  std::copy_n(sum_bits_.begin(), words_, bits_.begin() + static_cast<std::ptrdiff_t>(index(to) * words_));
}

}  // namespace stretto::checker
