// The reader of the form that mscclang writes (<algo>, <gpu>, <tb>, <step>). Nothing in the text is trusted.
#include "foreign/msccl_file.hpp"

#include <charconv>
#include <map>
#include <optional>

#include "base/text.hpp"
#include "foreign/replay.hpp"
#include "topology/files/xml.hpp"

namespace stretto::foreign {
namespace {

using topology::XmlElement;

constexpr MscclKind kKinds[] = {
    // name, receives, sends, reads, writes
    {"nop", false, false, false, false}, {"s", false, true, true, false},   {"r", true, false, false, true},
    {"rcs", true, true, false, true},    {"rrs", true, true, true, false},  {"rrc", true, false, true, true},
    {"rrcs", true, true, true, true},    {"cpy", false, false, true, true}, {"re", false, false, true, true},
};

class Reader {
 public:
  explicit Reader(MscclFile& file) : file_(file) {}

  void algorithm(const XmlElement& root);

 private:
  void gpu(const XmlElement& element);
  void block(const XmlElement& element, MscclGpu& gpu);
  void step(const XmlElement& element, const MscclGpu& gpu, MscclBlock& block);
  void step_roles(const XmlElement& element, const MscclStep& step, const MscclBlock& block) const;
  MscclPlace place(const XmlElement& element, const char* buffer, const char* offset, const MscclGpu& gpu,
                   std::int32_t count) const;
  void resolve(MscclGpu& gpu) const;
  const std::string& text(const XmlElement& element, const char* name) const;
  std::int32_t integer(const XmlElement& element, const char* name, std::int32_t least, std::int32_t most,
                       std::optional<std::int32_t> absent = {}) const;
  [[noreturn]] void bad(const XmlElement& element, std::string_view why) const { file_.refuse_at(element.line, why); }

