// What orders: signals and waits, barriers, semaphores; and whose turn it is.
#include "foreign/mscclpp_replay.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "foreign/replay.hpp"

namespace stretto::foreign {
namespace {

bool reads_remote(const MscclppOperation& operation, Rank rank) {
  return std::any_of(operation.sources.begin(), operation.sources.end(),
                     [&](const MscclppPlace& place) { return place.rank != rank; });
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
