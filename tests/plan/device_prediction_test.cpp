// What the cost model says of two GPUs over NVLink, held against what was measured of them (perf/results/gpu). Pure:
// the times are in the repository.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "device/window_shapes.hpp"
#include "planner/device_choice.hpp"
#include "planner/link_fit.hpp"

namespace stretto {
namespace {

constexpr int kChannels = 64;

struct Report {
  const char* file;
  Collective collective;
  bool of_graphs = false;
};

constexpr Report kReports[] = {
    {"all_reduce_sweep", Collective::all_reduce}, {"all_reduce_stream_small", Collective::all_reduce},
    {"all_reduce_half", Collective::all_reduce},  {"all_reduce_graphs_small", Collective::all_reduce, true},
    {"all_gather_sweep", Collective::all_gather}, {"reduce_scatter_sweep", Collective::reduce_scatter},
    {"broadcast_sweep", Collective::broadcast},   {"reduce_sweep", Collective::reduce},
    {"gather_sweep", Collective::gather},         {"scatter_sweep", Collective::scatter},
    {"alltoall_sweep", Collective::all_to_all},
};

/// As a communicator of two such GPUs has it, eager or in graphs.
DeviceModel model_of(bool of_graphs) {
  device::WindowShape shape = window_shape(2, kChannels);
  if (of_graphs) shape = graph_window_shape(shape);
  return default_device_model(device_slots(shape), kChannels, of_graphs ? in_graph({}) : PairTimes());
}

struct Row {
  std::uint64_t block_bytes = 0;
  double measured_ps = 0;
  DeviceChoice choice;
};

/// Every other one serves to fit, those between to check.
std::vector<Row> rows_of(const Report& report, bool for_fit) {
  std::ifstream file(std::string(STRETTO_KEPT_RESULTS) + "/" + report.file + ".json");
  const nlohmann::json kept = nlohmann::json::parse(file);
  const DeviceModel model = model_of(report.of_graphs);
  std::vector<Row> rows;
  bool is_for_fit = false;
  for (const auto& row : kept.at("results")) {
    is_for_fit = !is_for_fit;
    if (is_for_fit != for_fit) continue;
    const std::uint64_t element_bytes = row.at("type") == "half" ? 2 : 4;
    const std::uint64_t block_bytes = row.at("count").get<std::uint64_t>() * element_bytes;
    const Rank root = row_of(report.collective).rooted ? 0 : -1;
    rows.push_back({block_bytes, 1e6 * row.at("out_of_place").at("time_us").get<double>(),
                    choose_device_plan(report.collective, block_bytes, 2, root, model)});
  }
  return rows;
}

std::vector<LinePoint> points_of(DeviceProtocol protocol, bool of_graphs) {
  std::vector<LinePoint> points;
  for (const Report& report : kReports) {
    if (report.of_graphs != of_graphs) continue;
    for (const Row& row : rows_of(report, true)) {
      if (row.choice.protocol == protocol) points.push_back({row.block_bytes, row.measured_ps});
    }
  }
  return points;
}

TEST(DevicePrediction, TwoGpusOverNvlink_WithinAQuarterOfWhatWasMeasured) {
  for (const Report& report : kReports) {
    std::vector<double> errors;
    for (const Row& row : rows_of(report, false)) {
      const auto predicted_ps = static_cast<double>(row.choice.cost);
      errors.push_back(std::abs(predicted_ps / row.measured_ps - 1));
      std::printf("%-24s %11llu %-12s %10.2f us predicted %10.2f us measured %5.2f\n", report.file,
                  static_cast<unsigned long long>(row.block_bytes), std::string(name_of(row.choice.protocol)).c_str(),
                  predicted_ps * 1e-6, row.measured_ps * 1e-6, predicted_ps / row.measured_ps);
    }
    ASSERT_FALSE(errors.empty());
    const double error = median(errors);
    std::printf("%-24s median error %.0f %%\n", report.file, 100 * error);
    EXPECT_LE(error, 0.25) << report.file;
  }
}

TEST(DevicePrediction, Constants_AreWhatTheReportsGive) {
  const auto expect_line = [](const std::vector<LinePoint>& points, double start_ps, double byte_ps) {
    const Line line = fit_line(points);
    std::printf("%zu points: %.0f ps and %.3f ps a byte\n", points.size(), line.start_ps, line.byte_ps);
    EXPECT_NEAR(start_ps, line.start_ps, 0.02 * line.start_ps);
    EXPECT_NEAR(byte_ps, line.byte_ps, 0.02 * line.byte_ps);
  };
  const PairTimes eager;
  const PairTimes graphs = in_graph(eager);
  const auto ps = [](std::uint64_t value) { return static_cast<double>(value); };
  expect_line(points_of(DeviceProtocol::packets, false), ps(eager.packets_start), ps(eager.packets_byte_fs) * 1e-3);
  expect_line(points_of(DeviceProtocol::wide, false), ps(eager.wide_start), ps(eager.wide_byte_fs) * 1e-3);
  expect_line(points_of(DeviceProtocol::slots, false), ps(eager.slots_start), ps(eager.slots_byte_fs) * 1e-3);
  expect_line(points_of(DeviceProtocol::packets, true), ps(graphs.packets_start), ps(graphs.packets_byte_fs) * 1e-3);
}

}  // namespace
}  // namespace stretto
