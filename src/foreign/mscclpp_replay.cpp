#include "foreign/mscclpp_replay.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "foreign/replay.hpp"

namespace stretto::foreign {
namespace {

// Beyond so many puts the receiver takes the oldest before it has waited for it: they are in its memory by then, and a
// plan that needs a slot for each would fit no communicator.
constexpr std::size_t kMostUnderWay = 4;

MscclppPlace chunk_of(const MscclppPlace& place, std::int32_t k) {
  return {place.rank, place.buffer, place.offset + k, 1};
}

Operand operand_of(const MscclppPlace& place, std::int32_t k) { return cell(place.buffer, place.offset + k); }

bool reads_remote(const MscclppOperation& operation, Rank rank) {
  return std::any_of(operation.sources.begin(), operation.sources.end(),
                     [&](const MscclppPlace& place) { return place.rank != rank; });
}

/// Whether source i is a packet: of sums all but the first are.
bool is_packet_source(const MscclppOperation& operation, std::size_t i) {
  return operation.kind->reads_packets && (operation.kind->does != MscclppDo::add || i > 0);
}

}  // namespace

MscclppReplay::MscclppReplay(const MscclppFile& file, Recorder& recorder) : file_(file), recorder_(recorder) {
  for (const MscclppGpu& gpu : file.gpus) {
    RankState state;
    state.blocks.resize(gpu.blocks.size());
    state.semaphores = gpu.semaphores;
    ranks_.push_back(std::move(state));
  }
}

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

bool MscclppReplay::barrier(RankState& state, Block& block, const MscclppOperation& operation) {
  Barrier& barrier = state.barriers[operation.barrier];
  if (barrier.count == 0) barrier.count = operation.count;
  if (barrier.count != operation.count) {
    refuse(format("a barrier of {} threadblocks, of which other threadblocks say {}", operation.count, barrier.count));
  }
  if (!block.is_half_done) {
    block.is_half_done = true;
    block.generation = barrier.generation;
    if (++barrier.arrived == operation.count) {
      barrier.arrived = 0;
      ++barrier.generation;
    }
  }
  if (barrier.generation == block.generation) return false;
  block.synchronised = time_;
  return true;
}

bool MscclppReplay::acquire(RankState& state, Block& block, const MscclppOperation& operation) {
  const auto value = [&](std::int32_t id) -> std::int32_t& { return state.semaphores[static_cast<std::size_t>(id)]; };
  for (const std::int32_t id : operation.semaphores) {
    if (value(id) < 1) return false;
  }
  for (const std::int32_t id : operation.semaphores) --value(id);
  block.synchronised = time_;
  return true;
}

/// It announces what its own threadblock has put, and what others had when it last met them.
void MscclppReplay::signal(Rank rank, std::int32_t at, const Block& block, const MscclppOperation& operation) {
  for (const MscclppChannel& channel : operation.channels) {
    std::vector<MessageId> announced;
    if (!operation.kind->relaxed) {
      std::vector<MessageId>& waiting = unannounced_[{rank, channel.peer}];
      const auto goes = [&](MessageId id) {
        const Put& put = puts_.at(id);
        return put.block == at || put.time < block.synchronised;
      };
      std::copy_if(waiting.begin(), waiting.end(), std::back_inserter(announced), goes);
      waiting.erase(std::remove_if(waiting.begin(), waiting.end(), goes), waiting.end());
    }
    signals_[{rank, channel.peer, channel.number}].push_back(std::move(announced));
  }
}

bool MscclppReplay::wait(Rank rank, const MscclppOperation& operation) {
  for (const MscclppChannel& channel : operation.channels) {
    if (signals_[{channel.peer, rank, channel.number}].empty()) return false;
  }
  for (const MscclppChannel& channel : operation.channels) {
    auto& queue = signals_[{channel.peer, rank, channel.number}];
    if (queue.empty()) refuse("it waits for one channel twice");
    for (const MessageId id : operation.kind->relaxed ? std::vector<MessageId>() : queue.front()) {
      puts_.at(id).awaited = true;
      deliver(id);
    }
    queue.pop_front();
  }
  return true;
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

bool MscclppReplay::run(Rank rank, Block& block, std::int32_t at, const MscclppOperation& operation) {
  RankState& state = ranks_[static_cast<std::size_t>(rank)];
  switch (operation.kind->does) {
    case MscclppDo::nothing:
      return true;
    case MscclppDo::barrier:
      return barrier(state, block, operation);
    case MscclppDo::acquire:
      return acquire(state, block, operation);
    case MscclppDo::release:
      for (const std::int32_t id : operation.semaphores) ++state.semaphores[static_cast<std::size_t>(id)];
      return true;
    case MscclppDo::signal:
      signal(rank, at, block, operation);
      return true;
    case MscclppDo::wait:
      return wait(rank, operation);
    case MscclppDo::transfer:
    case MscclppDo::spread:
    case MscclppDo::add:
      break;
  }
  if (!packets_are_there(operation)) return false;
  if (!block.is_half_done && reads_remote(operation, rank)) {
    block.is_half_done = request(rank, block, operation);
    return false;
  }
  take_packets(operation);
  if (operation.kind->does == MscclppDo::add) {
    add(rank, block, at, operation);
  } else {
    transfer(rank, block, at, operation);
  }
  if (operation.kind->signals) signal(rank, at, block, operation);
  return true;
}

bool MscclppReplay::advance(Rank rank, std::size_t at) {
  const auto& operations = file_.gpus[static_cast<std::size_t>(rank)].blocks[at];
  Block& block = ranks_[static_cast<std::size_t>(rank)].blocks[at];
  if (block.next == operations.size()) return false;
  const MscclppOperation& operation = operations[block.next];
  const bool was_half_done = block.is_half_done;
  ++time_;
  try {
    if (!run(rank, block, static_cast<std::int32_t>(at), operation)) return block.is_half_done != was_half_done;
  } catch (const Error& error) {
    file_.refuse_at(operation.place, error.what());
  }
  ++block.next;
  block.is_half_done = false;
  block.requested.clear();
  return true;
}

void MscclppReplay::check_awaited() const {
  for (const auto& [id, put] : puts_) {
    if (put.awaited) continue;
    const Rank to = put.destinations.front().rank;
    file_.refuse_at(
        put.by->place,
        put.is_packet
            ? format("gpu {} does not read these packets", to)
            : format("nothing tells gpu {} that this has come: a signal of this threadblock is to follow, and a "
                     "wait (no rlxwait) of gpu {} for it",
                     to, to));
  }
}

void MscclppReplay::check_ended() const {
  for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
    for (std::size_t at = 0; at < ranks_[rank].blocks.size(); ++at) {
      const auto& operations = file_.gpus[rank].blocks[at];
      const std::size_t next = ranks_[rank].blocks[at].next;
      if (next == operations.size()) continue;
      file_.refuse_at(operations[next].place,
                      format("the plan deadlocks: \"{}\" waits for ever", operations[next].kind->name));
    }
  }
}

/// In turn, an operation each: so ranks that can work side by side do so in what is recorded.
void MscclppReplay::all() {
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t at = 0, more = 1; more != 0; ++at) {
      more = 0;
      for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
        if (at >= ranks_[rank].blocks.size()) continue;
        more = 1;
        moved |= advance(static_cast<Rank>(rank), at);
        if (++looks_ > kMostLooks) file_.refuse_at("", "its threadblocks wait for one another too much to be followed");
      }
    }
  }
  check_ended();
  check_awaited();
}

namespace {

class MscclppSource : public Source {
 public:
  explicit MscclppSource(MscclppFile file) : file_(std::move(file)) {}

  const Shape& shape() const override { return file_.shape; }
  const std::string& name() const override { return file_.name; }
  std::string_view format() const override { return "MSCCL++"; }
  Recording replay(bool by_copies) const override {
    std::vector<std::int32_t> scratch_chunks;
    for (const MscclppGpu& gpu : file_.gpus) scratch_chunks.push_back(gpu.scratch_chunks);
    Recorder recorder(file_.shape, scratch_chunks, by_copies);
    MscclppReplay(file_, recorder).all();
    return recorder.finish();
  }

 private:
  MscclppFile file_;
};

}  // namespace

std::unique_ptr<Source> read_mscclpp_json(std::string_view text, std::string_view file_name) {
  return std::make_unique<MscclppSource>(parse_mscclpp_json(text, file_name));
}

}  // namespace stretto::foreign
