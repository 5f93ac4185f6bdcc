#include "support/leak_check.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <thread>

namespace stretto::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

// A joined thread may still be listed for a moment: the kernel wakes the joiner before the thread is quite gone.
constexpr std::chrono::seconds settle_time{2};

std::vector<std::string> list_descriptors() {
  std::vector<std::string> result;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const fs::path target = fs::read_symlink(entry.path(), error);
    // Not counted: the iterator's own descriptor, and the driver's, which live as long as the process.
    if (error || target.native().ends_with("/fd") || target.native().starts_with("/dev/nvidia")) continue;
    result.push_back(entry.path().filename().native() + " -> " + target.native());
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::vector<std::string> list_mappings() {
  std::vector<std::string> result;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const std::size_t name = line.find("/memfd:");
    if (name != std::string::npos) result.push_back(line.substr(name));
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::size_t count_threads() {
  const auto n_entries = std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
  return static_cast<std::size_t>(n_entries);
}

bool any_children() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void append_extra(std::string& text, std::string_view what, const std::vector<std::string>& before,
                  const std::vector<std::string>& after) {
  std::vector<std::string> extra;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(extra));
  for (const std::string& item : extra) {
    text += what;
    text += item;
    text += '\n';
  }
}

class LeakCheck : public ::testing::EmptyTestEventListener {
 public:
  void allow(const char* why) {
    allowed_ = true;
    std::printf("leak check off for this test: %s\n", why);
  }

 private:
  void OnTestProgramStart(const ::testing::UnitTest&) override {
#if defined(__SANITIZE_THREAD__)
    std::thread([] {}).join();  // starts ThreadSanitizer's own thread, so that no test seems to leave it
#endif
  }

  void OnTestStart(const ::testing::TestInfo&) override {
    allowed_ = false;
    before_ = take_holdings();
  }

  void OnTestEnd(const ::testing::TestInfo& info) override {
    // A test that failed has said what matters; what it then left open is no news.
    if (allowed_ || info.result()->Failed()) return;
    const steady_clock::time_point deadline = steady_clock::now() + settle_time;
    std::string leaks = describe_leaks(before_, take_holdings());
    while (!leaks.empty() && steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      leaks = describe_leaks(before_, take_holdings());
    }
    EXPECT_EQ(leaks, "") << "the test left something behind";
  }

  Holdings before_;
  bool allowed_ = false;
};

// Runs before main, and so before the tests. GoogleTest owns the listener from then on.
LeakCheck* install() {
  auto* check = new LeakCheck;
  ::testing::UnitTest::GetInstance()->listeners().Append(check);
  return check;
}

LeakCheck* const installed = install();

}  // namespace

Holdings take_holdings() {
  Holdings holdings;
  holdings.descriptors = list_descriptors();
  holdings.mappings = list_mappings();
  holdings.n_threads = count_threads();
  holdings.has_children = any_children();
  return holdings;
}

std::string describe_leaks(const Holdings& before, const Holdings& after) {
  std::string text;
  append_extra(text, "descriptor ", before.descriptors, after.descriptors);
  append_extra(text, "mapping ", before.mappings, after.mappings);
  if (after.n_threads > before.n_threads) {
    text += std::to_string(after.n_threads - before.n_threads) + " threads\n";
  }
  if (after.has_children && !before.has_children) text += "child processes, running or not waited for\n";
  return text;
}

void allow_leaks_in_this_test(const char* why) { installed->allow(why); }

}  // namespace stretto::testing
