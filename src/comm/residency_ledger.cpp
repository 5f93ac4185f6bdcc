#include "comm/residency_ledger.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace stretto {

/// What could be resident beside a launch, as far as it is not ordered yet.
struct ResidencyLedger::View {
  struct Item {
    Chain chain = 0;
    bool may_be_ordered = false;
    const Operation* operation = nullptr;
  };
  std::uint32_t own_blocks = 0;
  std::vector<Item> items;  ///< by chain; of each by id

  /// The largest of each chain.
  std::uint32_t blocks() const {
    std::uint32_t total = own_blocks;
    for (std::size_t i = 0; i < items.size();) {
      std::uint32_t largest = 0;
      const Chain chain = items[i].chain;
      for (; i < items.size() && items[i].chain == chain; ++i) {
        largest = std::max(largest, items[i].operation->blocks);
      }
      total += largest;
    }
    return total;
  }
};

ResidencyLedger::Chain ResidencyLedger::add(std::uint64_t group, std::uint32_t most_blocks) {
  const Chain chain = next_chain_++;
  Line& line = lines_[chain];
  line.group = group;
  line.most_blocks = most_blocks;
  return chain;
}

void ResidencyLedger::remove(Chain chain) {
  Line& line = lines_.at(chain);
  line.removed = true;
  std::erase_if(line.operations, [](const Operation& each) { return each.state != State::launched; });
  const std::uint64_t group = line.group;
  const bool last = std::ranges::none_of(
      lines_, [&](const auto& entry) { return entry.second.group == group && !entry.second.removed; });
  if (last) std::erase_if(begun_, [&](const auto& entry) { return entry.first.first == group; });
  erase_empty();
}

ResidencyLedger::Regime ResidencyLedger::regime() const {
  std::uint64_t sum = 0;
  std::uint32_t largest = 0;
  std::uint32_t chains = 0;
  for (const auto& [chain, line] : lines_) {
    if (line.removed) continue;
    ++chains;
    sum += line.most_blocks;
    largest = std::max(largest, line.most_blocks);
  }
  if (chains <= 1 || sum <= capacity_) return Regime::free;
  return largest + chains - 1 <= capacity_ ? Regime::small_free : Regime::counted;
}

/// Of what is counted.
std::uint32_t ResidencyLedger::limit() const {
  if (regime() != Regime::small_free) return capacity_;
  const auto alive = static_cast<std::uint32_t>(
      std::ranges::count_if(lines_, [](const auto& entry) { return !entry.second.removed; }));
  return capacity_ - (alive - 1);
}

std::size_t ResidencyLedger::siblings(const Line& line) const {
  return static_cast<std::size_t>(std::ranges::count_if(lines_, [&](const auto& entry) {
    return &entry.second != &line && entry.second.group == line.group && !entry.second.removed;
  }));
}

bool ResidencyLedger::is_expected(const Launch& launch) const {
  return launch.is_collective && std::ranges::any_of(lines_.at(launch.chain).operations, [&](const Operation& each) {
           return each.state == State::expected && each.number == launch.number;
         });
}

ResidencyLedger::View ResidencyLedger::view_for(const Launch& launch) const {
  View view;
  const Line& own = lines_.at(launch.chain);
  const std::size_t others = launch.is_collective ? siblings(own) : 0;
  view.own_blocks = launch.blocks * static_cast<std::uint32_t>(1 + others);
  for (const auto& [chain, line] : lines_) {
    if (chain == launch.chain && launch.follows_own) continue;
    // What the stream has so far ends before the launch begins, and with it all that comes before it in its chain.
    std::size_t first = 0;
    for (std::size_t i = 0; i < line.operations.size(); ++i) {
      const Operation& each = line.operations[i];
      if (each.stream == launch.stream && each.state != State::expected && each.state != State::unmarked) first = i + 1;
    }
    const bool ordered = chain == launch.chain || line.group != own.group;
    for (std::size_t i = first; i < line.operations.size(); ++i) {
      view.items.push_back({chain, ordered, &line.operations[i]});
    }
  }
  return view;
}

