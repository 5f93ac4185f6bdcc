// Machines that everybody knows, by name, for clusters that nobody has here: what data sheets and published topologies
// say of them, and nothing that was measured. docs/topology.md lists them with their sources. Pure.
#pragma once

#include <span>
#include <string_view>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

struct HostKindRow {
  std::string_view name;     ///< in lower case: "dgx-h100"
  std::string_view summary;  ///< for people, with where it is from
  Machine (*make)();
};

std::span<const HostKindRow> host_kinds() noexcept;
/// nullptr: there is none of that name.
const HostKindRow* find_host_kind(std::string_view name) noexcept;

}  // namespace stretto::topology
