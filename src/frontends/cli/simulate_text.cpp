#include "frontends/cli/simulate_text.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "topology/files/machine_words.hpp"

namespace stretto::cli {
namespace {

double bus(const SimulationReport& report, double seconds) {
  return bus_gigabytes_per_s(report.collective, report.n_ranks, report.block_bytes, seconds);
}

/// "64K".
std::string size_text(std::uint64_t bytes) {
  if (bytes >= 1 << 20 && bytes % (1 << 20) == 0) return format("{}M", bytes >> 20);
  return bytes >= 1 << 10 && bytes % (1 << 10) == 0 ? format("{}K", bytes >> 10) : format("{}", bytes);
}

/// Which one to take, by how much, and what holds it up.
std::string verdict(const SimulationReport& report) {
  std::vector<const SimulationReport::Row*> with_figures;
  for (const SimulationReport::Row& row : report.rows) {
    if (row.simulated.left_out.empty() && row.simulated.seconds > 0) with_figures.push_back(&row);
  }
  if (with_figures.size() < 2) return "";
  const SimulatedRow& first = with_figures[0]->simulated;
  const SimulatedRow& second = with_figures[1]->simulated;
  return format("{} is the fastest, {:.2f} times as fast as {}; {} is busy for {:.0f}% of the time\n\n",
                first.algorithm, second.seconds / first.seconds, second.algorithm, with_figures[0]->busiest,
                100 * first.busy_part);
}

std::string row_text(const SimulationReport& report, const SimulationReport::Row& row) {
  const SimulatedRow& simulated = row.simulated;
  if (!simulated.left_out.empty()) return format("{:<18} no figures: {}\n", simulated.algorithm, simulated.left_out);
  const std::string bound =
      simulated.seconds > 0 ? format("{:.1f}%", 100 * report.least_seconds / simulated.seconds) : "-";
  const std::string busiest = row.busiest.empty() ? "-" : format("{:.0f}% {}", 100 * simulated.busy_part, row.busiest);
  return format("{:<18} {:>8} {:>6} {:>10} {:>12.1f} {:>11.2f} {:>9}  {}\n", simulated.algorithm, simulated.channels,
                size_text(simulated.slot_bytes), simulated.messages, simulated.seconds * 1e6,
                bus(report, simulated.seconds), bound, busiest);
}

}  // namespace

void sort_rows(SimulationReport& report) {
  std::ranges::stable_sort(report.rows, [](const SimulationReport::Row& a, const SimulationReport::Row& b) {
    const bool has_a = a.simulated.left_out.empty();
    const bool has_b = b.simulated.left_out.empty();
    if (has_a != has_b) return has_a;
    return has_a && a.simulated.seconds < b.simulated.seconds;
  });
}

std::string simulation_to_text(const SimulationReport& report) {
  const CollectiveRow& row = row_of(report.collective);
  std::string text = topology::printable(report.where) + "\n";
  text +=
      format("{} of {} bytes{}, {} on {}\n", row.name, report.block_bytes, row.blocks != Blocks::one ? " a block" : "",
             topology::counted(static_cast<std::size_t>(report.n_ranks), "rank"),
             topology::counted(static_cast<std::size_t>(report.n_hosts), "host"));
  text += format("no plan takes less than {:.1f} us: busbw {:.2f} GB/s at most\n\n", report.least_seconds * 1e6,
                 bus(report, report.least_seconds));
  text += verdict(report);
  text += format("{:<18} {:>8} {:>6} {:>10} {:>12} {:>11} {:>9}  {}\n", "algorithm", "channels", "slots", "messages",
                 "time_us", "busbw_GB/s", "of_bound", "busiest link");
  for (const SimulationReport::Row& each : report.rows) text += row_text(report, each);
  return text;
}

std::string simulation_to_json(const SimulationReport& report) {
  nlohmann::ordered_json json = {{"where", topology::printable(report.where)},
                                 {"collective", row_of(report.collective).name},
                                 {"ranks", report.n_ranks},
                                 {"hosts", report.n_hosts},
                                 {"block_bytes", report.block_bytes},
                                 {"least_seconds", report.least_seconds}};
  json["algorithms"] = nlohmann::ordered_json::array();
  for (const SimulationReport::Row& row : report.rows) {
    const SimulatedRow& simulated = row.simulated;
    nlohmann::ordered_json each = {{"algorithm", simulated.algorithm}, {"channels", simulated.channels}};
    if (!simulated.left_out.empty()) {
      each["left_out"] = simulated.left_out;
    } else {
      each["seconds"] = simulated.seconds;
      each["bus_gigabytes_per_s"] = bus(report, simulated.seconds);
      each["slot_bytes"] = simulated.slot_bytes;
      each["messages"] = simulated.messages;
      each["busiest_link"] = row.busiest;
      each["busiest_part"] = simulated.busy_part;
      each["part_of_bound"] = simulated.seconds > 0 ? report.least_seconds / simulated.seconds : 0;
    }
    json["algorithms"].push_back(std::move(each));
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace stretto::cli
