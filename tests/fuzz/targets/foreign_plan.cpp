// Plans of MSCCL and MSCCL++. Whatever the bytes are, they are refused with a text that names the file, or become plans
// that have the form of plans and pass the checker.
#include "foreign/foreign_plan.hpp"

#include <string>

#include "fuzz.hpp"
#include "plan/checker.hpp"
#include "planner/plan_json.hpp"

namespace stretto::fuzz {
namespace {

void check_plans(const foreign::ForeignPlan& foreign) {
  const Plan& first = foreign.plans.front();
  STRETTO_ASSERT(foreign.plans.size() == static_cast<std::size_t>(first.spec.n_ranks));
  std::vector<RankPlan> all;
  std::vector<Program> programs;
  for (const Plan& plan : foreign.plans) {
    all.push_back({plan.rank, plan});
    programs.push_back(plan.program);
  }
  const std::string json = plan_to_json(all);
  for (const Plan& plan : foreign.plans) STRETTO_ASSERT(program_from_json(json, plan.rank) == plan.program);
  CheckedOperation operation{first.spec, first.chunks_per_block, &programs, 3, {}, first.parts_per_slot};
  STRETTO_ASSERT(check({&operation, 1}, {first.min_slots + 1, Alias::mixed, 1}).ok());
}

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stretto;
  try {
    fuzz::check_plans(foreign::read_foreign_plan({reinterpret_cast<const char*>(data), size}, "fuzz"));
  } catch (const Error& error) {
    STRETTO_ASSERT(error.info().code == strettoInvalidArgument && error.info().text.starts_with("foreign plan fuzz"));
  }
  return 0;
}
