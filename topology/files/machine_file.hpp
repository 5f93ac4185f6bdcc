// A machine from a topology file, whoever wrote it: NCCL and RCCL (nccl_xml.hpp), or hwloc (hwloc_xml.hpp). Their root
// elements tell them apart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// @param file_name for messages only
/// @param warnings if given, gets a line for each kind of what is not known, or known and left out
/// Throws Error(strettoInvalidArgument) that says file, line, element, what is wrong and what to do, and
/// Error(strettoUnsupported) in a build without expat.
Machine read_machine(std::string_view text, std::string_view file_name, std::vector<std::string>* warnings = nullptr);

/// The same of a file.
Machine read_machine_file(const std::string& path, std::vector<std::string>* warnings = nullptr);

/// Writes NCCL's form of it, whole or not at all: into a file beside it that then takes its place. Whoever may look at
/// the folder can read it (mode 0644). Throws Error(strettoSystemError) naming the file and the reason; what is no
/// regular file is never replaced.
void write_machine_file(const std::string& path, const Machine& machine);

}  // namespace stretto::topology
