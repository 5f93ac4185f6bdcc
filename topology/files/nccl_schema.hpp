// What reader and writer of NCCL's files must have in common.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "topology/graph/machine.hpp"
#include "topology/graph/pci_kind.hpp"

namespace stretto::topology::nccl {

/// What the driver says of an NVSwitch that a virtual machine hides.
inline constexpr std::string_view kHiddenTarget = "fffffff:ffff:ff";
inline constexpr std::string_view kSwitchClass = "0x068000";
/// Of POWER: NVLinks to the processor.
inline constexpr std::string_view kProcessorClass = "0x068001";
inline constexpr std::string_view kGpuClass = "0x030200";

/// The class of a target where none is given.
inline std::string usual_class(const Node& target) {
  if (std::holds_alternative<NumaNode>(target.facts)) return std::string(kProcessorClass);
  if (std::holds_alternative<SwitchNode>(target.facts)) return std::string(kSwitchClass);
  const PciFunction* pci = pci_of(target);
  if (pci == nullptr || pci->device_class == 0) return std::string(kGpuClass);
  return format("0x{:06x}", pci->device_class);
}

/// What a function of this class is, of which nothing else is said.
inline PciKind kind_of_class(std::uint32_t device_class) {
  if (device_class >> 16 == 0x03) return PciKind::gpu;
  if (device_class >> 16 == 0x02) return PciKind::nic;
  return device_class == 0x068000 ? PciKind::nv_switch : PciKind::bridge;
}

}  // namespace stretto::topology::nccl
