// `stretto run` from outside: which library the program gets, what is said of it, and that the rest is the program's
// own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "frontends/cli/shell.hpp"

namespace stretto {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

/// Variables of whoever runs the tests would be taken into account, too.
constexpr const char* kClean =
    "env -u LD_PRELOAD -u LD_LIBRARY_PATH -u VLLM_NCCL_SO_PATH -u SGLANG_NCCL_SO_PATH -u LOCAL_RANK "
    "-u OMPI_COMM_WORLD_LOCAL_RANK -u MPI_LOCALRANKID -u PMI_LOCAL_RANK -u SLURM_LOCALID ";

class CliRun : public testing::Test {
 protected:
  CliRun() { EXPECT_NE(mkdtemp(folder_), nullptr); }
  ~CliRun() override { std::filesystem::remove_all(folder_); }

  std::string in_folder(const std::string& name) const { return std::string(folder_) + "/" + name; }

  /// With the stand-in as stretto's library.
  static Outcome run(const std::string& words, const std::string& variables = "") {
    return shell(kClean + variables + " " STRETTO_PROGRAM " run --library " STAND_IN " -- " + words);
  }
  static void refuse(const std::string& words, const std::string& part) {
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.status, 2) << outcome.text;
    EXPECT_THAT(outcome.text, HasSubstr(part));
  }
  std::string script(const std::string& name, const std::string& text) const {
    std::ofstream(in_folder(name)) << text;
    EXPECT_EQ(chmod(in_folder(name).c_str(), 0755), 0);
    return in_folder(name);
  }

 private:
  char folder_[32] = "/tmp/stretto_test_XXXXXX";
};

TEST_F(CliRun, Program_FindsTheLibrary) {
  EXPECT_THAT(shell(std::string(kClean) + ASKS_PLAIN).text, HasSubstr("version 0\n"));
  const Outcome outcome = run(ASKS_PLAIN);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.text, HasSubstr("version 8\n"));
  EXPECT_THAT(outcome.text,
              HasSubstr("stretto: run: " ASKS_PLAIN " gets " + std::filesystem::canonical(STAND_IN).string()));
}

TEST_F(CliRun, ProgramLinkedToAnother_GetsOurs) {
  EXPECT_EQ(shell(std::string(kClean) + ASKS_LINKED).text, "version 7\n");
  EXPECT_THAT(run(ASKS_LINKED).text, HasSubstr("version 8\n"));
}

TEST_F(CliRun, LibraryInTheProgramsPath_IsReplacedAndNamed) {
  const std::string other = "LD_LIBRARY_PATH=" OTHER_FOLDER;
  const Outcome outcome =
      run(PYTHON
          " -I -S -c 'import ctypes; v = ctypes.c_int(); "
          "ctypes.CDLL(\"libnccl.so.2\").ncclGetVersion(ctypes.byref(v)); print(\"version\", v.value)'",
          other);
  EXPECT_THAT(outcome.text, HasSubstr("version 8\n"));
  EXPECT_THAT(outcome.text, HasSubstr("in place of "));
  EXPECT_THAT(outcome.text,
              HasSubstr(std::filesystem::canonical(OTHER_FOLDER "/libnccl.so.2").string() + " (LD_LIBRARY_PATH)"));
}

TEST_F(CliRun, PackageOfItsPython_IsNamed) {
  // As in a virtual environment: the program is a link, the packages are beside the link.
  const std::string packages = in_folder("lib/python3.99/site-packages/nvidia/nccl/lib");
  std::filesystem::create_directories(packages);
  std::filesystem::create_directories(in_folder("bin"));
  std::ofstream(packages + "/libnccl.so.2") << "x";
  std::filesystem::create_symlink("/bin/echo", in_folder("bin/python"));
  const std::string tool = script("bin/tool", "#!" + in_folder("bin/python") + " -u\n");
  const std::string found = packages + "/libnccl.so.2 (a package of this Python)";
  EXPECT_THAT(run(in_folder("bin/python")).text, HasSubstr(found));
  EXPECT_THAT(run(tool).text, HasSubstr(found));
  script("bin/other", "#!/usr/bin/env python\n");
  EXPECT_THAT(run("other", "PATH=" + in_folder("bin") + ":$PATH").text, HasSubstr(found));
  EXPECT_THAT(run("/bin/echo").text, Not(HasSubstr("Python")));
}

TEST_F(CliRun, ExitStatusAndArguments_AreTheProgramsOwn) {
  EXPECT_EQ(run(std::string(ASKS_PLAIN) + " 42").status, 42);
  EXPECT_THAT(run("echo --help -- --library x").text, EndsWith("--help -- --library x\n"));
  const std::string joined = STRETTO_PROGRAM " run --library=" STAND_IN " sh -c 'echo \"got $1\"' sh --help";
  EXPECT_THAT(shell(kClean + joined).text, EndsWith("got --help\n"));
  EXPECT_EQ(run(script("bare", "exit 9\n")).status, 9) << "without #! it is the shell's";
}

TEST_F(CliRun, SignalsAndProcessNumber_AreTheProgramsOwn) {
  // The shell's own process becomes `stretto run`, and that the inner shell: the number stays, and a signal ends it.
  EXPECT_THAT(shell("sh -c 'echo $$; exec " STRETTO_PROGRAM " run --library " STAND_IN
                    " sh -c \"echo \\$\\$\"' 2>/dev/null | uniq -c | awk '{print $1}'")
                  .text,
              HasSubstr("2\n"));
  EXPECT_EQ(run("sh -c 'kill -TERM $$'; echo \"status $?\"; true").text.find("status 143") != std::string::npos, true);
}

