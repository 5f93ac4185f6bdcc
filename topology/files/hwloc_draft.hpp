// What hwloc's file says, before it is a Machine: as hwloc_read.cpp collects it, and hwloc_assemble.cpp uses it.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topology/files/schema.hpp"
#include "topology/files/xml.hpp"
#include "topology/graph/machine.hpp"
#include "topology/graph/pci_kind.hpp"

namespace stretto::topology::hwloc {

using Processors = std::bitset<kMostProcessors>;

/// The attribute cpuset: words of 32 bits, the highest first, an empty one for 0; after "0xf...f" all above are set.
/// Nothing: it has none.
std::optional<Processors> processors_of(const XmlElement& object, const FileNotes& notes);

/// Sets are read where they are used: a file may have as many as it has elements.
struct Package {
  const XmlElement* element = nullptr;
  std::optional<std::int32_t> number;
  std::string vendor;
  std::optional<std::int32_t> family;
  std::optional<std::int32_t> model;
};

struct Numa {
  const XmlElement* element = nullptr;
  std::optional<std::int32_t> id;
};

struct Function {
  PciFunction pci;
  std::optional<PciKind> kind;       ///< nothing: of no interest
  std::optional<std::size_t> above;  ///< the bridge, by its place in Draft::functions
  std::int32_t level = 0;            ///< bridges above
  const XmlElement* near = nullptr;  ///< whose processors are near; nullptr: not known
  std::vector<NetNode> nets;
  std::vector<std::string> interfaces;  ///< names in nets that are no RDMA devices
  bool computes = false;                ///< an object of CUDA or its like says so
  std::optional<std::int32_t> ordinal;  ///< of a GPU
  std::string uuid;
};

struct LooseNet {
  NetNode net;
  const XmlElement* near = nullptr;
};

struct Draft {
  std::string host;
  std::string architecture;
  Processors processors;
  std::vector<Package> packages;
  std::vector<Numa> numas;
  std::vector<Function> functions;  ///< those above before those below
  std::vector<LooseNet> loose;      ///< on no PCI function
};

Machine assemble(const Draft& draft, FileNotes& notes);

}  // namespace stretto::topology::hwloc
