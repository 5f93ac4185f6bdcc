// An MSCCL algorithm as its XML has it, every number within range.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/shape.hpp"

namespace stretto::foreign {

struct MscclKind {
  std::string_view name;
  bool receives;
  bool sends;
  bool reads;   ///< its source
  bool writes;  ///< its destination
};

struct MscclPlace {
  Buffer buffer = Buffer::input;
  std::int32_t offset = 0;
};

struct MscclStep {
  std::int64_t line = 0;
  const MscclKind* kind = nullptr;
  MscclPlace source;
  MscclPlace destination;
  std::int32_t count = 1;
  std::int32_t block = -1;  ///< that must have done its step `after` before; the position in MscclGpu::blocks
  std::int32_t after = -1;
};

struct MscclBlock {
  std::int64_t line = 0;
  std::int32_t id = 0;
  Rank send = -1;
  Rank receive = -1;
  std::int32_t channel = 0;
  std::vector<MscclStep> steps;
};

struct MscclGpu {
  std::int64_t line = 0;
  std::int32_t scratch_chunks = 0;
  std::vector<MscclBlock> blocks;
};

struct MscclFile {
  std::string file_name;
  std::string name;
  Shape shape;
  std::vector<MscclGpu> gpus;  ///< by rank

  [[noreturn]] void refuse_at(std::int64_t line, std::string_view why) const;
};

/// Throws Error(strettoInvalidArgument) with file and line.
MscclFile parse_msccl_xml(std::string_view text, std::string_view file_name);

}  // namespace stretto::foreign
