#include "topology/graph/link_speed.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace stretto::topology {
namespace {

constexpr double kThirdGeneration = 8;  // gigatransfers per second
constexpr std::int32_t kUsualLanes = 16;

/// NVIDIA's data sheets: "GPU interconnect, GB/s" (both directions, all links) by twice the links: P100 160 / 4,
/// V100 300 / 6, A100 600 / 12, H100 900 / 18, B200 1800 / 18. By the oldest compute capability that has it.
struct NvlinkRow {
  std::int32_t compute_capability;
  std::int64_t megabytes_per_s;
};
constexpr std::array kNvlink = {NvlinkRow{60, 20'000}, NvlinkRow{70, 25'000}, NvlinkRow{80, 25'000},
                                NvlinkRow{90, 25'000}, NvlinkRow{100, 50'000}};

/// AMD's data sheets: Infinity Fabric link of the Instinct MI50 and MI100 92 GB/s, MI250X 100 GB/s, MI300X 128 GB/s,
/// both directions. By the number in "gcn" (906 and 908, 910, 942).
struct XgmiRow {
  std::int32_t gcn;
  std::int64_t megabytes_per_s;
};
constexpr std::array kXgmi = {XgmiRow{906, 46'000}, XgmiRow{910, 50'000}, XgmiRow{940, 64'000}};

/// NVIDIA Grace Hopper's data sheet: NVLink-C2C 900 GB/s, both directions, all its links.
constexpr std::int64_t kC2c = 450'000;

/// Estimates, after three links of Intel's UPI at 10.4 GT/s of two bytes (20.8 GB/s each), of which copies between
/// sockets get about a third; within a package memory's own pace is the limit.
constexpr std::int64_t kBetweenPackages = 20'000;
constexpr std::int64_t kWithinPackage = 40'000;

/// Eight channels of DDR5-4800, eight bytes wide (Intel's data sheets of the fourth Xeon generation).
constexpr std::int64_t kMemory = 8 * 38'400;

template <class Rows>
std::int64_t newest_up_to(const Rows& rows, std::int32_t wanted, std::int32_t(std::decay_t<decltype(rows[0])>::*key)) {
  std::int64_t speed = rows.front().megabytes_per_s;
  for (const auto& row : rows) {
    if (row.*key <= wanted) speed = row.megabytes_per_s;
  }
  return speed;
}

/// "908", "gfx942", "gfx90a:sramecc+": AMD's number, whose last digit may be one of sixteen (gfx90a is the 910).
std::int32_t gcn_of(const GpuNode& gpu) {
  std::int32_t number = 0;
  const std::size_t begin = gpu.gcn.starts_with("gfx") ? 3 : 0;
  for (std::size_t i = begin; i < std::min(gpu.gcn.size(), begin + 3); ++i) {
    const char digit = gpu.gcn[i];
    if (digit >= 'a' && digit <= 'f' && i == begin + 2) return number * 10 + (digit - 'a') + 10;
    if (digit < '0' || digit > '9') break;
    number = number * 10 + (digit - '0');
  }
  return number;
}

/// The GPU at either end; of a switch and a NUMA node nothing follows.
const GpuNode* gpu_of(const Link& link, const Machine& machine) {
  const auto* from = std::get_if<GpuNode>(&machine.node(link.from).facts);
  return from != nullptr ? from : std::get_if<GpuNode>(&machine.node(link.to).facts);
}

std::int64_t each_of(const Link& link, const Machine& machine) {
  if (link.gigabytes_per_s_of_each) return std::llround(*link.gigabytes_per_s_of_each * 1000);
  const GpuNode* const gpu = gpu_of(link, machine);
  if (link.kind == LinkKind::xgmi) return newest_up_to(kXgmi, gpu == nullptr ? 0 : gcn_of(*gpu), &XgmiRow::gcn);
  const std::int32_t capability = gpu == nullptr ? 0 : gpu->compute_capability.value_or(0);
  return newest_up_to(kNvlink, capability, &NvlinkRow::compute_capability);
}

}  // namespace

std::int64_t pci_megabytes_per_s(const PciFunction& function) {
  const double transfers = function.gigatransfers_per_s.value_or(kThirdGeneration);
  const std::int32_t lanes = function.lanes.value_or(kUsualLanes);
  // PCI Express base specification: 8 of 10 bits are data up to 5 GT/s, 128 of 130 up to 32, 242 bytes of 256 at 64.
  const double part = transfers < 8 ? 0.8 : transfers < 64 ? 128.0 / 130 : 242.0 / 256;
  return std::llround(transfers * 1000 * part * lanes / 8);
}

std::int64_t link_megabytes_per_s(const Link& link, const Machine& machine) {
  if (link.kind == LinkKind::c2c && !link.gigabytes_per_s_of_each) return kC2c;
  return each_of(link, machine) * link.count;
}

std::int64_t between_numa_megabytes_per_s(const NumaNode& a, const NumaNode& b) {
  return a.package && a.package == b.package ? kWithinPackage : kBetweenPackages;
}

std::int64_t memory_megabytes_per_s() { return kMemory; }

}  // namespace stretto::topology
