#include "exec/device_exchange.hpp"

#include <algorithm>
#include <limits>

namespace stretto {
namespace {

using device::Exchange;
using device::ExchangePeer;
using device::kNowhere;

/// Reads one strand, step by step.
class Reader {
 public:
  explicit Reader(const Binding& binding) : binding_(binding) {
    found_.rank = static_cast<std::uint16_t>(binding.plan->plan.rank);
    found_.block_bytes = binding.block_bytes;
    found_.divisor = 1;
  }

  std::optional<Exchange> read(const PreparedStrand& strand) {
    for (std::size_t i = 0; i < strand.body.size(); ++i) {
      if (!step(strand.body[i], static_cast<std::uint16_t>(i))) return std::nullopt;
    }
    for (const PreparedStep& last : strand.epilogue) {
      if (last.kind != StepKind::wait_drain) return std::nullopt;
    }
    if (summed_to_scratch_) return std::nullopt;
    return in_rank_order();
  }

 private:
  struct Entry {
    Rank rank = 0;
    ExchangePeer peer;
  };

  bool step(const PreparedStep& step, std::uint16_t number) {
    switch (step.kind) {
      case StepKind::wait_credit:
      case StepKind::signal:
      case StepKind::wait:
      case StepKind::wait_drain:
        return true;  // a packet is its own signal, and is sent for good
      case StepKind::release:
        peer(step.peer).release_step = number;
        return true;
      case StepKind::put:
        return put(step, number);
      case StepKind::get:
        return get(step, number);
      case StepKind::copy:
        return copy(step, number);
      case StepKind::reduce:
        return reduce(step, number);
    }
    return false;
  }

  bool put(const PreparedStep& step, std::uint16_t number) {
    const PreparedRef& from = step.sources.front();
    ExchangePeer& to = peer(step.destination.peer);
    if (from.space != Space::input || step.destination.part != 0 || to.send_channels != 0) return false;
    to.send_channels = channels();
    to.send_offset = offset_of(from);
    to.put_step = number;
    send_order_.push_back(step.destination.peer);
    return true;
  }

  bool get(const PreparedStep& step, std::uint16_t number) {
    if (step.destination.space != Space::output || step.sources.front().part != 0 || found_.sums) return false;
    return take(step.sources.front().peer, offset_of(step.destination), number);
  }

  bool take(Rank from, std::uint64_t to, std::uint16_t number) {
    ExchangePeer& giver = peer(from);
    if (giver.receive_channels != 0) return false;
    giver.receive_channels = channels();
    giver.receive_offset = to;
    giver.take_step = number;
    take_order_.push_back(from);
    return true;
  }

  /// Of this rank's own block; or of a sum that was made in scratch memory, which here it never is.
  bool copy(const PreparedStep& step, std::uint16_t number) {
    const PreparedRef& from = step.sources.front();
    if (step.destination.space != Space::output) return false;
    if (from.space == Space::scratch && summed_to_scratch_) {
      summed_to_scratch_ = false;
      found_.own_to = offset_of(step.destination);
      return true;
    }
    if (from.space != Space::input || found_.own_from != kNowhere) return false;
    found_.own_from = offset_of(from);
    found_.own_to = offset_of(step.destination);
    found_.own_step = number;
    return true;
  }

  /// The kernel sums in rank order: so must the plan.
  bool reduce(const PreparedStep& step, std::uint16_t number) {
    if (found_.sums || found_.own_from != kNowhere || !take_order_.empty()) return false;
    Rank last = -1;
    for (const PreparedRef& source : step.sources) {
      const bool own = source.space == Space::input;
      const Rank rank = own ? binding_.plan->plan.rank : source.peer;
      if ((!own && (source.space != Space::slot || source.part != 0)) || rank <= last) return false;
      last = rank;
      if (own) found_.own_from = offset_of(source);
      if (!own && !take(rank, 0, number)) return false;
    }
    if (found_.own_from == kNowhere) return false;
    found_.sums = true;
    found_.own_step = number;
    if (step.completes) found_.divisor = binding_.divisor;
    summed_to_scratch_ = step.destination.space == Space::scratch;
    if (summed_to_scratch_) return true;
    found_.own_to = offset_of(step.destination);
    return step.destination.space == Space::output;
  }

  std::uint16_t channels() const { return static_cast<std::uint16_t>(binding_.channels.size()); }
  std::uint64_t offset_of(const PreparedRef& ref) const { return ref.position * binding_.block_bytes; }

  ExchangePeer& peer(Rank rank) {
    const auto found = std::ranges::find(entries_, rank, &Entry::rank);
    if (found != entries_.end()) return found->peer;
    Entry entry;
    entry.rank = rank;
    entry.peer.rank = static_cast<std::uint16_t>(rank);
    entries_.push_back(entry);
    return entries_.back().peer;
  }

