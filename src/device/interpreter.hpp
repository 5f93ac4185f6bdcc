// Runs one strand of a plan with one block of threads. The same code is for kernels and for host
// threads (tests/device/thread_machine.hpp), which differ in a Machine:
//
//   thread(), threads()            this thread's place in its block
//   barrier()                      of the block; orders its threads' memory accesses
//   load_credit(word)              a counter that a peer raises; what it allows may be done after it was seen
//   give_credit(word, value)       after a barrier: no thread of the block reads any more what it gives back
//   poll(word), consume()          a counter that a peer publishes; after consume() what it stands for can be read
//   publish(word, value)           after a barrier: all that the block's threads wrote is there before the value is
//   count(word)                    adds 1 to a counter, after all that the block did
//   settle()                       this thread's stores are there before anything after the next barrier is
//   load_packet(p), store_packet(p, packet)        each of its two words as a whole, in no order
//   load_slot<N>(p), store_slot<N>(p, granule)     of memory that two ranks share
//   keep_waiting(patience)         called between looks; false where it is time to give up
//   give_up()                      as fail(), but another one has told already
//   fail(step, peer)               this strand gives up: failed() is true for this thread, after a barrier for the
//   block log(step, round)               for tests
//
// Every wait ends: by what it waits for, or by keep_waiting. After a failure the block runs through its instructions
// without waiting, moving or signalling anything, so that barriers match.
#pragma once

#include "device/connections.hpp"
#include "device/granule.hpp"

namespace stretto::device {

template <class Machine, class Arithmetic, Protocol protocol>
class Interpreter {
 public:
  static constexpr int kGranule_bytes = protocol == Protocol::packets ? 8 : 16;
  static constexpr int kUnroll = protocol == Protocol::packets ? 2 : 4;

  STRETTO_DEVICE Interpreter(Machine& machine, const ProgramView& program, const Operation& operation,
                             std::uint32_t strand)
      : machine_(machine),
        program_(program),
        operation_(operation),
        strand_(program.strands[strand]),
        connections_(machine, program, operation, strand_) {}

  STRETTO_DEVICE void run() {
    if (operation_.waits) connections_.await_earlier();
    for (round_ = 0; round_ < strand_.rounds; ++round_) run_all(strand_.first_instruction, strand_.n_body);
    run_all(strand_.first_instruction + strand_.n_body, strand_.n_epilogue);
    connections_.end();
  }

 private:
  using Piece = Granule<kGranule_bytes>;
  using Accumulators = Lanes<typename Arithmetic::Policy, kGranule_bytes>;
  using Factors = Lanes<typename Arithmetic::Product, kGranule_bytes>;

  /// The chunk that an instruction moves.
  struct Chunk {
    std::uint64_t offset_bytes;  ///< in its block
    std::uint64_t bytes;
  };
  /// An operand of it: where its granule 0 is.
  struct Located {
    std::byte* address;
    Place place;
    std::uint32_t flag;  ///< of packets
  };

  STRETTO_DEVICE void run_all(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t i = first; i < first + count; ++i) {
      const Instruction& instruction = program_.instructions[i];
      if (instruction.flags & kBarrierBefore) machine_.barrier();
      run_one(instruction);
      if (instruction.flags & kBarrierAfter) machine_.barrier();
    }
  }

  STRETTO_DEVICE void run_one(const Instruction& instruction) {
    if (instruction.opcode == Opcode::release)
      return connections_.release(instruction, round_);  // it has a barrier of its own
    if (machine_.failed()) return;
    machine_.log(instruction.step, round_);
    switch (instruction.opcode) {
      case Opcode::combine:
        combine(instruction);
        break;
      case Opcode::acquire:
        connections_.acquire(instruction, round_);
        break;
      case Opcode::signal:
        connections_.signal(instruction, round_);
        break;
      case Opcode::wait:
        connections_.wait(instruction, round_);
        break;
      case Opcode::release:
        break;
    }
  }

  STRETTO_DEVICE Chunk chunk_of_instruction(const Instruction& instruction) const {
    const ProgramHeader& header = *program_.header;
    const Share& share = program_.shares[strand_.first_share + (header.shares_differ != 0 ? instruction.block : 0)];
    const ChunkExtent extent = chunk_of(share, round_, header.chunks_per_block, instruction.within);
    return {extent.offset * header.element_bytes, extent.count * header.element_bytes};
  }

  STRETTO_DEVICE std::uint64_t block_offset(const Operand& operand, bool is_output) const {
    const ProgramHeader& header = *program_.header;
    if (header.n_offsets == 0) return operand.position * header.block_bytes;
    return program_.offsets[operand.position + (is_output ? header.n_offsets : 0)];
  }

