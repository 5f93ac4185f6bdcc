#include "topology/graph/host_network.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/graph/link_speed.hpp"

namespace stretto::topology {
namespace {

/// Wider ways out count as no wider.
constexpr std::int64_t kWidest = 1'000'000;

/// Some of a machine as a network, NICs included.
struct Part {
  Network network;
  std::vector<VertexId> vertex_of_node;
  std::vector<NodeId> node_of_rank;
};

/// Short names by number: buses mean nothing in a cluster that nobody has.
std::vector<std::string> names_of(const Machine& machine) {
  std::vector<std::string> names;
  int gpus = 0, nics = 0, bridges = 0, numa_nodes = 0;
  for (const Node& node : machine.nodes()) {
    const NodeFacts& facts = node.facts;
    if (std::holds_alternative<GpuNode>(facts)) {
      names.push_back(format("GPU{}", gpus++));
    } else if (std::holds_alternative<NicNode>(facts)) {
      names.push_back(format("NIC{}", nics++));
    } else if (std::holds_alternative<SwitchNode>(facts)) {
      names.emplace_back("NVSwitch");
    } else if (std::holds_alternative<NumaNode>(facts)) {
      names.push_back(format("NUMA{}", numa_nodes++));
    } else {
      names.push_back(std::holds_alternative<PciBridge>(facts) ? format("PCI{}", bridges++) : "");
    }
  }
  return names;
}

/// All NVSwitches as the first of them: GPUs spread what they send over all that they have links to.
Machine with_one_switch(const Machine& machine) {
  NodeId first = kNoNode;
  const auto is_switch = [&](NodeId id) { return std::holds_alternative<SwitchNode>(machine.node(id).facts); };
  const auto the_one = [&](NodeId id) { return is_switch(id) ? first : id; };
  for (std::size_t i = machine.nodes().size(); i-- > 0;) {
    if (is_switch(static_cast<NodeId>(i))) first = static_cast<NodeId>(i);
  }
  std::vector<Link> links;
  for (Link link : machine.links()) {
    link.from = the_one(link.from);
    link.to = the_one(link.to);
    if (link.from != link.to) links.push_back(std::move(link));
  }
  return {machine.host(), machine.nodes(), std::move(links)};
}

Part part_of(const Machine& original, const std::set<NodeId>& left_out, std::int32_t most_ranks) {
  Part part;
  const Machine machine = with_one_switch(original);
  const std::vector<std::string> names = names_of(machine);
  bool has_switch = false;
  const auto takes_part = [&](NodeId id) {
    const NodeFacts& facts = machine.node(id).facts;
    const bool is_switch = std::holds_alternative<SwitchNode>(facts);
    return !std::holds_alternative<NetNode>(facts) && !left_out.contains(id) &&
           !(is_switch && std::exchange(has_switch, true));
  };
  part.vertex_of_node =
      add_machine(part.network, machine, takes_part, [&](NodeId id) { return names[static_cast<std::size_t>(id)]; });
  for (const VertexId rank : part.network.ranks()) part.node_of_rank.push_back(part.network.vertex(rank).node);
  for (std::size_t i = 0; machine.gpus().empty() && i < machine.nodes().size(); ++i) {
    if (!std::holds_alternative<NumaNode>(machine.nodes()[i].facts)) continue;
    if (part.network.n_ranks() == most_ranks) break;
    const VertexId rank = part.network.add_rank(format("CPU{}", part.network.n_ranks()), static_cast<NodeId>(i));
    part.network.add_both_ways(rank, part.vertex_of_node[i], memory_megabytes_per_s());
    part.node_of_rank.push_back(static_cast<NodeId>(i));
  }
  return part;
}

NodeId nic_of(const Machine& machine, NodeId port) {
  return std::holds_alternative<NetNode>(machine.node(port).facts) ? machine.node(port).parent : port;
}

/// A card of whose bus nothing is known is no narrower than its ports.
void widen_unknown_buses(Part& part, const HostVariant& host) {
  std::map<NodeId, std::int64_t> ports_of_nic;
  const std::vector<NodeId> ports = ports_of(host.machine);
  for (std::size_t port = 0; port < ports.size(); ++port) {
    ports_of_nic[nic_of(host.machine, ports[port])] += megabytes_of(host.made_megabits_per_s[port]);
  }
  for (const auto& [nic, megabytes_per_s] : ports_of_nic) {
    const Node& node = host.machine.node(nic);
    const PciFunction& pci = *pci_of(node);
    if ((pci.lanes && pci.gigatransfers_per_s) || node.parent == kNoNode) continue;
    const VertexId vertex = part.vertex_of_node[static_cast<std::size_t>(nic)];
    const VertexId parent = part.vertex_of_node[static_cast<std::size_t>(node.parent)];
    const std::int64_t missing = megabytes_per_s - pci_megabytes_per_s(pci);
    if (missing > 0 && vertex >= 0 && parent >= 0) part.network.add_both_ways(vertex, parent, missing);
  }
}

/// The port of each rank: the nearest, of those one that the fewest have. Ranks and NICs that are not there count at
/// first, so that all others keep their rails; who is left without a port gets one of those that are there.
std::vector<std::int32_t> ports_of_ranks(const HostVariant& host) {
  const Part whole = part_of(host.machine, {}, -1);
  const Ways ways(whole.network);
  const std::vector<NodeId> ports = ports_of(host.machine);
  std::vector<std::int32_t> chosen;
  std::vector<int> users(ports.size());
  const auto nearest = [&](const std::vector<int>& distances, bool only_there) {
    std::int32_t best = -1;
    std::pair<int, int> least;
    for (std::size_t port = 0; port < ports.size(); ++port) {
      const NodeId nic = nic_of(host.machine, ports[port]);
      const int distance = distances[static_cast<std::size_t>(whole.vertex_of_node[static_cast<std::size_t>(nic)])];
      if (distance < 0 || (only_there && host.port_megabits_per_s[port] == 0)) continue;
      const std::pair<int, int> cost{distance, users[port]};
      if (best < 0 || cost < least) best = static_cast<std::int32_t>(port), least = cost;
    }
    if (best >= 0) ++users[static_cast<std::size_t>(best)];
    return best;
  };
  for (const VertexId rank : whole.network.ranks()) chosen.push_back(nearest(ways.distances(rank), false));
  for (std::size_t rank = 0; rank < chosen.size(); ++rank) {
    if (chosen[rank] < 0 || host.port_megabits_per_s[static_cast<std::size_t>(chosen[rank])] > 0) continue;
    chosen[rank] = nearest(ways.distances(whole.network.ranks()[rank]), true);
  }
  for (std::size_t gpu = host.gpus.size(); gpu-- > 0;) {
    if (!host.gpus[gpu]) chosen.erase(chosen.begin() + static_cast<std::ptrdiff_t>(gpu));
  }
  return chosen;
}

/// GPUs beyond the first ranks or not there; NICs without a port in use.
std::set<NodeId> left_out_of(const HostVariant& host, std::int32_t n_ranks, bool alone) {
  std::set<NodeId> left_out;
  const std::vector<NodeId> gpus = host.machine.gpus();
  std::int32_t taken = 0;
  for (std::size_t gpu = 0; gpu < gpus.size(); ++gpu) {
    if (!host.gpus[gpu] || taken++ >= n_ranks) left_out.insert(gpus[gpu]);
  }
  const std::vector<NodeId> ports = ports_of(host.machine);
  for (const NodeId port : ports) left_out.insert(nic_of(host.machine, port));
  for (std::size_t port = 0; !alone && port < ports.size(); ++port) {
    if (host.port_megabits_per_s[port] > 0) left_out.erase(nic_of(host.machine, ports[port]));
  }
  return left_out;
}

}  // namespace

HostNetwork::HostNetwork(const HostVariant& host, std::int32_t n_ranks, bool alone) : alone_(alone) {
  Part part = part_of(host.machine, left_out_of(host, n_ranks, alone), n_ranks);
  if (!alone) widen_unknown_buses(part, host);
  for (const NodeId node : part.node_of_rank) numa_of_rank_.push_back(host.machine.numa_of(node));
  network_ = std::move(part.network);
  ways_ = std::make_unique<Ways>(network_);
  if (!alone) choose_ports(host, part.vertex_of_node);
}

void HostNetwork::choose_ports(const HostVariant& host, const std::vector<VertexId>& vertex_of_node) {
  port_of_rank_ = ports_of_ranks(host);
  port_of_rank_.resize(static_cast<std::size_t>(network_.n_ranks()));
  const std::vector<NodeId> ports = ports_of(host.machine);
  for (std::size_t port = 0; port < ports.size(); ++port) {
    const auto nic = static_cast<std::size_t>(nic_of(host.machine, ports[port]));
    nic_of_port_.push_back(host.port_megabits_per_s[port] > 0 ? vertex_of_node[nic] : -1);
  }
  for (const std::int32_t port : port_of_rank_) {
    if (port >= 0) continue;
    throw Error(strettoInvalidArgument,
                "cluster: no way leads from a GPU to a NIC of its host: take one host, or another kind");
  }
  for (const std::int32_t port : port_of_rank_) {
    const auto users = std::max<std::ptrdiff_t>(1, std::ranges::count(port_of_rank_, port));
    const std::int64_t megabits = host.port_megabits_per_s[static_cast<std::size_t>(port)] / users;
    megabits_of_rank_.push_back(static_cast<std::int32_t>(std::clamp<std::int64_t>(megabits, 1, kWidest)));
  }
}

std::vector<VertexId> HostNetwork::way_out(std::int32_t rank) const {
  const auto port = static_cast<std::size_t>(port_of_rank_[static_cast<std::size_t>(rank)]);
  return ways_->shortest(network_.ranks()[static_cast<std::size_t>(rank)], nic_of_port_[port]);
}

}  // namespace stretto::topology
