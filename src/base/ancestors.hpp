// The processes above this one, as /proc shows them: who started it.
#pragma once

#include <string>
#include <string_view>

namespace stretto {

/// The nearest ancestor whose environment, as it was when that program began, does not have the variable: as
/// "process:start time", which no other process of this host has or will have until it boots. "" if there is none to
/// be seen, as in a container that has processes of its own. Wrappers between it and this process do not matter.
std::string ancestor_without(std::string_view variable);

}  // namespace stretto
