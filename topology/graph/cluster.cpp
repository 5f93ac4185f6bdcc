#include "topology/graph/cluster.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto::topology {
namespace {

using Change = ClusterSpec::Change;
using Fault = ClusterSpec::Fault;

/// Which of `there` a change is about. `what` is "GPU" or "NIC".
std::size_t place_of(std::int32_t number, std::size_t count, const char* what, const Change& change) {
  if (number >= 0 && static_cast<std::size_t>(number) < count) return static_cast<std::size_t>(number);
  refuse_cluster(change.column, count == 0 ? format("host {} has no {}s", change.host, what)
                                           : format("host {} has {}s 0 to {}, and no {} {}", change.host, what,
                                                    count - 1, what, number));
}

Machine without_link(const Machine& machine, NodeId a, NodeId b, const Change& change) {
  std::vector<Link> links = machine.links();
  const auto joins = [&](const Link& link) {
    return (link.from == a && link.to == b) || (link.from == b && link.to == a);
  };
  if (std::erase_if(links, joins) == 0) {
    refuse_cluster(change.column, format("no link joins GPU {} and GPU {} of host {} directly", change.first,
                                         change.second, change.host));
  }
  return {machine.host(), machine.nodes(), std::move(links)};
}

HostVariant changed(const HostVariant& host, const Change& change) {
  HostVariant variant = host;
  const std::vector<NodeId> gpus = host.machine.gpus();
  switch (change.fault) {
    case Fault::no_gpu:
      variant.gpus[place_of(change.first, gpus.size(), "GPU", change)] = false;
      if (std::ranges::count(variant.gpus, true) > 0) return variant;
      refuse_cluster(change.column, format("host {} would have no GPU left: leave the host out", change.host));
    case Fault::no_nic:
    case Fault::slow_nic:
      variant.port_megabits_per_s[place_of(change.first, host.port_megabits_per_s.size(), "NIC", change)] =
          change.fault == Fault::no_nic ? 0 : change.megabits_per_s;
      return variant;
    case Fault::no_link: {
      const NodeId a = gpus[place_of(change.first, gpus.size(), "GPU", change)];
      const NodeId b = gpus[place_of(change.second, gpus.size(), "GPU", change)];
      variant.machine = without_link(host.machine, a, b, change);
      return variant;
    }
  }
  return variant;
}

/// Speeds as the line has them, or the machine. 0 where nobody says.
std::vector<std::int64_t> speeds_of(const Machine& machine, std::optional<std::int64_t> said) {
  std::vector<std::int64_t> speeds;
  for (const NodeId port : ports_of(machine)) {
    const auto* net = std::get_if<NetNode>(&machine.node(port).facts);
    speeds.push_back(said.value_or(net == nullptr ? 0 : net->megabits_per_s.value_or(0)));
  }
  return speeds;
}

void check_ports(const HostVariant& host, const ClusterSpec::Hosts& group) {
  const std::vector<std::int64_t>& speeds = host.port_megabits_per_s;
  if (speeds.empty()) {
    refuse_cluster(group.column,
                   format("{} has no NIC to join other hosts by: take another kind, or one host", group.kind));
  }
  const auto is_usable = [](std::int64_t speed) { return speed > 0 && speed <= kMostMegabits; };
  if (!std::ranges::all_of(speeds, is_usable)) {
    refuse_cluster(group.column,
                   format("{} does not say how fast its NICs are: add \", 100 Gb/s NICs\" to the line", group.kind));
  }
}

std::int32_t variant_number(Cluster& cluster, HostVariant variant) {
  const auto same = std::ranges::find(cluster.variants, variant);
  if (same != cluster.variants.end()) return static_cast<std::int32_t>(same - cluster.variants.begin());
  cluster.variants.push_back(std::move(variant));
  return static_cast<std::int32_t>(cluster.variants.size()) - 1;
}

bool has_spine(const Cluster& cluster) {
  const auto more_ports = [](const HostVariant& host) { return host.port_megabits_per_s.size() > 1; };
  return (cluster.fabric.rails && std::ranges::any_of(cluster.variants, more_ports)) ||
         (cluster.fabric.hosts_per_leaf > 0 && cluster.fabric.hosts_per_leaf < cluster.n_hosts());
}

void check_joined(const Cluster& cluster, const ClusterSpec& spec) {
  for (const Change& change : spec.changes) {
    const std::vector<std::int64_t>& speeds = cluster.host(change.host).port_megabits_per_s;
    if (cluster.n_hosts() > 1 && std::ranges::count(speeds, 0) == static_cast<std::int64_t>(speeds.size())) {
      refuse_cluster(change.column, format("host {} would have no NIC left: leave the host out", change.host));
    }
  }
  if (spec.spine_column > 0 && !has_spine(cluster)) {
    refuse_cluster(spec.spine_column,
                   "a spine joins several leaves, and all NICs are at one switch: say \"rail-optimised\", or how many "
                   "\"hosts a leaf\", fewer than there are");
  }
}

}  // namespace

