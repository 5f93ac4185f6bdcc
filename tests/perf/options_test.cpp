#include "perf/common/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "perf/common/types.hpp"

namespace stretto::perf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Options accepted(const std::vector<std::string>& arguments) {
  auto parsed = parse_options("all_reduce_perf", arguments);
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) ADD_FAILURE() << refusal->text;
  return std::holds_alternative<Options>(parsed) ? std::get<Options>(parsed) : Options{};
}

Refusal refused(const std::vector<std::string>& arguments) {
  auto parsed = parse_options("all_reduce_perf", arguments);
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) return *refusal;
  ADD_FAILURE() << "accepted";
  return {};
}

TEST(PerfOptions, None_GiveTheDefaultsOfNcclTests) {
  const Options options = accepted({});
  EXPECT_EQ(std::size_t{32} << 20, options.min_bytes);
  EXPECT_EQ(std::size_t{32} << 20, options.max_bytes);
  EXPECT_EQ(20, options.iterations);
  EXPECT_EQ(1, options.check);
  EXPECT_THAT(options.ops, ElementsAre(strettoSum));
  EXPECT_THAT(options.types, ElementsAre(strettoFloat32));
  EXPECT_EQ(0, options.processes);
  EXPECT_EQ(Average::slowest, options.average);
}

TEST(PerfOptions, SweepLettersOfNcclTests_AreUnderstood) {
  const Options options = accepted({"-b", "8", "-e", "1G", "-i", "2K", "-f", "2",   "-n", "7",    "-w", "3",
                                    "-m", "4", "-N", "2",  "-c", "0",  "-o", "min", "-d", "half", "-r", "3"});
  EXPECT_EQ(8U, options.min_bytes);
  EXPECT_EQ(std::size_t{1} << 30, options.max_bytes);
  EXPECT_EQ(2048U, options.step_bytes);
  EXPECT_EQ(2, options.step_factor);
  EXPECT_EQ(7, options.iterations);
  EXPECT_EQ(3, options.warmup);
  EXPECT_EQ(4, options.aggregate);
  EXPECT_EQ(2, options.cycles);
  EXPECT_EQ(0, options.check);
  EXPECT_THAT(options.ops, ElementsAre(strettoMin));
  EXPECT_THAT(options.types, ElementsAre(strettoFloat16));
  EXPECT_EQ(3, options.root);
}

TEST(PerfOptions, OtherLettersOfNcclTests_AreUnderstood) {
  const Options options = accepted({"-p", "1",  "-z", "1",  "-y", "1",  "-T", "9",  "-C", "1",  "-a",     "1",  "-R",
                                    "1",  "-M", "1",  "-u", "1",  "-I", "1",  "-S", "1",  "-J", "x.json", "-t", "2",
                                    "-g", "1",  "-G", "0",  "-K", "3",  "-x", "0",  "-D", "0",  "-V",     "16"});
  EXPECT_EQ(9, options.timeout_s);
  EXPECT_EQ(3, options.skipped_iterations);
  EXPECT_EQ(Average::mean, options.average);
  EXPECT_EQ(1, options.register_buffers);
  EXPECT_EQ(1U, options.unalign);
  EXPECT_TRUE(options.cpu_time && options.memory_report && options.iteration_times && options.timestamps);
  EXPECT_EQ("x.json", options.json_file);
  EXPECT_EQ(2, options.threads);
}

TEST(PerfOptions, LargestSizeToCheck_IsASize) {
  EXPECT_EQ(SIZE_MAX, accepted({}).check_most_bytes);
  EXPECT_EQ(std::size_t{64} << 20, accepted({"--check-most", "64M"}).check_most_bytes);
}

TEST(PerfOptions, AllTypesOpsAndRoots_AreEach) {
  const Options options = accepted({"-d", "all", "-o", "all", "-r", "all"});
  EXPECT_EQ(static_cast<std::size_t>(strettoNumDataTypes), options.types.size());
  EXPECT_EQ(kOps.size(), options.ops.size());
  EXPECT_EQ(-1, options.root);
}