TEST_F(CliRun, EarlierPreloads_Stay) {
  const Outcome outcome =
      run("printenv LD_PRELOAD", "ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=" OTHER_FOLDER "/libnccl.so.2");
  EXPECT_THAT(outcome.text,
              HasSubstr(std::filesystem::canonical(STAND_IN).string() + ":" OTHER_FOLDER "/libnccl.so.2\n"));
  EXPECT_THAT(outcome.text, HasSubstr("(LD_PRELOAD)"));
}

TEST_F(CliRun, ProgramsThatLoadAPath_AreGivenIt) {
  const std::string library = std::filesystem::canonical(STAND_IN).string();
  EXPECT_THAT(run("printenv VLLM_NCCL_SO_PATH SGLANG_NCCL_SO_PATH").text, EndsWith(library + "\n" + library + "\n"));
  const Outcome outcome = run("printenv VLLM_NCCL_SO_PATH", "VLLM_NCCL_SO_PATH=/mine");
  EXPECT_THAT(outcome.text, EndsWith("\n/mine\n"));
  EXPECT_THAT(outcome.text, HasSubstr("VLLM_NCCL_SO_PATH stays /mine"));
}

TEST_F(CliRun, RanksOfAHost_SayItOnce) {
  EXPECT_THAT(run("true", "OMPI_COMM_WORLD_LOCAL_RANK=0").text, HasSubstr("stretto: run"));
  for (const char* other : {"OMPI_COMM_WORLD_LOCAL_RANK=1", "MPI_LOCALRANKID=3", "LOCAL_RANK=1", "SLURM_LOCALID=2",
                            "LOCAL_RANK=1 SLURM_LOCALID=0"}) {
    EXPECT_EQ(run("echo quiet", other).text, "quiet\n") << other;
  }
}

TEST_F(CliRun, StaticProgram_IsRunAndTheLimitIsSaid) {
  const Outcome outcome = run(std::string(ASKS_STATIC) + " 5");
  EXPECT_EQ(outcome.status, 5);
  EXPECT_THAT(outcome.text, HasSubstr("version 7\n"));
  EXPECT_THAT(outcome.text, HasSubstr("statically linked, so this has no effect on it"));
  EXPECT_THAT(run(ASKS_PLAIN).text, Not(HasSubstr("no effect")));
}

TEST_F(CliRun, ProgramOfAnotherMachine_IsSaidToBe) {
  std::filesystem::copy_file(ASKS_PLAIN, in_folder("foreign"));
  std::fstream file(in_folder("foreign"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(18).write("\xf3\x77", 2);  // e_machine
  file.close();
  const Outcome outcome = run(in_folder("foreign"));
  EXPECT_THAT(outcome.text, HasSubstr("of another machine"));
  EXPECT_EQ(outcome.status, 1) << outcome.text;
  EXPECT_THAT(outcome.text, HasSubstr("cannot run " + in_folder("foreign")));
}

TEST_F(CliRun, ProgramThatGainsRights_IsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give a file away";
  std::filesystem::copy_file(ASKS_PLAIN, in_folder("rights"));
  ASSERT_EQ(chmod(in_folder("rights").c_str(), 04755), 0);
  EXPECT_EQ(run(in_folder("rights")).status, 0) << "it is the caller's own";
  ASSERT_EQ(chown(in_folder("rights").c_str(), 65534, 65534), 0);
  ASSERT_EQ(chmod(in_folder("rights").c_str(), 04755), 0);
  refuse(in_folder("rights"), "the loader drops LD_PRELOAD");
  ASSERT_EQ(chmod(in_folder("rights").c_str(), 02755), 0);
  refuse(in_folder("rights"), "setgid");
}

TEST_F(CliRun, NoSuchProgram_IsRefusedByName) {
  refuse("", "needs a program");
  refuse("no_such_program", "there is no program no_such_program in PATH");
  refuse(in_folder("none"), "there is no program " + in_folder("none") + "\n");
  refuse(std::string("/etc"), "there is no program /etc\n");
  std::ofstream(in_folder("plain")) << "x";
  refuse(in_folder("plain"), "is not executable");
}

TEST_F(CliRun, NoSuchLibrary_IsRefusedByName) {
  const auto with = [](const std::string& library) {
    return shell(STRETTO_PROGRAM " run --library '" + library + "' true");
  };
  EXPECT_THAT(with("/no/such").text, HasSubstr("there is no library /no/such"));
  EXPECT_EQ(with("/no/such").status, 2);
  std::ofstream(in_folder("text")) << "text";
  EXPECT_THAT(with(in_folder("text")).text, HasSubstr("is not a shared library of this machine"));
  std::filesystem::copy_file(STAND_IN, in_folder("a b"));
  EXPECT_THAT(with(in_folder("a b")).text, HasSubstr("blanks or colons"));
  EXPECT_EQ(shell(STRETTO_PROGRAM " run --bogus true").status, 2);
}

TEST_F(CliRun, InstalledProgram_TakesTheInstalledLibrary) {
  // lib, lib64, lib/x86_64-linux-gnu: wherever the build says that libraries go.
  std::filesystem::create_directories(in_folder("bin"));
  std::filesystem::copy_file(STRETTO_PROGRAM, in_folder("bin/stretto"));
  const std::string command = kClean + in_folder("bin/stretto") + " run " ASKS_PLAIN;
  const Outcome missing = shell(command);
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.text, HasSubstr("name one with --library"));
  std::filesystem::create_directories(in_folder("bin/" STRETTO_LIB_FROM_BIN "/stretto/nccl"));
  std::filesystem::copy_file(STAND_IN, in_folder("bin/" STRETTO_LIB_FROM_BIN "/stretto/nccl/libnccl.so.2"));
  EXPECT_THAT(shell(command).text, HasSubstr("version 8\n"));
}

}  // namespace
}  // namespace stretto
