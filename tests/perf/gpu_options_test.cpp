// Options, tables and reports of ranks on GPUs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "perf/common/nccl.hpp"
#include "perf/common/results.hpp"

namespace stretto::perf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::variant<Options, Refusal> parsed(std::vector<std::string> arguments, bool on_gpus = true) {
  if (on_gpus) arguments.insert(arguments.begin(), {"--device", "gpu"});
  return parse_options("all_reduce_perf", arguments);
}

Options accepted(const std::vector<std::string>& arguments) {
  auto options = parsed(arguments);
  if (const auto* refusal = std::get_if<Refusal>(&options)) ADD_FAILURE() << refusal->text;
  return std::holds_alternative<Options>(options) ? std::get<Options>(options) : Options{};
}

std::string refused(const std::vector<std::string>& arguments, bool on_gpus = true) {
  auto options = parsed(arguments, on_gpus);
  const auto* refusal = std::get_if<Refusal>(&options);
  if (refusal == nullptr) return "accepted";
  EXPECT_EQ(2, refusal->code);
  return refusal->text;
}

TEST(PerfGpuOptions, Defaults_AreOneRankPerThreadAndNoGraph) {
  const Options options = accepted({});
  EXPECT_TRUE(options.on_gpus);
  EXPECT_THAT(options.devices, IsEmpty());
  EXPECT_EQ(1, options.gpus);
  EXPECT_EQ(0, options.graph_launches);
  EXPECT_TRUE(options.nccl.empty());
}

TEST(PerfGpuOptions, LettersOfNcclTests_AreUnderstood) {
  const Options options = accepted({"-g", "2", "-G", "50", "-t", "4", "-y", "0", "-x", "0", "-D", "0"});
  EXPECT_EQ(2, options.gpus);
  EXPECT_EQ(50, options.graph_launches);
  EXPECT_TRUE(accepted({"-z", "1"}).blocking);
}

TEST(PerfGpuOptions, DeviceLists_AreTakenInTheirOrder) {
  const auto options = parse_options("all_reduce_perf", {"--device", "3,0,0"});
  ASSERT_TRUE(std::holds_alternative<Options>(options));
  EXPECT_THAT(std::get<Options>(options).devices, ElementsAre(3, 0, 0));
}

TEST(PerfGpuOptions, Compare_TakesAFile) {
  EXPECT_EQ("libnccl.so.2", accepted({"--compare", "nccl"}).nccl);
  EXPECT_EQ("/opt/libnccl.so.2", accepted({"--compare", "nccl=/opt/libnccl.so.2", "--pairs", "3"}).nccl);
}

TEST(PerfGpuOptions, Mistakes_AreRefusedNamingTheOption) {
  for (const char* list : {"", ",", "0,", "-1", "1 ", "0;1", "1000", "cuda"}) {
    EXPECT_THAT(refused({"--device", list}, false), HasSubstr("--device")) << list;
  }
  const std::vector<std::vector<std::string>> mistakes{
      {"-g", "0"},          {"-G", "-1"},           {"-y", "1"},     {"-x", "1"}, {"-D", "1"},
      {"--compare", "mpi"}, {"--compare", "nccl="}, {"--pairs", "1"}};
  for (const std::vector<std::string>& arguments : mistakes) {
    EXPECT_THAT(refused(arguments), HasSubstr(arguments[0])) << arguments[1];
  }
  EXPECT_THAT(refused({"--compare", "nccl"}, false), HasSubstr("--compare"));
}