  std::optional<Exchange> in_rank_order() {
    if (entries_.size() > device::kMostExchangePeers) return std::nullopt;
    if (found_.sums && take_order_.size() != entries_.size()) return std::nullopt;  // the kernel sums what all give
    std::ranges::sort(entries_, {}, &Entry::rank);
    for (std::size_t i = 0; i < entries_.size(); ++i) found_.peers[i] = entries_[i].peer;
    const auto index_of = [&](Rank rank) {
      return static_cast<std::uint8_t>(std::ranges::find(entries_, rank, &Entry::rank) - entries_.begin());
    };
    std::ranges::transform(send_order_, found_.send_order, index_of);
    std::ranges::transform(take_order_, found_.take_order, index_of);
    found_.n_peers = static_cast<std::uint16_t>(entries_.size());
    found_.n_sends = static_cast<std::uint8_t>(send_order_.size());
    found_.n_takes = static_cast<std::uint8_t>(take_order_.size());
    return found_;
  }

  const Binding& binding_;
  Exchange found_;
  std::vector<Entry> entries_;
  std::vector<Rank> send_order_;
  std::vector<Rank> take_order_;
  bool summed_to_scratch_ = false;
};

/// The kernel computes shares: they must be what the binding says.
bool shares_are_even(const Binding& binding, std::uint64_t share_bytes) {
  for (std::size_t c = 0; c < binding.channels.size(); ++c) {
    const ChannelGeometry& share = binding.channels[c];
    const std::uint64_t begin = std::min<std::uint64_t>(c * share_bytes, binding.block_bytes);
    const std::uint64_t bytes = std::min<std::uint64_t>(share_bytes, binding.block_bytes - begin);
    if (share.elements * binding.element_bytes != bytes) return false;
    if (bytes > 0 && share.base * binding.element_bytes != begin) return false;
  }
  return true;
}

/// Rounds are, too: as many as the kernel makes of a share, of messages as large.
bool rounds_are_even(const Binding& binding, std::uint64_t capacity_bytes) {
  for (std::size_t c = 0; c < binding.channels.size(); ++c) {
    const ChannelGeometry& share = binding.channels[c];
    const auto rounds = device::WideRounds::of(static_cast<std::uint32_t>(share.elements * binding.element_bytes),
                                               static_cast<std::uint32_t>(capacity_bytes));
    if (rounds.count != binding.rounds[c]) return false;
    if (rounds.count > 1 && rounds.message_bytes != share.chunk_elements * binding.element_bytes) return false;
  }
  return true;
}

/// Whatever its rounds are.
std::optional<Exchange> read_exchange(const Binding& binding) {
  const Plan& plan = binding.plan->plan;
  const std::vector<PreparedStrand>& strands = binding.plan->strands;
  const bool one_share = binding.geometries_per_channel == 1 && plan.chunks_per_block == 1;
  const bool equal_blocks = binding.input_offsets_bytes.empty() && binding.output_offsets_bytes.empty();
  if (!one_share || !equal_blocks || strands.size() != binding.channels.size()) return std::nullopt;
  std::optional<Exchange> found;
  for (std::size_t channel = 0; channel < strands.size(); ++channel) {
    std::optional<Exchange> of_strand = Reader(binding).read(strands[channel]);
    if (!of_strand || strands[channel].channel != static_cast<int>(channel)) return std::nullopt;
    if (found && *found != *of_strand) return std::nullopt;
    found = of_strand;
  }
  if (!found) return std::nullopt;
  const std::uint64_t first_share = binding.channels.front().elements * binding.element_bytes;
  found->share_bytes = (first_share + device::kLine_bytes - 1) / device::kLine_bytes * device::kLine_bytes;
  if (!shares_are_even(binding, found->share_bytes)) return std::nullopt;
  return found;
}

}  // namespace

std::optional<Exchange> recognise_exchange(const Binding& binding) {
  if (std::ranges::any_of(binding.rounds, [](std::size_t rounds) { return rounds != 1; })) return std::nullopt;
  std::optional<Exchange> found = read_exchange(binding);
  if (!found) return std::nullopt;
  const std::uint64_t share_lines = found->share_bytes / device::kLine_bytes;
  if (share_lines > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  for (std::size_t i = 0; i < found->n_peers; ++i) {
    ExchangePeer& peer = found->peers[i];
    peer.send_bytes = peer.receive_bytes = static_cast<std::uint32_t>(found->block_bytes);
    peer.send_share_lines = peer.receive_share_lines = static_cast<std::uint16_t>(share_lines);
  }
  return found;
}

std::optional<Exchange> recognise_wide_exchange(const Binding& binding, std::size_t capacity_bytes) {
  if (binding.block_bytes > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  std::optional<Exchange> found = read_exchange(binding);
  if (!found || !rounds_are_even(binding, capacity_bytes)) return std::nullopt;
  found->wide = true;
  return found;
}

}  // namespace stretto
