// A cluster in one line, for machines that nobody has here: "128 hosts x dgx-h100, rail-optimised, 2:1 spine".
//
//   line    = hosts { "+" hosts } { "," part }
//   hosts   = count [ "hosts" | "host" ] "x" kind
//   kind    = a name of topology/graph/host_kinds.hpp, or a topology file: a path with "/" or ending in ".xml",
//             without blanks and commas
//   part    = "one" "switch"                                       every NIC at one switch: as if nothing were said
//           | "rail-optimised" | "rail-optimized"                  NIC i of every host at leaf switch i
//           | count ( "hosts" | "host" ) "a" "leaf"                so many hosts in a row share leaves, joined by a
//           spine | down ":" up "spine"                                  leaves have so much less to the spine; 1:1 if
//           not said | speed "Gb/s" "NICs"                                  of all NICs | "host" number fault
//   fault   = "without" "GPU" number | "without" "NIC" number
//           | "without" "link" number "-" number                   all links that join two GPUs directly
//           | "NIC" number "at" speed "Gb/s"
//
// Words may be in capitals or not. Hosts, GPUs and NICs count from 0, and keep their numbers where one is missing.
#pragma once

#include <string>
#include <string_view>

#include "topology/graph/cluster.hpp"

namespace stretto::topology {

/// Throws Error(strettoInvalidArgument), whose field is the column ("column 7"): what stands there, and what should.
ClusterSpec parse_cluster_line(std::string_view line);

/// A line that parse_cluster_line makes an equal one of.
std::string to_string(const ClusterSpec& spec);

/// Whether a kind of hosts is the path of a file.
bool is_topology_file(std::string_view kind);

}  // namespace stretto::topology
