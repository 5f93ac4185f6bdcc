// `stretto tune` and what `stretto explain` makes of it, from outside.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/affinity.hpp"
#include "frontends/cli/shell.hpp"

namespace stretto {
namespace {

class CliTune : public ::testing::Test {
 protected:
  CliTune() {
    std::string name = ::testing::TempDir() + "stretto_tune_XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~CliTune() override { std::filesystem::remove_all(folder_); }

  /// With a cache of its own, and the smallest budget.
  Outcome tune(const std::string& arguments) const {
    return shell("XDG_CACHE_HOME=" + folder_ +
                 " STRETTO_TUNING_FILE= " STRETTO_PROGRAM " tune --force --seconds 0.2 --most-bytes 16K " + arguments);
  }
  Outcome explain(const std::string& arguments) const {
    return shell("XDG_CACHE_HOME=" + folder_ +
                 " STRETTO_TUNING_FILE= " STRETTO_PROGRAM " explain --collective all_reduce --ranks 2 --bytes 1K " +
                 arguments);
  }

  std::string folder_;
};

TEST_F(CliTune, TinyBudget_MeasuresKeepsAndExplainsByIt) {
  if (affinity().n_cores < 2) GTEST_SKIP() << "SKIPPED: two cores are needed";
  EXPECT_NE(explain("").text.find("\nconstants: defaults ("), std::string::npos);
  const Outcome outcome = tune("--json");
  ASSERT_EQ(outcome.status, 0) << outcome.text;
  const auto report = nlohmann::json::parse(outcome.text);
  EXPECT_EQ(report.at("ranks"), 2);
  EXPECT_GT(report.at("constants").at("message_ps").at("value").get<double>() +
                report.at("constants").at("operation_ps").at("value").get<double>(),
            0);
  EXPECT_FALSE(report.at("constants").at("byte_crossing_ps").at("measured"));
  EXPECT_FALSE(report.at("predictions").empty());
  for (const auto& row : report.at("predictions")) EXPECT_GT(row.at("measured_us"), 0);
  const std::string path = report.at("file");
  EXPECT_EQ(path.find(folder_ + "/stretto/tuning-"), 0U) << path;
  const Outcome explained = explain("");
  EXPECT_NE(explained.text.find("\nconstants: " + path + " ("), std::string::npos) << explained.text;
  EXPECT_EQ(nlohmann::json::parse(explain("--json").text).at("constants_from"), path);
  EXPECT_NE(explain("--defaults").text.find("\nconstants: defaults ("), std::string::npos);
}

TEST_F(CliTune, Text_HasConstantsAndPredictions) {
  if (affinity().n_cores < 2) GTEST_SKIP() << "SKIPPED: two cores are needed";
  const Outcome outcome = tune("--out " + folder_ + "/elsewhere.json");
  ASSERT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_NE(outcome.text.find("\nmessage_ps "), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("\nmedian error "), std::string::npos);
  EXPECT_NE(outcome.text.find("\nwritten to " + folder_ + "/elsewhere.json\n"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/elsewhere.json"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/stretto"));
}

TEST_F(CliTune, WhatCannotBe_IsRefused) {
  EXPECT_EQ(tune("--ranks 1").status, 2);
  EXPECT_EQ(tune("--ranks 9").status, 2);
  const Outcome crowded = tune("--ranks 8");
  if (affinity().n_cores < 8) {
    EXPECT_EQ(crowded.status, 1) << crowded.text;
    EXPECT_NE(crowded.text.find("8 ranks on"), std::string::npos) << crowded.text;
  }
  EXPECT_EQ(tune("--out /proc/nowhere/constants.json").status, 1);
  const Outcome homeless = shell("env -u XDG_CACHE_HOME -u HOME " STRETTO_PROGRAM " tune");
  EXPECT_EQ(homeless.status, 2) << homeless.text;
  EXPECT_NE(homeless.text.find("--out"), std::string::npos);
}

TEST_F(CliTune, BrokenCache_IsSaidAndNotUsed) {
  const Outcome outcome =
      shell("STRETTO_TUNING_FILE=/dev/null " STRETTO_PROGRAM " explain --collective all_reduce --ranks 2 --bytes 1K");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.text.find("warning: tuning file /dev/null is not used: it is no regular file"), std::string::npos)
      << outcome.text;
  EXPECT_NE(outcome.text.find("\nconstants: defaults ("), std::string::npos);
}

}  // namespace
}  // namespace stretto