  MscclFile& file_;
  std::int32_t n_channels_ = 0;
  std::int32_t n_steps_ = 0;
};

const std::string& Reader::text(const XmlElement& element, const char* name) const {
  const std::string* value = element.attribute(name);
  if (value == nullptr) bad(element, format("<{}> lacks its attribute \"{}\"", element.name, name));
  return *value;
}

std::int32_t Reader::integer(const XmlElement& element, const char* name, std::int32_t least, std::int32_t most,
                             std::optional<std::int32_t> absent) const {
  if (absent && element.attribute(name) == nullptr) return *absent;
  const std::string& value = text(element, name);
  std::int32_t number = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc{} || stop != end || number < least || number > most) {
    bad(element, format("{}=\"{}\": a whole number from {} to {} is needed", name, value.substr(0, 64), least, most));
  }
  return number;
}

MscclPlace Reader::place(const XmlElement& element, const char* buffer, const char* offset, const MscclGpu& gpu,
                         std::int32_t count) const {
  MscclPlace place;
  place.buffer = buffer_of(text(element, buffer));
  const std::int32_t held = place.buffer == Buffer::scratch ? gpu.scratch_chunks : file_.shape.held(place.buffer);
  place.offset = integer(element, offset, 0, kMostChunks);
  if (place.offset > held - count) {
    bad(element, format("{} {} and {} more chunks reach beyond the {} that there are in this buffer", offset,
                        place.offset, count - 1, held));
  }
  return place;
}

void Reader::step_roles(const XmlElement& element, const MscclStep& step, const MscclBlock& block) const {
  if (step.kind->sends && block.send < 0) {
    bad(element, format("a step \"{}\" sends, but its <tb> has nobody to send to (send=\"-1\")", step.kind->name));
  }
  if (step.kind->receives && block.receive < 0) {
    bad(element,
        format("a step \"{}\" receives, but its <tb> has nobody to receive from (recv=\"-1\")", step.kind->name));
  }
  const bool overlap = step.kind->reads && step.kind->writes && step.source.buffer == step.destination.buffer &&
                       step.source.offset != step.destination.offset &&
                       std::abs(step.source.offset - step.destination.offset) < step.count;
  if (overlap)
    bad(element, "its source and its destination overlap, so what it does depends on the order of its chunks");
}

void Reader::step(const XmlElement& element, const MscclGpu& gpu, MscclBlock& block) {
  if (element.name == "op") {
    bad(element,
        "<op>: the newer form of MSCCL's files, with one buffer a step, is not read; mscclang writes <step> with "
        "srcbuf and dstbuf if asked for the old format");
  }
  if (element.name != "step") bad(element, format("<{}> is unknown here; a <tb> has <step>s", element.name));
  if (++n_steps_ > kMostSteps) bad(element, format("more than {} steps are not read", kMostSteps));
  MscclStep step;
  step.line = element.line;
  const auto position = static_cast<std::int32_t>(block.steps.size());
  if (integer(element, "s", 0, kMostSteps) != position)
    bad(element, format("steps are numbered in order: s=\"{}\" comes next", position));
  const std::string& type = text(element, "type");
  for (const MscclKind& kind : kKinds) {
    if (kind.name == type) step.kind = &kind;
  }
  if (step.kind == nullptr) {
    bad(element, format("type=\"{}\" is no step that is understood; these are: nop, s, r, rcs, rrs, rrc, rrcs, cpy, re",
                        type.substr(0, 64)));
  }
  step.block = integer(element, "depid", -1, kMostBlocks, -1);
  step.after = integer(element, "deps", -1, kMostSteps, -1);
  if ((step.block < 0) != (step.after < 0))
    bad(element, "depid and deps are both -1, or a threadblock and a step of it");
  if (step.kind->name != "nop") step.count = integer(element, "cnt", 1, kMostChunks, 1);
  if (step.kind->reads) step.source = place(element, "srcbuf", "srcoff", gpu, step.count);
  if (step.kind->writes) step.destination = place(element, "dstbuf", "dstoff", gpu, step.count);
  step_roles(element, step, block);
  block.steps.push_back(step);
}

void Reader::block(const XmlElement& element, MscclGpu& gpu) {
  if (element.name != "tb") bad(element, format("<{}> is unknown here; a <gpu> has <tb>s", element.name));
  MscclBlock block;
  block.line = element.line;
  block.id = integer(element, "id", 0, kMostBlocks);
  const auto rank = static_cast<Rank>(file_.gpus.size());
  block.send = integer(element, "send", -1, file_.shape.n_ranks - 1, -1);
  block.receive = integer(element, "recv", -1, file_.shape.n_ranks - 1, -1);
  block.channel = integer(element, "chan", -1, kMostBlocks, 0);
  if (block.send == rank || block.receive == rank)
    bad(element, "a <tb> sends to its own gpu, or receives from it: take cpy");
  for (const MscclBlock& other : gpu.blocks) {
    if (other.id == block.id) bad(element, format("there is a <tb> of id {} already", block.id));
    const bool shares = other.channel == block.channel && ((block.send >= 0 && other.send == block.send) ||
                                                           (block.receive >= 0 && other.receive == block.receive));
    if (shares) bad(element, format("it has the same peer on the same channel as the <tb> of id {}", other.id));
  }
  for (const XmlElement& each : element.children) {
    try {
      step(each, gpu, block);
    } catch (const Error& error) {
      bad(each, error.what());
    }
  }
  gpu.blocks.push_back(std::move(block));
  if (gpu.blocks.size() > kMostBlocks) bad(element, format("more than {} threadblocks are not read", kMostBlocks));
}

/// Threadblocks are named by id; from here on by position.
void Reader::resolve(MscclGpu& gpu) const {
  std::map<std::int32_t, std::int32_t> positions;
  for (const MscclBlock& block : gpu.blocks) positions.emplace(block.id, static_cast<std::int32_t>(positions.size()));
  for (MscclBlock& block : gpu.blocks) {
    for (MscclStep& step : block.steps) {
      if (step.block < 0) continue;
      const auto found = positions.find(step.block);
      if (found == positions.end())
        file_.refuse_at(step.line, format("depid=\"{}\" is no <tb> of this gpu", step.block));
      const MscclBlock& other = gpu.blocks[static_cast<std::size_t>(found->second)];
      if (static_cast<std::size_t>(step.after) >= other.steps.size()) {
        file_.refuse_at(step.line,
                        format("deps=\"{}\": threadblock {} has {} steps", step.after, step.block, other.steps.size()));
      }
      step.block = found->second;
    }
  }
}

void Reader::gpu(const XmlElement& element) {
  if (element.name != "gpu") bad(element, format("<{}> is unknown here; an <algo> has <gpu>s", element.name));
  const auto rank = static_cast<std::int32_t>(file_.gpus.size());
  if (rank == file_.shape.n_ranks) bad(element, format("one <gpu> too many: ngpus=\"{}\"", rank));
  if (integer(element, "id", 0, kMostRanks) != rank)
    bad(element, format("gpus stand in order: id=\"{}\" comes next", rank));
  MscclGpu gpu;
  gpu.line = element.line;
  gpu.scratch_chunks = integer(element, "s_chunks", 0, kMostChunks, 0);
  for (const XmlElement& each : element.children) block(each, gpu);
  resolve(gpu);
  file_.gpus.push_back(std::move(gpu));
}

void Reader::algorithm(const XmlElement& root) {
  if (root.name != "algo") bad(root, format("<{}> is no algorithm of MSCCL, whose root is <algo>", root.name));
  if (const std::string* name = root.attribute("name")) file_.name = *name;
  const std::int32_t n_ranks = integer(root, "ngpus", 1, kMostRanks);
  const std::int32_t chunks = integer(root, "nchunksperloop", 1, kMostChunks);
  const bool in_place = integer(root, "inplace", 0, 1, 0) != 0;
  try {
    file_.shape = shape_of(collective_by(text(root, "coll")), n_ranks, chunks, in_place);
  } catch (const Error& error) {
    bad(root, error.what());
  }
  for (const XmlElement& each : root.children) gpu(each);
  if (file_.gpus.size() != static_cast<std::size_t>(n_ranks)) {
    bad(root, format("{} <gpu>s where ngpus=\"{}\"", file_.gpus.size(), n_ranks));
  }
}

}  // namespace

void MscclFile::refuse_at(std::int64_t line, std::string_view why) const {
  const std::string where = format("foreign plan {}, line {}: ", file_name, line);
  refuse(why.starts_with(where) ? std::string(why) : where + std::string(why));
}

MscclFile parse_msccl_xml(std::string_view text, std::string_view file_name) {
  topology::XmlLimits limits;
  limits.elements = std::size_t{2} * kMostSteps;
  limits.depth = 8;
  limits.what = "foreign plan";
  MscclFile file;
  file.file_name = file_name;
  Reader(file).algorithm(topology::parse_xml(text, file_name, limits));
  return file;
}

}  // namespace stretto::foreign
