#include "comm/pair_cache.hpp"

#include <algorithm>

#include "comm/device_engine.hpp"

namespace stretto {
namespace {

constexpr std::size_t kMostEntries = 64;
/// In a call; of more, the time to look them up counts.
constexpr std::size_t kMostTransfers = 64;

template <typename Number>
void append(std::string& key, Number number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::string key_of(std::span<const DeviceTransfer> transfers) {
  std::string key;
  for (const DeviceTransfer& transfer : transfers) {
    append(key, static_cast<std::int64_t>(transfer.peer) * 2 + (transfer.sends ? 1 : 0));
    append(key, transfer.address);
    append(key, transfer.bytes);
  }
  return key;
}

}  // namespace

PairCache::~PairCache() {
  for (const auto& [key, entry] : entries_) gpu_.destroy_event(entry.has_run);
}

PairCache::Entry* PairCache::find(std::span<const DeviceTransfer> transfers) {
  if (transfers.size() > kMostTransfers || entries_.empty()) return nullptr;
  const auto found = entries_.find(key_of(transfers));
  if (found == entries_.end() || found->second.launches.empty()) return nullptr;
  found->second.last_use = ++uses_;
  return &found->second;
}

PairCache::Entry* PairCache::note(std::span<const DeviceTransfer> transfers) {
  if (transfers.size() > kMostTransfers) return nullptr;
  std::string key = key_of(transfers);
  if (const auto found = entries_.find(key); found != entries_.end()) {
    found->second.last_use = ++uses_;
    return &found->second;
  }
  make_room();
  if (entries_.size() == kMostEntries) return nullptr;
  Entry entry;
  entry.has_run = gpu_.make_event();
  entry.last_use = ++uses_;
  entries_.emplace(std::move(key), std::move(entry));
  return nullptr;
}

/// The oldest goes, unless it is about to be launched or runs: then all stay, and what is new is not kept.
void PairCache::make_room() {
  if (entries_.size() < kMostEntries) return;
  const auto oldest = std::ranges::min_element(entries_, {}, [](const auto& entry) { return entry.second.last_use; });
  const Entry& entry = oldest->second;
  const bool taken = std::ranges::any_of(entry.launches, [](const auto& launch) { return launch.use_count() > 1; });
  if (taken || !gpu_.is_done(entry.has_run)) return;
  gpu_.destroy_event(entry.has_run);
  entries_.erase(oldest);
}

}  // namespace stretto
