// One strand of a prepared plan as the instructions of one or two strands of a device's program. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "device/program.hpp"
#include "exec/prepared_plan.hpp"

namespace stretto {

/// What strands of different channels have in common, mostly.
struct StrandPattern {
  std::vector<device::Instruction> instructions;  ///< first_source counted from the pattern's first operand
  std::vector<device::Operand> operands;
  std::vector<device::Link> links;
  std::uint16_t n_body = 0;
  device::StrandHalf half = device::StrandHalf::whole;
  /// Steps of the plan's strand (index in body, or body size + index in epilogue) that have no instruction here.
  std::vector<std::uint16_t> left_out;

  /// But for left_out.
  friend bool operator==(const StrandPattern& a, const StrandPattern& b);
};

/// Whether a strand may run as a sending and a receiving half side by side: it sends and receives, and all that it
/// sends is its input, so that nothing sent depends on what is received. Only one message a round to each peer: then
/// the sending half waits for credits of earlier rounds alone. Were there more, and buffers that overlap, one might
/// wait for the release of another of its own round, which the peer's receiving half gives after its sending half has
/// passed that round, which waits in the same way.
bool can_be_halved(const PreparedStrand& strand);

/// Throws Error(strettoInternalError) if there is too much of something for 16 bits.
StrandPattern lower_strand(const PreparedStrand& strand, device::Protocol protocol, device::StrandHalf half);

/// As a number of 16 bits; throws Error(strettoInternalError) if it is none.
std::uint16_t narrow(std::size_t value);

}  // namespace stretto
