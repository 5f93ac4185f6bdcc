#include "topology/graph/cluster_network.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/graph/flow.hpp"
#include "topology/graph/link_speed.hpp"

namespace stretto::topology {
namespace {

/// More ranks of one host are not parted one by one.
constexpr std::int32_t kMostOfParts = 256;
/// Wider ways out count as no wider.
constexpr std::int64_t kWidest = 1'000'000;

/// What is joined at all carries something: a link of nothing is none.
std::int64_t megabytes(std::int64_t megabits) { return std::max<std::int64_t>(1, megabits / 8); }

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
    ports_of_nic[nic_of(host.machine, ports[port])] += megabytes(host.made_megabits_per_s[port]);
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

template <class Key>
std::vector<std::int32_t> numbered(const std::vector<Key>& keys) {
  std::map<Key, std::int32_t> numbers;
  std::vector<std::int32_t> by_first;
  for (const Key& key : keys) {
    by_first.push_back(numbers.try_emplace(key, static_cast<std::int32_t>(numbers.size())).first->second);
  }
  return numbers.size() < 2 || numbers.size() == keys.size() ? std::vector<std::int32_t>() : by_first;
}

}  // namespace

std::unique_ptr<ClusterNetwork::Local> ClusterNetwork::local_of(const HostVariant& host, std::int32_t n_ranks,
                                                                bool alone) const {
  auto local = std::make_unique<Local>();
  Part part = part_of(host.machine, left_out_of(host, n_ranks, alone), n_ranks);
  if (!alone) widen_unknown_buses(part, host);
  for (const NodeId node : part.node_of_rank) local->numa_of_rank.push_back(host.machine.numa_of(node));
  local->network = std::move(part.network);
  local->ways = std::make_unique<Ways>(local->network);
  if (alone) return local;
  local->port_of_rank = ports_of_ranks(host);
  local->port_of_rank.resize(static_cast<std::size_t>(n_ranks));
  const std::vector<NodeId> ports = ports_of(host.machine);
  for (std::size_t port = 0; port < ports.size(); ++port) {
    const auto nic = static_cast<std::size_t>(nic_of(host.machine, ports[port]));
    local->nic_of_port.push_back(host.port_megabits_per_s[port] > 0 ? part.vertex_of_node[nic] : -1);
  }
  for (const std::int32_t port : local->port_of_rank) {
    if (port >= 0) continue;
    throw Error(strettoInvalidArgument,
                "cluster: no way leads from a GPU to a NIC of its host: take one host, or another kind");
  }
  for (const std::int32_t port : local->port_of_rank) {
    const auto users = std::ranges::count(local->port_of_rank, port);
    const std::int64_t megabits = host.port_megabits_per_s[static_cast<std::size_t>(port)] / users;
    local->megabits_of_rank.push_back(static_cast<std::int32_t>(std::clamp<std::int64_t>(megabits, 1, kWidest)));
  }
  return local;
}

ClusterNetwork::ClusterNetwork(const Cluster& cluster, std::int32_t n_ranks) : fabric_(cluster.fabric) {
  STRETTO_ASSERT(n_ranks >= 1 && n_ranks <= cluster.n_ranks());
  const bool alone = n_ranks <= ranks_of(cluster.host(0));
  std::map<std::pair<std::int32_t, std::int32_t>, const Local*> made;  // by variant and ranks
  for (std::int32_t number = 0; network_.n_ranks() < n_ranks; ++number) {
    const std::int32_t ranks = std::min(n_ranks - network_.n_ranks(), ranks_of(cluster.host(number)));
    const Local*& local = made[{cluster.variant_of[static_cast<std::size_t>(number)], ranks}];
    if (local == nullptr) {
      locals_.push_back(local_of(cluster.host(number), ranks, alone));
      local = locals_.back().get();
    }
    add_host(number, *local);
  }
  if (!alone) add_leaves(cluster);
}

void ClusterNetwork::add_host(std::int32_t number, const Local& local) {
  const std::int32_t group = fabric_.hosts_per_leaf > 0 ? number / fabric_.hosts_per_leaf : 0;
  const VertexId first = network_.n_vertices();
  hosts_.push_back({&local, first, network_.n_ranks(), group});
  const bool alone = local.port_of_rank.empty();
  for (VertexId i = 0; i < local.network.n_vertices(); ++i) {
    const Vertex& vertex = local.network.vertex(i);
    const std::string name = alone ? vertex.name : format("host {} {}", number, vertex.name);
    vertex.rank >= 0 ? network_.add_rank(name, vertex.node) : network_.add_relay(name, vertex.node);
  }
  for (const Edge& edge : local.network.edges()) {
    network_.add_edge(first + edge.from, first + edge.to, edge.megabytes_per_s);
  }
  host_of_.insert(host_of_.end(), static_cast<std::size_t>(local.network.n_ranks()), number);
}

void ClusterNetwork::add_leaves(const Cluster& cluster) {
  std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> below;  // what NICs carry, of leaves
  for (std::int32_t number = 0; number < cluster.n_hosts(); ++number) {
    const std::int32_t group = fabric_.hosts_per_leaf > 0 ? number / fabric_.hosts_per_leaf : 0;
    if (static_cast<std::size_t>(group) >= group_variants_.size()) group_variants_.emplace_back();
    group_variants_.back().push_back(cluster.variant_of[static_cast<std::size_t>(number)]);
    const std::vector<std::int64_t>& speeds = cluster.host(number).made_megabits_per_s;
    for (std::size_t port = 0; port < speeds.size(); ++port) {
      below[{group, fabric_.rails ? static_cast<std::int32_t>(port) : 0}] += speeds[port];
    }
  }
  for (std::vector<std::int32_t>& variants : group_variants_) std::ranges::sort(variants);
  if (below.size() > 1) spine_ = network_.add_relay("spine");
  for (const auto& [place, megabits_per_s] : below) {
    if (place.first > hosts_.back().leaf_group) continue;
    std::string name = format("leaf {}", place.first);
    if (fabric_.rails) name += format(" rail {}", place.second);
    const VertexId leaf = network_.add_relay(name);
    leaves_[place] = leaf;
    if (spine_ < 0) continue;
    network_.add_both_ways(leaf, spine_,
                           megabytes(std::min(megabits_per_s, std::numeric_limits<std::int64_t>::max() / fabric_.up) *
                                     fabric_.up / fabric_.down));
  }
  for (std::size_t number = 0; number < hosts_.size(); ++number) {
    const Host& host = hosts_[number];
    const std::vector<std::int64_t>& speeds = cluster.host(static_cast<std::int32_t>(number)).port_megabits_per_s;
    for (std::size_t port = 0; port < speeds.size(); ++port) {
      if (host.local->nic_of_port[port] < 0) continue;
      network_.add_both_ways(host.first_vertex + host.local->nic_of_port[port],
                             leaf_of(host, static_cast<std::int32_t>(port)), megabytes(speeds[port]));
    }
  }
}

VertexId ClusterNetwork::leaf_of(const Host& host, std::int32_t port) const {
  return leaves_.at({host.leaf_group, fabric_.rails ? port : 0});
}

std::vector<std::int32_t> ClusterNetwork::groups() const {
  if (hosts_.size() > 1) return numbered(host_of_);
  return numbered(hosts_.front().local->numa_of_rank);
}

bool ClusterNetwork::has_plain_rails() const {
  if (hosts_.size() < 2) return true;
  return std::ranges::all_of(hosts_, [](const Host& host) {
    const Local& local = *host.local;
    for (std::size_t rank = 0; rank < local.port_of_rank.size(); ++rank) {
      if (local.port_of_rank[rank] != static_cast<std::int32_t>(rank)) return false;
      if (local.megabits_of_rank[rank] != local.megabits_of_rank.front()) return false;
    }
    return true;
  });
}

std::vector<std::int32_t> ClusterNetwork::rails() const {
  std::vector<std::int32_t> rails;
  if (has_plain_rails()) return rails;
  for (const Host& host : hosts_) {
    rails.insert(rails.end(), host.local->port_of_rank.begin(), host.local->port_of_rank.end());
  }
  return rails;
}

std::vector<std::int32_t> ClusterNetwork::widths() const {
  std::vector<std::int32_t> widths;
  if (has_plain_rails()) return widths;
  for (const Host& host : hosts_) {
    widths.insert(widths.end(), host.local->megabits_of_rank.begin(), host.local->megabits_of_rank.end());
  }
  return widths;
}

std::vector<VertexId> ClusterNetwork::way(std::int32_t from, std::int32_t to) const {
  const Host& host_from = hosts_[static_cast<std::size_t>(host_of_[static_cast<std::size_t>(from)])];
  const Host& host_to = hosts_[static_cast<std::size_t>(host_of_[static_cast<std::size_t>(to)])];
  const std::int32_t local_from = from - host_from.first_rank;
  const std::int32_t local_to = to - host_to.first_rank;
  std::vector<VertexId> way;
  const auto add = [&](const Host& host, VertexId begin, VertexId end) {
    for (const VertexId vertex : host.local->ways->shortest(begin, end)) way.push_back(host.first_vertex + vertex);
  };
  const VertexId begin = host_from.local->network.ranks()[static_cast<std::size_t>(local_from)];
  const VertexId end = host_to.local->network.ranks()[static_cast<std::size_t>(local_to)];
  if (&host_from == &host_to) {
    add(host_from, begin, end);
    return way;
  }
  const std::int32_t port_from = host_from.local->port_of_rank[static_cast<std::size_t>(local_from)];
  const std::int32_t port_to = host_to.local->port_of_rank[static_cast<std::size_t>(local_to)];
  add(host_from, begin, host_from.local->nic_of_port[static_cast<std::size_t>(port_from)]);
  const VertexId leaf_from = leaf_of(host_from, port_from);
  const VertexId leaf_to = leaf_of(host_to, port_to);
  way.push_back(leaf_from);
  if (leaf_from != leaf_to) way.insert(way.end(), {spine_, leaf_to});
  add(host_to, host_to.local->nic_of_port[static_cast<std::size_t>(port_to)], end);
  return way;
}

/// Of each kind of host (what it is, and what its group has) the first, the first other in group 0, and the first
/// outside of it; group 0 is that of rank 0.
std::vector<std::int32_t> ClusterNetwork::unlike_hosts() const {
  std::set<std::tuple<const Local*, std::vector<std::int32_t>, int>> seen;
  std::vector<std::int32_t> unlike;
  for (std::size_t number = 0; number < hosts_.size(); ++number) {
    const Host& host = hosts_[number];
    std::vector<std::int32_t> group;
    if (!group_variants_.empty()) group = group_variants_[static_cast<std::size_t>(host.leaf_group)];
    // The last group laid out may have fewer hosts in it than its like.
    if (host.leaf_group == hosts_.back().leaf_group) group.push_back(-1);
    const int where = number == 0 ? 0 : host.leaf_group == 0 ? 1 : 2;
    if (seen.emplace(host.local, group, where).second) unlike.push_back(static_cast<std::int32_t>(number));
  }
  return unlike;
}

void ClusterNetwork::add_ranks_of(const Host& host, std::vector<VertexId>& ranks) const {
  const auto first = network_.ranks().begin() + host.first_rank;
  ranks.insert(ranks.end(), first, first + host.local->network.n_ranks());
}

std::vector<VertexId> ClusterNetwork::unlike() const {
  std::vector<VertexId> ranks;
  for (const std::int32_t number : unlike_hosts()) add_ranks_of(hosts_[static_cast<std::size_t>(number)], ranks);
  return ranks;
}

std::vector<std::vector<std::int32_t>> ClusterNetwork::partitions() const {
  if (hosts_.size() < 2) {
    if (network_.n_ranks() > kMostOfParts) return {};
    return {isolating_parts(network_)};
  }
  std::vector<std::int32_t> hosts(static_cast<std::size_t>(network_.n_vertices()), -1);
  std::vector<std::int32_t> groups = hosts;
  for (std::size_t number = 0; number < hosts_.size(); ++number) {
    const Host& host = hosts_[number];
    const VertexId end = host.first_vertex + host.local->network.n_vertices();
    for (VertexId vertex = host.first_vertex; vertex < end; ++vertex) {
      hosts[static_cast<std::size_t>(vertex)] = static_cast<std::int32_t>(number);
      groups[static_cast<std::size_t>(vertex)] = host.leaf_group;
    }
  }
  for (const auto& [place, leaf] : leaves_) groups[static_cast<std::size_t>(leaf)] = place.first;
  return {std::move(hosts), std::move(groups)};
}

}  // namespace stretto::topology
