// Topology files as NCCL and RCCL read and write them: NCCL_TOPO_FILE, NCCL_TOPO_DUMP_FILE, and what cloud vendors
// ship. docs/topology.md has the elements and attributes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "topology/files/xml.hpp"
#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// @param file_name for messages only
/// @param warnings if given, gets a line for each kind of element or attribute that is not known and was left out, and
///        for each link of a GPU to itself, which some published files have and which is left out, too
///
/// A PCI function is a GPU if it has a <gpu> or the class 0x03...., a NIC if it has a <nic> or the class 0x02....: so
/// the vendors' partial files have both, without facts that merge() adds. A target of NVLinks that is no function of
/// the file and has the class 0x068000 becomes an NVSwitch. An unknown class of a target is as its kind has it.
///
/// Throws Error(strettoInvalidArgument) that says file, line, element, what is wrong and what to do, and
/// Error(strettoUnsupported) in a build without expat.
Machine read_nccl_xml(std::string_view text, std::string_view file_name, std::vector<std::string>* warnings = nullptr);
/// The same of the root element.
Machine read_nccl_xml(const XmlElement& root, std::string_view file_name, std::vector<std::string>* warnings = nullptr);

/// What read_nccl_xml makes an equal machine of, if the machine came from there. Attributes of stretto's own, which
/// NCCL ignores: `package` of <cpu>, `uuid` of <gpu>, `bw` (MB/s of one link) of <nvlink> and <xgmi>, `link_layer`,
/// `rdma_device` and `dmabuf` of <net>. The format has no place for: a host without NUMA nodes; GIDs of <net>; switches
/// without links or that are PCI functions with parts of their own; links to a switch whose directions differ (that
/// from the GPU is written); fractions of a MB/s; the order of links other than by their GPUs, and networks after other
/// children of their NIC.
std::string write_nccl_xml(const Machine& machine);

}  // namespace stretto::topology
