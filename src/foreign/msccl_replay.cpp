// MSCCL's rules: threadblocks run side by side, each its steps in order; a step that names another threadblock's step
// waits for it; a (source, destination, channel) is a first-in first-out queue.
#include <algorithm>
#include <deque>
#include <map>
#include <tuple>

#include "base/text.hpp"
#include "foreign/msccl_file.hpp"
#include "foreign/replay.hpp"

namespace stretto::foreign {
namespace {

/// What one step sent: it may be several messages of stretto's.
struct Sent {
  std::vector<MessageId> pieces;
  std::int32_t count = 0;
};

class Replay {
 public:
  Replay(const MscclFile& file, Recorder& recorder) : file_(file), recorder_(recorder) {
    for (const MscclGpu& gpu : file.gpus) next_.emplace_back(gpu.blocks.size(), 0);
  }

  void all();

 private:
  using Queue = std::deque<Sent>;

  bool advance(Rank rank, std::size_t block);
  bool may_run(Rank rank, const MscclBlock& block, const MscclStep& step);
  void run(Rank rank, const MscclBlock& block, const MscclStep& step);
  void piece(Rank rank, const MscclStep& step, std::int32_t begin, std::int32_t end, MessageId received);
  void check_ended() const;
  Queue& queue(Rank from, Rank to, std::int32_t channel) { return queues_[{from, to, channel}]; }

  const MscclFile& file_;
  Recorder& recorder_;
  std::vector<std::vector<std::size_t>> next_;  ///< step, per rank and threadblock
  std::map<std::tuple<Rank, Rank, std::int32_t>, Queue> queues_;
  Rank send_to_ = -1;  ///< of the step under way
  Sent sent_;
};

bool Replay::may_run(Rank rank, const MscclBlock& block, const MscclStep& step) {
  const auto& steps_done = next_[static_cast<std::size_t>(rank)];
  if (step.block >= 0 && steps_done[static_cast<std::size_t>(step.block)] <= static_cast<std::size_t>(step.after))
    return false;
  return !step.kind->receives || !queue(block.receive, rank, block.channel).empty();
}

/// Chunks begin to end of a step.
void Replay::piece(Rank rank, const MscclStep& step, std::int32_t begin, std::int32_t end, MessageId received) {
  const auto source = [&](std::int32_t k) { return cell(step.source.buffer, step.source.offset + k); };
  const auto destination = [&](std::int32_t k) { return cell(step.destination.buffer, step.destination.offset + k); };
  if (received >= 0) recorder_.open(received);
  std::vector<Sum> parts;
  for (std::int32_t k = begin; k < end; ++k) {
    Sum sum;
    if (step.kind->name == "re") sum.push_back(destination(k));
    if (step.kind->reads) sum.push_back(source(k));
    if (received >= 0) sum.push_back(part_of(received, k - begin));
    if (step.kind->writes) {
      recorder_.move(rank, step.destination.buffer, step.destination.offset + k, sum);
      sum = {destination(k)};
    }
    if (step.kind->sends) parts.push_back(std::move(sum));
  }
  if (step.kind->sends) sent_.pieces.push_back(recorder_.send(rank, send_to_, parts));
  if (received >= 0) recorder_.close(received);
}

void Replay::run(Rank rank, const MscclBlock& block, const MscclStep& step) {
  if (step.kind->name == "nop") return;
  Sent received;
  if (step.kind->receives) {
    Queue& from = queue(block.receive, rank, block.channel);
    received = std::move(from.front());
    from.pop_front();
    if (received.count != step.count) {
      refuse(format("it receives {} chunks, and the message that comes from rank {} on channel {} has {}", step.count,
                    block.receive, block.channel, received.count));
    }
  }
  send_to_ = block.send;
  sent_ = {{}, step.count};
  for (std::int32_t begin = 0; begin < step.count; begin += kMostPartsPerSlot) {
    const auto at = static_cast<std::size_t>(begin / kMostPartsPerSlot);
    piece(rank, step, begin, std::min(step.count, begin + kMostPartsPerSlot),
          step.kind->receives ? received.pieces[at] : -1);
  }
  if (step.kind->sends) queue(rank, block.send, block.channel).push_back(std::move(sent_));
}

bool Replay::advance(Rank rank, std::size_t at) {
  const MscclBlock& block = file_.gpus[static_cast<std::size_t>(rank)].blocks[at];
  std::size_t& next = next_[static_cast<std::size_t>(rank)][at];
  if (next == block.steps.size() || !may_run(rank, block, block.steps[next])) return false;
  try {
    run(rank, block, block.steps[next]);
  } catch (const Error& error) {
    file_.refuse_at(block.steps[next].line, error.what());
  }
  ++next;
  return true;
}

void Replay::check_ended() const {
  for (std::size_t rank = 0; rank < next_.size(); ++rank) {
    for (std::size_t at = 0; at < next_[rank].size(); ++at) {
      const MscclBlock& block = file_.gpus[rank].blocks[at];
      const std::size_t next = next_[rank][at];
      if (next == block.steps.size()) continue;
      const MscclStep& step = block.steps[next];
      file_.refuse_at(
          step.line,
          format("the plan deadlocks: step {} of threadblock {} of gpu {} waits for ever, for {}", next, block.id, rank,
                 step.kind->receives ? format("a message from gpu {} on channel {}{}", block.receive, block.channel,
                                              step.block >= 0 ? ", or its dependency" : "")
                                     : std::string("the step that it depends on")));
    }
  }
}

/// In turn, a step each: so ranks that can work side by side do so in what is recorded.
void Replay::all() {
  std::int64_t looks = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t at = 0, more = 1; more != 0; ++at) {
      more = 0;
      for (std::size_t rank = 0; rank < next_.size(); ++rank) {
        if (at >= next_[rank].size()) continue;
        more = 1;
        moved |= advance(static_cast<Rank>(rank), at);
        if (++looks > kMostLooks) file_.refuse_at(1, "its threadblocks wait for one another too much to be followed");
      }
    }
  }
  check_ended();
  for (const auto& [ends, queue] : queues_) {
    if (queue.empty()) continue;
    const auto& [from, to, channel] = ends;
    file_.refuse_at(file_.gpus[static_cast<std::size_t>(to)].line,
                    format("gpu {} does not receive {} of the messages that gpu {} sends it on channel {}", to,
                           queue.size(), from, channel));
  }
}

class MscclSource : public Source {
 public:
  explicit MscclSource(MscclFile file) : file_(std::move(file)) {}

  const Shape& shape() const override { return file_.shape; }
  const std::string& name() const override { return file_.name; }
  std::string_view format() const override { return "MSCCL"; }
  Recording replay(bool by_copies) const override {
    std::vector<std::int32_t> scratch_chunks;
    for (const MscclGpu& gpu : file_.gpus) scratch_chunks.push_back(gpu.scratch_chunks);
    Recorder recorder(file_.shape, scratch_chunks, by_copies);
    Replay(file_, recorder).all();
    return recorder.finish();
  }

 private:
  MscclFile file_;
};

}  // namespace

std::unique_ptr<Source> read_msccl_xml(std::string_view text, std::string_view file_name) {
  return std::make_unique<MscclSource>(parse_msccl_xml(text, file_name));
}

}  // namespace stretto::foreign
