// A machine as indented text, for tests: what is not known is not there.
#pragma once

#include <string>

#include "topology/probe/probe.hpp"

namespace stretto::test {

/// Without host, architecture and ids of cards: a line a node, then a line a link.
std::string dump(const topology::Machine& machine);

/// The texts, a line each.
std::string dump(const std::vector<topology::Remark>& remarks);

}  // namespace stretto::test
