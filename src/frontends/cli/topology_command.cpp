// `stretto topo [FILE]`: a machine, as a topology file describes it, or this one.
#include <cstdio>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "frontends/cli/commands.hpp"
#include "topology/files/machine_svg.hpp"
#include "topology/files/machine_text.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/files/nccl_xml.hpp"
#include "topology/files/read_file.hpp"
#include "topology/probe/probe.hpp"

namespace stretto::cli {
namespace {

/// The machine that the options name: without a file, this one.
topology::Machine machine_of(const TopologyOptions& options) {
  if (options.file.empty()) {
    topology::Probe probe = topology::probe_machine();
    for (const topology::Remark& remark : probe.remarks) {
      std::fprintf(stderr, "stretto: not all is known: %s\n", topology::printable(remark.text).c_str());
    }
    return std::move(probe.machine);
  }
  return machine_from_file(options.file);
}

}  // namespace

topology::Machine machine_from_file(const std::string& path) {
  std::vector<std::string> warnings;
  topology::Machine machine = topology::read_nccl_xml(topology::read_file(path), path, &warnings);
  for (const std::string& warning : warnings)
    std::fprintf(stderr, "stretto: warning: %s\n", topology::printable(warning).c_str());
  return machine;
}

void print_topology(const TopologyOptions& options) {
  const topology::Machine machine = machine_of(options);
  const std::string title = options.file.empty() ? machine.host() : options.file.substr(options.file.rfind('/') + 1);
  if (options.json) return print(topology::machine_to_json(machine));
  if (options.xml) return print(topology::write_nccl_xml(machine));
  print(options.svg ? topology::machine_to_svg(machine, title) : topology::machine_to_text(machine, title));
}

}  // namespace stretto::cli
