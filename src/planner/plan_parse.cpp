// The reader of plans. Nothing in the text is trusted: a program that comes out of here may be handed to an executor,
// which indexes by its numbers.
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.hpp"
#include "planner/plan_json.hpp"

namespace stretto {
namespace {

using Json = nlohmann::json;

/// A value and where in the text it stands.
struct At {
  const Json& json;
  std::string place;

  [[noreturn]] void refuse(const std::string& text) const {
    throw Error(strettoInvalidArgument, format("plan, at {}: {}", place.empty() ? "/" : place, text), place);
  }
  At member(const char* name) const {
    if (!json.is_object() || !json.contains(name)) refuse(format("\"{}\" is missing", name));
    return {json[name], place + "/" + name};
  }
  bool has(const char* name) const { return json.is_object() && json.contains(name); }
  std::vector<At> elements() const {
    if (!json.is_array()) refuse("a list is needed");
    std::vector<At> all;
    for (std::size_t i = 0; i < json.size(); ++i) all.push_back({json[i], format("{}/{}", place, i)});
    return all;
  }
  std::int32_t number(std::int64_t least, std::int64_t most) const {
    const bool whole = json.is_number_integer();
    const auto value = whole ? json.get<std::int64_t>() : 0;
    if (!whole || value < least || value > most) refuse(format("a whole number from {} to {} is needed", least, most));
    return static_cast<std::int32_t>(value);
  }
  std::string_view text() const {
    if (!json.is_string()) refuse("a text is needed");
    return json.get_ref<const std::string&>();
  }
};

struct Limits {
  Rank rank;
  std::int32_t n_ranks;
  std::int32_t chunks;
  std::int32_t channels;
  std::int32_t scratch_chunks;
  std::int32_t parts;
};

constexpr std::int32_t kMostRanks = 1 << 20;
constexpr std::int32_t kMostChunks = 1 << 30;

StepKind kind_of(const At& at) {
  static constexpr std::array kKinds = {StepKind::put,         StepKind::get,        StepKind::reduce,
                                        StepKind::copy,        StepKind::signal,     StepKind::wait,
                                        StepKind::wait_credit, StepKind::wait_drain, StepKind::release};
  std::string choices;
  for (const StepKind kind : kKinds) {
    if (step_kind_name(kind) == at.text()) return kind;
    choices += (choices.empty() ? "" : ", ") + std::string(step_kind_name(kind));
  }
  at.refuse(format("\"{}\" is no step; these are: {}", at.text(), choices));
}

Rank peer_of(const At& at, const Limits& limits) {
  const Rank peer = at.number(0, limits.n_ranks - 1);
  if (peer == limits.rank) at.refuse("a rank is not its own peer");
  return peer;
}

/// Of ".2"; -1 if it is not of that form.
std::int32_t part_after(const char* begin, const char* end) {
  std::int32_t part = -1;
  if (*begin != '.') return -1;
  const auto [stop, error] = std::from_chars(begin + 1, end, part);
  return error == std::errc{} && stop == end ? part : -1;
}

Ref ref_of(const At& at, const Limits& limits) {
  const std::string_view text = at.text();
  const std::size_t bracket = text.find('[');
  std::int32_t index = -1;
  std::int32_t part = 0;
  const char* end = text.data() + text.size();
  if (bracket != std::string_view::npos) {
    const auto [stop, error] = std::from_chars(text.data() + bracket + 1, end, index);
    if (error != std::errc{} || stop == end || *stop != ']') {
      index = -1;
    } else if (stop + 1 != end) {
      part = part_after(stop + 1, end);
    }
  }
  static constexpr std::array<std::pair<std::string_view, Space>, 4> kSpaces = {
      {{"input", Space::input}, {"output", Space::output}, {"scratch", Space::scratch}, {"slot", Space::slot}}};
  for (const auto& [name, space] : kSpaces) {
    if (name != text.substr(0, bracket) || index < 0 || (part != 0 && space != Space::slot)) continue;
    const std::int32_t count = space == Space::slot      ? limits.n_ranks
                               : space == Space::scratch ? limits.scratch_chunks
                                                         : limits.chunks;
    if (index >= count) at.refuse(format("{} is out of range: there are {}", text, count));
    if (space == Space::slot && index == limits.rank) at.refuse("a rank is not its own peer");
    if (part < 0 || part >= limits.parts) at.refuse(format("{}: a slot has {} parts", text, limits.parts));
    return {space, static_cast<std::int16_t>(part), index};
  }
  at.refuse(format("\"{}\" is no operand; one is input[N], output[N], scratch[N], slot[N] or slot[N].PART", text));
}

/// The forms that plan.hpp gives.
bool has_right_form(const Step& step) {
  const Space to = step.destination.space;
  const bool to_local = to == Space::output || to == Space::scratch;
  const bool one = step.sources.size() == 1;
  const bool from_slot = one && step.sources[0].space == Space::slot;
  switch (step.kind) {
    case StepKind::put:
      return to == Space::slot && one && !from_slot;
    case StepKind::get:
      return to_local && from_slot;
    case StepKind::copy:
      return to_local && one && !from_slot;
    case StepKind::reduce:
      return to != Space::input && step.sources.size() >= 2;
    default:
      return true;
  }
}

bool moves_data(StepKind kind) {
  return kind == StepKind::put || kind == StepKind::get || kind == StepKind::reduce || kind == StepKind::copy;
}

Step step_of(const At& at, const Limits& limits) {
  Step step;
  step.kind = kind_of(at.member("do"));
  if (!moves_data(step.kind)) {
    step.peer = peer_of(at.member("peer"), limits);
    return step;
  }
  step.chunk = at.member("chunk").number(0, limits.chunks - 1);
  step.destination = ref_of(at.member("to"), limits);
  for (const At& source : at.member("from").elements()) step.sources.push_back(ref_of(source, limits));
  if (at.has("completes")) {
    const At completes = at.member("completes");
    if (!completes.json.is_boolean()) completes.refuse("true or false is needed");
    step.completes = completes.json.get<bool>();
  }
  if (!has_right_form(step) || (step.completes && step.kind != StepKind::reduce)) {
    at.refuse(format("\"{}\" is no step of the form that {} has", to_string(step), step_kind_name(step.kind)));
  }
  return step;
}

Program program_of(const At& at, Limits limits) {
  Program program;
  program.scratch_chunks = at.member("scratch_chunks").number(0, kMostChunks);
  limits.scratch_chunks = program.scratch_chunks;
  for (const At& each : at.member("strands").elements()) {
    Strand strand;
    strand.channel = each.member("channel").number(0, limits.channels - 1);
    for (const At& step : each.member("body").elements()) strand.body.push_back(step_of(step, limits));
    for (const At& step : each.member("epilogue").elements()) strand.epilogue.push_back(step_of(step, limits));
    program.strands.push_back(std::move(strand));
  }
  return program;
}

}  // namespace

Program program_from_json(std::string_view text, Rank rank) {
  const Json json = Json::parse(text, nullptr, false);
  const At plan{json, ""};
  if (json.is_discarded()) plan.refuse("this is not JSON");
  Limits limits{rank, 0, 0, 0, 0, 0};
  limits.n_ranks = plan.member("ranks").number(1, kMostRanks);
  limits.chunks = plan.member("chunks").number(1, kMostChunks);
  limits.channels = plan.member("channels").number(1, kMostRanks);
  limits.parts = plan.member("parts_per_slot").number(1, kMostPartsPerSlot);
  for (const At& program : plan.member("programs").elements()) {
    if (program.member("rank").number(0, limits.n_ranks - 1) == rank) return program_of(program, limits);
  }
  plan.member("programs").refuse(format("there is no program of rank {}", rank));
}

}  // namespace stretto
