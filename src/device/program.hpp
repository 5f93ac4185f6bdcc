// A plan bound to a count, as kernels read it: one block of bytes without pointers, the same in host memory, in kernel
// parameters, in device memory and in shared memory. exec/device_program.hpp makes it; device/interpreter.hpp runs it.
//
// One block of threads runs one strand, but of sends and receives several, one after another. A strand's instructions
// are its plan's steps in order, but for those that have become part of others (a packet is its own signal) or that
// mean nothing where puts are copies (wait_drain). A strand of the plan that sends nothing but its input may be two
// strands here, a sending and a receiving half, so that a link carries messages both ways at once. Peers see no
// difference.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/portable.hpp"

namespace stretto::device {

/// How messages travel. Part of what ranks agree on, like the plan.
enum class Protocol : std::uint8_t {
  packets,  ///< 8 bytes of payload and their own flags in each 16-byte store: one trip, half the bandwidth
  slots,    ///< plain bytes, and one counter that is raised when they have arrived
  wide,     ///< wide packets: 120 bytes of payload and one flag in 128, for exchanges only (device/exchange.hpp)
};

enum class Opcode : std::uint8_t {
  combine,  ///< destination = sources, reduced in order; of one source a copy
  signal,   ///< slots only: the message may be read
  wait,     ///< slots only: until the next message has come
  release,  ///< the peer may use that slot again
  pass,     ///< of a sending half: this round's input has been read. No step of the plan
};

enum class Place : std::uint8_t { input, output, scratch, incoming, outgoing };

struct Operand {
  Place place = Place::input;
  std::uint8_t part = 0;       ///< of a message
  std::uint16_t link = 0;      ///< of a message
  std::uint32_t position = 0;  ///< input, output: of the block in the buffer; scratch: of the chunk
  std::uint32_t message = 0;   ///< incoming, outgoing: which of the link's messages in a round
};

constexpr std::uint8_t kCompletes = 1;      ///< the result holds all contributions: an average divides
constexpr std::uint8_t kBarrierBefore = 2;  ///< all threads have done what comes before
constexpr std::uint8_t kBarrierAfter = 4;
constexpr std::uint8_t kAcquires = 8;  ///< of combine: wait until the message's slot is free, but load first
/// Of combine in a receiving half: if the halves are to be ordered, wait until the sending one has passed this round,
/// but load first.
constexpr std::uint8_t kFollows = 16;
/// With kAcquires: the message has more parts, so threads that store nothing of this one wait as well.
constexpr std::uint8_t kAcquiresByAll = 32;

struct Instruction {
  Opcode opcode = Opcode::combine;
  std::uint8_t flags = 0;
  std::uint16_t step = 0;  ///< of the plan's strand: index in body, or body size + index in epilogue
  std::uint16_t first_source = 0;
  std::uint16_t n_sources = 0;
  std::uint16_t link = 0;  ///< of those that synchronise
  std::uint16_t within = 0;
  std::uint32_t block = 0;
  std::uint32_t message = 0;
  Operand destination;
};

/// A strand's two connections with a peer, of which it may use one or both.
struct Link {
  std::uint16_t peer = 0;
  std::uint16_t sends_per_round = 0;
  std::uint16_t receives_per_round = 0;
  std::uint16_t salt = 0;  ///< added to the descriptor: of its messages, what both sides must agree on
};

/// A channel's share of a block, in elements (plan/geometry.hpp).
struct Share {
  std::uint64_t base = 0;
  std::uint64_t elements = 0;
  std::uint64_t chunk_elements = 0;
};

/// What of a strand of the plan a strand does.
enum class StrandHalf : std::uint8_t {
  whole,
  sending,    ///< all that fills slots of peers
  receiving,  ///< all else
};

struct Strand {
  std::uint32_t rounds = 1;
  std::uint32_t part_stride_bytes = 0;
  std::uint16_t channel = 0;
  std::uint16_t first_instruction = 0;
  std::uint16_t n_body = 0;
  std::uint16_t n_epilogue = 0;
  std::uint16_t first_link = 0;
  std::uint16_t n_links = 0;
  std::uint32_t first_share = 0;
  StrandHalf half = StrandHalf::whole;
  // Of programs of sends and receives (device/pairs_runner.hpp):
  Protocol protocol = Protocol::slots;
  std::uint16_t next = 0;  ///< the strand that its block runs after it; 0: none
};

/// The image begins with this. Behind it, in this order: shares, offsets, strands, links, instructions, operands.
struct ProgramHeader {
  std::uint32_t image_bytes = 0;
  std::uint32_t n_shares = 0;
  std::uint32_t n_offsets = 0;  ///< of unequal blocks: as many of inputs, then as many of outputs
  std::uint32_t n_strands = 0;
  std::uint32_t n_links = 0;
  std::uint32_t n_instructions = 0;
  std::uint32_t n_operands = 0;
  std::uint16_t chunks_per_block = 1;
  std::uint16_t shares_differ = 0;  ///< between blocks: a strand has one for each
  std::uint32_t element_bytes = 1;
  std::int32_t divisor = 1;
  std::uint64_t block_bytes = 0;
  std::uint64_t scratch_stride_bytes = 0;
};
static_assert(sizeof(ProgramHeader) % 8 == 0 && sizeof(Share) % 8 == 0);

/// Where the parts of an image lie. Cheap: offsets are sums.
struct ProgramView {
  const ProgramHeader* header = nullptr;
  const Share* shares = nullptr;
  const std::uint64_t* offsets = nullptr;
  const Strand* strands = nullptr;
  const Link* links = nullptr;
  const Instruction* instructions = nullptr;
  const Operand* operands = nullptr;

  /// `image` is aligned to 8 bytes.
  STRETTO_DEVICE explicit ProgramView(const std::byte* image) {
    header = reinterpret_cast<const ProgramHeader*>(image);
    shares = reinterpret_cast<const Share*>(header + 1);
    offsets = reinterpret_cast<const std::uint64_t*>(shares + header->n_shares);
    strands = reinterpret_cast<const Strand*>(offsets + 2 * static_cast<std::size_t>(header->n_offsets));
    links = reinterpret_cast<const Link*>(strands + header->n_strands);
    instructions = reinterpret_cast<const Instruction*>(links + header->n_links);
    operands = reinterpret_cast<const Operand*>(instructions + header->n_instructions);
  }
};

/// Elements of a chunk, as plan/geometry.hpp has them.
struct ChunkExtent {
  std::uint64_t offset = 0;
  std::uint64_t count = 0;
};

STRETTO_DEVICE ChunkExtent chunk_of(const Share& share, std::uint64_t round, std::uint32_t chunks,
                                    std::uint32_t within) {
  const std::uint64_t begin = (round * chunks + within) * share.chunk_elements;
  if (begin >= share.elements) return {share.base + share.elements, 0};
  const std::uint64_t left = share.elements - begin;
  return {share.base + begin, left < share.chunk_elements ? left : share.chunk_elements};
}

}  // namespace stretto::device
