// What the sources have found, before it is a Machine: by number and bus id, in any order, with gaps. A source fills
// what is absent and does not change what an earlier one said.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "topology/graph/machine.hpp"
#include "topology/graph/pci_kind.hpp"
#include "topology/probe/probe.hpp"
#include "topology/probe/system_files.hpp"

namespace stretto::topology {

using FunctionKind = PciKind;

struct DraftFunction {
  FunctionKind kind = FunctionKind::bridge;
  PciFunction pci;
  std::string parent;       ///< bus id of the function above; "": on a root bus
  std::int32_t depth = 0;   ///< functions above it
  bool is_virtual = false;  ///< an SR-IOV function of a card that is also there
  std::optional<std::int32_t> numa;
  std::string iommu_group;  ///< its number; "": none
  // Of GPUs:
  std::string uuid;
  std::optional<std::int32_t> ordinal;
  std::optional<std::int32_t> compute_capability;
};

struct DraftNet {
  NetNode net;
  std::string bus_id;  ///< of its NIC; "": virtual, or on another bus
};

/// Where a GPU's link beside the PCI tree leads to.
struct DraftEnd {
  enum class Kind : std::uint8_t {
    function,   ///< the GPU or switch with this bus id
    switches,   ///< the switches of the machine, which do not show one by one
    processor,  ///< the NUMA node of the GPU
  };
  Kind kind = Kind::function;
  std::string bus_id;

  bool operator<(const DraftEnd& other) const { return std::tie(kind, bus_id) < std::tie(other.kind, other.bus_id); }
};

/// As its GPU tells of it. Other GPUs tell of theirs; switches and processors do not: with them it is both ways.
struct DraftLink {
  std::string gpu;  ///< bus id
  DraftEnd to;
  LinkKind kind = LinkKind::nvlink;
  std::string target_class;
  std::optional<double> gigabytes_per_s;

  bool operator<(const DraftLink& other) const {
    return std::tie(gpu, kind, to, target_class, gigabytes_per_s) <
           std::tie(other.gpu, other.kind, other.to, other.target_class, other.gigabytes_per_s);
  }
};

struct Draft {
  std::string host;
  /// By the system's number. kUnnumbered: a system without NUMA nodes.
  std::map<std::int32_t, NumaNode> numa;
  std::map<std::string, DraftFunction> functions;  ///< by bus id
  std::vector<DraftNet> nets;
  std::map<DraftLink, std::int32_t> links;  ///< and how many there are of each
  std::vector<Remark> remarks;

  static constexpr std::int32_t kUnnumbered = -1;

  /// "SUBJECT CLAUSE".
  void remark(RemarkKind kind, std::string_view subject, std::string_view clause);
};

/// What a source gets: where to look, and how.
struct Sight {
  const ProbeOptions& options;
  SystemFiles files;
};

/// The NIC on PCI that a device of the system's (a path in /sys) is part of; "": none, or another kind of function.
std::string nic_above(const SystemFiles& files, const std::string& path, const Draft& draft);

using LookFunction = void (*)(const Sight&, Draft&);

void ask_hwloc(const Sight& sight, Draft& draft);
void read_processors(const Sight& sight, Draft& draft);
void read_pci(const Sight& sight, Draft& draft);
void read_interfaces(const Sight& sight, Draft& draft);
void read_rdma(const Sight& sight, Draft& draft);
void ask_verbs(const Sight& sight, Draft& draft);
void ask_nvml(const Sight& sight, Draft& draft);
void read_caveats(const Sight& sight, Draft& draft);

}  // namespace stretto::topology
