// What machine this is: asks the system and returns a Machine, with remarks on what could not be seen. Needs no root.
// A library that is not there, a file that cannot be read or says nothing of sense, or a part of /sys that a container
// hides narrows the view and is said; it is no error.
//
// Each source (/sys, hwloc, NVML, libibverbs) is a file of its own and a row in probe.cpp; they fill a draft
// (draft.hpp), of which assemble.hpp makes the machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

struct ProbeOptions {
  std::string root;                                ///< put before /sys and /proc; "": the system's own
  std::string hwloc_library = "libhwloc.so.15";    ///< "": hwloc is not asked
  std::string nvml_library = "libnvidia-ml.so.1";  ///< "": NVML is not asked
  /// "": RDMA devices are not opened, and their GIDs not read. The library may itself write to standard error, and
  /// knows this system's devices, whatever the root.
  std::string verbs_library = "libibverbs.so.1";
  /// Each port of each bridge. Otherwise a PCI switch is one bridge (its upstream port, as in NCCL's files), and those
  /// with neither GPU nor NIC below are left out, as are root ports.
  bool all_bridges = false;
};

enum class RemarkKind : std::uint8_t {
  missing,     ///< a source is not there: a library, a directory
  unreadable,  ///< something is there, and does not say what it should
  left_out,    ///< seen, and not in the machine: a port that is down
  flattened,   ///< a virtual machine hides the PCI tree: distances between GPUs and NICs are not known
  slow_path,   ///< in the machine, and slower than it looks: narrow links, traffic that an IOMMU sends a longer way
};

struct Remark {
  RemarkKind kind = RemarkKind::missing;
  std::string subject;  ///< a path, a library, a bus id, a name
  std::string text;     ///< a sentence that begins with the subject: what is not seen, and why

  bool operator==(const Remark&) const = default;
};

struct Probe {
  Machine machine;
  std::vector<Remark> remarks;  ///< in the order of the sources
};

/// Reads what is there at the time of the call. Takes some 10 ms, of which most is hwloc's, NVML's start where there
/// are NVIDIA's GPUs, and opening RDMA devices where there are such.
Probe probe_machine(const ProbeOptions& options = {});

}  // namespace stretto::topology
