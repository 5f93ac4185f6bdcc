// The reader of the form that MSCCL++'s language has written since "channels" and "remote_buffers" are lists of their
// own. Nothing in the text is trusted.
#include "foreign/mscclpp_file.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/text.hpp"
#include "foreign/json_at.hpp"
#include "foreign/replay.hpp"

namespace stretto::foreign {
namespace {

using Json = nlohmann::json;
using At = JsonAt;
using Do = MscclppDo;

constexpr std::size_t kMostPeers = 1 << 16;     ///< of a gpu's channels and remote buffers
constexpr std::size_t kMostOperands = 1 << 10;  ///< of an operation
constexpr std::size_t kMostSemaphores = 1 << 10;
constexpr std::int32_t kMostPieces = 1 << 10;

struct RemoteBuffer {
  Rank rank = -1;
  Buffer buffer = Buffer::input;
};

/// What the operations of one threadblock name by their numbers. By type of channel.
struct Names {
  std::map<std::string, std::vector<MscclppChannel>, std::less<>> channels;
  std::map<std::string, std::vector<RemoteBuffer>, std::less<>> buffers;
};

class Reader {
 public:
  explicit Reader(MscclppFile& file) : file_(file) {}
  void plan(const At& plan);

 private:
  void check_version(const At& plan) const;
  void shape(const At& plan);
  void gpu(const At& at);
  Names of_gpu(const At& at);
  Names of_block(const At& at, const Names& gpu) const;
  void block(const At& at, const Names& gpu, MscclppGpu& into);
  void operation(const At& at, const Names& names, MscclppGpu& into, std::vector<MscclppOperation>& operations);
  void pipeline(const At& at, const Names& names, MscclppGpu& into, std::vector<MscclppOperation>& operations);
  void operands(const At& at, const Names& names, const char* name, std::string_view type,
                std::vector<MscclppPlace>& places) const;
  void check_operands(const At& at, const MscclppOperation& operation) const;

  MscclppFile& file_;
  std::int32_t pieces_of(const At& operations, int depth = 0) const;

