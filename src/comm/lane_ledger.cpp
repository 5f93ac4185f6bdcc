#include "comm/lane_ledger.hpp"

#include <algorithm>

#include "base/wire.hpp"

namespace stretto {
namespace {

/// Where graphs are dead on some ranks they will soon be on the others, mostly: no new bank before that long.
constexpr std::int64_t kPatienceNs = 20'000'000;
/// Nor a refusal, where there can be no new bank: graphs may be about to die.
constexpr std::int64_t kLastPatienceNs = 1'000'000'000;

}  // namespace

LaneLedger::LaneLedger(Rank rank, int n_ranks, Limits limits) : rank_(rank), n_ranks_(n_ranks), limits_(limits) {
  for (std::int32_t lane = 1; lane <= limits_.bank_lanes; ++lane) grants_[n_granted_++] = lane;
}

std::optional<std::int32_t> LaneLedger::granted(std::uint64_t number) const {
  const auto found = grants_.find(number);
  return found == grants_.end() ? std::nullopt : std::optional(found->second);
}

void LaneLedger::say(Word kind, std::uint64_t number) {
  WireWriter out;
  out.number(kind);
  out.number(number);
  words_.push_back(out.take());
}

// ---- captures and deaths ---------------------------------------------------------------------------------------

void LaneLedger::want(std::uint64_t number) {
  if (number < wanted_) return;
  note_want(number);
  say(Word::want, number);
}

void LaneLedger::note_want(std::uint64_t number) { wanted_ = std::max(wanted_, number + 1); }

void LaneLedger::died(std::uint64_t number) {
  say(Word::died, number);
  if (decides()) {
    note_died(number);
  } else {
    grants_.erase(number);
  }
}

void LaneLedger::note_died(std::uint64_t number) {
  if (++dead_on_[number] < n_ranks_) return;
  dead_on_.erase(number);
  const auto found = grants_.find(number);
  if (found == grants_.end()) throw Error(strettoRemoteError, "a graph died that was not captured");
  const std::int32_t lane = found->second;
  grants_.erase(found);
  grant(lane);
}

void LaneLedger::grant(std::int32_t lane) {
  grants_[n_granted_++] = lane;
  say(Word::granted, static_cast<std::uint32_t>(lane));
}

// ---- banks -----------------------------------------------------------------------------------------------------

void LaneLedger::poll(std::int64_t now_ns) {
  if (!decides() || making_) return;
  if (!waits()) {
    waited_since_ns_ = 0;
    return;
  }
  if (waited_since_ns_ == 0) waited_since_ns_ = now_ns;
  const bool is_full = (n_banks_ + 1) * limits_.bank_lanes > limits_.lanes_most;
  const std::int64_t patience_ns = is_full ? kLastPatienceNs : dead_on_.empty() ? 0 : kPatienceNs;
  if (now_ns - waited_since_ns_ < patience_ns) return;
  waited_since_ns_ = 0;
  if (is_full) {
    while (waits()) grant(too_many);
    return;
  }
  say(Word::make, static_cast<std::uint64_t>(n_banks_));
  making_ = true;
  to_make_ = n_banks_;
}

void LaneLedger::made(std::optional<std::vector<std::byte>> description) {
  WireWriter out;
  out.number(Word::made);
  out.number(static_cast<std::uint64_t>(description.has_value()));
  if (description) out.blob(*description);
  words_.push_back(out.take());
  note_made(rank_, std::move(description));
}

void LaneLedger::note_made(Rank from, std::optional<std::vector<std::byte>> description) {
  descriptions_.resize(static_cast<std::size_t>(n_ranks_));
  descriptions_[static_cast<std::size_t>(from)] = std::move(description);
  ++n_described_;
}

std::optional<std::vector<std::vector<std::byte>>> LaneLedger::descriptions_to_open() {
  if (n_described_ < static_cast<std::size_t>(n_ranks_)) return std::nullopt;
  std::vector<std::vector<std::byte>> all;
  for (auto& description : descriptions_) {
    if (description) all.push_back(std::move(*description));
  }
  n_described_ = 0;
  descriptions_.clear();
  if (all.size() == static_cast<std::size_t>(n_ranks_)) return all;
  failed_ = true;
  if (decides()) {
    all_well_ = false;
    end_bank();
  }
  return std::nullopt;
}

void LaneLedger::opened(bool well) {
  say(Word::opened, well ? 1 : 0);
  note_opened(well);
}

void LaneLedger::note_opened(bool well) {
  failed_ = failed_ || !well;
  if (!decides()) return;
  all_well_ = all_well_ && well;
  if (++n_opened_ == n_ranks_) end_bank();
}

/// For rank 0: all have opened it, or there is one that has nothing to open.
void LaneLedger::end_bank() {
  making_ = false;
  n_opened_ = 0;
  if (std::exchange(all_well_, true)) {
    for (int lane = 1; lane <= limits_.bank_lanes; ++lane) grant(n_banks_ * limits_.bank_lanes + lane);
    ++n_banks_;
  } else {
    while (waits()) grant(no_memory);
  }
}

// ---- words -----------------------------------------------------------------------------------------------------

void LaneLedger::hear(Rank from, std::span<const std::byte> word) {
  WireReader in(word);
  const auto kind = in.number<Word>();
  const auto number = in.number<std::uint64_t>();
  if ((kind == Word::make || kind == Word::granted) && from != 0) {
    throw Error(strettoRemoteError, "a word about lanes that is rank 0's");
  }
  switch (kind) {
    case Word::want:
      return note_want(number);
    case Word::died:
      if (decides()) note_died(number);
      return;
    case Word::make:
      to_make_ = static_cast<int>(number);
      return;
    case Word::made: {
      std::optional<std::vector<std::byte>> description;
      if (number != 0) {
        const std::span<const std::byte> bytes = in.blob();
        description.emplace(bytes.begin(), bytes.end());
      }
      return note_made(from, std::move(description));
    }
    case Word::opened:
      return note_opened(number != 0);
    case Word::granted:
      grants_[n_granted_++] = static_cast<std::int32_t>(static_cast<std::uint32_t>(number));
      return;
    default:
      throw Error(strettoRemoteError, "a word about lanes of an unknown kind");
  }
}

}  // namespace stretto
