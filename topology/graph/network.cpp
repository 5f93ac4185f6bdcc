#include "topology/graph/network.hpp"

#include <utility>

#include "base/error.hpp"
#include "topology/graph/link_speed.hpp"

namespace stretto::topology {
namespace {

void join_numa_nodes(Network& network, const Machine& machine, const std::vector<VertexId>& vertices) {
  const std::vector<NodeId>& roots = machine.roots();
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const auto* a = std::get_if<NumaNode>(&machine.node(roots[i]).facts);
    for (std::size_t j = i + 1; a != nullptr && j < roots.size(); ++j) {
      const auto* b = std::get_if<NumaNode>(&machine.node(roots[j]).facts);
      if (b == nullptr || vertices[static_cast<std::size_t>(roots[i])] < 0) continue;
      if (vertices[static_cast<std::size_t>(roots[j])] < 0) continue;
      network.add_both_ways(vertices[static_cast<std::size_t>(roots[i])], vertices[static_cast<std::size_t>(roots[j])],
                            between_numa_megabytes_per_s(*a, *b));
    }
  }
}

}  // namespace

VertexId Network::add_rank(std::string name, NodeId node) {
  const VertexId id = add_relay(std::move(name), node);
  vertices_.back().rank = n_ranks();
  ranks_.push_back(id);
  return id;
}

VertexId Network::add_relay(std::string name, NodeId node) {
  vertices_.push_back({std::move(name), -1, node});
  return n_vertices() - 1;
}

void Network::add_edge(VertexId from, VertexId to, std::int64_t megabytes_per_s) {
  STRETTO_ASSERT(from >= 0 && from < n_vertices() && to >= 0 && to < n_vertices() && from != to);
  STRETTO_ASSERT(megabytes_per_s >= 0);
  if (megabytes_per_s > 0) edges_.push_back({from, to, megabytes_per_s});
}

void Network::add_both_ways(VertexId a, VertexId b, std::int64_t megabytes_per_s) {
  add_edge(a, b, megabytes_per_s);
  add_edge(b, a, megabytes_per_s);
}

Network Network::reversed() const {
  Network turned = *this;
  for (Edge& edge : turned.edges_) std::swap(edge.from, edge.to);
  return turned;
}

std::vector<VertexId> add_machine(Network& network, const Machine& machine,
                                  const std::function<bool(NodeId)>& takes_part,
                                  const std::function<std::string(NodeId)>& named) {
  std::vector<VertexId> vertices;
  for (std::size_t i = 0; i < machine.nodes().size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    const Node& node = machine.node(id);
    if (!takes_part(id)) {
      vertices.push_back(-1);
      continue;
    }
    const bool is_gpu = std::holds_alternative<GpuNode>(node.facts);
    vertices.push_back(is_gpu ? network.add_rank(named(id), id) : network.add_relay(named(id), id));
    const PciFunction* const pci = pci_of(node);
    if (pci == nullptr || node.parent == kNoNode) continue;
    const VertexId parent = vertices[static_cast<std::size_t>(node.parent)];
    if (parent >= 0) network.add_both_ways(vertices.back(), parent, pci_megabytes_per_s(*pci));
  }
  join_numa_nodes(network, machine, vertices);
  for (const Link& link : machine.links()) {
    const VertexId from = vertices[static_cast<std::size_t>(link.from)];
    const VertexId to = vertices[static_cast<std::size_t>(link.to)];
    if (from >= 0 && to >= 0) network.add_edge(from, to, link_megabytes_per_s(link, machine));
  }
  return vertices;
}

Network network_of(const Machine& machine) {
  Network network;
  // Networks of a NIC are for other hosts: within one they carry nothing.
  const auto carries = [&](NodeId id) {
    const NodeFacts& facts = machine.node(id).facts;
    return !std::holds_alternative<NetNode>(facts) && !std::holds_alternative<NicNode>(facts);
  };
  add_machine(network, machine, carries, [&](NodeId id) { return name_of(machine.node(id)); });
  return network;
}

}  // namespace stretto::topology
