// `stretto plan --from FILE` from outside.
#include <gtest/gtest.h>

#include "frontends/cli/shell.hpp"

namespace stretto {
namespace {

void expect(const std::string& arguments, int status, const std::string& part) {
  const Outcome outcome = shell(STRETTO_PROGRAM " plan " + arguments);
  EXPECT_EQ(outcome.status, status) << arguments << "\n" << outcome.text;
  EXPECT_NE(outcome.text.find(part), std::string::npos) << arguments << "\n" << outcome.text;
}

const std::string kFile = "--from " STRETTO_FOREIGN_PLANS "/packets_all_reduce.json";

TEST(CliForeignPlan, File_IsPrintedAsAPlan) {
  expect(kFile, 0, "rank 2, with scratch for 6 chunks\n");
  expect(kFile, 0, "stretto: MSCCL++'s \"packets\" passed the checker as all_reduce of 3 ranks, in place or not\n");
  expect(kFile, 0, "all_reduce by mscclpp: 3 ranks, 1 channel, 3 chunks");
  expect(kFile + " --rank 1 --json", 0, "{\"rank\": 1, ");
  expect(kFile + " --json", 0, "\"algorithm\": \"mscclpp\"");
  expect("--from " STRETTO_FOREIGN_PLANS "/pairs_all_to_all.json", 0, "; not in place: ");
}

TEST(CliForeignPlan, WhatIsWrong_EndsWithStatus2AndTheReason) {
  expect(kFile + " --rank 3", 2, "rank 3 is outside 0..2");
  expect(kFile + " --ranks 3", 2, "--from excludes --ranks");
  expect(kFile + " --collective all_reduce", 2, "excludes");
  expect("--from /nowhere", 2, "foreign plan /nowhere: cannot be opened");
  expect("--from " STRETTO_FOREIGN_PLANS, 2, "is no regular file");
  expect("--from " STRETTO_DOCS "/plans.md", 2, "give one of these");
}

}  // namespace
}  // namespace stretto