void refuse_cluster(std::size_t column, const std::string& text) {
  throw Error(strettoInvalidArgument, format("cluster, column {}: {}", column, text), format("column {}", column));
}

std::vector<NodeId> ports_of(const Machine& machine) {
  std::vector<NodeId> ports;
  for (std::size_t i = 0; i < machine.nodes().size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    const NodeFacts& facts = machine.node(id).facts;
    const bool is_bare = std::holds_alternative<NicNode>(facts) && machine.children(id).empty();
    if (is_bare || std::holds_alternative<NetNode>(facts)) ports.push_back(id);
  }
  return ports;
}

std::int32_t ranks_of(const HostVariant& host) {
  if (!host.gpus.empty()) return static_cast<std::int32_t>(std::ranges::count(host.gpus, true));
  return static_cast<std::int32_t>(std::ranges::count_if(
      host.machine.nodes(), [](const Node& node) { return std::holds_alternative<NumaNode>(node.facts); }));
}

Machine present_machine(const HostVariant& host) {
  std::map<NodeId, std::int64_t> speeds;
  std::set<NodeId> missing;
  const std::vector<NodeId> gpus = host.machine.gpus();
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    if (!host.gpus[i]) missing.insert(gpus[i]);
  }
  const std::vector<NodeId> ports = ports_of(host.machine);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    speeds[ports[i]] = host.port_megabits_per_s[i];
    // A port of which nobody knows the speed is there, too.
    if (host.port_megabits_per_s[i] == 0 && host.made_megabits_per_s[i] > 0) missing.insert(ports[i]);
  }
  const auto is_missing = [&](NodeId id) { return missing.count(id) > 0; };
  std::vector<NodeId> place(host.machine.nodes().size(), kNoNode);  // among those that are there
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < place.size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    Node node = host.machine.node(id);
    const std::vector<NodeId>& ports_below = host.machine.children(id);
    const bool is_nic = std::holds_alternative<NicNode>(node.facts) && !ports_below.empty();
    if (is_missing(node.parent) || (is_nic && std::ranges::all_of(ports_below, is_missing))) missing.insert(id);
    if (is_missing(id)) continue;
    if (node.parent != kNoNode) node.parent = place[static_cast<std::size_t>(node.parent)];
    auto* net = std::get_if<NetNode>(&node.facts);
    if (net != nullptr && speeds[id] > 0) net->megabits_per_s = speeds[id];
    place[i] = static_cast<NodeId>(nodes.size());
    nodes.push_back(std::move(node));
  }
  std::vector<Link> links;
  for (Link link : host.machine.links()) {
    link.from = place[static_cast<std::size_t>(link.from)];
    link.to = place[static_cast<std::size_t>(link.to)];
    if (link.from != kNoNode && link.to != kNoNode) links.push_back(std::move(link));
  }
  return {host.machine.host(), std::move(nodes), std::move(links)};
}

std::int64_t Cluster::n_ranks() const {
  std::int64_t sum = 0;
  for (std::int32_t number = 0; number < n_hosts(); ++number) sum += ranks_of(host(number));
  return sum;
}

Cluster make_cluster(const ClusterSpec& spec, const std::function<Machine(const std::string& kind)>& machine_of) {
  Cluster cluster;
  cluster.fabric = spec.fabric;
  std::int64_t n_hosts = 0;
  for (const ClusterSpec::Hosts& group : spec.hosts) n_hosts += group.count;
  for (const ClusterSpec::Hosts& group : spec.hosts) {
    if (n_hosts > kMostHosts) refuse_cluster(group.column, format("{} hosts are more than {}", n_hosts, kMostHosts));
    Machine machine = machine_of(group.kind);
    std::vector<bool> gpus(machine.gpus().size(), true);
    const std::vector<std::int64_t> speeds = speeds_of(machine, spec.nic_megabits_per_s);
    HostVariant host{std::move(machine), std::move(gpus), speeds, speeds};
    if (n_hosts > 1) check_ports(host, group);
    if (ranks_of(host) == 0) refuse_cluster(group.column, group.kind + " has neither GPUs nor NUMA nodes to be ranks");
    const std::int32_t variant = variant_number(cluster, std::move(host));
    cluster.variant_of.insert(cluster.variant_of.end(), static_cast<std::size_t>(group.count), variant);
  }
  for (const Change& change : spec.changes) {
    if (change.host < 0 || change.host >= cluster.n_hosts()) {
      refuse_cluster(change.column,
                     format("there are hosts 0 to {}, and no host {}", cluster.n_hosts() - 1, change.host));
    }
    HostVariant variant = changed(cluster.host(change.host), change);
    cluster.variant_of[static_cast<std::size_t>(change.host)] = variant_number(cluster, std::move(variant));
  }
  check_joined(cluster, spec);
  return cluster;
}

}  // namespace stretto::topology
