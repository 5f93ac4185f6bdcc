// A plan made ready to run on this rank: every step with its port, every slot access with the chunk that it carries.
// Made once per plan and communicator; immutable afterwards, apart from the ports' own state.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "plan/plan.hpp"
#include "transports/transport.hpp"

namespace stretto {

/// What a slot holds: so many parts, at equal distances, of which the last is a chunk as long as `last_within`.
struct MessageShape {
  std::uint32_t parts = 1;
  std::uint32_t last_within = 0;  ///< chunk within its block
};

/// An operand as the executor reads it: a chunk of a user buffer or of scratch memory, or the current slot of a port.
struct PreparedRef {
  Space space = Space::none;
  std::uint32_t position = 0;      ///< of input and output: where its block lies among those that the buffer has
  std::uint32_t within = 0;        ///< chunk within the block, or scratch chunk
  std::uint32_t part = 0;          ///< of a slot
  SendPort* send = nullptr;        ///< slot as a destination
  ReceivePort* receive = nullptr;  ///< slot as a source
  MessageShape message;            ///< of a slot
};

struct PreparedStep {
  StepKind kind = StepKind::copy;
  bool completes = false;
  Rank peer = -1;
  std::uint32_t within = 0;  ///< chunk (within its block) whose size this step moves; block sizes are equal, so the
                             ///< block does not matter
  MessageShape message;      ///< of signal: what it sends; of wait: what it expects
  SendPort* send = nullptr;
  ReceivePort* receive = nullptr;
  PreparedRef destination;
  std::vector<PreparedRef> sources;
};

struct PreparedStrand {
  int channel = 0;
  std::vector<PreparedStep> body;
  std::vector<PreparedStep> epilogue;
};

struct PreparedPlan {
  Plan plan;
  std::vector<PreparedStrand> strands;
};

/// Where a step's ports come from.
struct PortSource {
  std::function<SendPort&(Rank peer, int channel)> send;
  std::function<ReceivePort&(Rank peer, int channel)> receive;
};

/// Throws Error(strettoInternalError) if a step is malformed (a slot signalled that was never filled).
PreparedPlan prepare(Plan plan, const PortSource& ports);

}  // namespace stretto
