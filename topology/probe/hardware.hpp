// What hardware this is, in one line: enough to tell whether figures that were measured are of this machine. A few
// small files are read, since communicators ask for it when they are made; probe_machine (probe.hpp) knows more.
#pragma once

#include <string>
#include <string_view>

#include "topology/probe/system_files.hpp"

namespace stretto::topology {

/// "cpu=Intel(R) Xeon(R) Processor; cores=2; package_cores=2; nodes=1; memory_gib=24; gpus=2 x NVIDIA H100". Nothing in
/// it is of one specimen: no serial numbers, no names. What the system hides is left out.
std::string hardware_facts(const SystemFiles& files = SystemFiles(""));

/// 16 hexadecimal digits, for names of files.
std::string fingerprint_of(std::string_view facts);

}  // namespace stretto::topology
