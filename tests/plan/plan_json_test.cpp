#include "planner/plan_json.hpp"

#include <gtest/gtest.h>

#include <random>

#include "algorithms/catalogue.hpp"

namespace stretto {
namespace {

std::string text_of(const PlanSpec& spec, Rank rank) {
  const RankPlan plan{rank, make_plan(spec, rank)};
  return plan_to_json({&plan, 1});
}

TEST(PlanJson, EveryProgram_SurvivesTheRoundTrip) {
  for (const AlgorithmRow& row : catalogue()) {
    for (const CollectiveRow& collective : collective_rows()) {
      if (!row.supports(collective.collective)) continue;
      for (int n = 1; n <= 7; ++n) {
        const PlanSpec spec{collective.collective, row.name, n, n / 2, row.channel_multiple};
        EXPECT_EQ(program_from_json(text_of(spec, n - 1), n - 1), make_plan(spec, n - 1).program);
      }
    }
  }
}

TEST(PlanJson, EditedText_GivesTheEditedProgram) {
  std::string text = text_of({Collective::broadcast, "ring", 3, 0, 1}, 1);
  const std::string put = "{\"do\": \"signal\", \"peer\": 2}";
  ASSERT_NE(text.find(put), std::string::npos);
  text.replace(text.find(put), put.size(), "{\"do\": \"signal\", \"peer\": 0}");
  const Program program = program_from_json(text, 1);
  EXPECT_EQ(program.strands.at(0).body.at(5).kind, StepKind::signal);
  EXPECT_EQ(program.strands.at(0).body.at(5).peer, 0);
}

TEST(PlanJson, PartsOfSlots_AreReadAndHeldToTheirNumber) {
  const std::string whole = text_of({Collective::all_gather, "bruck", 4, -1, 1}, 0);
  const std::string part = "\"slot[2].1\"";
  ASSERT_NE(whole.find(part), std::string::npos) << whole;
  for (const char* wrong : {"\"slot[2].2\"", "\"slot[2].\"", "\"slot[2].-1\"", "\"slot[2]1\"", "\"output[2].1\""}) {
    std::string text = whole;
    text.replace(text.find(part), part.size(), wrong);
    EXPECT_THROW(program_from_json(text, 0), Error) << wrong;
  }
  std::string text = whole;
  text.replace(text.find("\"parts_per_slot\": 2"), 19, "\"parts_per_slot\": 1");
  EXPECT_THROW(program_from_json(text, 0), Error);
}

struct Damage {
  const char* what;
  const char* with;
  const char* place;  ///< that the error names
};

TEST(PlanJson, DamagedText_IsRefusedNamingThePlace) {
  // Rank 1 of 3: wait, get, release, wait_credit, put, signal; wait_drain.
  const std::string whole = text_of({Collective::broadcast, "ring", 3, 0, 1}, 1);
  const std::string body = "/programs/0/strands/0/body/";
  const Damage cases[] = {
      {"\"ranks\": 3", "\"ranks\": 0", "/ranks"},
      {"\"ranks\": 3", "\"rank\": 3", ""},
      {"\"ranks\": 3", "\"ranks\": 99999999999999999999", "/ranks"},
      {"\"chunks\": 1", "\"chunks\": \"1\"", "/chunks"},
      {"\"rank\": 1", "\"rank\": 2", "/programs"},
      {"\"channel\": 0", "\"channel\": 1", "/programs/0/strands/0/channel"},
      {"\"scratch_chunks\": 0", "\"scratch_chunks\": -1", "/programs/0/scratch_chunks"},
      {"\"do\": \"wait\"", "\"do\": \"await\"", "0/do"},
      {"\"wait\", \"peer\": 0", "\"wait\", \"peer\": 1", "0/peer"},
      {"\"wait\", \"peer\": 0", "\"wait\", \"peer\": 3", "0/peer"},
      {"\"wait\", \"peer\": 0", "\"wait\", \"peer\": 0.5", "0/peer"},
      {"\"chunk\": 0", "\"chunk\": 1", "1/chunk"},
      {"\"to\": \"output[0]\"", "\"to\": \"output[1]\"", "1/to"},
      {"\"to\": \"output[0]\"", "\"to\": \"output[0\"", "1/to"},
      {"\"to\": \"output[0]\"", "\"to\": \"output[-1]\"", "1/to"},
      {"\"to\": \"output[0]\"", "\"to\": \"scratch[0]\"", "1/to"},
      {"\"to\": \"output[0]\"", "\"to\": \"input[0]\"", "1"},
      {"\"from\": [\"slot[0]\"]", "\"from\": [\"slot[1]\"]", "1/from/0"},
      {"\"from\": [\"slot[0]\"]", "\"from\": []", "1"},
      {"\"from\": [\"slot[0]\"]", "\"from\": \"slot[0]\"", "1/from"},
      {"\"from\": [\"output[0]\"]", "\"from\": [\"slot[0]\"]", "4"},
      {"\"from\": [\"output[0]\"]", "\"from\": [\"output[0]\"], \"completes\": true", "4"},
      {"\"from\": [\"output[0]\"]", "\"from\": [\"output[0]\"], \"completes\": 1", "4/completes"},
      {"\"epilogue\"", "\"epilog\"", "/programs/0/strands/0"},
      {"{\n", "[\n", ""},
  };
  for (const Damage& damage : cases) {
    std::string text = whole;
    const std::size_t at = text.find(damage.what);
    ASSERT_NE(at, std::string::npos) << damage.what;
    text.replace(at, std::string(damage.what).size(), damage.with);
    const std::string place = damage.place[0] >= '0' && damage.place[0] <= '9' ? body + damage.place : damage.place;
    try {
      program_from_json(text, 1);
      ADD_FAILURE() << "not refused: " << damage.with;
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoInvalidArgument);
      EXPECT_EQ(error.info().field, place) << error.what();
    }
  }
}

TEST(PlanJson, RandomDamage_IsRefusedOrGivesAProgramWithinRange) {
  const std::string whole = text_of({Collective::all_reduce, "one_shot", 3, -1, 1}, 1);
  std::mt19937_64 random(20261123);
  int accepted = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    std::string text = whole;
    for (std::uint64_t hits = 1 + random() % 3; hits > 0; --hits) {
      text[random() % text.size()] = "0123456789[]{}\",:abcdeinopstu "[random() % 30];
    }
    try {
      const Program program = program_from_json(text, 1);
      ++accepted;
      for (const Strand& strand : program.strands) {
        for (const Step& step : strand.body) {
          ASSERT_TRUE(step.chunk == -1 ? step.peer != 1 : step.chunk >= 0) << "trial " << trial;
        }
      }
    } catch (const Error& error) {
      ASSERT_EQ(error.info().code, strettoInvalidArgument) << "trial " << trial;
    }
  }
  EXPECT_GT(accepted, 0);  // some hits fall on white space or on a number
}

}  // namespace
}  // namespace stretto
