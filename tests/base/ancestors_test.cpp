// Who started this process: through wrappers, and told apart from others that had its number before.
#include "base/ancestors.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>

namespace stretto {
namespace {

/// What a shell prints that runs `script` with nothing in its environment but MARK.
std::string output_of(const char* script) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t shell = fork();
  if (shell == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    char mark[] = "MARK=here";
    char* const environment[] = {mark, nullptr};
    execle("/bin/sh", "sh", "-c", script, nullptr, environment);
    _exit(127);
  }
  close(ends[1]);
  std::string text;
  char buffer[256];
  for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(got));
  close(ends[0]);
  int status = -1;
  waitpid(shell, &status, 0);
  EXPECT_EQ(status, 0);
  return text.substr(0, text.find('\n'));
}

/// "process:start time" of this process, found out in another way.
std::string self() {
  std::ifstream file("/proc/self/stat");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::istringstream words(text.substr(text.rfind(')') + 2));
  std::string word;
  for (int field = 3; field <= 22; ++field) words >> word;
  return std::to_string(getpid()) + ":" + word;
}

TEST(Ancestor, ParentWithoutTheVariable_IsIt) { EXPECT_EQ(output_of("exec " ANCESTOR_PROGRAM " MARK"), self()); }

TEST(Ancestor, WrappersBetween_DoNotMatter) {
  EXPECT_EQ(output_of("sh -c '" ANCESTOR_PROGRAM " MARK; true'; true"), self());
}

TEST(Ancestor, VariableOfAnotherName_IsNotTaken) {
  // "MAR" is not "MARK": the shell, which does not give way to the program, has no such variable.
  const std::string found = output_of(ANCESTOR_PROGRAM " MAR; true");
  EXPECT_NE(found.find(':'), std::string::npos) << found;
  EXPECT_NE(found, self());
}

TEST(Ancestor, TwoLaunchers_AreTwo) {
  const std::string first = output_of("exec " ANCESTOR_PROGRAM " MARK");
  const pid_t other = fork();
  if (other == 0) _exit(output_of("exec " ANCESTOR_PROGRAM " MARK") == first ? 1 : 0);
  int status = -1;
  waitpid(other, &status, 0);
  EXPECT_EQ(status, 0) << "another process's children found the same ancestor";
}

}  // namespace
}  // namespace stretto
