// Whatever the bytes are, they are loaded and right, or refused.
#include <gtest/gtest.h>

#include <random>

#include "base/text.hpp"
#include "foreign/foreign_plan.hpp"
#include "foreign/samples.hpp"

namespace stretto::foreign {
namespace {

/// "loaded", or why not.
std::string outcome_of(const std::string& text) {
  try {
    read_foreign_plan(text, "hostile");
    return "loaded";
  } catch (const Error& error) {
    EXPECT_TRUE(error.info().text.starts_with("foreign plan hostile")) << error.what();
    return error.what();
  }
}

std::string repeated(const std::string& text, int n) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

TEST(ForeignHostile, DeepNesting_IsRefused) {
  EXPECT_NE(outcome_of("{\"gpus\": " + repeated("[", 200'000) + repeated("]", 200'000) + "}"), "loaded");
  EXPECT_NE(outcome_of(repeated("{\"a\":", 200'000)), "loaded");
  const std::string pipeline = "{\"name\": \"pipeline\", \"ops\": [{\"name\": \"pipeline\", \"ops\": [";
  std::string text = pairs_all_to_all_json(2);
  text.replace(text.find("{\"name\": \"flush\"}"), 17, pipeline + "]}]}");
  EXPECT_NE(outcome_of(text).find("a pipeline within a pipeline"), std::string::npos);
#ifdef STRETTO_WITH_XML
  EXPECT_NE(outcome_of(repeated("<algo>", 100'000)).find("nested deeper"), std::string::npos);
#endif
}

TEST(ForeignHostile, HugePlans_AreRefusedBeforeTheyCostMemory) {
  const std::string many = "{\"collective\": \"allreduce\", \"inplace\": false, \"gpus\": [" +
                           repeated(
                               "{\"id\": 0, \"input_chunks\": 65536, \"output_chunks\": 65536, \"scratch_chunks\": 0, "
                               "\"threadblocks\": []},",
                               200);
  EXPECT_NE(outcome_of(many.substr(0, many.size() - 1) + "]}").find("are more than is checked"), std::string::npos);
  std::string wide = pairs_all_gather_json(2);
  const auto widen = [&](const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = wide.find(from, at)) != wide.npos; at += to.size())
      wide.replace(at, from.size(), to);
  };
  widen("\"input_chunks\": 2", "\"input_chunks\": 30000");
  widen("\"output_chunks\": 4", "\"output_chunks\": 60000");
  widen("\"size\": 2", "\"size\": 30000");
  widen("\"index\": 2", "\"index\": 30000");
  const std::size_t copy = wide.find("{\"name\": \"copy\"");
  wide.insert(copy, repeated(wide.substr(copy, wide.find('\n', copy) - copy), 100));
  EXPECT_NE(outcome_of(wide).find("more than 1048576 steps are not taken"), std::string::npos) << outcome_of(wide);
#ifdef STRETTO_WITH_XML
  const std::string big = "<algo ngpus=\"64\" nchunksperloop=\"65536\" coll=\"allreduce\"/>";
  EXPECT_NE(outcome_of(big).find("are more than is checked"), std::string::npos);
  std::string scratch = ring_all_reduce_xml(64);
  for (std::size_t at = 0; (at = scratch.find("s_chunks=\"0\"", at)) != scratch.npos;)
    scratch.replace(at, 12, "s_chunks=\"65536\"");
  EXPECT_NE(outcome_of(scratch).find("of scratch memory on all ranks are more than is checked"), std::string::npos);
#endif
}

#ifdef STRETTO_WITH_XML
TEST(ForeignHostile, ThreadblocksThatWaitInACircle_AreADeadlock) {
  std::string text = pairs_all_reduce_xml(3);
  const std::string none = "depid=\"-1\" deps=\"-1\"";
  text.replace(text.find(none), none.size(), "depid=\"1\" deps=\"0\"");
  const std::size_t second = text.find(none, text.find("<tb id=\"1\""));
  text.replace(second, none.size(), "depid=\"0\" deps=\"0\"");
  EXPECT_NE(outcome_of(text).find("the plan deadlocks"), std::string::npos) << outcome_of(text);
}

TEST(ForeignHostile, LongChains_AreGivenUp) {
  // A row through all threadblocks, again and again, against the order in which they are looked at.
  constexpr int kBlocks = 1024;
  constexpr int kSteps = 70;
  std::string text = "<algo ngpus=\"1\" nchunksperloop=\"1\" coll=\"allreduce\"><gpu id=\"0\">\n";
  for (int block = 0; block < kBlocks; ++block) {
    const bool last = block == kBlocks - 1;
    text += format("<tb id=\"{}\" send=\"-1\" recv=\"-1\" chan=\"{}\">", block, block);
    for (int step = 0; step < kSteps; ++step) {
      const bool first = last && step == 0;
      text += format("<step s=\"{}\" type=\"nop\" depid=\"{}\" deps=\"{}\"/>", step,
                     first ? -1 : (last ? 0 : block + 1), last ? step - 1 : step);
    }
    text += "</tb>\n";
  }
  EXPECT_NE(outcome_of(text + "</gpu></algo>").find("wait for one another too much"), std::string::npos);
}
#endif

TEST(ForeignHostile, RandomChanges_AreLoadedOrRefused) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE(format("seed {}", seed));
  std::mt19937_64 random(seed);
  int loaded = 0;
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    const Sample& sample = samples()[random() % samples().size()];
    std::string text = sample.make(2 + static_cast<int>(random() % 2));
    for (std::uint64_t change = 0; change < 1 + random() % 3; ++change) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, random() % 100);
          break;
        case 2:
          text.insert(at, text.substr(random() % text.size(), random() % 200));
          break;
        default:
          if (const std::size_t digit = text.find_first_of("0123456789", at); digit != text.npos) {
            text[digit] = static_cast<char>('0' + random() % 10);
          }
      }
    }
    (outcome_of(text) == "loaded" ? loaded : refused) += 1;
  }
  EXPECT_GT(loaded, 50);
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace stretto::foreign
