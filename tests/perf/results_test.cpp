// The table and the JSON report, against files that were looked at; buffers and statistics.
#include "perf/common/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "perf/common/guarded_buffer.hpp"
#include "perf/common/watchdog.hpp"

namespace stretto::perf {
namespace {

using testing::HasSubstr;
using testing::Not;

RunInfo sample_info(int ranks, const char* tool = "all_reduce_perf") {
  RunInfo info{tool, "0.1.0", "Some Processor @ 2.0 GHz", 8, {}};
  for (int rank = 0; rank < ranks; ++rank) info.ranks.push_back({4000 + rank, "host-a"});
  return info;
}

Options sample_options() {
  Options options;
  options.min_bytes = 8;
  options.max_bytes = 128 << 20;
  options.step_factor = 4096;
  return options;
}

Measurement measured(double time_us, double algbw_gbps, double busbw_gbps, std::optional<std::uint64_t> wrong) {
  return {time_us, algbw_gbps, busbw_gbps, wrong, std::nullopt, std::nullopt};
}

std::vector<Row> sample_rows() {
  const Row small{8,
                  2,
                  strettoFloat32,
                  strettoSum,
                  true,
                  -1,
                  {measured(2.5, 0.0032, 0.0048, 0), measured(123.456, 0.000064, 0.0001, 3)},
                  ""};
  const Row large{134217728,
                  134217728,
                  strettoFloat8e4m3,
                  strettoAvg,
                  true,
                  -1,
                  {measured(12345.6, 10.87, 16.31, std::nullopt), measured(23456.7, 5.72, 8.58, std::nullopt)},
                  ""};
  return {small, large};
}

/// Of a rooted collective that reduces nothing and has no form in place.
Row out_of_place_row() {
  return {1024, 256, strettoFloat16, strettoSum, false, 1, {measured(2.5, 0.4096, 0.2048, 0), std::nullopt}, ""};
}

/// Holds `text` to a file in golden/; with STRETTO_TEST_WRITE_GOLDEN set, writes it, to be looked at and committed.
void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = STRETTO_TEST_GOLDEN "/" + name;
  if (std::getenv("STRETTO_TEST_WRITE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::stringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(expected.str(), text) << path;
}

std::string table(const Options& options, const std::vector<Row>& rows, const Summary& summary) {
  std::string text = format_header(sample_info(2), options);
  for (const Row& row : rows) text += format_row(row, options);
  return text + format_footer(summary);
}

TEST(PerfTable, Run_LooksAsItAlwaysDid) {
  Summary summary;
  summary.wrong = 3;
  summary.average_busbw_gbps = average_busbw(sample_rows());
  expect_golden("table.txt", table(sample_options(), sample_rows(), summary));
}

TEST(PerfTable, IterationTimesAndTimeOfDay_AddTheirColumns) {
  Options options = sample_options();
  options.iteration_times = true;
  std::vector<Row> rows = sample_rows();
  for (Row& row : rows) {
    for (auto& placement : row.placements) placement->median_us = 4.5, placement->p95_us = 99999.0;
    row.time_of_day = "2026-11-21 22:00:00";
  }
  expect_golden("table_iterations.txt", table(options, rows, {}));
}

TEST(PerfTable, NoFormInPlace_LeavesNoNumbersThere) {
  Options options = sample_options();
  std::string text = format_header(sample_info(2, "alltoall_perf"), options) + format_row(out_of_place_row(), options);
  options.iteration_times = true;
  text += format_row(out_of_place_row(), options);
  expect_golden("table_out_of_place.txt", text);
}

TEST(PerfTable, ManyRanks_AreNotAllListed) {
  const std::string header = format_header(sample_info(512), sample_options());
  EXPECT_THAT(header, HasSubstr("Rank 15 "));
  EXPECT_THAT(header, Not(HasSubstr("Rank 16 ")));
  EXPECT_THAT(header, HasSubstr("and 496 more"));
}

TEST(PerfTable, Footer_SaysWhatWentWrong) {
  EXPECT_THAT(format_footer({}), HasSubstr("# Out of bounds values : 0 OK\n"));
  Summary summary;
  summary.out_of_bounds = 4;
  EXPECT_THAT(format_footer(summary), HasSubstr(": 4 FAILED\n"));
  summary.wrong = 5;
  EXPECT_THAT(format_footer(summary), HasSubstr(": 9 FAILED\n"));
  summary = {};
  summary.ranks_agree = false;
  EXPECT_THAT(format_footer(summary), HasSubstr("differ between ranks"));
  EXPECT_THAT(format_footer(summary), HasSubstr("FAILED"));
}

TEST(PerfJson, Report_LooksAsItAlwaysDid) {
  Summary summary;
  summary.wrong = 3;
  summary.average_busbw_gbps = 6.25;
  expect_golden("report.json", to_json(sample_info(2), sample_options(), sample_rows(), summary));
}

TEST(PerfJson, NoFormInPlace_IsNull) {
  expect_golden("report_out_of_place.json",
                to_json(sample_info(2, "alltoall_perf"), sample_options(), {out_of_place_row()}, {}));
}

TEST(Percentile, NearestRank_IsTaken) {
  EXPECT_EQ(0.0, percentile({}, 0.5));
  EXPECT_EQ(2.0, percentile({3, 1, 2}, 0.5));
  EXPECT_EQ(1.0, percentile({1, 2}, 0.0));
  std::vector<double> twenty(20);
  for (int i = 0; i < 20; ++i) twenty[static_cast<std::size_t>(i)] = i + 1;
  EXPECT_EQ(19.0, percentile(twenty, 0.95));
}

TEST(AverageBusbw, BothPlacements_Count) {
  EXPECT_EQ(0.0, average_busbw({}));
  EXPECT_EQ(0.2048, average_busbw({out_of_place_row()}));
  EXPECT_NEAR((0.0048 + 0.0001 + 16.31 + 8.58) / 4, average_busbw(sample_rows()), 1e-12);
}

TEST(GuardedBuffer, WritesOutside_AreCounted) {
  for (const std::size_t shift : {0U, 3U}) {
    GuardedBuffer buffer(100, shift);
    buffer.arm(64);
    std::fill(buffer.data(), buffer.data() + 64, static_cast<unsigned char>(1));
    EXPECT_EQ(0U, buffer.count_broken());
    buffer.data()[64] = 1;
    EXPECT_EQ(1U, buffer.count_broken());
    *(buffer.data() - 1) = 1;
    buffer.data()[64 + GuardedBuffer::kGuardBytes - 1] = 1;
    EXPECT_EQ(3U, buffer.count_broken());
    buffer.arm(64);
    EXPECT_EQ(0U, buffer.count_broken());
  }
}

void starve_a_watchdog() {
  Watchdog watchdog(1, "nothing ended", 4);
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, std::chrono::seconds(30), [] { return false; });
}

TEST(PerfWatchdogDeathTest, NothingEnds_EndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(starve_a_watchdog(), testing::ExitedWithCode(4), "nothing ended");
}

}  // namespace
}  // namespace stretto::perf
