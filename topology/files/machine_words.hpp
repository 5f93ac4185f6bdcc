// How the parts of a machine are called where people read of them: the same words in text and pictures.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// Without control characters, which a terminal would obey: they become '?'.
std::string printable(std::string_view text);

/// "PCIe 16 GT/s x16"; "": not known.
std::string pcie_link(const PciFunction& pci);
/// 1e9 bytes a second, one direction; only if rate and lanes are known.
std::optional<double> pcie_gigabytes_per_s(const PciFunction& pci);
/// "PCIe 16 GT/s x16 = 31.5 GB/s"; the sum only if both are known.
std::string pcie_speed(const PciFunction& pci);
/// "400 Gb/s", "2.5 Gb/s".
std::string net_speed(std::int64_t megabits_per_s);
/// "0-23,48-71".
std::string number_ranges(const std::vector<std::int32_t>& numbers);
/// "1 GPU", "8 GPUs", "2 NVSwitches".
std::string counted(std::size_t count, std::string_view thing);

/// One for each of machine.gpus(): "GPU0" by their ordinals, or "GPU#0" by their places where not all have one.
std::vector<std::string> gpu_labels(const Machine& machine);

/// What a GPU has beside the tree: {"18 NVLinks to 4 NVSwitches", "C2C to NUMA node 0 at 450 GB/s"}.
std::vector<std::string> link_words(const Machine& machine, NodeId gpu);

/// Networks, and NICs of which no network is known, in the order of nodes().
std::vector<NodeId> network_ends(const Machine& machine);
/// The network's name, or the NIC's bus id.
std::string network_label(const Machine& machine, NodeId end);

std::vector<NodeId> switches(const Machine& machine);

/// "2 NUMA nodes, 8 GPUs, 4 NVSwitches, 8 networks".
std::string summary(const Machine& machine);

}  // namespace stretto::topology
