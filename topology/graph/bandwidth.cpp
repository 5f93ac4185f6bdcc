#include "topology/graph/bandwidth.hpp"

namespace stretto::topology {

std::optional<double> pcie_gigabytes_per_s(const PciFunction& pci) {
  if (!pci.gigatransfers_per_s || !pci.lanes) return std::nullopt;
  const double rate = *pci.gigatransfers_per_s;
  const double share = rate < 8 ? 8.0 / 10 : (rate < 64 ? 128.0 / 130 : 242.0 / 256);
  return rate * share * *pci.lanes / 8;
}

}  // namespace stretto::topology
