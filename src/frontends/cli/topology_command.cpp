// `stretto topo [FILE]`: a machine, as a topology file describes it, or this one.
#include <cstdio>
#include <utility>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "frontends/cli/commands.hpp"
#include "topology/files/machine_file.hpp"
#include "topology/files/machine_svg.hpp"
#include "topology/files/machine_text.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/files/nccl_xml.hpp"
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

}  // namespace

topology::Machine machine_from_file(const std::string& path) {
  std::vector<std::string> warnings;
  topology::Machine machine = topology::read_machine_file(path, &warnings);
  for (const std::string& warning : warnings)
    std::fprintf(stderr, "stretto: warning: %s\n", topology::printable(warning).c_str());
  return machine;
}

void print_topology(const TopologyOptions& options) {
  const bool here = options.file.empty();
  const topology::Machine machine = here ? this_machine(Environment::read()) : machine_from_file(options.file);
  const std::string title = here ? machine.host() : options.file.substr(options.file.rfind('/') + 1);
  if (options.json) return print(topology::machine_to_json(machine));
  if (options.xml) return print(topology::write_nccl_xml(machine));
  print(options.svg ? topology::machine_to_svg(machine, title) : topology::machine_to_text(machine, title));
}

}  // namespace stretto::cli
