// The checker's inner form of the programs: dense numbers for everything, so that the pass uses no maps. Made, and
// held to the structure that plan.hpp demands, by checker_structure.cpp; walked by checker_run.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "plan/checker.hpp"

namespace stretto::checker {

/// Thrown by the parts of the checker, caught by check().
struct Found {
  CheckReport report;
};

constexpr std::size_t index(std::int32_t value) { return static_cast<std::size_t>(value); }

/// Memory is numbered: scratch chunks, then user chunks (each operation, channel and round has its own), then slots.
using Location = std::int32_t;

/// What a value is part of: {operation, channel, round, chunk}, numbered; -1: memory that nothing was written to.
using Tag = std::int32_t;

struct Operand {
  bool is_slot = false;
  bool is_user = false;
  std::int32_t base = -1;   ///< location in round 0; of a slot: the connection
  std::int32_t part = 0;    ///< of a slot
  std::int32_t stride = 0;  ///< locations per round

  Location location(std::int32_t round) const { return base + round * stride; }
};

struct CompiledStep {
  StepKind kind = StepKind::copy;
  bool completes = false;
  std::uint64_t from_user = 0;   ///< of wait_credit: bit p: part p is then filled by a put from input or output
  std::int32_t connection = -1;  ///< of the steps that synchronise
  Tag tag = -1;                  ///< in round 0, of the steps that move data
  Operand destination;
  std::int32_t first_source = 0;
  std::int32_t n_sources = 0;
  std::int32_t strand = -1;  ///< of Model::strands
};

struct CompiledStrand {
  std::int32_t operation = 0;
  Rank rank = 0;
  std::int32_t strand = 0;
  std::int32_t first_step = 0;
  std::int32_t body_steps = 0;
  std::int32_t epilogue_steps = 0;
  std::int32_t rounds = 1;
  std::int32_t tags_per_round = 0;
};

/// A buffer of one rank in one operation: its chunks, channel by channel and round by round.
struct Window {
  Location base = 0;
  std::int32_t stride = 0;     ///< locations from round to round
  BlockWindow blocks;          ///< that the buffer holds
  std::int32_t per_block = 1;  ///< chunks
  std::int32_t shift = 0;      ///< of the first one from the base: in place the other window may begin before it

  bool holds(std::int32_t chunk) const { return chunk >= 0 && blocks.contains(chunk / per_block); }
  std::int32_t held() const { return blocks.count * per_block; }
  std::int32_t chunk_at(std::int32_t position) const {
    return blocks.block(position / per_block) * per_block + position % per_block;
  }
  std::int32_t position(std::int32_t chunk) const {
    return blocks.position(chunk / per_block) * per_block + chunk % per_block;
  }
  Location location(std::int32_t pass, std::int32_t chunk) const {
    return base + pass * stride + shift + position(chunk);
  }
};

struct Participation {
  Window input;
  Window output;
  Location first_location = 0;
  std::int32_t n_locations = 0;
  std::int32_t first_strand = 0;
  std::int32_t n_strands = 0;
};

struct OperationModel {
  Tag first_tag = 0;
  std::int32_t chunks = 0;
  std::int32_t rounds = 1;
  std::int32_t channels = 1;
  std::vector<Participation> ranks;
};

struct Connection {
  Rank source = -1;
  Rank destination = -1;
  std::int32_t channel = 0;
  Alias alias = Alias::copied;
  bool drained = false;  ///< has a wait_drain somewhere
  std::int32_t total_messages = 0;
};

/// Where the receiver gets a part of a message into its output, if it does.
struct Landing {
  Location base = -1;
  std::int32_t stride = 0;
};

/// What passes over a connection in one operation.
struct Traffic {
  std::int32_t first_message = 0;  ///< messages of the operations before
  std::int32_t per_round = 0;
  std::int32_t first_landing = 0;  ///< one for each message of a round and each part
};

struct Model {
  std::int32_t n_ranks = 0;
  std::int32_t slots = 1;
  std::int32_t parts = 1;  ///< of a slot, the most of any operation
  std::vector<OperationModel> operations;
  std::vector<CompiledStrand> strands;
  std::vector<CompiledStep> steps;
  std::vector<Operand> sources;
  std::vector<Connection> connections;
  std::vector<std::vector<Traffic>> traffic;  ///< [operation][connection]; short if a connection came up later
  std::vector<Landing> landings;
  std::vector<std::int32_t> first_thread;  ///< per rank, and one past the end: strands of successive operations
                                           ///< of a rank with the same number are one thread
  Location first_user_location = 0;
  Location first_slot = 0;
  std::int32_t n_locations = 0;
  std::int32_t n_tags = 0;
};

/// Throws Found if a rule of plan.hpp is broken.
Model compile(std::span<const CheckedOperation> operations, const CheckConfig& config);

/// Walks the model; throws Found at the first problem.
void run(std::span<const CheckedOperation> operations, const Model& model);

[[noreturn]] void fail(ProblemKind kind, const CheckReport& where, std::string text);

}  // namespace stretto::checker
