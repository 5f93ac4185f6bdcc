// `stretto plan --from FILE`: a plan that others have written, as stretto would run it.
#include <cstdio>

#include "base/error.hpp"
#include "base/text.hpp"
#include "foreign/foreign_plan.hpp"
#include "frontends/cli/commands.hpp"
#include "planner/plan_json.hpp"
#include "planner/plan_text.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/files/read_file.hpp"

namespace stretto::cli {
namespace {

std::string summary(const foreign::ForeignPlan& foreign) {
  const Plan& plan = foreign.plans.front();
  std::string text =
      format("{}'s \"{}\" passed the checker as {} of {} ranks", foreign.format,
             topology::printable(foreign.name.substr(0, 64)), row_of(plan.spec.collective).name, plan.spec.n_ranks);
  text += foreign.not_in_place.empty() ? ", in place or not"
                                       : format("; not in place: {}", topology::printable(foreign.not_in_place));
  if (foreign.by_copies) text += "; what is sent passes through scratch memory";
  return text;
}

}  // namespace

void print_foreign_plan(const PlanOptions& options) {
  const std::string text = topology::read_file(*options.from, "foreign plan");
  foreign::ForeignPlan foreign = foreign::read_foreign_plan(text, topology::printable(*options.from));
  const auto n_ranks = static_cast<int>(foreign.plans.size());
  check_ranks_printed(options, n_ranks);
  if (options.rank && (*options.rank < 0 || *options.rank >= n_ranks)) {
    throw Error(strettoInvalidArgument, format("rank {} is outside 0..{}", *options.rank, n_ranks - 1), "rank");
  }
  std::fprintf(stderr, "stretto: %s\n", summary(foreign).c_str());
  std::vector<RankPlan> plans;
  for (Plan& plan : foreign.plans) {
    if (!options.rank || plan.rank == *options.rank) plans.push_back({plan.rank, std::move(plan)});
  }
  print(options.json ? plan_to_json(plans) : plan_to_text(plans));
}

}  // namespace stretto::cli
