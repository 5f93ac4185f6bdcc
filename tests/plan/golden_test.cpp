// What people and programs read of plans, held letter by letter. After an intended change run this test with
// STRETTO_TEST_UPDATE_GOLDEN=1 and read the difference.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "algorithms/catalogue.hpp"
#include "planner/plan_json.hpp"

namespace stretto {
namespace {

void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(STRETTO_GOLDEN_FOLDER) + "/" + name;
  if (std::getenv("STRETTO_TEST_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path << " is missing";
  std::ostringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

std::vector<RankPlan> plans_of(const PlanSpec& spec) {
  std::vector<RankPlan> plans;
  for (Rank rank = 0; rank < spec.n_ranks; ++rank) plans.push_back({rank, make_plan(spec, rank)});
  return plans;
}

void expect_golden_plan(const std::string& name, const PlanSpec& spec) {
  expect_golden(name + ".txt", plan_to_text(plans_of(spec)));
  expect_golden(name + ".json", plan_to_json(plans_of(spec)));
}

void expect_golden_choice(const std::string& name, Collective collective, std::uint64_t bytes, int n,
                          const LinkModel& link, std::string_view forced) {
  PlanChoice choice = choose_plan(collective, bytes, n, 0, 0, link, forced);
  // A new algorithm must not have to touch these files.
  std::erase_if(choice.candidates, [](const Candidate& each) {
    const std::string_view algorithm = each.spec.algorithm;
    return algorithm != "ring" && algorithm != "tree" && algorithm != "one_shot" && algorithm != "two_shot";
  });
  if (!choice.forced) choice.spec = choice.candidates.front().spec;
  expect_golden(name + ".txt", choice_to_text(choice, bytes, link));
  expect_golden(name + ".json", choice_to_json(choice, bytes, link));
}

TEST(Golden, PlansOfEveryAlgorithm_ReadAsBefore) {
  expect_golden_plan("ring_all_reduce_3", {Collective::all_reduce, "ring", 3, -1, 1});
  expect_golden_plan("tree_all_reduce_5", {Collective::all_reduce, "tree", 5, -1, 2});
  expect_golden_plan("tree_broadcast_4_root_1", {Collective::broadcast, "tree", 4, 1, 2});
  expect_golden_plan("one_shot_all_reduce_3", {Collective::all_reduce, "one_shot", 3, -1, 1});
  expect_golden_plan("two_shot_broadcast_3_root_2", {Collective::broadcast, "two_shot", 3, 2, 1});
  expect_golden_plan("ring_reduce_scatter_1", {Collective::reduce_scatter, "ring", 1, -1, 1});
  expect_golden_plan("recursive_doubling_all_reduce_5", {Collective::all_reduce, "recursive_doubling", 5, -1, 1});
  expect_golden_plan("binomial_broadcast_5_root_1", {Collective::broadcast, "binomial", 5, 1, 1});
  expect_golden_plan("binomial_reduce_5_root_1", {Collective::reduce, "binomial", 5, 1, 1});
  expect_golden_plan("halving_doubling_all_reduce_5", {Collective::all_reduce, "halving_doubling", 5, -1, 1});
  expect_golden_plan("bruck_all_gather_5", {Collective::all_gather, "bruck", 5, -1, 1});
  expect_golden_plan("bruck_all_to_all_4", {Collective::all_to_all, "bruck", 4, -1, 1});
  expect_golden_plan("binomial_gather_5_root_1", {Collective::gather, "binomial", 5, 1, 1});
  expect_golden_plan("binomial_scatter_5_root_1", {Collective::scatter, "binomial", 5, 1, 1});
  expect_golden_plan("hierarchical_all_reduce_5", {Collective::all_reduce, "hierarchical", 5, -1, 1, {0, 0, 0, 1, 1}});
  expect_golden_plan("pairwise_all_to_all_3", {Collective::all_to_all, "pairwise", 3, -1, 1});
}

TEST(Golden, Explanations_ReadAsBefore) {
  // Numbers of the test's own, so that fitting the defaults anew changes nothing here.
  LinkModel link;
  link.message = 300'000;
  link.step = 10'000;
  link.byte_copied = 100;
  link.byte_reduced = 150;
  link.cached_byte_copied = 25;
  link.cached_byte_reduced = 50;
  link.cached_bytes = 1 << 18;
  link.core_switch = 2'000'000;
  link.ranks_per_core = 2;
  expect_golden_choice("explain_all_reduce_8_1MiB", Collective::all_reduce, 1 << 20, 8, link, "");
  expect_golden_choice("explain_all_gather_4_forced", Collective::all_gather, 4096, 4, link, "tree");
}

}  // namespace
}  // namespace stretto