  /// As numbers: offsets from nullptr are absolute addresses (exec/device_pairs.hpp).
  STRETTO_DEVICE static std::byte* moved(const std::byte* base, std::uint64_t offset) {
    return __builtin_bit_cast(std::byte*, reinterpret_cast<std::uintptr_t>(base) + offset);
  }

  STRETTO_DEVICE Located locate(const Operand& operand, const Chunk& chunk) const {
    const std::uint32_t channel = strand_.channel;
    const std::uint64_t part = static_cast<std::uint64_t>(operand.part) * strand_.part_stride_bytes;
    switch (operand.place) {
      case Place::input:
        return {moved(operation_.input, block_offset(operand, false) + chunk.offset_bytes), operand.place, 0};
      case Place::output:
        return {moved(operation_.output, block_offset(operand, true) + chunk.offset_bytes), operand.place, 0};
      case Place::scratch:
        return {operation_.scratch + operand.position * program_.header->scratch_stride_bytes, operand.place, 0};
      case Place::incoming: {
        const std::uint32_t message = connections_.receiving(operand.link, round_, operand.message);
        const std::uint32_t peer = connections_.peer_of(operand.link);
        if constexpr (protocol == Protocol::slots) {
          return {connections_.own().slot(operation_.shape, channel, peer, message) + part, operand.place, 0};
        }
        Packet* packets =
            connections_.own().packets(operation_.shape, channel, peer, message) + part / kPacketPayload_bytes;
        return {reinterpret_cast<std::byte*>(packets), operand.place, message + 1};
      }
      case Place::outgoing:
        break;
    }
    const std::uint32_t message = connections_.sending(operand.link, round_, operand.message);
    const Window peers = connections_.window_of(connections_.peer_of(operand.link));
    if constexpr (protocol == Protocol::slots) {
      return {peers.slot(operation_.shape, channel, operation_.rank, message) + part, operand.place, 0};
    }
    Packet* packets = peers.packets(operation_.shape, channel, operation_.rank, message) + part / kPacketPayload_bytes;
    return {reinterpret_cast<std::byte*>(packets), operand.place, message + 1};
  }

  /// A message has one granule at least, so that ranks meet even over nothing.
  STRETTO_DEVICE std::uint64_t granules_of(const Instruction& instruction, const Chunk& chunk) const {
    const std::uint64_t granules = (chunk.bytes + kGranule_bytes - 1) / kGranule_bytes;
    if (granules != 0 || protocol == Protocol::slots) return granules;
    bool is_message = instruction.destination.place == Place::outgoing;
    for (std::uint32_t i = 0; i < instruction.n_sources; ++i) {
      is_message = is_message || program_.operands[instruction.first_source + i].place == Place::incoming;
    }
    return is_message ? 1 : 0;
  }

  STRETTO_DEVICE void combine(const Instruction& instruction) {
    const Chunk chunk = chunk_of_instruction(instruction);
    const std::uint64_t granules = granules_of(instruction, chunk);
    if (is_copy_onto_itself(instruction, chunk)) return;
    const std::uint64_t stride = machine_.threads();
    for (std::uint64_t first = machine_.thread(); first < granules; first += stride * kUnroll) {
      combine_some(instruction, chunk, first, granules);
    }
  }

  /// In place, where a plan copies a rank's own block.
  STRETTO_DEVICE bool is_copy_onto_itself(const Instruction& instruction, const Chunk& chunk) const {
    const Operand& source = program_.operands[instruction.first_source];
    if (instruction.n_sources != 1 || source.place != Place::input || instruction.destination.place != Place::output) {
      return false;
    }
    const bool is_changed = operation_.multiplies || ((instruction.flags & kCompletes) != 0);
    return !is_changed && locate(source, chunk).address == locate(instruction.destination, chunk).address;
  }

  /// Granules first, first + threads, ...: kUnroll of them, as far as there are so many.
  STRETTO_DEVICE void combine_some(const Instruction& instruction, const Chunk& chunk, std::uint64_t first,
                                   std::uint64_t granules) {
    Piece pieces[kUnroll];
    load_some(instruction, instruction.first_source, chunk, first, granules, pieces);
    const bool divides = (instruction.flags & kCompletes) != 0 && program_.header->divisor != 1;
    if constexpr (Arithmetic::reduces) {
      if (instruction.n_sources > 1 || divides) reduce_some(instruction, chunk, first, granules, divides, pieces);
    }
    const Located to = locate(instruction.destination, chunk);
    STRETTO_UNROLL
    for (int k = 0; k < kUnroll; ++k) {
      const std::uint64_t granule = first + k * static_cast<std::uint64_t>(machine_.threads());
      if (granule < granules) store(to, chunk, granule, pieces[k]);
    }
  }

