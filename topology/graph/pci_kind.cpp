#include "topology/graph/pci_kind.hpp"

namespace stretto::topology {
namespace {

constexpr std::uint16_t kNvidia = 0x10de;
constexpr std::uint16_t kAmd = 0x1002;
constexpr std::uint16_t kIntel = 0x8086;

// Class codes (PCI Code and ID Assignment Specification), without the byte of the programming interface.
constexpr std::uint32_t kDisplayClass = 0x03;
constexpr std::uint32_t kNetworkClass = 0x02;
constexpr std::uint32_t kOtherBridge = 0x0680;
constexpr std::uint32_t kPciBridge = 0x0604;
constexpr std::uint32_t kInfiniBand = 0x0c06;  // of adapters before there was 0x0207
constexpr std::uint32_t kAccelerator = 0x1200;

/// A GPU for computing. Servers and virtual machines have VGA adapters of other vendors; Intel's processors have one
/// of their own, always as 0000:00:02.0; AMD's newest accelerators are no display controllers.
bool is_gpu(const PciFunction& pci) {
  const bool is_display = pci.device_class >> 16 == kDisplayClass;
  if (pci.vendor == kNvidia) return is_display;
  if (pci.vendor == kAmd) return is_display || pci.device_class >> 8 == kAccelerator;
  return pci.vendor == kIntel && is_display && pci.bus_id != "0000:00:02.0";
}

}  // namespace

std::optional<PciKind> kind_of_function(const PciFunction& pci) {
  const std::uint32_t subclass = pci.device_class >> 8;
  if (is_gpu(pci)) return PciKind::gpu;
  if (subclass >> 8 == kNetworkClass || subclass == kInfiniBand) return PciKind::nic;
  if (subclass == kOtherBridge && pci.vendor == kNvidia) return PciKind::nv_switch;
  if (subclass == kPciBridge) return PciKind::bridge;
  return std::nullopt;
}

}  // namespace stretto::topology