ResidencyLedger::Plan ResidencyLedger::plan(const Launch& launch) const {
  Plan plan;
  if (is_expected(launch)) {
    const auto found = begun_.find({lines_.at(launch.chain).group, launch.number});
    if (found != begun_.end()) plan.waits = found->second.waits;
    return plan;
  }
  View view = view_for(launch);
  const std::uint32_t most = limit();
  // The oldest first. What has no mark, only if nothing else is left.
  for (const bool unmarked : {false, true}) {
    while (view.blocks() > most) {
      auto oldest = view.items.end();
      for (auto item = view.items.begin(); item != view.items.end(); ++item) {
        if (!item->may_be_ordered || (item->operation->state == State::unmarked) != unmarked) continue;
        if (oldest == view.items.end() || item->operation->id < oldest->operation->id) oldest = item;
      }
      if (oldest == view.items.end()) break;
      const Reference chosen{oldest->chain, oldest->operation->id};
      if (unmarked) plan.fits = false;
      // One that is expected ends with those that have begun it.
      if (!unmarked && oldest->operation->state != State::expected) {
        std::erase_if(plan.waits, [&](const Reference& each) { return each.chain == chosen.chain; });
        plan.waits.push_back(chosen);
      }
      view.items.erase(oldest);
    }
  }
  return plan;
}

std::uint64_t ResidencyLedger::begin(const Launch& launch, std::span<const Reference> waits) {
  Line& line = lines_.at(launch.chain);
  std::erase_if(line.operations,
                [&](const Operation& each) { return each.state == State::expected && each.number < launch.number; });
  const bool expected = is_expected(launch);
  const std::pair key(line.group, launch.number);
  const std::size_t others = launch.is_collective && !expected ? siblings(line) : 0;
  if (others > 0) {
    begun_[key] = {{waits.begin(), waits.end()}, others};
    for (auto& [chain, other] : lines_) {
      if (&other == &line || other.group != line.group || other.removed) continue;
      other.operations.push_back({next_id_++, State::expected, launch.blocks, 0, launch.number, nullptr});
    }
  }
  if (expected) {
    std::erase_if(line.operations,
                  [&](const Operation& each) { return each.state == State::expected && each.number == launch.number; });
    const auto found = begun_.find(key);
    if (found != begun_.end() && --found->second.ranks_left == 0) begun_.erase(found);
  }
  const std::uint64_t id = next_id_++;
  line.operations.push_back({id, State::launching, launch.blocks, launch.stream, launch.number, nullptr});
  shorten(line);
  return id;
}

/// The oldest two become one, which ends with the second: unless a rank is still to wait for what another one of its
/// communicator waited for, since by now the later one may wait for that.
void ResidencyLedger::shorten(Line& line) {
  if (!begun_.empty()) return;
  std::deque<Operation>& all = line.operations;
  while (all.size() > kOperationsMost && all[0].state == State::launched && all[1].state == State::launched) {
    all[1].blocks = std::max(all[1].blocks, all[0].blocks);
    release(all[0].mark);
    all.pop_front();
  }
}

void ResidencyLedger::launched(Reference operation, Mark mark) {
  const auto line = lines_.find(operation.chain);
  STRETTO_ASSERT(line != lines_.end());
  for (Operation& each : line->second.operations) {
    if (each.id != operation.id) continue;
    each.state = State::launched;
    each.mark = mark;
    return;
  }
  release(mark);
}

void ResidencyLedger::drop(Reference operation) {
  const auto line = lines_.find(operation.chain);
  if (line == lines_.end()) return;
  std::erase_if(line->second.operations, [&](const Operation& each) { return each.id == operation.id; });
  erase_empty();
}

void ResidencyLedger::add_unmarked(Chain chain, std::uint32_t blocks, std::uint64_t number) {
  lines_.at(chain).operations.push_back({next_id_++, State::unmarked, blocks, 0, number, nullptr});
}

const ResidencyLedger::Operation* ResidencyLedger::find(Reference operation) const {
  const auto line = lines_.find(operation.chain);
  if (line == lines_.end()) return nullptr;
  const auto found =
      std::ranges::find_if(line->second.operations, [&](const Operation& each) { return each.id == operation.id; });
  return found != line->second.operations.end() ? &*found : nullptr;
}

void ResidencyLedger::erase_empty() {
  std::erase_if(lines_, [](const auto& entry) { return entry.second.removed && entry.second.operations.empty(); });
}

}  // namespace stretto
