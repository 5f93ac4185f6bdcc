#include "topology/probe/probe.hpp"

#include <array>
#include <utility>

#include "topology/probe/assemble.hpp"
#include "topology/probe/draft.hpp"

namespace stretto::topology {
namespace {

/// In the order of their authority: what one has said the next do not change. The last ones need the others' word.
constexpr std::array<LookFunction, 8> kSources = {ask_hwloc, read_processors, read_pci, read_interfaces,
                                                  read_rdma, ask_verbs,       ask_nvml, read_caveats};

}  // namespace

Probe probe_machine(const ProbeOptions& options) {
  const Sight sight{options, SystemFiles(options.root)};
  Draft draft;
  draft.host = sight.files.text("/proc/sys/kernel/hostname").value_or("");
  if (!sight.files.exists("/sys/devices")) {
    draft.remark(RemarkKind::missing, "/sys", " was not found: GPUs, NICs and NUMA nodes do not show without it");
  }
  for (const LookFunction look : kSources) look(sight, draft);
  Machine machine = assemble(draft, options);
  return {std::move(machine), std::move(draft.remarks)};
}

}  // namespace stretto::topology
