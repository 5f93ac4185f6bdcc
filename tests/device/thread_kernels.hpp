// The kernels, as functions that each thread of a block of host threads runs.
#pragma once

#include "device/interpreter.hpp"
#include "stretto/stretto.h"
#include "thread_machine.hpp"

namespace stretto::test {

struct ThreadLaunch {
  const device::ProgramView* program;
  const device::Operation* operation;
  std::uint32_t strand;
};

using RunThread = void (*)(ThreadMachine&, const ThreadLaunch&);

RunThread thread_kernel(strettoDataType_t type, strettoRedOp_t op, bool reduces, device::Protocol protocol);

/// Then packets need an order that ThreadSanitizer knows of: see ThreadBlock.
bool strands_share_channels(const device::ProgramView& program);

}  // namespace stretto::test
