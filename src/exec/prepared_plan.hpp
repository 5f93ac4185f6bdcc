// A plan made ready to run on this rank: every step with its port, every slot access with the chunk that it carries.
// Made once per plan and communicator; immutable afterwards, apart from the ports' own state.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "plan/plan.hpp"
#include "transports/transport.hpp"

namespace stretto {

/// What a slot holds: so many parts, at equal distances, and which chunk the last one is.
struct MessageShape {
  std::uint32_t parts = 1;
  std::uint32_t last_block = 0;
  std::uint32_t last_within = 0;  ///< chunk within that block
};

/// An operand as the executor reads it: the step's chunk of a user buffer, a chunk of scratch memory, or a part of the
/// current slot of a port.
struct PreparedRef {
  Space space = Space::none;
  std::uint32_t position = 0;      ///< where the block lies among those that the buffer has; of scratch: the chunk
  std::uint32_t part = 0;          ///< of a slot
  Rank peer = -1;                  ///< of a slot
  SendPort* send = nullptr;        ///< slot as a destination
  ReceivePort* receive = nullptr;  ///< slot as a source
  MessageShape message;            ///< of a slot
};

struct PreparedStep {
  StepKind kind = StepKind::copy;
  bool completes = false;
  Rank peer = -1;
  std::uint32_t block = 0;   ///< of the chunk whose size this step moves
  std::uint32_t within = 0;  ///< that chunk within its block
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

/// Throws Error(strettoInternalError) if a step is malformed (a slot signalled that was never filled). Without ports,
/// as a plan for a device is, the steps have none.
PreparedPlan prepare(Plan plan, const PortSource& ports);

}  // namespace stretto
