// Runs what one block of threads has of a program of sends and receives: the messages of one peer in one direction, on
// some channels, one after another. Each is a strand, by its own protocol, and ends before the next one begins, as
// operations do; so what peers see does not depend on which messages are in one program. Blocks wait for nothing that
// another block of the program does: all peers and both directions go on side by side. The same code is for kernels and
// for host threads (device/interpreter.hpp).
#pragma once

#include "device/interpreter.hpp"

namespace stretto::device {

template <class Arithmetic, class Machine>
STRETTO_DEVICE void run_pairs(Machine& machine, const ProgramView& program, const Operation& operation,
                              std::uint32_t block) {
  std::uint32_t strand = block;
  while (true) {
    if (program.strands[strand].protocol == Protocol::packets) {
      Interpreter<Machine, Arithmetic, Protocol::packets>(machine, program, operation, strand).run();
    } else {
      Interpreter<Machine, Arithmetic, Protocol::slots>(machine, program, operation, strand).run();
    }
    strand = program.strands[strand].next;
    if (strand == 0) return;
    machine.barrier();  // one thread has just counted what was sent and received
  }
}

}  // namespace stretto::device
