// What the header of a run says about the machine.
#pragma once

#include <cstdint>
#include <string>

namespace stretto::perf {

std::string host_name();
std::string cpu_model();
/// That this process may run on.
int core_count();
/// Memory of this process that is in RAM, in bytes.
std::uint64_t resident_bytes();
/// "2026-01-31 23:59:59", local time.
std::string time_of_day();

}  // namespace stretto::perf
