// What the cost model says of two GPUs over NVLink, held against what was measured of them (perf/results/gpu). Pure:
// the times are in the repository.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
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
    {"all_reduce_sweep", Collective::all_reduce},
    {"all_reduce_stream_small", Collective::all_reduce},
    {"all_reduce_half", Collective::all_reduce},
    {"all_reduce_graphs_small", Collective::all_reduce, true},
    {"all_gather_middle", Collective::all_gather},
    {"reduce_scatter_middle", Collective::reduce_scatter},
    {"all_reduce_graphs_middle", Collective::all_reduce, true},
    {"all_gather_sweep", Collective::all_gather},
    {"reduce_scatter_sweep", Collective::reduce_scatter},
    {"broadcast_sweep", Collective::broadcast},
    {"reduce_sweep", Collective::reduce},
    {"gather_sweep", Collective::gather},
    {"scatter_sweep", Collective::scatter},
    {"alltoall_sweep", Collective::all_to_all},
};

/// As a communicator of two such GPUs has it, eager or in graphs.
DeviceModel model_of(bool of_graphs) {
  device::WindowShape shape = window_shape(2, kChannels);
  if (of_graphs) shape = graph_window_shape(shape);
  return default_device_model(device_slots(shape), kChannels, {}, of_graphs);
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

/// Of all-reduces by one protocol, chosen or not (STRETTO_PROTOCOL).
struct Forced {
  const char* file;
  DeviceProtocol protocol;
  bool of_graphs;
};
constexpr Forced kForced[] = {
    {"all_reduce_packets", DeviceProtocol::packets, false},
    {"all_reduce_wide", DeviceProtocol::wide, false},
    {"all_reduce_slots", DeviceProtocol::slots, false},
    {"all_reduce_graphs_packets", DeviceProtocol::packets, true},
    {"all_reduce_graphs_wide", DeviceProtocol::wide, true},
    {"all_reduce_graphs_slots", DeviceProtocol::slots, true},
};

std::vector<LinePoint> forced_points(const char* file, std::uint64_t least_bytes) {
  std::ifstream stream(std::string(STRETTO_KEPT_RESULTS) + "/" + file + ".json");
  const nlohmann::json kept = nlohmann::json::parse(stream);
  std::vector<LinePoint> points;
  for (const auto& row : kept.at("results")) {
    const auto bytes = row.at("size_bytes").get<std::uint64_t>();
    if (bytes >= least_bytes) points.push_back({bytes, 1e6 * row.at("out_of_place").at("time_us").get<double>()});
  }
  return points;
}

TEST(DevicePrediction, Constants_AreWhatTheReportsGive) {
  const auto ps = [](std::uint64_t value) { return static_cast<double>(value); };
  const auto expect_near = [](double constant, double fitted) {
    std::printf("%.0f, fitted %.0f\n", constant, fitted);
    EXPECT_NEAR(constant, fitted, 0.02 * fitted);
  };
  const auto expect_line = [&](const std::vector<LinePoint>& points, std::uint64_t start, std::uint64_t byte_fs) {
    const Line line = fit_line(points);
    expect_near(ps(start), line.start_ps);
    expect_near(ps(byte_fs), 1e3 * line.byte_ps);
  };
  const PairTimes eager;
  const PairTimes graphs = in_graph(eager);
  // Of packets that are chosen a launch hides the bytes: those are looked for where there are many.
  expect_near(ps(eager.packets_start), fit_line(points_of(DeviceProtocol::packets, false)).start_ps);
  expect_near(ps(eager.packets_byte_fs), 1e3 * fit_line(forced_points("all_reduce_packets", 64 << 10)).byte_ps);
  expect_line(points_of(DeviceProtocol::wide, false), eager.wide_start, eager.wide_byte_fs);
  expect_line(points_of(DeviceProtocol::slots, false), eager.slots_start, eager.slots_byte_fs);
  expect_line(points_of(DeviceProtocol::packets, true), graphs.packets_start, graphs.packets_byte_fs);
  expect_line(points_of(DeviceProtocol::wide, true), graphs.wide_start, graphs.wide_byte_fs);
  expect_line(forced_points("all_reduce_graphs_slots", 8 << 20), graphs.slots_start, graphs.slots_byte_fs);
}

/// At every size in graphs, and from streams at those that a launch does not hide.
TEST(DevicePrediction, ChosenProtocol_IsWithinATwentiethOfTheBestThatWasMeasured) {
  for (const bool of_graphs : {true, false}) {
    std::map<std::uint64_t, std::map<DeviceProtocol, double>> measured;
    for (const Forced& forced : kForced) {
      if (forced.of_graphs != of_graphs) continue;
      for (const LinePoint& point : forced_points(forced.file, of_graphs ? 8 : 1 << 20)) {
        measured[point.bytes][forced.protocol] = point.time_ps;
      }
    }
    ASSERT_GE(measured.size(), of_graphs ? 26U : 11U);
    for (const auto& [bytes, times] : measured) {
      const auto choice = choose_device_plan(Collective::all_reduce, bytes, 2, -1, model_of(of_graphs)).protocol;
      ASSERT_TRUE(times.contains(choice)) << bytes;
      if (times.size() == 1) continue;  // nothing to be better than
      const auto best = std::ranges::min_element(times, {}, [](const auto& each) { return each.second; });
      std::printf("%s %11llu %-12s %9.2f us, best %9.2f us\n", of_graphs ? "graph " : "stream",
                  static_cast<unsigned long long>(bytes), std::string(name_of(choice)).c_str(), times.at(choice) * 1e-6,
                  best->second * 1e-6);
      EXPECT_LE(times.at(choice), 1.05 * best->second) << bytes << (of_graphs ? " in graphs" : "");
    }
  }
}

}  // namespace
}  // namespace stretto
