// Topology files of hwloc: what `lstopo --of xml` and hwloc_topology_export_xml write, of its versions 1, 2 and 3
// (format: hwloc's manual, "Importing and exporting topologies from/to XML files", and its hwloc2.dtd).
#pragma once

#include <string>
#include <vector>

#include "topology/files/xml.hpp"
#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// The name of the root element, and of the document type.
inline constexpr std::string_view kHwlocRoot = "topology";

/// Of the root element <topology>, as the probe (topology/probe) would see that machine:
///
/// - NUMA nodes are those with processors, each of which is in the first that has it; a machine without is one node.
/// - A PCI device is a GPU if an object of CUDA, NVML, ROCm SMI, OpenCL or Level Zero says so, a NIC if it has a
///   network, and else what pci_kind.hpp says. Bridges are those ports of PCI switches that lead up, with such below.
/// - I/O lies at the NUMA node whose processors it is near; where these are of several, at one without number.
/// - Links beside the tree are not read: a probe or NCCL's file knows them. hwloc gives a PCI link's speed in all; it
/// is
///   read as that of as many lanes as give it, of 16, 8, 4, 2 and 1.
///
/// @param warnings if given, gets a line for each kind of what is not known, or known and left out
/// Throws Error(strettoInvalidArgument) that says file, line, element, what is wrong and what to do.
Machine read_hwloc_xml(const XmlElement& root, std::string_view file_name,
                       std::vector<std::string>* warnings = nullptr);

}  // namespace stretto::topology
