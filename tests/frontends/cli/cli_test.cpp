// The program `stretto` from outside: what it prints and how it ends.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "frontends/cli/shell.hpp"

namespace stretto {
namespace {

Outcome run(const std::string& arguments) { return shell(std::string(STRETTO_PROGRAM) + " " + arguments); }

void expect(const std::string& arguments, int status, const std::string& part) {
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.status, status) << arguments << "\n" << outcome.text;
  EXPECT_NE(outcome.text.find(part), std::string::npos) << arguments << "\n" << outcome.text;
}

TEST(Cli, Plan_PrintsStepsOfAllRanksOrOfOne) {
  expect("plan --collective all_reduce --algorithm ring --ranks 3", 0, "rank 2\n");
  const Outcome one = run("plan --collective all_reduce --algorithm ring --ranks 3 --rank 1");
  EXPECT_EQ(one.text.find("rank 2\n"), std::string::npos);
  EXPECT_NE(one.text.find("reduce slot[->2] <- slot[<-0] input[0]"), std::string::npos) << one.text;
  expect("plan --collective broadcast --algorithm tree --ranks 3 --root 1 --json", 0, "\"root\": 1");
  expect("plan --collective all_reduce --algorithm ring --ranks 4096 --rank 4095", 0, "rank 4095\n");
  expect("plan --collective all_reduce --algorithm tree --ranks 3 --channels 4", 0, "on channel 3");
}

TEST(Cli, Explain_PrintsWinnerAndReason) {
  expect("explain --collective all_reduce --ranks 4 --bytes 8", 0, "runner-up: ");
  expect("explain --collective all_reduce --ranks 4 --bytes 1M", 0, "1048576 bytes");
  expect("explain --collective all_reduce --ranks 4 --bytes 1M --algorithm tree --json", 0, "\"forced\": true");
}

TEST(Cli, Version_IsPrinted) { expect("version", 0, "stretto "); }

TEST(Cli, Environment_ShowsValuesInForceAndUnknownNames) {
  const Outcome outcome = shell("env -i STRETTO_SHM_SLOTS=8 STRETTO_ALGORITM=ring " STRETTO_PROGRAM " env");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.text.find("STRETTO_SHM_SLOTS=8\n"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("STRETTO_SPIN_US=-1  (default)\n"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("did you mean STRETTO_ALGORITHM?"), std::string::npos) << outcome.text;
  EXPECT_EQ(shell("STRETTO_SHM_SLOTS=many " STRETTO_PROGRAM " env").status, 2);
}

TEST(Cli, Environment_PageOfTheDocumentationIsTheTable) {
  EXPECT_EQ(shell("cat " STRETTO_DOCS "/environment.md").text, run("env --markdown").text)
      << "write it anew: stretto env --markdown > docs/environment.md";
}

TEST(Cli, NcclEnvironment_PageOfTheDocumentationIsTheTable) {
  EXPECT_EQ(shell("cat " STRETTO_DOCS "/nccl-environment.md").text, run("env --nccl --markdown").text)
      << "write it anew: stretto env --nccl --markdown > docs/nccl-environment.md";
}

TEST(Cli, NcclEnvironment_ShowsWhatIsSetAndWhatItComesTo) {
  const Outcome outcome = shell("env -i NCCL_ALGO=Ring NCCL_DEBUG=loud NCCL_IB_HCA=x " STRETTO_PROGRAM " env --nccl");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.text.find("level=info event=nccl_environment variable=NCCL_ALGO"), std::string::npos);
  EXPECT_NE(outcome.text.find("level=warn event=nccl_environment variable=NCCL_DEBUG"), std::string::npos);
  EXPECT_NE(outcome.text.find("\nSTRETTO_ALGORITHM=ring\n"), std::string::npos) << outcome.text;
}

TEST(Cli, Help_NamesTheCommands) { expect("--help", 0, "explain"); }

TEST(Cli, BadArguments_EndWithStatus2AndTheChoices) {
  expect("", 2, "subcommand");
  expect("fly", 2, "subcommand");
  expect("plan --collective all_reduce --algorithm ring", 2, "--ranks");
  expect("plan --collective all_redoce --algorithm ring --ranks 2", 2, "all_reduce,all_gather");
  expect("plan --collective all_reduce --algorithm rign --ranks 2", 2, "one_shot");
  expect("plan --collective all_gather --algorithm two_shot --ranks 2", 2, "these can: ring, tree, one_shot");
  expect("plan --collective all_reduce --algorithm ring --ranks 0", 2, "--ranks");
  expect("plan --collective all_reduce --algorithm ring --ranks 2 --rank 2", 2, "0..1");
  expect("plan --collective all_reduce --algorithm ring --ranks 2 --root 0", 2, "leave --root out");
  expect("plan --collective broadcast --algorithm ring --ranks 2 --root -1", 2, "0..1");
  expect("plan --collective all_reduce --algorithm ring --ranks 65", 2, "name one with --rank");
  expect("plan --collective all_reduce --algorithm tree --ranks 2 --channels 3", 2, "multiple of 2");
  expect("explain --collective all_reduce --ranks 4 --bytes many", 2, "--bytes");
  expect("explain --collective all_reduce --ranks 4 --bytes 8 --slots 1 --algorithm ring", 2, "2 slots");
  expect("perf", 2, "name of a tool");
  expect("perf no_such", 2, "these are here");
  expect("perf ../../bin/x", 2, "these are here");
}

TEST(Cli, PerfWithoutAName_ListsTheTools) {
  // A build with CUDA has `link` between the two halves.
  expect("perf", 2,
         "these are here: accuracy, all_gather, all_reduce, alltoall, alltoallv, broadcast, gather, hypercube, ");
  expect("perf", 2, "reduce, reduce_scatter, scatter, sendrecv, startup\n");
  for (const char* name : {"accuracy", "all_gather", "all_reduce", "alltoall", "alltoallv", "broadcast", "gather",
                           "hypercube", "reduce", "reduce_scatter", "scatter", "sendrecv"}) {
    expect(std::string("perf ") + name + " --help", 0, std::string("Usage: ") + name + "_perf");
  }
}

TEST(Cli, Perf_RunsTheInstalledToolWithItsArguments) {
  std::string folder = ::testing::TempDir() + "stretto_cli_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string tools = folder + "/libexec/stretto";
  const Outcome outcome =
      shell("mkdir -p " + folder + "/bin " + tools + " && cp " STRETTO_PROGRAM " " + folder +
            "/bin/ && printf '#!/bin/sh\\necho \"ran $*\"; exit 7\\n' > " + tools + "/some_perf && chmod +x " + tools +
            "/some_perf && " + folder + "/bin/stretto perf some -b 8 --help");
  EXPECT_EQ(outcome.status, 7) << outcome.text;
  EXPECT_EQ(outcome.text, "ran -b 8 --help\n");
  EXPECT_NE(shell(folder + "/bin/stretto perf other").text.find("these are here: some\n"), std::string::npos);
  EXPECT_EQ(shell("rm -r " + folder).status, 0);
}

TEST(Cli, ClosedOutput_IsNoSuccess) { expect("version >/dev/full", 1, "cannot be written"); }

}  // namespace
}  // namespace stretto
