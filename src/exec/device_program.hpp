// A bound plan as a program for a device (device/program.hpp): its steps, less those that a device has no need of.
// Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "device/program.hpp"
#include "exec/binding.hpp"

namespace stretto {

struct DeviceProgram {
  /// Where a strand of the program comes from.
  struct StrandOrigin {
    std::size_t strand = 0;  ///< of the plan
    /// Its steps (index in body, or body size + index in epilogue) that have no instruction in this strand.
    std::vector<std::uint16_t> left_out;
  };

  std::vector<std::byte> image;  ///< aligned as operator new aligns
  std::size_t scratch_bytes = 0;
  std::vector<StrandOrigin> strands;
};

/// `binding` is of a plan prepared without ports. Throws Error(strettoInternalError) if the plan is too large to be one
/// program: the numbers of instructions, operands and links have 16 bits.
///
/// Left out are: wait_drain, since puts are copies here; wait_credit, which the first write into a slot does itself,
/// when it has loaded what it writes; signals and waits of packets, which carry their own flags; and a copy from
/// scratch memory of what was reduced there just before, which is reduced into the copy's place instead. Plans make
/// such copies for the sake of slots that alias user memory.
///
/// By slots, a strand that sends nothing but its input, and receives, becomes two that run side by side
/// (device::StrandHalf): a block of threads that does one after the other leaves the link idle. It is a rank's own
/// affair: peers see the same messages in the same order.
DeviceProgram lower(const Binding& binding, device::Protocol protocol);

}  // namespace stretto
