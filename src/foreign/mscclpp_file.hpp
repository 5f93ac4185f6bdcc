// An MSCCL++ execution plan as its JSON has it: threadblocks with their operations, every number within range, and
// channels and remote buffers resolved to the ranks that they lead to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/shape.hpp"

namespace stretto::foreign {

enum class MscclppDo : std::uint8_t {
  nothing,  ///< orders only what is in one threadblock
  barrier,  ///< of `count` threadblocks of a rank
  acquire,  ///< semaphores of a rank
  release,
  signal,  ///< on channels
  wait,
  transfer,  ///< source i to destination i
  spread,    ///< the only source to all destinations
  add,       ///< all sources into the first destination, and from there to the others
};

struct MscclppKind {
  std::string_view name;
  MscclppDo does;
  bool reads_packets = false;   ///< its sources (of a sum: all but the first) are packets, which it waits for
  bool writes_packets = false;  ///< its remote destinations are packets, whose arrival shows by themselves
  bool signals = false;         ///< on its channels, afterwards
  bool relaxed = false;         ///< of a signal or wait: it orders no memory
};

/// nullptr: it is none, or has no equal here.
const MscclppKind* mscclpp_kind(std::string_view name) noexcept;

struct MscclppPlace {
  Rank rank = -1;  ///< whose memory
  Buffer buffer = Buffer::input;
  std::int32_t offset = 0;
  std::int32_t count = 1;  ///< chunks
};

/// The k-th channel of a type that a rank lists to a peer meets the k-th of this type that the peer lists to it.
struct MscclppChannel {
  Rank peer = -1;
  std::int32_t number = 0;  ///< unlike that of all other channels between the two
};

struct MscclppOperation {
  std::string place;  ///< in the text
  const MscclppKind* kind = nullptr;
  std::vector<MscclppPlace> sources;
  std::vector<MscclppPlace> destinations;
  std::vector<MscclppChannel> channels;
  std::vector<std::int32_t> semaphores;
  std::int32_t barrier = 0;
  std::int32_t count = 1;  ///< threadblocks of the barrier
};

struct MscclppGpu {
  std::int32_t scratch_chunks = 0;
  std::vector<std::int32_t> semaphores;  ///< their first values
  std::vector<std::vector<MscclppOperation>> blocks;
};

struct MscclppFile {
  std::string file_name;
  std::string name;
  Shape shape;
  std::vector<MscclppGpu> gpus;  ///< by rank

  [[noreturn]] void refuse_at(std::string_view place, std::string_view why) const;
};

/// Throws Error(strettoInvalidArgument) with file and place ("/gpus/0/threadblocks/1/ops/2").
MscclppFile parse_mscclpp_json(std::string_view text, std::string_view file_name);

}  // namespace stretto::foreign
