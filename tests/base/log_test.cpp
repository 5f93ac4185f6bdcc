// Where log lines go. A process's log is set up once, so each case has a process of its own.
#include "base/log.hpp"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/fork.hpp"

namespace stretto {
namespace {

class Log : public testing::Test {
 protected:
  Log() { EXPECT_NE(mkdtemp(folder_), nullptr); }
  ~Log() override { std::filesystem::remove_all(folder_); }

  /// Logs a line of each of two levels in a child, whose standard error is a file. Its process number.
  pid_t log_in_child(const std::vector<std::string>& entries) {
    const pid_t child = fork();
    if (child == 0) {
      EXPECT_NE(std::freopen(in_folder("stderr").c_str(), "w", stderr), nullptr);
      configure_log(Environment::from(entries));
      log_line(LogLevel::info, "event=something");
      log_line(LogLevel::warn, "event=trouble");
      std::fflush(stderr);
      std::exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return child;
  }
  std::string in_folder(const std::string& name) const { return std::string(folder_) + "/" + name; }
  std::string content(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(in_folder(name)).rdbuf();
    return text.str();
  }

 private:
  char folder_[32] = "/tmp/stretto_test_XXXXXX";
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(Log, NothingSet_WarningsGoToStandardError) {
  log_in_child({});
  EXPECT_TRUE(contains(content("stderr"), "level=warning event=trouble")) << content("stderr");
  EXPECT_FALSE(contains(content("stderr"), "event=something"));
}

TEST_F(Log, FileWithProcessNumber_TakesTheLinesOfItsLevel) {
  const pid_t child = log_in_child({"STRETTO_LOG_FILE=" + in_folder("log.%p"), "STRETTO_LOG_LEVEL=info"});
  const std::string text = content("log." + std::to_string(child));
  EXPECT_TRUE(contains(text, "level=info event=something")) << text;
  EXPECT_TRUE(contains(text, "event=trouble"));
  EXPECT_EQ(content("stderr"), "");
}

TEST_F(Log, FileThatCannotBeOpened_IsSaidOnStandardErrorWhichTakesItsPlace) {
  log_in_child({"STRETTO_LOG_FILE=" + in_folder("")});  // a folder
  EXPECT_TRUE(contains(content("stderr"), "cannot be opened")) << content("stderr");
  EXPECT_TRUE(contains(content("stderr"), "event=trouble"));
}

}  // namespace
}  // namespace stretto