  /// On entry `pieces` are those of the first source; on return the result.
  STRETTO_DEVICE void reduce_some(const Instruction& instruction, const Chunk& chunk, std::uint64_t first,
                                  std::uint64_t granules, bool divides, Piece (&pieces)[kUnroll]) {
    Accumulators sums[kUnroll];
    STRETTO_UNROLL
    for (int k = 0; k < kUnroll; ++k) sums[k].load(pieces[k]);
    for (std::uint32_t i = 1; i < instruction.n_sources; ++i) {
      load_some(instruction, instruction.first_source + i, chunk, first, granules, pieces);
      STRETTO_UNROLL
      for (int k = 0; k < kUnroll; ++k) sums[k].combine(pieces[k]);
    }
    STRETTO_UNROLL
    for (int k = 0; k < kUnroll; ++k) {
      if (divides) sums[k].divide(program_.header->divisor);
      pieces[k] = sums[k].store();
    }
  }

  STRETTO_DEVICE void load_some(const Instruction& instruction, std::uint32_t source, const Chunk& chunk,
                                std::uint64_t first, std::uint64_t granules, Piece (&pieces)[kUnroll]) {
    const Located from = locate(program_.operands[source], chunk);
    STRETTO_UNROLL
    for (int k = 0; k < kUnroll; ++k) {
      const std::uint64_t granule = first + k * static_cast<std::uint64_t>(machine_.threads());
      pieces[k] = granule < granules ? load(instruction, source, from, chunk, granule) : Piece{};
    }
    if constexpr (Arithmetic::reduces) {
      if (operation_.multiplies && from.place == Place::input) {
        for (int k = 0; k < kUnroll; ++k) multiply(pieces[k]);
      }
    }
  }

  STRETTO_DEVICE void multiply(Piece& piece) const {
    Factors factors;
    factors.load(piece);
    Piece scalar{};
    scalar.words[0] = operation_.scalar;
    factors.combine_with(Arithmetic::Product::load(Factors::element(scalar, 0)));
    piece = factors.store();
  }

  STRETTO_DEVICE Piece load(const Instruction& instruction, std::uint32_t source, const Located& from,
                            const Chunk& chunk, std::uint64_t granule) {
    const std::uint64_t at = granule * kGranule_bytes;
    if (from.place != Place::incoming) {
      return load_plain<kGranule_bytes>(from.address + at, chunk.bytes > at ? chunk.bytes - at : 0);
    }
    if constexpr (protocol == Protocol::packets) {
      return await_packet(instruction, source, reinterpret_cast<const Packet*>(from.address) + granule, from.flag);
    } else {
      return machine_.template load_slot<kGranule_bytes>(from.address + at);
    }
  }

  STRETTO_DEVICE Piece await_packet(const Instruction& instruction, std::uint32_t source, const Packet* packet,
                                    std::uint32_t flag) {
    typename Machine::Patience patience(machine_);
    Packet seen = machine_.load_packet(packet);
    while ((seen.words[0] >> 32) != flag || (seen.words[1] >> 32) != flag) {
      if (!machine_.keep_waiting(patience)) {
        machine_.fail(instruction.step, connections_.peer_of(program_.operands[source].link));
        break;
      }
      seen = machine_.load_packet(packet);
    }
    Piece piece{};
    piece.words[0] = (seen.words[0] & 0xffffffffU) | seen.words[1] << 32;
    return piece;
  }

  STRETTO_DEVICE void store(const Located& to, const Chunk& chunk, std::uint64_t granule, const Piece& piece) {
    if (machine_.failed()) return;  // what was not received is not passed on
    const std::uint64_t at = granule * kGranule_bytes;
    if (to.place != Place::outgoing) {
      store_plain<kGranule_bytes>(to.address + at, piece, chunk.bytes > at ? chunk.bytes - at : 0);
    } else if constexpr (protocol == Protocol::packets) {
      const std::uint64_t flag = static_cast<std::uint64_t>(to.flag) << 32;
      const Packet packet{{(piece.words[0] & 0xffffffffU) | flag, piece.words[0] >> 32 | flag}};
      machine_.store_packet(reinterpret_cast<Packet*>(to.address) + granule, packet);
    } else {
      machine_.template store_slot<kGranule_bytes>(to.address + at, piece);
    }
  }

  Machine& machine_;
  const ProgramView& program_;
  const Operation& operation_;
  const Strand& strand_;
  Connections<Machine, protocol> connections_;
  std::uint32_t round_ = 0;
};

}  // namespace stretto::device
