// `stretto topo [FILE]`: a machine, as a topology file describes it, or this one; or a cluster that one line describes.
#include <cstdio>
#include <utility>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "frontends/cli/commands.hpp"
#include "topology/files/cluster_facts.hpp"
#include "topology/files/cluster_line.hpp"
#include "topology/files/cluster_svg.hpp"
#include "topology/files/cluster_text.hpp"
#include "topology/files/machine_file.hpp"
#include "topology/files/machine_svg.hpp"
#include "topology/files/machine_text.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/files/nccl_xml.hpp"
#include "topology/graph/cluster.hpp"
#include "topology/graph/host_kinds.hpp"
#include "topology/graph/merge.hpp"
#include "topology/probe/probe.hpp"

namespace stretto::cli {
namespace {

topology::Machine probed_machine() {
  topology::Probe probe = topology::probe_machine();
  for (const topology::Remark& remark : probe.remarks) {
    std::fprintf(stderr, "stretto: not all is known: %s\n", topology::printable(remark.text).c_str());
  }
  return std::move(probe.machine);
}

/// What a communicator here takes this machine for.
topology::Machine this_machine(const Environment& environment) {
  const std::string& file = environment.text(Knob::topo_file);
  topology::Machine machine =
      file.empty() ? probed_machine() : topology::merge(machine_from_file(file), probed_machine());
  const std::string& dump = environment.text(Knob::topo_dump);
  if (dump.empty()) return machine;
  try {
    topology::write_machine_file(dump, machine);
  } catch (const Error& error) {
    std::fprintf(stderr, "stretto: warning: STRETTO_TOPO_DUMP: %s\n", topology::printable(error.what()).c_str());
  }
  return machine;
}

void print_machine(const topology::Machine& machine, const std::string& title, const TopologyOptions& options) {
  if (options.json) return print(topology::machine_to_json(machine));
  if (options.xml) return print(topology::write_nccl_xml(machine));
  print(options.svg ? topology::machine_to_svg(machine, title) : topology::machine_to_text(machine, title));
}

/// One host is a machine.
void print_cluster(const std::string& line, const TopologyOptions& options) {
  const topology::ClusterSpec spec = topology::parse_cluster_line(line);
  const topology::Cluster cluster = topology::make_cluster(spec, machine_of_kind);
  if (cluster.n_hosts() == 1) {
    return print_machine(topology::present_machine(cluster.host(0)), topology::to_string(spec), options);
  }
  if (options.xml) {
    throw Error(
        strettoInvalidArgument,
        format("--xml is a file of one host, and these are {}: take --json, or a line of one host as \"1 host x "
               "dgx-h100\"",
               cluster.n_hosts()),
        "xml");
  }
  const topology::ClusterFacts facts = topology::facts_of(spec, cluster);
  if (options.json) return print(topology::cluster_to_json(facts, cluster));
  print(options.svg ? topology::cluster_to_svg(facts, cluster) : topology::cluster_to_text(facts, cluster));
}

}  // namespace

topology::Machine machine_from_file(const std::string& path) {
  std::vector<std::string> warnings;
  topology::Machine machine = topology::read_machine_file(path, &warnings);
  for (const std::string& warning : warnings)
    std::fprintf(stderr, "stretto: warning: %s\n", topology::printable(warning).c_str());
  return machine;
}

topology::Machine machine_of_kind(const std::string& kind) {
  const topology::HostKindRow* row = topology::find_host_kind(kind);
  return row != nullptr ? row->make() : machine_from_file(kind);
}

void print_topology(const TopologyOptions& options) {
  if (options.cluster) return print_cluster(*options.cluster, options);
  const bool here = options.file.empty();
  const topology::Machine machine = here ? this_machine(Environment::read()) : machine_from_file(options.file);
  print_machine(machine, here ? machine.host() : options.file.substr(options.file.rfind('/') + 1), options);
}

}  // namespace stretto::cli
