#include "topology/graph/paths.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.hpp"

namespace stretto::topology {
namespace {

/// Links of one kind by their ends.
using Counts = std::map<std::pair<NodeId, NodeId>, std::int64_t>;

Counts counts_of(const Machine& machine, LinkKind kind) {
  Counts counts;
  for (const Link& link : machine.links()) {
    if (link.kind == kind) counts[{link.from, link.to}] += link.count;
  }
  return counts;
}

std::int64_t count_between(const Counts& counts, NodeId from, NodeId to) {
  const auto found = counts.find({from, to});
  return found == counts.end() ? 0 : found->second;
}

/// Directly, and through each switch as many as go in and come out.
std::int64_t nvlinks_between(const Machine& machine, const Counts& counts, NodeId from, NodeId to) {
  std::int64_t links = count_between(counts, from, to);
  for (auto each = counts.lower_bound({from, kNoNode}); each != counts.end() && each->first.first == from; ++each) {
    const NodeId through = each->first.second;
    if (!std::holds_alternative<SwitchNode>(machine.node(through).facts)) continue;
    links += std::min(each->second, count_between(counts, through, to));
  }
  return links;
}

/// From the node up to its root.
std::vector<NodeId> ancestry(const Machine& machine, NodeId id) {
  std::vector<NodeId> nodes;
  for (; id != kNoNode; id = machine.node(id).parent) nodes.push_back(id);
  return nodes;
}

PathKind tree_path(const Machine& machine, NodeId from, NodeId to) {
  std::vector<NodeId> a = ancestry(machine, from);
  std::vector<NodeId> b = ancestry(machine, to);
  NodeId joint = kNoNode;
  while (!a.empty() && !b.empty() && a.back() == b.back()) {
    joint = a.back();
    a.pop_back();
    b.pop_back();
  }
  if (joint == kNoNode) return PathKind::sys;
  if (std::holds_alternative<NumaNode>(machine.node(joint).facts)) return PathKind::phb;
  a.push_back(joint);
  a.insert(a.end(), b.begin(), b.end());
  const auto bridges = std::count_if(
      a.begin(), a.end(), [&](NodeId id) { return std::holds_alternative<PciBridge>(machine.node(id).facts); });
  return bridges > 1 ? PathKind::pxb : PathKind::pix;
}

}  // namespace

std::vector<std::vector<Path>> paths_from_gpus(const Machine& machine, const std::vector<NodeId>& ends) {
  const Counts nvlinks = counts_of(machine, LinkKind::nvlink);
  const Counts xgmis = counts_of(machine, LinkKind::xgmi);
  const auto path = [&](NodeId from, NodeId to) -> Path {
    if (from == to) return {PathKind::self, 0};
    if (const auto links = nvlinks_between(machine, nvlinks, from, to); links > 0) return {PathKind::nvlink, links};
    if (const auto links = count_between(xgmis, from, to); links > 0) return {PathKind::xgmi, links};
    return {tree_path(machine, from, to), 0};
  };
  std::vector<std::vector<Path>> rows;
  for (const NodeId gpu : machine.gpus()) {
    std::vector<Path>& row = rows.emplace_back();
    for (const NodeId end : ends) row.push_back(path(gpu, end));
  }
  return rows;
}

std::string to_string(const Path& path) {
  switch (path.kind) {
    case PathKind::self:
      return "X";
    case PathKind::nvlink:
      return format("NV{}", path.links);
    case PathKind::xgmi:
      return format("XG{}", path.links);
    case PathKind::pix:
      return "PIX";
    case PathKind::pxb:
      return "PXB";
    case PathKind::phb:
      return "PHB";
    case PathKind::sys:
      return "SYS";
  }
  return "";
}

}  // namespace stretto::topology
