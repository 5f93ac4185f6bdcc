// Ranks that are processes of their own: forked, set up over a page that they share, watched and reaped.
#pragma once

#include <functional>
#include <vector>

#include "conformance.hpp"

namespace stretto {

/// Forks a process per rank, sets the transports up and runs `body` in each, which tells whether it passed. Returns per
/// rank: 0 if it passed, the number of the signal that killed it, or 1000 + exit code. Processes that do not end within
/// the test's time are killed.
std::vector<int> run_processes(const TransportFactory& factory, const TeamConfig& config,
                               const std::function<bool(Transport& transport, Rank rank)>& body);

}  // namespace stretto
