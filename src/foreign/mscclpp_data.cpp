// What moves: puts, packets, and what is read of peers.
#include <algorithm>

#include "foreign/mscclpp_replay.hpp"

namespace stretto::foreign {
namespace {

// Beyond so many puts the receiver takes the oldest before it has waited for it: they are in its memory by then, and a
// plan that needs a slot for each would fit no communicator.
constexpr std::size_t kMostUnderWay = 4;

MscclppPlace chunk_of(const MscclppPlace& place, std::int32_t k) {
  return {place.rank, place.buffer, place.offset + k, 1};
}

Operand operand_of(const MscclppPlace& place, std::int32_t k) { return cell(place.buffer, place.offset + k); }

/// Whether source i is a packet: of sums all but the first are.
bool is_packet_source(const MscclppOperation& operation, std::size_t i) {
  return operation.kind->reads_packets && (operation.kind->does != MscclppDo::add || i > 0);
}

}  // namespace

/// In the order of the connection, so that nothing has to be kept elsewhere.
void MscclppReplay::deliver(MessageId id) {
  const Put& wanted = puts_.at(id);
  std::deque<MessageId>& queue = under_way_[{wanted.from, wanted.destinations.front().rank}];
  while (!wanted.delivered) {
    const MessageId next = queue.front();
    queue.pop_front();
    Put& each = puts_.at(next);
    recorder_.open(next);
    for (std::size_t part = 0; part < each.destinations.size(); ++part) {
      const MscclppPlace& to = each.destinations[part];
      recorder_.move(to.rank, to.buffer, to.offset, {part_of(next, static_cast<std::int32_t>(part))});
    }
    recorder_.close(next);
    each.delivered = true;
  }
}

void MscclppReplay::put(const MscclppOperation& operation, std::int32_t at, const MscclppPlace& from,
                        const MscclppPlace& to) {
  const std::pair<Rank, Rank> ends{from.rank, to.rank};
  for (std::int32_t begin = 0; begin < from.count; begin += kMostPartsPerSlot) {
    Put put{from.rank, {}, at, time_, operation.kind->writes_packets, false, false, &operation};
    std::vector<Sum> parts;
    for (std::int32_t k = begin; k < std::min(from.count, begin + kMostPartsPerSlot); ++k) {
      parts.push_back({operand_of(from, k)});
      put.destinations.push_back(chunk_of(to, k));
    }
    if (under_way_[ends].size() >= kMostUnderWay) deliver(under_way_[ends].front());
    const MessageId id = recorder_.send(from.rank, to.rank, parts);
    under_way_[ends].push_back(id);
    if (put.is_packet) {
      for (const MscclppPlace& each : put.destinations) packets_[{each.rank, each.buffer, each.offset}].push_back(id);
    } else {
      unannounced_[ends].push_back(id);
    }
    puts_.emplace(id, std::move(put));
  }
}

bool MscclppReplay::packets_are_there(const MscclppOperation& operation) const {
  for (std::size_t i = 0; i < operation.sources.size(); ++i) {
    if (!is_packet_source(operation, i)) continue;
    const MscclppPlace& place = operation.sources[i];
    for (std::int32_t k = 0; k < place.count; ++k) {
      const auto found = packets_.find({place.rank, place.buffer, place.offset + k});
      const bool is_coming = found != packets_.end() && !found->second.empty();
      if (!is_coming && !recorder_.holds(place.rank, place.buffer, place.offset + k)) return false;
    }
  }
  return true;
}

void MscclppReplay::take_packets(const MscclppOperation& operation) {
  for (std::size_t i = 0; i < operation.sources.size(); ++i) {
    if (!is_packet_source(operation, i)) continue;
    const MscclppPlace& place = operation.sources[i];
    for (std::int32_t k = 0; k < place.count; ++k) {
      std::deque<MessageId>& coming = packets_[{place.rank, place.buffer, place.offset + k}];
      if (coming.empty()) continue;
      puts_.at(coming.front()).awaited = true;
      deliver(coming.front());
      coming.pop_front();
    }
  }
}

/// The owners send what the operation reads of them, unless they have not yet got rid of what was asked for before. A
/// turn later it is there: so all ranks ask before any of them waits.
bool MscclppReplay::request(Rank rank, Block& block, const MscclppOperation& operation) {
  std::map<Rank, std::vector<MscclppPlace>> by_owner;
  for (const MscclppPlace& place : operation.sources) {
    if (place.rank != rank) by_owner[place.rank].push_back(place);
  }
  const auto count = static_cast<std::size_t>(operation.sources.front().count);
  for (const auto& [owner, places] : by_owner) {
    const std::size_t asked = asked_[{owner, rank}];
    if (asked > 0 && asked + count > kMostUnderWay) return false;
  }
  for (std::int32_t k = 0; k < operation.sources.front().count; ++k) {
    for (const auto& [owner, places] : by_owner) {
      ++asked_[{owner, rank}];
      if (places.size() > static_cast<std::size_t>(kMostPartsPerSlot)) refuse("it reads too many places of one peer");
      std::vector<Sum> parts;
      for (const MscclppPlace& place : places) parts.push_back({operand_of(place, k)});
      block.requested.push_back(recorder_.send(owner, rank, parts));
    }
  }
  return true;
}

void MscclppReplay::transfer(Rank rank, Block& block, std::int32_t at, const MscclppOperation& operation) {
  const std::size_t n_owners =
      block.requested.size() / static_cast<std::size_t>(std::max(1, operation.sources.front().count));
  for (std::int32_t k = 0; n_owners > 0 && k < operation.sources.front().count; ++k) {
    // Owners come in order of rank, and the parts of each in the order of the sources.
    std::map<Rank, std::pair<MessageId, std::int32_t>> next;
    for (std::size_t i = 0; i < operation.sources.size(); ++i) {
      if (operation.sources[i].rank != rank) next.try_emplace(operation.sources[i].rank, -1, 0);
    }
    std::size_t owner = static_cast<std::size_t>(k) * n_owners;
    for (auto& [peer, message] : next) recorder_.open(message.first = block.requested[owner++]);
    for (std::size_t i = 0; i < operation.sources.size(); ++i) {
      if (operation.sources[i].rank == rank) continue;
      auto& [message, part] = next[operation.sources[i].rank];
      recorder_.move(rank, operation.destinations[i].buffer, operation.destinations[i].offset + k,
                     {part_of(message, part++)});
    }
    for (const auto& [peer, message] : next) {
      recorder_.close(message.first);
      --asked_[{peer, rank}];
    }
  }
  for (std::size_t i = 0; i < operation.destinations.size(); ++i) {
    const MscclppPlace& from = operation.sources[operation.kind->does == MscclppDo::spread ? 0 : i];
    const MscclppPlace& to = operation.destinations[i];
    if (from.rank != rank) continue;
    if (to.rank != rank) {
      put(operation, at, from, to);
      continue;
    }
    for (std::int32_t k = 0; k < from.count; ++k) recorder_.move(rank, to.buffer, to.offset + k, {operand_of(from, k)});
  }
}

void MscclppReplay::add(Rank rank, Block& block, std::int32_t at, const MscclppOperation& operation) {
  const MscclppPlace& sum_place = operation.destinations.front();
  const std::size_t n_owners = block.requested.size() / static_cast<std::size_t>(sum_place.count);
  std::map<Rank, std::int32_t> parts;  ///< per owner
  for (const MscclppPlace& place : operation.sources) {
    if (place.rank != rank) ++parts[place.rank];
  }
  for (std::int32_t k = 0; k < sum_place.count; ++k) {
    Sum sum;
    for (const MscclppPlace& place : operation.sources) {
      if (place.rank == rank) sum.push_back(operand_of(place, k));
    }
    const auto first = block.requested.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(k) * n_owners);
    auto message = first;
    for (const auto& [owner, count] : parts) {
      recorder_.open(*message);
      for (std::int32_t part = 0; part < count; ++part) sum.push_back(part_of(*message, part));
      ++message;
    }
    recorder_.move(rank, sum_place.buffer, sum_place.offset + k, sum);
    message = first;
    for (const auto& [owner, count] : parts) {
      recorder_.close(*message++);
      --asked_[{owner, rank}];
    }
  }
  for (std::size_t i = 1; i < operation.destinations.size(); ++i) {
    const MscclppPlace& to = operation.destinations[i];
    if (to.rank != rank) {
      put(operation, at, sum_place, to);
      continue;
    }
    for (std::int32_t k = 0; k < to.count; ++k)
      recorder_.move(rank, to.buffer, to.offset + k, {operand_of(sum_place, k)});
  }
}

}  // namespace stretto::foreign
