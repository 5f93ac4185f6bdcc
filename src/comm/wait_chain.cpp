#include "comm/wait_chain.hpp"

#include "base/wire.hpp"

namespace stretto {

std::vector<std::byte> WaitChain::word(Rank peer, Rank whom) {
  WireWriter writer;
  writer.number(peer);
  writer.number(whom);
  return writer.take();
}

void WaitChain::hear(Rank from, std::span<const std::byte> word) {
  WireReader reader(word);
  const auto peer = reader.number<Rank>();
  const auto whom = reader.number<Rank>();
  if (peer < -1 || peer >= n_ranks_ || whom < -1 || whom >= n_ranks_ || !reader.at_end()) {
    throw Error(strettoRemoteError, "a wait of no rank");
  }
  {
    const std::lock_guard lock(mutex_);
    waits_.insert_or_assign(from, peer);
  }
  if (whom == rank_) asked_.store(true, std::memory_order_release);
}

void WaitChain::forget() {
  const std::lock_guard lock(mutex_);
  waits_.clear();
}

WaitChain::End WaitChain::follow(Rank peer) const {
  const std::lock_guard lock(mutex_);
  End end{peer, std::nullopt, false};
  // No more steps than ranks: a row that comes back to itself has none that is last.
  for (int length = 0; length <= n_ranks_; ++length) {
    const auto said = waits_.find(end.rank);
    if (said == waits_.end()) return end;
    if (said->second < 0) {
      end.is_idle = true;
      return end;
    }
    if (said->second == rank_) break;
    end.before = end.rank;
    end.rank = said->second;
  }
  return End{};
}

}  // namespace stretto
