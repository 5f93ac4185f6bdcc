// Plans as text. What is read is the same when it was written from a plan, every number in it is within range, and
// the checker comes to a verdict about it, whatever it says.
#include "planner/plan_json.hpp"

#include "algorithms/catalogue.hpp"
#include "fuzz.hpp"
#include "plan/checker.hpp"

namespace stretto::fuzz {
namespace {

constexpr int kMostRanks = 4;
constexpr std::int32_t kMostChunks = 64;

bool is_small(const Program& program) {
  if (program.scratch_chunks > kMostChunks) return false;
  for (const Strand& strand : program.strands) {
    for (const auto* steps : {&strand.body, &strand.epilogue}) {
      for (const Step& step : *steps) {
        if (step.chunk > kMostChunks || step.peer > 64) return false;
      }
    }
  }
  return true;
}

void check_all(const std::vector<Program>& programs, std::size_t variant) {
  const auto n_ranks = static_cast<std::int32_t>(programs.size());
  const CollectiveRow& row = collective_rows()[variant % collective_rows().size()];
  CheckedOperation operation;
  operation.spec = {row.collective, "ring", n_ranks, row.rooted ? 0 : -1, 2};
  operation.chunks_per_block = 1 + static_cast<std::int32_t>(variant / 16 % 4);
  operation.programs = &programs;
  operation.rounds = 1 + static_cast<std::int32_t>(variant / 4 % 2);
  CheckConfig config;
  config.slots = 1 + static_cast<std::int32_t>(variant / 8 % 3);
  config.alias = static_cast<Alias>(variant % 6);
  const CheckReport report = check({&operation, 1}, config);
  STRETTO_ASSERT(report.ok() || !report.text.empty());
}

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stretto;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<Program> programs;
  try {
    while (programs.size() < fuzz::kMostRanks) {
      programs.push_back(program_from_json(text, static_cast<Rank>(programs.size())));
      if (!fuzz::is_small(programs.back())) return 0;
    }
  } catch (const Error& error) {
    STRETTO_ASSERT(error.info().code == strettoInvalidArgument && !error.info().text.empty());
  }
  if (!programs.empty()) fuzz::check_all(programs, size);
  return 0;
}
