#include "topology/files/cluster_text.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "topology/files/machine_words.hpp"

namespace stretto::topology {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::array<std::string, 4>;

/// "0", "0-3".
std::string range(std::int64_t first, std::int64_t count) {
  return count == 1 ? format("{}", first) : format("{}-{}", first, first + count - 1);
}

/// The first row is the head. Blanks at the end of a line are left out.
std::string table(const std::vector<Row>& rows) {
  std::array<std::size_t, 4> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += format("{:<{}}  ", row[i], widths[i]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::vector<Row> host_rows(const ClusterFacts& facts) {
  std::vector<Row> rows = {{"hosts", "kind", "ranks", ""}};
  for (const HostRun& run : facts.hosts) {
    std::string faults;
    for (const HostFault& fault : run.faults) faults += (faults.empty() ? "" : ", ") + fault_words(fault);
    std::string ranks = range(run.first_rank, std::int64_t{run.count} * run.ranks_of_each);
    if (run.count > 1) ranks += format(", {} each", run.ranks_of_each);
    rows.push_back({range(run.first, run.count), printable(facts.kinds[run.kind].name), ranks, faults});
  }
  return rows;
}

bool are_alike(const LeafFacts& a, const LeafFacts& b) {
  return port_words(a) == port_words(b) && a.spine_megabits_per_s == b.spine_megabits_per_s;
}

std::vector<Row> leaf_rows(const ClusterFacts& facts) {
  std::vector<Row> rows = {
      {facts.has_spine ? "leaves" : "switch", "hosts", "ports", facts.has_spine ? "to the spine" : ""}};
  for (const LeafRun& run : facts.groups) {
    std::string hosts = range(run.first_host, std::int64_t{run.count} * run.hosts_of_each);
    if (run.count > 1) hosts += format(", {} each", run.hosts_of_each);
    for (std::size_t first = 0, end = 0; first < run.leaves.size(); first = end) {
      const LeafFacts& leaf = run.leaves[first];
      while (end < run.leaves.size() && are_alike(leaf, run.leaves[end])) ++end;
      std::string name = range(run.first, run.count);
      if (leaf.rail >= 0)
        name += format(" rail{} {}", end - first == 1 ? "" : "s", range(leaf.rail, std::int64_t(end - first)));
      rows.push_back({name, hosts, port_words(leaf), facts.has_spine ? net_speed(leaf.spine_megabits_per_s) : ""});
    }
  }
  return rows;
}

Json ports_json(const std::vector<PortCount>& ports) {
  Json json = Json::array();
  for (const PortCount& port : ports) json.push_back({{"megabits_per_s", port.megabits_per_s}, {"count", port.count}});
  return json;
}

Json fault_json(const HostFault& fault) {
  switch (fault.fault) {
    case ClusterSpec::Fault::no_gpu:
      return {{"kind", "no_gpu"}, {"gpu", fault.first}};
    case ClusterSpec::Fault::no_nic:
      return {{"kind", "no_nic"}, {"nic", fault.first}};
    case ClusterSpec::Fault::no_link:
      return {{"kind", "no_link"}, {"gpus", {fault.first, fault.second}}};
    case ClusterSpec::Fault::slow_nic:
      return {{"kind", "slow_nic"},
              {"nic", fault.first},
              {"megabits_per_s", fault.megabits_per_s},
              {"made_megabits_per_s", fault.made_megabits_per_s}};
  }
  return nullptr;
}

Json kind_json(const ClusterFacts::Kind& kind, const Cluster& cluster) {
  const Machine& machine = cluster.host(kind.host).machine;
  return {{"kind", printable(kind.name)},
          {"gpus", machine.gpus().size()},
          {"switches", switches(machine).size()},
          {"summary", kind_words(kind, cluster)},
          {"nics", ports_json(kind.nics)}};
}

Json host_run_json(const HostRun& run) {
  Json faults = Json::array();
  for (const HostFault& fault : run.faults) faults.push_back(fault_json(fault));
  return {{"first", run.first},
          {"count", run.count},
          {"kind", run.kind},
          {"first_rank", run.first_rank},
          {"ranks_of_each", run.ranks_of_each},
          {"faults", std::move(faults)}};
}

Json leaf_run_json(const LeafRun& run, bool has_spine) {
  Json leaves = Json::array();
  for (const LeafFacts& leaf : run.leaves) {
    Json json{{"rail", leaf.rail < 0 ? Json(nullptr) : Json(leaf.rail)},
              {"ports", ports_json(leaf.ports)},
              {"free_ports", leaf.free_ports}};
    if (has_spine) json["to_spine_megabits_per_s"] = leaf.spine_megabits_per_s;
    leaves.push_back(std::move(json));
  }
  return {{"first", run.first},
          {"count", run.count},
          {"first_host", run.first_host},
          {"hosts_of_each", run.hosts_of_each},
          {"leaves", std::move(leaves)}};
}

}  // namespace

std::string cluster_to_text(const ClusterFacts& facts, const Cluster& cluster) {
  std::string text = format("{}\n{}\n\n", facts.line, cluster_summary(facts, cluster));
  for (const ClusterFacts::Kind& kind : facts.kinds) {
    text += format("{}: {}\n", printable(kind.name), kind_words(kind, cluster));
  }
  text += "\n" + table(host_rows(facts)) + "\n" + table(leaf_rows(facts));
  if (!facts.has_spine) return text;
  const Fabric& fabric = cluster.fabric;
  return text + format("\nspine {}:{}: {}\n", fabric.down, fabric.up, spine_words(fabric));
}

std::string cluster_to_json(const ClusterFacts& facts, const Cluster& cluster) {
  Json json{
      {"cluster", facts.line}, {"hosts", cluster.n_hosts()}, {"ranks", facts.n_ranks}, {"leaves", facts.n_leaves}};
  for (const ClusterFacts::Kind& kind : facts.kinds) json["kinds"].push_back(kind_json(kind, cluster));
  for (const HostRun& run : facts.hosts) json["host_runs"].push_back(host_run_json(run));
  for (const LeafRun& run : facts.groups) json["leaf_runs"].push_back(leaf_run_json(run, facts.has_spine));
  json["spine"] = facts.has_spine ? Json{{"down", cluster.fabric.down}, {"up", cluster.fabric.up}} : Json(nullptr);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace stretto::topology
