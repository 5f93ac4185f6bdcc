#include "foreign/foreign_plan.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "foreign/replay.hpp"
#include "plan/checker.hpp"
#include "plan/hash.hpp"

namespace stretto::foreign {
namespace {

// The checker's memory: up to a few hundred megabytes, for what a short file may ask for.
constexpr std::int64_t kMostScratchWords = std::int64_t{1} << 20;
constexpr std::int64_t kFewChunks = std::int64_t{1} << 18;

std::unique_ptr<Source> read(std::string_view text, std::string_view file_name) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const char letter = first == text.npos ? '\0' : text[first];
  if (letter == '<' || text.starts_with("\xef\xbb\xbf<")) return read_msccl_xml(text, file_name);
  if (letter == '{') return read_mscclpp_json(text, file_name);
  refuse(
      format("foreign plan {}: begins neither with \"<\" (an algorithm of MSCCL, in XML) nor with \"{{\" (a plan of "
             "MSCCL++, in JSON): give one of these",
             file_name));
}

PlanSpec spec_of(const Source& source) {
  PlanSpec spec;
  spec.collective = source.shape().collective;
  spec.algorithm = source.format() == "MSCCL" ? "msccl" : "mscclpp";
  spec.n_ranks = source.shape().n_ranks;
  return spec;
}

CheckReport check(const Source& source, const Recording& recording, bool in_place) {
  CheckedOperation operation;
  operation.spec = spec_of(source);
  operation.chunks_per_block = source.shape().chunks_per_block;
  operation.programs = &recording.programs;
  operation.rounds = 2;
  operation.in_place.assign(recording.programs.size(), in_place);
  operation.parts_per_slot = recording.parts_per_slot;
  const Shape& shape = source.shape();
  const std::int64_t chunks = std::max(shape.held(Buffer::input), shape.held(Buffer::output));
  const bool few = shape.n_ranks * chunks * ((shape.n_ranks + 63) / 64) <= kFewChunks;
  const std::vector<CheckedOperation> twice(few ? 2 : 1, operation);
  for (int alias = 0; alias < kUniformAliases; ++alias) {
    CheckReport report = stretto::check(twice, {recording.min_slots, static_cast<Alias>(alias), 0});
    if (!report.ok()) return report;
  }
  return {};
}

/// The steps decide, since no algorithm's revision stands for them.
std::uint64_t hash_of(const Source& source, const Recording& recording) {
  std::uint32_t steps = 2166136261;
  const auto mix = [&](std::string_view text) {
    for (const char letter : text) steps = (steps ^ static_cast<unsigned char>(letter)) * 16777619;
  };
  for (const Program& program : recording.programs) {
    for (const Strand& strand : program.strands) {
      for (const Step& step : strand.body) mix(to_string(step) + "\n");
    }
    mix("next\n");
  }
  return plan_hash(spec_of(source), steps, source.shape().chunks_per_block, recording.parts_per_slot);
}

void check_scratch(const Recording& recording, std::string_view file_name) {
  std::int64_t chunks = 0;
  for (const Program& program : recording.programs) chunks += program.scratch_chunks;
  if (chunks * static_cast<std::int64_t>((recording.programs.size() + 63) / 64) > kMostScratchWords) {
    refuse(format(
        "foreign plan {}: {} chunks of scratch memory on all ranks are more than is checked, and unchecked plans "
        "are not taken",
        file_name, chunks));
  }
}

}  // namespace

ForeignPlan read_foreign_plan(std::string_view text, std::string_view file_name) {
  const std::unique_ptr<Source> source = read(text, file_name);
  ForeignPlan foreign{source->format(), source->name(), {}, false, ""};
  Recording recording;
  CheckReport report;
  const bool can_be = can_be_in_place(row_of(source->shape().collective));
  for (const bool by_copies : {false, true}) {
    recording = source->replay(by_copies);
    check_scratch(recording, file_name);
    foreign.by_copies = by_copies;
    report = check(*source, recording, false);
    foreign.not_in_place = can_be ? check(*source, recording, true).text : "the collective has no such form";
    if (report.ok() && (foreign.not_in_place.empty() || !can_be)) break;
  }
  if (!report.ok()) {
    refuse(format("foreign plan {}: the checker refuses it ({}): {}", file_name, problem_kind_name(report.kind),
                  report.text));
  }
  const std::uint64_t hash = hash_of(*source, recording);
  for (std::size_t rank = 0; rank < recording.programs.size(); ++rank) {
    Plan plan;
    plan.spec = spec_of(*source);
    plan.rank = static_cast<Rank>(rank);
    plan.chunks_per_block = source->shape().chunks_per_block;
    plan.parts_per_slot = recording.parts_per_slot;
    plan.min_slots = recording.min_slots;
    plan.hash = hash;
    plan.program = std::move(recording.programs[rank]);
    foreign.plans.push_back(std::move(plan));
  }
  return foreign;
}

}  // namespace stretto::foreign
