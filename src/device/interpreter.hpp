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
//   keep_waiting(patience)         called between looks; false where it is time to give up, or was
//   give_up()                      as fail(), but another one has told already
//   has_looked(patience)           whether keep_waiting has just taken its time: for what need not be done each time
//   load_word(w), store_word(w, v) eight bytes as a whole, in no order
//   disagree(step, peer)           as fail(): the peer makes another call
//   kLeastThreads, kLogs           of any block; whether log() does anything
//   mark(word, value)              sets it at once, and gives what it was
//   collide()                      as fail(): another run of the operation is, or was, in the lane at the same time
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
  static constexpr int kUnroll = 4;  ///< of slots: granules under way in each thread

  STRETTO_DEVICE Interpreter(Machine& machine, const ProgramView& program, const Operation& operation,
                             std::uint32_t strand)
      : machine_(machine),
        program_(program),
        operation_(operation),
        strand_(program.strands[strand]),
        connections_(machine, program, operation, strand_) {}

  STRETTO_DEVICE void run() {
    if (operation_.waits) connections_.await_earlier();
    connections_.greet();
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

  /// A combine under way.
  struct Job {
    const Instruction& instruction;
    Chunk chunk;
    Located to;
    Located first;  ///< source
    bool waits;     ///< still, this thread, before it stores: kAcquires or kFollows
    bool divides;
  };

  STRETTO_DEVICE void run_all(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t i = first; i < first + count; ++i) {
      const Instruction& instruction = program_.instructions[i];
      if (instruction.flags & kBarrierBefore) machine_.barrier();
      run_one(instruction);
      if (instruction.flags & kBarrierAfter) machine_.barrier();
    }
  }

  /// A combine of packets looks for a failure only before it stores: what it loads may be on its way meanwhile.
  STRETTO_DEVICE void run_one(const Instruction& instruction) {
    if (instruction.opcode == Opcode::release) return connections_.release(instruction, round_);
    if (instruction.opcode == Opcode::combine) return combine(instruction);
    if (machine_.failed()) return;
    if (instruction.opcode == Opcode::pass) return connections_.pass();
    machine_.log(instruction.step, round_);
    if (instruction.opcode == Opcode::signal) {
      connections_.signal(instruction, round_);
    } else {
      connections_.wait(instruction, round_);
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

  STRETTO_DEVICE const Operand& source_of(const Instruction& instruction, std::uint32_t index) const {
    return program_.operands[instruction.first_source + index];
  }

  STRETTO_DEVICE void combine(const Instruction& instruction) {
    // A slot that was waited for in vain is being written, perhaps.
    if (protocol == Protocol::slots && machine_.failed()) return;
    Job job{instruction,
            chunk_of_instruction(instruction),
            {},
            {},
            waits_to_store(instruction),
            (instruction.flags & kCompletes) != 0 && program_.header->divisor != 1};
    job.to = locate(instruction.destination, job.chunk);
    job.first = locate(source_of(instruction, 0), job.chunk);
    const bool is_changed = instruction.n_sources > 1 || job.divides || operation_.multiplies;
    if (!is_changed && job.to.address == job.first.address) return;  // in place, a rank's own block
    const std::uint64_t granules = granules_of(instruction, job.chunk);
    const std::uint64_t threads = machine_.threads();
    std::uint64_t granule = machine_.thread();
    if constexpr (protocol == Protocol::slots) {
      const std::uint64_t whole = is_aligned(job) ? job.chunk.bytes / kGranule_bytes : 0;
      for (; granule + (kUnroll - 1) * threads < whole; granule += kUnroll * threads) combine_many(job, granule);
    }
    for (; granule < granules; granule += threads) combine_one(job, granule);
    if (job.waits && (instruction.flags & kAcquiresByAll) != 0) may_store(job);
    if (!machine_.failed()) machine_.log(instruction.step, round_);
  }

  /// Where all operands are aligned, and whole granules, they are moved as vectors, several at once.
  STRETTO_DEVICE bool is_aligned(const Job& job) const {
    std::uintptr_t addresses =
        reinterpret_cast<std::uintptr_t>(job.to.address) | reinterpret_cast<std::uintptr_t>(job.first.address);
    for (std::uint32_t i = 1; i < job.instruction.n_sources; ++i) {
      addresses |= reinterpret_cast<std::uintptr_t>(locate(source_of(job.instruction, i), job.chunk).address);
    }
    return addresses % kGranule_bytes == 0 && !operation_.multiplies;
  }

  /// Granules first, first + threads, ...: kUnroll of them, of slots and of the caller's memory alike.
  STRETTO_DEVICE void combine_many(Job& job, std::uint64_t first) {
    Piece pieces[kUnroll];
    load_many(job.first, first, pieces);
    if constexpr (Arithmetic::reduces) {
      if (job.instruction.n_sources > 1 || job.divides) reduce_many(job, first, pieces);
    }
    if (!may_store(job)) return;
    STRETTO_UNROLL
    for (int k = 0; k < kUnroll; ++k) {
      machine_.template store_slot<kGranule_bytes>(job.to.address + at(first, k) * kGranule_bytes, pieces[k]);
    }
  }

  STRETTO_DEVICE void reduce_many(const Job& job, std::uint64_t first, Piece (&pieces)[kUnroll]) {
    Accumulators sums[kUnroll];
    STRETTO_UNROLL
    for (int k = 0; k < kUnroll; ++k) sums[k].load(pieces[k]);
    for (std::uint32_t i = 1; i < job.instruction.n_sources; ++i) {
      load_many(locate(source_of(job.instruction, i), job.chunk), first, pieces);
      STRETTO_UNROLL
      for (int k = 0; k < kUnroll; ++k) sums[k].combine(pieces[k]);
    }
    STRETTO_UNROLL
    for (int k = 0; k < kUnroll; ++k) {
      if (job.divides) sums[k].divide(program_.header->divisor);
      pieces[k] = sums[k].store();
    }
  }

  STRETTO_DEVICE std::uint64_t at(std::uint64_t first, int k) const {
    return first + static_cast<std::uint64_t>(k) * machine_.threads();
  }

  STRETTO_DEVICE void load_many(const Located& from, std::uint64_t first, Piece (&pieces)[kUnroll]) {
    STRETTO_UNROLL
    for (int k = 0; k < kUnroll; ++k) {
      pieces[k] = machine_.template load_slot<kGranule_bytes>(from.address + at(first, k) * kGranule_bytes);
    }
  }

  /// Any granule, whole or not, at any address.
  STRETTO_DEVICE void combine_one(Job& job, std::uint64_t granule) {
    Piece piece = load(job, 0, job.first, granule);
    if constexpr (Arithmetic::reduces) {
      if (job.instruction.n_sources > 1 || job.divides) {
        Accumulators sum;
        sum.load(piece);
        for (std::uint32_t i = 1; i < job.instruction.n_sources; ++i) {
          sum.combine(load(job, i, locate(source_of(job.instruction, i), job.chunk), granule));
        }
        if (job.divides) sum.divide(program_.header->divisor);
        piece = sum.store();
      }
    }
    if (may_store(job)) store(job, granule, piece);
  }

  /// After what is stored was loaded. What was not received is not passed on.
  STRETTO_DEVICE bool may_store(Job& job) {
    if (job.waits && !machine_.failed()) {
      job.waits = false;
      const Operand& to = job.instruction.destination;
      if (protocol == Protocol::packets || to.place == Place::outgoing) {
        connections_.acquire(to.link, round_, to.message, job.instruction.step);
      } else {
        connections_.follow(round_, job.instruction.step);
      }
    }
    return !machine_.failed();
  }

  STRETTO_DEVICE bool waits_to_store(const Instruction& instruction) const {
    if ((instruction.flags & kAcquires) != 0) return true;
    return protocol == Protocol::slots && (instruction.flags & kFollows) != 0 && operation_.orders_halves;
  }

  STRETTO_DEVICE void multiply(Piece& piece) const {
    Factors factors;
    factors.load(piece);
    Piece scalar{};
    scalar.words[0] = scalar_of<typename Factors::Wire>(operation_.scalar, operation_.scalar_at).words[0];
    factors.combine_with(Arithmetic::Product::load(Factors::element(scalar, 0)));
    piece = factors.store();
  }

  STRETTO_DEVICE Piece load(const Job& job, std::uint32_t source, const Located& from, std::uint64_t granule) {
    const std::uint64_t offset = granule * kGranule_bytes;
    if (from.place == Place::incoming) {
      if constexpr (protocol == Protocol::slots) {
        return machine_.template load_slot<kGranule_bytes>(from.address + offset);
      } else {
        return await_packet(job, source, reinterpret_cast<const Packet*>(from.address) + granule, from.flag);
      }
    }
    Piece piece =
        load_plain<kGranule_bytes>(from.address + offset, job.chunk.bytes > offset ? job.chunk.bytes - offset : 0);
    if constexpr (Arithmetic::reduces) {
      if (operation_.multiplies && from.place == Place::input) multiply(piece);
    }
    return piece;
  }

  STRETTO_DEVICE Piece await_packet(const Job& job, std::uint32_t source, const Packet* packet, std::uint32_t flag) {
    typename Machine::Patience patience(machine_);
    Packet seen = machine_.load_packet(packet);
    while ((seen.words[0] >> 32) != flag || (seen.words[1] >> 32) != flag) {
      if (!connections_.keep_waiting(patience, source_of(job.instruction, source).link, job.instruction.step)) break;
      seen = machine_.load_packet(packet);
    }
    Piece piece{};
    piece.words[0] = (seen.words[0] & 0xffffffffU) | seen.words[1] << 32;
    return piece;
  }

  STRETTO_DEVICE void store(const Job& job, std::uint64_t granule, const Piece& piece) {
    const Located& to = job.to;
    const std::uint64_t offset = granule * kGranule_bytes;
    if (to.place != Place::outgoing) {
      store_plain<kGranule_bytes>(to.address + offset, piece, job.chunk.bytes > offset ? job.chunk.bytes - offset : 0);
    } else if constexpr (protocol == Protocol::packets) {
      const std::uint64_t flag = static_cast<std::uint64_t>(to.flag) << 32;
      const Packet packet{{(piece.words[0] & 0xffffffffU) | flag, piece.words[0] >> 32 | flag}};
      machine_.store_packet(reinterpret_cast<Packet*>(to.address) + granule, packet);
    } else {
      machine_.template store_slot<kGranule_bytes>(to.address + offset, piece);
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
