// The table of environment variables: precedence, ranges, misspelt names.
#include "base/environment.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "base/error.hpp"

namespace stretto {
namespace {

/// A file that goes away with the test.
class ScratchFile {
 public:
  explicit ScratchFile(const char* content) {
    const int fd = mkstemp(path_);
    EXPECT_GE(fd, 0);
    EXPECT_EQ(dprintf(fd, "%s", content), static_cast<int>(std::string(content).size()));
    close(fd);
  }
  ~ScratchFile() { unlink(path_); }
  std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/stretto_test_XXXXXX";
};

TEST(Environment, NothingSet_GivesTheDefaults) {
  const Environment environment = Environment::from({"HOME=/root", "STRETTO=1"});
  EXPECT_EQ(environment.integer(Knob::setup_timeout_ms), 30'000);
  EXPECT_EQ(environment.integer(Knob::data_timeout_ms), 600'000);
  EXPECT_EQ(environment.text(Knob::algorithm), "");
  EXPECT_TRUE(environment.warnings().empty());
}

TEST(Environment, File_StandsBehindTheEnvironment) {
  const ScratchFile file("# a comment\n\n  STRETTO_DATA_TIMEOUT_MS=5\nSTRETTO_ALGORITHM=ring\r\n");
  const Environment environment = Environment::from({"STRETTO_CONFIG_FILE=" + file.path(), "STRETTO_ALGORITHM=tree"});
  EXPECT_EQ(environment.text(Knob::algorithm), "tree");
  EXPECT_EQ(environment.integer(Knob::data_timeout_ms), 5);
}

TEST(Environment, Fallbacks_StandBehindTheFileAndBeforeTheDefault) {
  const ScratchFile file("STRETTO_ALGORITHM=ring\n");
  const std::vector<std::string> fallbacks = {"STRETTO_ALGORITHM=tree", "STRETTO_LOG_LEVEL=info", "STRETTO_SPIN_US=7"};
  const Environment environment =
      Environment::from({"STRETTO_CONFIG_FILE=" + file.path(), "STRETTO_LOG_LEVEL=off"}, fallbacks);
  EXPECT_EQ(environment.text(Knob::algorithm), "ring");
  EXPECT_EQ(environment.text(Knob::log_level), "off");
  EXPECT_EQ(environment.integer(Knob::spin_us), 7);
  EXPECT_TRUE(environment.is_given(Knob::algorithm));
  EXPECT_TRUE(environment.is_given(Knob::log_level));
  EXPECT_FALSE(environment.is_given(Knob::spin_us));
  EXPECT_FALSE(environment.is_given(Knob::shm_slots));
}

TEST(Environment, FallbacksOfTheProcess_AreReadUntilReplaced) {
  Environment::set_fallbacks({"STRETTO_SPIN_US=7"});
  EXPECT_EQ(Environment::read().integer(Knob::spin_us), 7);
  Environment::set_fallbacks({});
  EXPECT_EQ(Environment::read().integer(Knob::spin_us), -1);
}

TEST(Environment, FallbacksThatCannotBe_AreRefusedAndTheEarlierStay) {
  Environment::set_fallbacks({"STRETTO_SPIN_US=7"});
  for (const char* entry : {"STRETTO_SPIN_US", "STRETTO_SPIN_US=x", "STRETTO_SPIN=1", "HOME=x", "", "=",
                            "STRETTO_CONFIG_FILE=/x", "STRETTO_LOG_LEVEL=loud"}) {
    EXPECT_THROW(Environment::set_fallbacks({"STRETTO_SPIN_US=8", entry}), Error) << entry;
  }
  EXPECT_EQ(Environment::read().integer(Knob::spin_us), 7);
  Environment::set_fallbacks({});
}

TEST(Environment, UnknownName_WarnsWithTheNearest) {
  const Environment environment = Environment::from({"STRETTO_ALGORYTHM=ring", "STRETTO_TEST_SEEDS=7"});
  ASSERT_EQ(environment.warnings().size(), 1U);
  EXPECT_NE(environment.warnings()[0].find("STRETTO_ALGORITHM?"), std::string::npos) << environment.warnings()[0];
}

TEST(Environment, BadValues_AreRefusedByName) {
  for (const char* entry : {"STRETTO_SETUP_TIMEOUT_MS=soon", "STRETTO_SETUP_TIMEOUT_MS=", "STRETTO_SETUP_TIMEOUT_MS=0",
                            "STRETTO_SETUP_TIMEOUT_MS=1e3", "STRETTO_SETUP_TIMEOUT_MS=99999999999999999999",
                            "STRETTO_LOG_LEVEL=loud", "STRETTO_CONFIG_FILE=/no/such/file"}) {
    try {
      Environment::from({entry});
      ADD_FAILURE() << entry;
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoInvalidArgument);
      EXPECT_TRUE(std::string(entry).starts_with(error.info().field)) << error.what();
    }
  }
}

// The fuzz target `environment` found this.
TEST(Environment, EntryWithoutAValue_IsPassedOver) {
  const Environment environment = Environment::from({"STRETTO_TEST_SOCKETS", "STRETTO_ALGORITHM", "STRETTO_NONE", ""});
  EXPECT_EQ(environment.test_sockets(), Environment::from({}).test_sockets());
  EXPECT_EQ(environment.text(Knob::algorithm), "");
  EXPECT_TRUE(environment.warnings().empty());
}

TEST(Environment, TestKnobs_ChangeNothingUnlessGiven) {
  const Environment given = Environment::from({"STRETTO_TEST_SOCKETS=2", "STRETTO_TEST_SHORT_SUM=2"});
  EXPECT_EQ(given.test_sockets(), 2);
  EXPECT_EQ(given.test_short_sum(), 2);
  EXPECT_EQ(Environment::from({}).test_sockets(), 0);
  EXPECT_EQ(Environment::from({}).test_short_sum(), 1);
}

TEST(Environment, FileWithALineThatIsNoVariable_IsRefusedWithTheLine) {
  for (const char* line : {"HOME=/root", "STRETTO_ALGORITHM ring"}) {
    const ScratchFile file(line);
    try {
      Environment::from({"STRETTO_CONFIG_FILE=" + file.path()});
      ADD_FAILURE() << line;
    } catch (const Error& error) {
      EXPECT_EQ(error.info().field, "STRETTO_CONFIG_FILE");
      EXPECT_NE(error.info().text.find(line), std::string::npos) << error.what();
    }
  }
}

TEST(Environment, Rows_AreInTheOrderOfTheirKnobs) {
  for (std::size_t i = 0; i < knob_rows().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(knob_rows()[i].knob), i) << knob_rows()[i].name;
    EXPECT_NO_THROW(Environment::from(
        {std::string(knob_rows()[i].name) + "=" +
         std::string(knob_rows()[i].knob == Knob::config_file ? "/dev/null" : knob_rows()[i].default_value)}));
  }
}

}  // namespace
}  // namespace stretto
