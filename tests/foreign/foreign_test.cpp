// Foreign plans that are right: what comes out of them, held to the checker in ways that the reader itself does not
// try.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "foreign/foreign_plan.hpp"
#include "foreign/samples.hpp"
#include "plan/checker.hpp"
#include "planner/plan_json.hpp"
#include "topology/files/read_file.hpp"

namespace stretto::foreign {
namespace {

std::string file_of(const Sample& sample) {
  return format("{}/{}.{}", STRETTO_FOREIGN_PLANS, sample.name, sample.is_xml ? "xml" : "json");
}

struct Held {
  ForeignPlan foreign;
  std::vector<Program> programs;
};

Held load(const std::string& text) {
  Held held{read_foreign_plan(text, "sample"), {}};
  for (const Plan& plan : held.foreign.plans) held.programs.push_back(plan.program);
  return held;
}

/// The checker's report of several operations in a row, each rank in place or not as the seed draws it.
std::string problem_of(const Held& held, Alias alias, int rounds, int extra_slots, std::uint64_t seed) {
  const Plan& plan = held.foreign.plans.front();
  std::vector<CheckedOperation> operations(3);
  for (CheckedOperation& operation : operations) {
    operation = {plan.spec, plan.chunks_per_block, &held.programs, rounds, {}, plan.parts_per_slot};
    for (std::size_t rank = 0; rank < held.programs.size(); ++rank) {
      seed = seed * 6364136223846793005U + 1442695040888963407U;
      operation.in_place.push_back(held.foreign.not_in_place.empty() && (seed >> 60) % 2 == 0);
    }
  }
  return check(operations, {plan.min_slots + extra_slots, alias, seed}).text;
}

TEST(ForeignPlans, Samples_PassTheCheckerInAllWays) {
  for (const Sample& sample : samples()) {
    for (const int n_ranks : {sample.least_ranks, 3, 4, 7, 16}) {
      SCOPED_TRACE(format("{} ({}) of {} ranks", sample.name, sample.is_xml ? "XML" : "JSON", n_ranks));
      const Held held = load(sample.make(n_ranks));
      const Plan& plan = held.foreign.plans.front();
      EXPECT_EQ(plan.spec.collective, sample.collective);
      EXPECT_EQ(plan.spec.n_ranks, n_ranks);
      EXPECT_EQ(held.programs.size(), static_cast<std::size_t>(n_ranks));
      EXPECT_EQ(held.foreign.not_in_place.empty(), can_be_in_place(row_of(sample.collective)))
          << held.foreign.not_in_place;
      for (const Alias alias :
           {Alias::copied, Alias::sender, Alias::receiver, Alias::sender_first, Alias::receiver_first, Alias::mixed}) {
        for (const int rounds : {1, 3}) {
          EXPECT_EQ(problem_of(held, alias, rounds, rounds % 2 + static_cast<int>(alias) % 3,
                               static_cast<std::uint64_t>(n_ranks * rounds)),
                    "");
        }
      }
    }
  }
}

#ifdef STRETTO_WITH_XML
TEST(ForeignPlans, FewerSlotsThanSaid_Deadlock) {
  const Held held = load(ring_all_reduce_xml(4));
  EXPECT_EQ(held.foreign.plans.front().min_slots, 2);
  EXPECT_NE(problem_of(held, Alias::copied, 2, -1, 1).find("deadlock"), std::string::npos);
}

TEST(ForeignPlans, ARing_IsStrettosRing) {
  const Held held = load(ring_all_reduce_xml(4));
  std::vector<std::string> steps;
  for (const Step& step : held.programs[1].strands[0].body) {
    if (step.chunk >= 0) steps.push_back(to_string(step));
  }
  const std::vector<std::string> expected = {"put slot[->2] <- input[1]",
                                             "reduce slot[->2] <- slot[<-0] input[0]",
                                             "reduce slot[->2] <- slot[<-0] input[3]",
                                             "reduce output[2] <- slot[<-0] input[2] (complete)",
                                             "put slot[->2] <- output[2]",
                                             "get output[1] <- slot[<-0]",
                                             "put slot[->2] <- output[1]",
                                             "get output[0] <- slot[<-0]",
                                             "put slot[->2] <- output[0]",
                                             "get output[3] <- slot[<-0]"};
  EXPECT_EQ(steps, expected);
  EXPECT_EQ(held.programs[1].scratch_chunks, 0);
}
#endif

TEST(ForeignPlans, AllRanks_HaveOneHashThatIsOfTheSteps) {
  for (const Sample& sample : samples()) {
    const Held held = load(sample.make(4));
    for (const Plan& plan : held.foreign.plans) EXPECT_EQ(plan.hash, held.foreign.plans.front().hash);
  }
  std::string text = packets_all_reduce_json(3);
  const std::uint64_t hash = load(text).foreign.plans.front().hash;
  const std::size_t first = text.find("        {\"name\": \"ppkt\"");
  const std::size_t second = text.find("        {\"name\": \"ppkt\"", first + 1);
  const std::size_t end = text.find('\n', second) + 1;
  text =
      text.substr(0, first) + text.substr(second, end - second) + text.substr(first, second - first) + text.substr(end);
  EXPECT_NE(load(text).foreign.plans.front().hash, hash) << "two puts were exchanged";
}

TEST(ForeignPlans, Json_ReadsBackAsTheSamePrograms) {
  for (const Sample& sample : samples()) {
    const Held held = load(sample.make(3));
    std::vector<RankPlan> plans;
    for (const Plan& plan : held.foreign.plans) plans.push_back({plan.rank, plan});
    const std::string json = plan_to_json(plans);
    for (const Plan& plan : held.foreign.plans)
      EXPECT_EQ(program_from_json(json, plan.rank), plan.program) << sample.name;
  }
}

/// STRETTO_TEST_WRITE_SAMPLES=1 writes them.
TEST(ForeignPlans, Files_AreTheSamples) {
  for (const Sample& sample : samples()) {
    if (std::getenv("STRETTO_TEST_WRITE_SAMPLES") != nullptr)
      std::ofstream(file_of(sample)) << sample.make(sample.ranks_in_file);
    EXPECT_EQ(topology::read_file(file_of(sample)), sample.make(sample.ranks_in_file)) << file_of(sample);
  }
}

}  // namespace
}  // namespace stretto::foreign