TEST(PerfOptions, OwnOptions_AreUnderstood) {
  const Options options = accepted({"--ranks", "4", "--algorithm", "ring", "--json", "y.json", "-d", "f8e4m3"});
  EXPECT_EQ(4, options.processes);
  EXPECT_EQ("ring", options.algorithm);
  EXPECT_EQ("y.json", options.json_file);
  EXPECT_THAT(options.types, ElementsAre(strettoFloat8e4m3));
}

TEST(PerfOptions, WhatNeedsGpus_IsRefusedWithTheReason) {
  for (const char* option : {"-g", "-G", "-x", "-D"}) {
    const Refusal refusal = refused({option, "2"});
    EXPECT_EQ(2, refusal.code);
    EXPECT_THAT(refusal.text, HasSubstr("host ranks only in this release"));
    EXPECT_THAT(refusal.text, HasSubstr(option));
  }
}

TEST(PerfOptions, Mistakes_AreRefusedNamingTheOption) {
  const std::vector<std::vector<std::string>> mistakes{
      {"-b", "x"},  {"-b", "64M"},  {"-e", "4T"},      {"-i", "0"},  {"-f", "0"},
      {"-n", "-1"}, {"-w", "-1"},   {"-m", "0"},       {"-c", "-1"}, {"-o", "xor"},
      {"-d", "f4"}, {"-r", "two"},  {"-t", "0"},       {"-T", "-1"}, {"-a", "4"},
      {"-N", "-1"}, {"-u", "5000"}, {"--ranks", "-2"}, {"-K", "-1"}, {"--check-most", "some"}};
  for (const std::vector<std::string>& arguments : mistakes) {
    const Refusal refusal = refused(arguments);
    EXPECT_EQ(2, refusal.code) << arguments[0] << " " << arguments[1];
    EXPECT_THAT(refusal.text, HasSubstr(arguments[0])) << arguments[1];
  }
  EXPECT_THAT(refused({"-I", "1", "-n", "5", "-K", "5"}).text, HasSubstr("-K"));
  // The fuzz target `command_line` found this one: the list of sizes alone would fill the memory.
  EXPECT_THAT(refused({"-b", "1.5KB", "-e", "4G", "-i", "5"}).text, HasSubstr("-i"));
  EXPECT_THAT(refused({"--nonsense"}).text, HasSubstr("nonsense"));
  EXPECT_THAT(refused({"-n", "1x"}).text, HasSubstr("--iters"));
}

TEST(PerfOptions, Help_ListsOptionsAndIsNoMistake) {
  const Refusal help = refused({"-h"});
  EXPECT_EQ(0, help.code);
  EXPECT_THAT(help.text, HasSubstr("--minbytes"));
  EXPECT_THAT(help.text, HasSubstr("--ranks"));
}

TEST(ParseBytes, Units_ArePowersOf1024) {
  EXPECT_EQ(8U, parse_bytes("8"));
  EXPECT_EQ(8U, parse_bytes("8b"));
  EXPECT_EQ(1536U, parse_bytes("1.5K"));
  EXPECT_EQ(3U << 20, parse_bytes("3mb"));
  EXPECT_EQ(std::size_t{2} << 30, parse_bytes("2G"));
}

TEST(ParseBytes, Nonsense_IsNothing) {
  for (const char* text : {"", "K", "-1", "1X", "1KK", "nan", "inf", " 1", "1e30", "0x"}) {
    EXPECT_EQ(std::nullopt, parse_bytes(text)) << text;
  }
}

TEST(Sweep, Factor_MultipliesUpToTheLast) {
  EXPECT_THAT(sweep(accepted({"-b", "8", "-e", "70", "-f", "2"})), ElementsAre(8, 16, 32, 64));
}

TEST(Sweep, Step_AddsUpToTheLast) {
  EXPECT_THAT(sweep(accepted({"-b", "8", "-e", "20", "-i", "6"})), ElementsAre(8, 14, 20));
}

TEST(Sweep, FactorFromZero_Starts) {
  EXPECT_THAT(sweep(accepted({"-b", "0", "-e", "4", "-f", "2"})), ElementsAre(0, 1, 2, 4));
}

TEST(Sweep, OneSize_IsOneRow) { EXPECT_THAT(sweep(accepted({"-b", "8", "-e", "8"})), ElementsAre(8)); }

}  // namespace
}  // namespace stretto::perf
