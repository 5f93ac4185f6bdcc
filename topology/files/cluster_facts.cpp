#include "topology/files/cluster_facts.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "topology/files/cluster_line.hpp"
#include "topology/files/machine_words.hpp"

namespace stretto::topology {
namespace {

using Fault = ClusterSpec::Fault;
using Links = std::map<std::int32_t, std::set<std::pair<std::int32_t, std::int32_t>>>;  // missing, by host

constexpr std::int32_t kNoHost = kMostHosts;

Links links_missing(const ClusterSpec& spec) {
  Links links;
  for (const ClusterSpec::Change& change : spec.changes) {
    if (change.fault == Fault::no_link) links[change.host].insert(std::minmax(change.first, change.second));
  }
  return links;
}

/// As it came out: of what is said twice of one part, the last.
std::vector<HostFault> faults_of(const HostVariant& host, const Links& links, std::int32_t number) {
  std::vector<HostFault> faults;
  for (std::size_t gpu = 0; gpu < host.gpus.size(); ++gpu) {
    if (!host.gpus[gpu]) faults.push_back({Fault::no_gpu, static_cast<std::int32_t>(gpu)});
  }
  for (std::size_t port = 0; port < host.port_megabits_per_s.size(); ++port) {
    const std::int64_t speed = host.port_megabits_per_s[port];
    const std::int64_t made = host.made_megabits_per_s[port];
    if (speed == made) continue;
    faults.push_back({speed == 0 ? Fault::no_nic : Fault::slow_nic, static_cast<std::int32_t>(port), 0, speed, made});
  }
  if (const auto missing = links.find(number); missing != links.end()) {
    for (const auto& [first, second] : missing->second) faults.push_back({Fault::no_link, first, second});
  }
  return faults;
}

void add_hosts(ClusterFacts& facts, const ClusterSpec& spec, const Cluster& cluster) {
  const Links links = links_missing(spec);
  std::int32_t number = 0;
  for (const ClusterSpec::Hosts& group : spec.hosts) {
    auto kind = std::ranges::find(facts.kinds, group.kind, &ClusterFacts::Kind::name);
    if (kind == facts.kinds.end()) {
      std::vector<PortCount> nics;
      for (const std::int64_t speed : cluster.host(number).made_megabits_per_s) {
        if (nics.empty() || nics.back().megabits_per_s != speed) nics.push_back({speed, 0});
        ++nics.back().count;
      }
      kind = facts.kinds.insert(kind, {group.kind, kNoHost, std::move(nics)});
    }
    const auto kind_number = static_cast<std::size_t>(kind - facts.kinds.begin());
    for (const std::int32_t end = number + group.count; number < end; ++number) {
      std::vector<HostFault> faults = faults_of(cluster.host(number), links, number);
      if (faults.empty()) facts.kinds[kind_number].host = std::min(facts.kinds[kind_number].host, number);
      HostRun* last = facts.hosts.empty() ? nullptr : &facts.hosts.back();
      if (last == nullptr || last->kind != kind_number || last->faults != faults) {
        facts.hosts.push_back(
            {number, 0, kind_number, facts.n_ranks, ranks_of(cluster.host(number)), std::move(faults)});
        last = &facts.hosts.back();
      }
      ++last->count;
      facts.n_ranks += last->ranks_of_each;
    }
  }
}

using HostCounts = std::map<std::int32_t, std::int64_t>;  // of a group, by variant

std::vector<LeafFacts> leaves_of_group(const HostCounts& hosts, const Cluster& cluster) {
  struct Sum {
    std::map<std::int64_t, std::int64_t, std::greater<>> ports;  // by speed
    std::int64_t megabits_per_s = 0;
  };
  std::map<std::int32_t, Sum> sums;  // by rail
  for (const auto& [variant, count] : hosts) {
    const HostVariant& host = cluster.variants[static_cast<std::size_t>(variant)];
    for (std::size_t port = 0; port < host.made_megabits_per_s.size(); ++port) {
      Sum& sum = sums[cluster.fabric.rails ? static_cast<std::int32_t>(port) : -1];
      sum.ports[host.port_megabits_per_s[port]] += count;
      sum.megabits_per_s += count * host.made_megabits_per_s[port];
    }
  }
  std::vector<LeafFacts> leaves;
  for (const auto& [rail, sum] : sums) {
    LeafFacts leaf;
    leaf.rail = rail;
    for (const auto& [speed, count] : sum.ports) {
      if (speed > 0) leaf.ports.push_back({speed, count});
      if (speed == 0) leaf.free_ports = count;
    }
    const std::int64_t most = std::numeric_limits<std::int64_t>::max() / cluster.fabric.up;
    leaf.spine_megabits_per_s = std::min(sum.megabits_per_s, most) * cluster.fabric.up / cluster.fabric.down;
    leaves.push_back(std::move(leaf));
  }
  return leaves;
}

void add_leaves(ClusterFacts& facts, const Cluster& cluster) {
  const std::int32_t n_hosts = cluster.n_hosts();
  const std::int32_t size = cluster.fabric.hosts_per_leaf > 0 ? cluster.fabric.hosts_per_leaf : n_hosts;
  HostCounts last;
  std::int32_t group = 0;
  for (std::int32_t host = 0; host < n_hosts; ++group) {
    const std::int32_t first = host;
    HostCounts hosts;
    for (; host < n_hosts && host - first < size; ++host) ++hosts[cluster.variant_of[static_cast<std::size_t>(host)]];
    if (facts.groups.empty() || hosts != last) {
      facts.groups.push_back({group, 0, first, host - first, leaves_of_group(hosts, cluster)});
      last = std::move(hosts);
    }
    ++facts.groups.back().count;
    facts.n_leaves += static_cast<std::int64_t>(facts.groups.back().leaves.size());
  }
  facts.has_spine = facts.n_leaves > 1;
}

std::string nic_words(const std::vector<PortCount>& nics) {
  std::string text;
  for (const PortCount& nic : nics) {
    text += format("{}{} of {}", text.empty() ? "" : ", ", counted(static_cast<std::size_t>(nic.count), "NIC"),
                   net_speed(nic.megabits_per_s));
  }
  return text.empty() ? "no NICs" : text;
}

/// The run of ascending ones that holds a number.
template <class Run>
const Run& run_with(const std::vector<Run>& runs, std::int32_t number) {
  return *std::prev(std::ranges::upper_bound(runs, number, {}, &Run::first));
}

}  // namespace

const HostRun& ClusterFacts::run_of(std::int32_t host) const { return run_with(hosts, host); }

const LeafRun& ClusterFacts::leaves_of(std::int32_t group) const { return run_with(groups, group); }

ClusterFacts facts_of(const ClusterSpec& spec, const Cluster& cluster) {
  ClusterFacts facts;
  facts.line = printable(to_string(spec));
  add_hosts(facts, spec, cluster);
  for (const HostRun& run : facts.hosts) {  // where none is whole
    if (facts.kinds[run.kind].host == kNoHost) facts.kinds[run.kind].host = run.first;
  }
  add_leaves(facts, cluster);
  return facts;
}

std::string kind_words(const ClusterFacts::Kind& kind, const Cluster& cluster) {
  const Machine& machine = cluster.host(kind.host).machine;
  const std::vector<NodeId> gpus = machine.gpus();
  std::string text;
  if (gpus.empty()) {
    const auto numas = static_cast<std::size_t>(ranks_of(cluster.host(kind.host)));
    text = counted(numas, "NUMA node") + (numas == 1 ? ", a rank" : ", each a rank");
  } else {
    text = counted(gpus.size(), "GPU");
    bool alike = false;
    for (const std::string& words : link_words(machine, gpus.front())) {
      const bool of_each = std::ranges::all_of(gpus, [&](NodeId gpu) {
        const std::vector<std::string> own = link_words(machine, gpu);
        return std::ranges::find(own, words) != own.end();
      });
      if (of_each) text += ", each " + words;
      alike = alike || of_each;
    }
    if (!alike) text += machine.links().empty() ? " on PCIe" : ", not joined alike by links";
  }
  return text + "; " + nic_words(kind.nics);
}

std::string fault_words(const HostFault& fault) {
  switch (fault.fault) {
    case Fault::no_gpu:
      return format("GPU {} is missing", fault.first);
    case Fault::no_nic:
      return format("NIC {} is missing", fault.first);
    case Fault::no_link:
      return format("no link {}-{}", fault.first, fault.second);
    case Fault::slow_nic:
      return format("NIC {} at {}, not {}", fault.first, net_speed(fault.megabits_per_s),
                    net_speed(fault.made_megabits_per_s));
  }
  return "";
}

std::string port_words(const LeafFacts& leaf) {
  std::string text;
  for (const PortCount& port : leaf.ports) {
    text += format("{}{} x {}", text.empty() ? "" : ", ", port.count, net_speed(port.megabits_per_s));
  }
  if (leaf.free_ports > 0) text += format("{}{} free", text.empty() ? "" : ", ", leaf.free_ports);
  return text;
}

std::string rank_words(std::int64_t first, std::int64_t count) {
  return count == 1 ? format("rank {}", first) : format("ranks {}-{}", first, first + count - 1);
}

std::string spine_words(const Fabric& fabric) {
  if (fabric.down == fabric.up) return "each leaf has all of what its NICs carry";
  return format("each leaf has {}/{} of what its NICs carry", fabric.up, fabric.down);
}

std::string cluster_summary(const ClusterFacts& facts, const Cluster& cluster) {
  std::string text = counted(static_cast<std::size_t>(facts.n_ranks), "rank") + " on " +
                     counted(static_cast<std::size_t>(cluster.n_hosts()), "host");
  if (!facts.has_spine) return text + ", one switch";
  return text + format(", {} leaves, spine {}:{}", facts.n_leaves, cluster.fabric.down, cluster.fabric.up);
}

}  // namespace stretto::topology
