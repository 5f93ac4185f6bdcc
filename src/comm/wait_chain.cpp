#include "comm/wait_chain.hpp"

#include "base/wire.hpp"

namespace stretto {

std::vector<std::byte> WaitChain::word(const Wait& mine, Rank whom) {
  WireWriter writer;
  writer.number(whom);
  writer.number(mine.peer);
  writer.number(mine.operation);
  writer.number(mine.step);
  return writer.take();
}

void WaitChain::hear(Rank from, std::span<const std::byte> word) {
  WireReader reader(word);
  const auto whom = reader.number<Rank>();
  Wait theirs;
  theirs.peer = reader.number<Rank>();
  theirs.operation = reader.number<std::uint64_t>();
  theirs.step = reader.number<std::int32_t>();
  if (whom < -1 || whom >= n_ranks_ || theirs.peer < -1 || theirs.peer >= n_ranks_ || !reader.at_end()) {
    throw Error(strettoRemoteError, "a wait of no rank");
  }
  {
    const std::lock_guard lock(mutex_);
    waits_.insert_or_assign(from, theirs);
  }
  if (whom == rank_) asked_.store(true, std::memory_order_release);
}

void WaitChain::forget() {
  const std::lock_guard lock(mutex_);
  waits_.clear();
}

WaitChain::End WaitChain::follow(Rank peer) const {
  const std::lock_guard lock(mutex_);
  End end{peer, std::nullopt, std::nullopt};
  // No more steps than ranks: a row that comes back to itself has none that is last.
  for (int length = 0; length <= n_ranks_; ++length) {
    const auto said = waits_.find(end.rank);
    if (said == waits_.end()) return end;
    if (said->second.peer < 0) {
      end.says = said->second;
      return end;
    }
    if (said->second.peer == rank_) break;
    end.before = end.rank;
    end.rank = said->second.peer;
  }
  return End{};
}

}  // namespace stretto