  Rank rank_ = 0;            ///< whose gpu is read
  std::int32_t pieces_ = 1;  ///< chunks of ours for one of the file's, since threadblocks share operations
  std::vector<std::int32_t> scratch_;
  std::int32_t n_operations_ = 0;
};

void Reader::check_version(const At& plan) const {
  const std::vector<At> gpus = plan.member("gpus").elements(kMostRanks);
  if (gpus.empty()) plan.refuse("a plan of no gpu");
  if (gpus.front().has("inputChunks") || gpus.front().has("chunkGroups")) {
    gpus.front().refuse(
        "this is MSCCL++'s older form (inputChunks, i_buff, o_buff), which is not read: write the plan with a version "
        "of "
        "MSCCL++ whose files have input_chunks and remote_buffers");
  }
  if (gpus.front().has("i_chunks")) gpus.front().refuse("this is no form of MSCCL++ that is known");
}

/// The least number of pieces that makes whole ones of each threadblock's part of each operation.
std::int32_t Reader::pieces_of(const At& operations, int depth) const {
  std::int32_t pieces = 1;
  for (const At& each : operations.elements(kMostSteps)) {
    if (each.has("tbg_info")) {
      pieces = std::lcm(pieces, each.member("tbg_info").member("tbg_size").number(1, kMostPieces));
    }
    if (depth < 1 && each.has("ops")) pieces = std::lcm(pieces, pieces_of(each.member("ops"), depth + 1));
    if (pieces > kMostPieces)
      each.refuse(format("threadblocks share chunks in too many ways: at most {} pieces", kMostPieces));
  }
  return pieces;
}

void Reader::shape(const At& plan) {
  const At collective = plan.member("collective");
  const At in_place = plan.member("inplace");
  if (!in_place.json.is_boolean()) in_place.refuse("true or false is needed");
  const std::vector<At> gpus = plan.member("gpus").elements(kMostRanks);
  std::int32_t chunks = 0;
  for (const At& gpu : gpus) {
    const std::int32_t most =
        std::max(gpu.member("input_chunks").number(0, kMostChunks), gpu.member("output_chunks").number(0, kMostChunks));
    if (chunks != 0 && chunks != most) gpu.refuse(format("it has {} chunks, and others have {}", most, chunks));
    chunks = most;
    for (const At& block : gpu.member("threadblocks").elements(kMostBlocks)) {
      pieces_ = std::lcm(pieces_, pieces_of(block.member("ops")));
      if (pieces_ > kMostPieces) block.refuse(format("threadblocks share chunks in too many ways: {} pieces", pieces_));
    }
  }
  for (const At& gpu : gpus) scratch_.push_back(gpu.member("scratch_chunks").number(0, kMostChunks) * pieces_);
  try {
    file_.shape = shape_of(collective_by(collective.text()), static_cast<std::int32_t>(gpus.size()), chunks * pieces_,
                           in_place.json.get<bool>());
  } catch (const Error& error) {
    collective.refuse(error.what());
  }
}

Names Reader::of_gpu(const At& at) {
  Names names;
  std::map<std::string, std::map<Rank, std::int32_t>> seen_of;  // channels to each rank, by type
  for (const At& channels : at.elements_of("channels", kMostPeers)) {
    const std::string type(channels.member("channel_type").text());
    if (type == "switch") continue;  // refused where an operation uses it
    std::map<Rank, std::int32_t>& seen = seen_of[type];
    for (const At& peer : channels.member("connected_to").elements(kMostPeers)) {
      const Rank other = peer.number(0, file_.shape.n_ranks - 1);
      if (other == rank_) peer.refuse("a channel to the rank itself");
      // Twice the count, and one more for ports: channels of the two types between two ranks are not the same.
      names.channels[type].push_back({other, 2 * seen[other]++ + (type == "port" ? 1 : 0)});
    }
  }
  for (const At& buffer : at.elements_of("remote_buffers", kMostPeers)) {
    const Rank owner = buffer.member("rank").number(0, file_.shape.n_ranks - 1);
    names.buffers[""].push_back({owner, buffer_of(buffer.member("type").text())});
  }
  return names;
}

Names Reader::of_block(const At& at, const Names& gpu) const {
  Names names;
  for (const At& channels : at.elements_of("channels", kMostPeers)) {
    const std::string type(channels.member("channel_type").text());
    if (type == "switch") continue;
    const auto known = gpu.channels.find(type);
    const std::size_t count = known == gpu.channels.end() ? 0 : known->second.size();
    for (const At& id : channels.member("channel_ids").elements(kMostPeers)) {
      if (count == 0) id.refuse(format("the gpu has no channels of type \"{}\"", type.substr(0, 64)));
      const std::int32_t index = id.number(0, static_cast<std::int64_t>(count) - 1);
      names.channels[type].push_back(known->second[static_cast<std::size_t>(index)]);
    }
  }
  const auto all = gpu.buffers.find("");
  const std::int64_t count = all == gpu.buffers.end() ? 0 : static_cast<std::int64_t>(all->second.size());
  for (const At& refs : at.elements_of("remote_buffer_refs", kMostPeers)) {
    const std::string type(refs.member("access_channel_type").text());
    for (const At& id : refs.member("remote_buffer_ids").elements(kMostPeers)) {
      if (count == 0) id.refuse("the gpu has no remote_buffers");
      names.buffers[type].push_back(all->second[static_cast<std::size_t>(id.number(0, count - 1))]);
    }
  }
  return names;
}

void Reader::operands(const At& at, const Names& names, const char* name, std::string_view type,
                      std::vector<MscclppPlace>& places) const {
  for (const At& each : at.elements_of(name, kMostOperands)) {
    MscclppPlace place{rank_, Buffer::input, 0, 1};
    if (each.has("switch_channel_id")) each.refuse("a buffer behind a switch (multicast) has no equal here");
    if (each.has("buffer_id")) {
      const auto found = names.buffers.find(type);
      const std::int64_t count = found == names.buffers.end() ? 0 : static_cast<std::int64_t>(found->second.size());
      if (count == 0) each.refuse(format("the threadblock has no remote buffers of type \"{}\"", type.substr(0, 64)));
      const RemoteBuffer& remote =
          found->second[static_cast<std::size_t>(each.member("buffer_id").number(0, count - 1))];
      place.rank = remote.rank;
      place.buffer = remote.buffer;
    } else {
      place.buffer = buffer_of(each.member("type").text());
    }
    const std::int32_t held = place.buffer == Buffer::scratch ? scratch_[static_cast<std::size_t>(place.rank)]
                                                              : file_.shape.held(place.buffer);
    place.count = each.member("size").number(1, kMostChunks) * pieces_;
    place.offset = each.member("index").number(0, kMostChunks) * pieces_;
    if (place.offset > held - place.count) {
      each.refuse(format("chunks {} to {} reach beyond the {} of this buffer", place.offset,
                         place.offset + place.count - 1, held));
    }
    if (at.has("tbg_info")) {
      const At group = at.member("tbg_info");
      const std::int32_t size = group.member("tbg_size").number(1, kMostPieces);
      place.count /= size;
      place.offset += group.member("tb_id").number(0, size - 1) * place.count;
    }
    places.push_back(place);
  }
}

void Reader::check_operands(const At& at, const MscclppOperation& operation) const {
  const auto& from = operation.sources;
  const auto& to = operation.destinations;
  const Do does = operation.kind->does;
  if (does != Do::transfer && does != Do::spread && does != Do::add) return;
  if (from.empty() || to.empty()) at.refuse("src_buff and dst_buff are needed");
  if (does == Do::transfer && from.size() != to.size()) at.refuse("as many sources as destinations are needed");
  if (does == Do::spread && from.size() != 1) at.refuse("one source is needed");
  if (does == Do::add && (from.size() < 2 || to.front().rank != rank_)) {
    at.refuse("a sum needs two sources or more, and its first destination is local");
  }
  for (const auto* places : {&from, &to}) {
    for (const MscclppPlace& place : *places) {
      if (place.count != from.front().count) at.refuse("its operands are of unlike sizes");
    }
  }
  for (std::size_t i = 0; does == Do::transfer && i < from.size(); ++i) {
    if (from[i].rank != rank_ && to[i].rank != rank_) at.refuse("neither source nor destination is of this rank");
  }
  const bool remote = does == Do::spread && from.front().rank != rank_;
  if (remote) at.refuse("its source is not of this rank");
}

/// What a threadblock does to many pieces in turn, it does to the whole here.
void Reader::pipeline(const At& at, const Names& names, MscclppGpu& into, std::vector<MscclppOperation>& operations) {
  for (const At& inner : at.member("ops").elements(kMostOperands)) {
    if (inner.member("name").text() == "pipeline") inner.refuse("a pipeline within a pipeline");
    operation(inner, names, into, operations);
  }
}

void Reader::operation(const At& at, const Names& names, MscclppGpu& into, std::vector<MscclppOperation>& operations) {
  if (++n_operations_ > kMostSteps) at.refuse(format("more than {} operations are not read", kMostSteps));
  const std::string_view name = at.member("name").text();
  if (name == "pipeline") return pipeline(at, names, into, operations);
  MscclppOperation made;
  made.place = at.place;
  made.kind = mscclpp_kind(name);
  if (name == "glre" || name == "glres" || name == "gstore" || name == "gstorepkt") {
    at.refuse(format("\"{}\" lets a switch add or copy (multicast), which stretto's plans do not know", name));
  }
  if (made.kind == nullptr) at.refuse(format("\"{}\" is no operation that is understood", name.substr(0, 64)));
  const std::string_view type = at.has("channel_type") ? at.member("channel_type").text() : "none";
  if (made.kind->does == Do::signal || made.kind->does == Do::wait || made.kind->signals) {
    const auto known = names.channels.find(type);
    const std::int64_t count = known == names.channels.end() ? 0 : static_cast<std::int64_t>(known->second.size());
    for (const At& id : at.member("channel_ids").elements(kMostOperands)) {
      if (count == 0) id.refuse(format("the threadblock has no channels of type \"{}\"", type.substr(0, 64)));
      made.channels.push_back(known->second[static_cast<std::size_t>(id.number(0, count - 1))]);
    }
  }
  for (const At& id : at.elements_of("semaphore_ids", kMostSemaphores)) {
    made.semaphores.push_back(id.number(0, static_cast<std::int64_t>(into.semaphores.size()) - 1));
  }
  if (made.kind->does == Do::barrier) {
    made.barrier = at.member("barrier_id").number(0, kMostBlocks);
    made.count = at.member("num_threadblocks").number(1, kMostBlocks);
  }
  operands(at, names, "src_buff", type, made.sources);
  operands(at, names, "dst_buff", type, made.destinations);
  check_operands(at, made);
  operations.push_back(std::move(made));
}

void Reader::block(const At& at, const Names& gpu, MscclppGpu& into) {
  if (at.member("id").number(0, kMostBlocks) != static_cast<std::int32_t>(into.blocks.size())) {
    at.refuse(format("threadblocks stand in order: id {} comes next", into.blocks.size()));
  }
  const Names names = of_block(at, gpu);
  std::vector<MscclppOperation> operations;
  for (const At& each : at.member("ops").elements(kMostSteps)) {
    try {
      operation(each, names, into, operations);
    } catch (const Error& error) {
      each.refuse(error.what());
    }
  }
  into.blocks.push_back(std::move(operations));
}

void Reader::gpu(const At& at) {
  rank_ = static_cast<Rank>(file_.gpus.size());
  if (at.member("id").number(0, kMostRanks) != rank_) at.refuse(format("gpus stand in order: id {} comes next", rank_));
  MscclppGpu made;
  made.scratch_chunks = scratch_[static_cast<std::size_t>(rank_)];
  for (const At& semaphore : at.elements_of("semaphores", kMostSemaphores)) {
    made.semaphores.push_back(semaphore.member("init_value").number(0, kMostSteps));
  }
  const Names names = of_gpu(at);
  for (const At& each : at.member("threadblocks").elements(kMostBlocks)) block(each, names, made);
  file_.gpus.push_back(std::move(made));
}

void Reader::plan(const At& plan) {
  check_version(plan);
  if (plan.has("name")) file_.name = plan.member("name").text();
  shape(plan);
  for (const At& each : plan.member("gpus").elements(kMostRanks)) {
    try {
      gpu(each);
    } catch (const Error& error) {
      each.refuse(error.what());
    }
  }
}

}  // namespace

void MscclppFile::refuse_at(std::string_view place, std::string_view why) const {
  if (why.starts_with("foreign plan ")) refuse(std::string(why));
  refuse(format("foreign plan {}, at {}: {}", file_name, place.empty() ? "/" : place, why));
}

MscclppFile parse_mscclpp_json(std::string_view text, std::string_view file_name) {
  MscclppFile file;
  file.file_name = file_name;
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) file.refuse_at("", "this is not JSON");
  Reader(file).plan({file, json, ""});
  return file;
}

}  // namespace stretto::foreign
