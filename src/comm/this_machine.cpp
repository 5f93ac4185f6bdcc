#include "comm/this_machine.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/affinity.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "topology/files/machine_file.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/graph/merge.hpp"
#include "topology/probe/probe.hpp"

namespace stretto {
namespace {

using topology::Machine;
using topology::NumaNode;

/// A file can have a hundred thousand kinds of what is not known.
constexpr std::size_t kMostWarnings = 20;

Machine read_file(const Settings& settings, Rank rank) {
  try {
    std::vector<std::string> warnings;
    Machine machine = topology::read_machine_file(settings.topology_file, &warnings);
    for (std::size_t i = 0; i < std::min(warnings.size(), kMostWarnings); ++i) {
      log(LogLevel::warn, "event=topology_file rank={} text=\"{}\"", rank, topology::printable(warnings[i]));
    }
    if (warnings.size() > kMostWarnings) {
      log(LogLevel::warn, "event=topology_file rank={} more={}", rank, warnings.size() - kMostWarnings);
    }
    return machine;
  } catch (const Error& error) {
    ErrorInfo info = error.info();
    info.rank = rank;
    info.field = "STRETTO_TOPO_FILE";
    info.name = "set-up";
    info.text = format("STRETTO_TOPO_FILE cannot be taken: {}", info.text);
    throw Error(std::move(info));
  }
}

void write_file(const Settings& settings, Rank rank, const Machine& machine) {
  try {
    topology::write_machine_file(settings.topology_dump, machine);
    log(LogLevel::info, "event=topology_dump rank={} file=\"{}\"", rank, settings.topology_dump);
  } catch (const Error& error) {
    log(LogLevel::warn, "event=topology_dump rank={} variable=STRETTO_TOPO_DUMP text=\"{}\"", rank,
        topology::printable(error.what()));
  }
}

std::optional<std::int32_t> look_at_machine(const Settings& settings, Rank rank, bool writes) {
  std::optional<Machine> file;
  if (!settings.topology_file.empty()) file = read_file(settings, rank);
  topology::ProbeOptions options;
  if (!writes) {  // these take longest, and sockets need neither GPUs nor RDMA devices
    options.nvml_library.clear();
    options.verbs_library.clear();
  }
  Machine machine = topology::probe_machine(options).machine;
  if (file) machine = topology::merge(*file, machine);
  if (writes) write_file(settings, rank, machine);
  return file ? socket_in(machine, allowed_cpus()) : std::nullopt;
}

}  // namespace

std::optional<std::int32_t> socket_in(const Machine& machine, std::span<const std::size_t> processors) {
  std::vector<const NumaNode*> nodes;
  for (const topology::NodeId root : machine.roots()) {
    const auto* numa = std::get_if<NumaNode>(&machine.node(root).facts);
    if (numa != nullptr && !numa->processors.empty()) nodes.push_back(numa);
  }
  const bool by_package = std::all_of(nodes.begin(), nodes.end(), [](const NumaNode* node) { return node->package; });
  std::set<std::int32_t> sockets;
  for (const std::size_t processor : processors) {
    const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const NumaNode* node) {
      return std::binary_search(node->processors.begin(), node->processors.end(), static_cast<std::int32_t>(processor));
    });
    if (found == nodes.end()) return std::nullopt;
    sockets.insert(by_package ? *(*found)->package : static_cast<std::int32_t>(found - nodes.begin()));
  }
  if (sockets.empty()) return std::nullopt;
  return sockets.size() == 1 ? *sockets.begin() : -1;
}

void adopt_machine(Settings& settings, Rank rank) {
  const bool writes = !settings.topology_dump.empty() && rank == 0;
  if (settings.topology_file.empty() && !writes) return;
  MachineLook look;
  try {
    look.socket = look_at_machine(settings, rank, writes);
  } catch (const Error& error) {
    look.error = error.info();
  }
  settings.machine = std::make_shared<const MachineLook>(std::move(look));
}

HostIdentity identity_of(System& system, const Settings& settings, Rank rank, int n_ranks) {
  HostIdentity identity = system.identity();
  if (settings.machine != nullptr) {
    if (settings.machine->error) throw Error(*settings.machine->error);
    if (settings.machine->socket) identity.socket = *settings.machine->socket;
  }
  if (settings.test_sockets > 0) identity.socket = rank * settings.test_sockets / n_ranks;
  return identity;
}

}  // namespace stretto