TEST(PerfGpuOptions, WhatDoesNotGoTogether_IsRefused) {
  EXPECT_THAT(refused({"-G", "5", "-n", "0"}), HasSubstr("-G"));
  EXPECT_THAT(refused({"-G", "5", "-n", "2000", "-m", "2000"}), HasSubstr("-G"));
  EXPECT_THAT(refused({"-I", "1", "-n", "2000000"}), HasSubstr("-n"));
  EXPECT_THAT(refused({"-G", "5", "-z", "1"}), HasSubstr("-z"));
  EXPECT_THAT(refused({"-G", "5", "-C", "1"}), HasSubstr("-C"));
  EXPECT_THAT(refused({"--compare", "nccl", "-C", "1"}), HasSubstr("--compare"));
  EXPECT_THAT(refused({"--compare", "nccl", "-n", "0"}), HasSubstr("--compare"));
}

RunInfo sample_info() {
  RunInfo info{"all_reduce_perf", "0.1.0", "Some Processor", 8, {}};
  info.ranks.push_back({4000, "host-a", 1, "NVIDIA H100 80GB HBM3", "GPU-01", "0000:0f:00"});
  info.rival = "NCCL 2.28.9";
  info.rival_path = "/opt/libnccl.so.2";
  info.provenance = Provenance{"abc", true, "1", "2", {"all_reduce_perf"}, {"NCCL_ALGO=Ring"}, "CUDA 13.0", "580"};
  info.seed = 7;
  return info;
}

Row sample_row() {
  Row row;
  row.bytes = 8;
  row.count = 2;
  Measurement& measured = row.placements[0].emplace();
  measured.time_us = 2.5;
  measured.wrong = 0;
  measured.samples_us = {2.5, 2.25};
  measured.rival = Rival{5.0, 1, {5.0, 4.5}, {0.5, 0.45, 0.55}};
  row.clocks.push_back({1980, 1980, 2619, 4});
  return row;
}

TEST(PerfGpuTable, ComparedRows_HaveTheOthersTimeAndTheRatio) {
  Options options = accepted({"--compare", "nccl", "-G", "50"});
  EXPECT_THAT(format_header(sample_info(), options),
              testing::AllOf(HasSubstr("graph: 50"), HasSubstr("device  1 [0000:0f:00] NVIDIA H100 80GB HBM3"),
                             HasSubstr("In turns with NCCL 2.28.9, /opt/libnccl.so.2")));
  const std::string row = format_row(sample_row(), options);
  EXPECT_THAT(row, HasSubstr("   0     5.00   0.500   0.450   0.550"));
  EXPECT_THAT(row, HasSubstr("N/A      nan     nan     nan     nan\n"));
}

TEST(PerfGpuJson, Report_HasSamplesClocksAndOrigin) {
  const Options options = accepted({"--compare", "nccl", "-G", "50"});
  const auto report = nlohmann::json::parse(to_json(sample_info(), options, {sample_row()}, {}));
  const auto& row = report["results"][0];
  EXPECT_EQ(nlohmann::json({2.5, 2.25}), row["out_of_place"]["samples_us"]);
  EXPECT_EQ(nlohmann::json({5.0, 4.5}), row["out_of_place"]["rival"]["samples_us"]);
  EXPECT_EQ(0.45, row["out_of_place"]["rival"]["ratio_95_low"]);
  EXPECT_EQ(1980, row["clocks"][0]["sm_mhz"]);
  EXPECT_EQ("NVIDIA H100 80GB HBM3", report["ranks"][0]["gpu"]);
  EXPECT_EQ(20, report["gpus"]["operations_per_graph"]);
  EXPECT_EQ("/opt/libnccl.so.2", report["gpus"]["rival_path"]);
  EXPECT_EQ("abc", report["provenance"]["commit"]);
  EXPECT_EQ(true, report["provenance"]["dirty"]);
  EXPECT_EQ(7, report["provenance"]["seed"]);
  EXPECT_EQ("NCCL_ALGO=Ring", report["provenance"]["variables"][0]);
}

TEST(ExportsPrefix, OtherFiles_ExportNothing) {
  EXPECT_FALSE(exports_prefix("/nowhere", "stretto"));
  EXPECT_FALSE(exports_prefix("/proc/self/cmdline", "stretto"));
}

}  // namespace
}  // namespace stretto::perf
