// What NCCL's variables do to a process: its settings, its log. A process reads them once, so each case has one of its
// own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

#include "base/error.hpp"
#include "comm/settings.hpp"
#include "frontends/cli/shell.hpp"
#include "frontends/nccl/environment.hpp"

namespace stretto::nccl {
namespace {

using testing::HasSubstr;
using testing::Not;

class NcclProcess : public testing::Test {
 protected:
  NcclProcess() { EXPECT_NE(mkdtemp(folder_), nullptr); }
  ~NcclProcess() override { std::filesystem::remove_all(folder_); }

  std::string in_folder(const std::string& name) const { return std::string(folder_) + "/" + name; }

  /// Runs `work` in a child with these variables and no others of ours, and returns what it wrote to standard error.
  std::string in_child(const std::map<std::string, std::string>& variables, const std::function<void()>& work) {
    const pid_t child = fork();
    if (child == 0) {
      EXPECT_NE(std::freopen(in_folder("stderr").c_str(), "w", stderr), nullptr);
      for (const auto& [name, value] : process_variables()) {
        if (name.starts_with("NCCL_") || name.starts_with("STRETTO_")) unsetenv(name.c_str());
      }
      setenv("HOME", folder_, 1);
      for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
      work();
      std::fflush(stderr);
      std::exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    std::ostringstream text;
    text << std::ifstream(in_folder("stderr")).rdbuf();
    EXPECT_EQ(status, 0) << text.str();
    return text.str();
  }

 private:
  char folder_[32] = "/tmp/stretto_test_XXXXXX";
};

int count_of(const std::string& text, const std::string& part) {
  int n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST_F(NcclProcess, VariablesAreSet_LibraryWorksWithThem) {
  const std::string text = in_child({{"NCCL_DEBUG", "INFO"}, {"NCCL_ALGO", "Tree"}, {"NCCL_NTHREADS", "64"}}, [] {
    report_environment();
    EXPECT_EQ(resolve_settings(nullptr, Environment::read()).algorithm, "tree");
    EXPECT_TRUE(log_enabled(LogLevel::info));
    EXPECT_FALSE(log_enabled(LogLevel::debug));
    // Children would inherit it, and take it for their user's.
    EXPECT_EQ(std::getenv("STRETTO_ALGORITHM"), nullptr);
    EXPECT_EQ(std::getenv("STRETTO_LOG_LEVEL"), nullptr);
  });
  EXPECT_THAT(text, HasSubstr("level=info event=nccl_environment variable=NCCL_ALGO value=\"Tree\" state=honoured"));
  EXPECT_THAT(text, HasSubstr("variable=NCCL_NTHREADS value=\"64\" state=ignored"));
}

TEST_F(NcclProcess, LibraryIsLinkedDynamically_HearsOfTheSettings) {
  const auto output = [](const std::string& variables) {
    return shell("env -u STRETTO_LOG_LEVEL -u STRETTO_LOG_FILE " + variables + " " NCCL_ENVIRONMENT_PROGRAM);
  };
  const Outcome told = output("NCCL_DEBUG=INFO");
  EXPECT_EQ(told.status, 0) << told.text;
  EXPECT_EQ(count_of(told.text, "event=nccl_environment variable=NCCL_DEBUG"), 1) << told.text;
  EXPECT_EQ(count_of(told.text, "event=communicator"), 1) << told.text;
  EXPECT_EQ(output("NCCL_DEBUG=WARN").text, "");
  EXPECT_EQ(output("NCCL_DEBUG=INFO STRETTO_LOG_LEVEL=warn").text, "");
}

TEST_F(NcclProcess, NoLevelIsAsked_WarningsAloneAreSaid) {
  const std::string text =
      in_child({{"NCCL_P2P_DISABLE", "1"}, {"NCCL_NTHREADS", "64"}, {"NCCL_VERSION", "2"}}, report_environment);
  EXPECT_THAT(text, HasSubstr("level=warning event=nccl_environment variable=NCCL_P2P_DISABLE"));
  EXPECT_THAT(text, Not(HasSubstr("NCCL_NTHREADS")));
  EXPECT_THAT(text, Not(HasSubstr("NCCL_VERSION")));
}

TEST_F(NcclProcess, OwnVariablesAndFile_GoBeforeNccls) {
  std::ofstream(in_folder("conf")) << "STRETTO_ALGORITHM=ring\n";
  const std::string text = in_child({{"NCCL_DEBUG", "TRACE"},
                                     {"NCCL_ALGO", "Tree"},
                                     {"STRETTO_LOG_LEVEL", "info"},
                                     {"STRETTO_CONFIG_FILE", in_folder("conf")}},
                                    [] {
                                      report_environment();
                                      EXPECT_EQ(resolve_settings(nullptr, Environment::read()).algorithm, "ring");
                                      EXPECT_FALSE(log_enabled(LogLevel::debug));
                                    });
  EXPECT_THAT(text, HasSubstr("variable=NCCL_ALGO value=\"Tree\" state=overruled text=\"STRETTO_ALGORITHM=ring goes"));
  EXPECT_THAT(text, HasSubstr("variable=NCCL_DEBUG value=\"TRACE\" state=overruled"));
}

TEST_F(NcclProcess, ManyThreadsAtOnce_EachFindsTheSettingsAndTheLinesComeOnce) {
  const std::string text = in_child({{"NCCL_ALGO", "Ring"}, {"NCCL_SHM_DISABLE", "1"}, {"NCCL_DEBUG", "INFO"}}, [] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([] {
        report_environment();
        EXPECT_EQ(Environment::read().text(Knob::algorithm), "ring");
      });
    }
    for (std::thread& thread : threads) thread.join();
    report_environment();
  });
  for (const char* name : {"variable=NCCL_ALGO ", "variable=NCCL_SHM_DISABLE ", "variable=NCCL_DEBUG "}) {
    EXPECT_EQ(count_of(text, name), 1) << text;
  }
}

TEST_F(NcclProcess, BadVariableOfOurs_IsThrownEachTimeUntilMended) {
  in_child({{"NCCL_ALGO", "Ring"}, {"STRETTO_SPIN_US", "long"}}, [] {
    EXPECT_THROW(report_environment(), Error);
    EXPECT_THROW(report_environment(), Error);
    unsetenv("STRETTO_SPIN_US");
    report_environment();
    EXPECT_EQ(Environment::read().text(Knob::algorithm), "ring");
  });
}

TEST_F(NcclProcess, ConfigurationFile_IsReadFromWhereNcclReadsIt) {
  std::ofstream(in_folder(".nccl.conf")) << "# of a user\nNCCL_ALGO=Ring\nNCCL_DEBUG=INFO\n";
  std::ofstream(in_folder("other")) << "NCCL_ALGO=Tree\n";
  in_child({{"NCCL_DEBUG", "WARN"}}, [] {
    report_environment();
    EXPECT_EQ(Environment::read().text(Knob::algorithm), "ring");
    EXPECT_FALSE(log_enabled(LogLevel::info));
  });
  in_child({{"NCCL_CONF_FILE", in_folder("other")}}, [] {
    report_environment();
    EXPECT_EQ(Environment::read().text(Knob::algorithm), "tree");
  });
  const std::string text = in_child({{"NCCL_CONF_FILE", in_folder("none")}}, report_environment);
  EXPECT_THAT(text, HasSubstr("variable=NCCL_CONF_FILE"));
  EXPECT_THAT(text, HasSubstr("cannot be read"));
}

TEST_F(NcclProcess, LogFile_TakesTheLines) {
  const std::string text = in_child({{"NCCL_DEBUG_FILE", in_folder("log.%h")}, {"NCCL_DEBUG", "INFO"}}, [&] {
    report_environment();
    const Surroundings surroundings = process_surroundings({});
    EXPECT_TRUE(std::filesystem::exists(in_folder("log." + surroundings.host)));
  });
  EXPECT_EQ(text, "");
}

TEST_F(NcclProcess, InterfacesOfThisHost_HoldTheLoopback) {
  in_child({{"NCCL_SOCKET_IFNAME", "lo"}, {"NCCL_SOCKET_FAMILY", "AF_INET"}}, [] {
    report_environment();
    EXPECT_EQ(Environment::read().text(Knob::bootstrap_address), "127.0.0.1");
    strettoUniqueId id;
    EXPECT_EQ(strettoGetUniqueId(&id), strettoSuccess);
  });
}

TEST_F(NcclProcess, ForkedChild_ReadsItsOwn) {
  in_child({{"NCCL_ALGO", "Ring"}}, [] {
    report_environment();
    setenv("NCCL_ALGO", "Tree", 1);
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      report_environment();
      std::_Exit(Environment::read().text(Knob::algorithm) == "tree" ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(waitpid(grandchild, &status, 0), grandchild);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(Environment::read().text(Knob::algorithm), "ring");
  });
}

}  // namespace
}  // namespace stretto::nccl
