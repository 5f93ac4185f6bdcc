// The kernels, as functions that each thread of a block of host threads runs.
#pragma once

#include "device/exchange_runner.hpp"
#include "device/interpreter.hpp"
#include "device/pairs_runner.hpp"
#include "device/short_sum_runner.hpp"
#include "device/wide_exchange_runner.hpp"
#include "stretto/stretto.h"
#include "thread_machine.hpp"

namespace stretto::test {

using ThreadLanding = device::ShortSumLanding<device::kMostShortSumPartsPerThread>;

struct ThreadLaunch {
  const device::ProgramView* program;
  const device::Operation* operation;
  std::uint32_t strand;
  const device::Exchange* exchange = nullptr;   ///< in place of program and operation
  device::ExchangeLinks* links = nullptr;       ///< of the block
  const device::ShortSum* short_sum = nullptr;  ///< in place of an exchange
  ThreadLanding* landing = nullptr;             ///< of the block
};

using RunThread = void (*)(ThreadMachine&, const ThreadLaunch&);

enum class KernelForm : std::uint8_t { packets, slots, exchange, wide_exchange, short_sum, pairs };

constexpr KernelForm form_of(device::Protocol protocol) {
  return protocol == device::Protocol::packets ? KernelForm::packets : KernelForm::slots;
}

RunThread thread_kernel(strettoDataType_t type, strettoRedOp_t op, bool reduces, KernelForm form);

/// Then packets need an order that ThreadSanitizer knows of: see ThreadBlock.
bool strands_share_channels(const device::ProgramView& program);

}  // namespace stretto::test
