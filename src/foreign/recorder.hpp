// Writes stretto's steps while a foreign plan is replayed in one order that its own rules allow. It keeps what every
// place of memory holds (which chunk, with whose contributions, where in stretto's buffers), so that
//   - a value that a foreign plan keeps in a buffer where another chunk belongs goes to scratch memory instead, and so
//     does what it writes to its input;
//   - sources of a sum are in the order of the ranks that they come from, and the complete ones are marked.
// A rank's steps are one strand, in the order of the replay: this order alone is an execution, so the plan cannot
// deadlock with as many slots as messages were under way in it.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "foreign/shape.hpp"
#include "plan/plan.hpp"

namespace stretto::foreign {

using MessageId = std::int32_t;

/// A place of a rank's memory, or a part of a message that the rank has opened.
struct Operand {
  Buffer buffer = Buffer::input;
  std::int32_t offset = 0;
  MessageId message = -1;
  std::int32_t part = 0;
};
/// To be added; one alone is copied.
using Sum = std::vector<Operand>;

inline Operand cell(Buffer buffer, std::int32_t offset) { return {buffer, offset, -1, 0}; }
inline Operand part_of(MessageId message, std::int32_t part) { return {Buffer::input, 0, message, part}; }

struct Recording {
  std::vector<Program> programs;
  std::int32_t parts_per_slot = 1;
  std::int32_t min_slots = 1;
};

class Recorder {
 public:
  /// @param scratch_chunks of each rank  @param by_copies what is sent and received passes through scratch memory, so
  ///        that it does not matter when a peer touches an aliased buffer
  Recorder(const Shape& shape, const std::vector<std::int32_t>& scratch_chunks, bool by_copies);

  /// Whether anything is there to be read.
  bool holds(Rank rank, Buffer buffer, std::int32_t offset) const;
  /// A message of at most kMostPartsPerSlot parts.
  MessageId send(Rank from, Rank to, const std::vector<Sum>& parts);
  /// The receiver waits for it. Messages of the connection that were sent before and not opened are kept in scratch.
  void open(MessageId message);
  void close(MessageId message);
  void move(Rank rank, Buffer buffer, std::int32_t offset, const Sum& sum);
  /// Throws Error if a message was never received.
  Recording finish();

 private:
  struct Value {
    Ref ref;
    std::int32_t chunk = -1;
    std::vector<std::uint64_t> ranks;  ///< bits: whose contributions it has
  };
  struct Message {
    Rank from = -1;
    Rank to = -1;
    std::vector<Value> parts;
    bool is_read = false;  ///< opened, or kept in scratch
  };
  struct Connection {
    std::vector<MessageId> messages;
    std::size_t n_opened = 0;
    std::size_t n_closed = 0;
  };
  struct LastReduce {
    std::size_t at = 0;  ///< of RankState::steps
    std::vector<Value> sources;
  };
  struct RankState {
    std::vector<Step> steps;
    std::map<std::int64_t, Value> values;
    std::map<std::int64_t, std::int32_t> shadows;  ///< scratch for what belongs elsewhere
    std::int32_t scratch_chunks = 0;
    std::int32_t bounce = -1;
    std::map<std::pair<Space, std::int32_t>, LastReduce> reduces;  ///< the last into each place
  };

  static bool comes_first(const Value& a, const Value& b);
  RankState& at(Rank rank) { return ranks_[static_cast<std::size_t>(rank)]; }
  Message& message_of(MessageId id) { return messages_[static_cast<std::size_t>(id)]; }
  std::int64_t key(Rank rank, Buffer buffer, std::int32_t offset) const;
  Value initial(Rank rank, Buffer buffer, std::int32_t offset) const;
  Value value(Rank rank, const Operand& operand);
  std::vector<Value> values(Rank rank, const Sum& sum);
  Value added(const std::vector<Value>& sources) const;
  Ref home(Rank rank, Buffer buffer, std::int32_t offset, std::int32_t chunk);
  std::int32_t bounce(Rank rank);
  void push(Rank rank, Step step);
  void synchronise(Rank rank, StepKind kind, Rank peer);
  void keep(MessageId id);
  void transfer(Rank rank, const Ref& to, std::vector<Value> sources);
  void join_last(Rank rank, const Ref& to, std::vector<Value>& sources);
  void complete_outputs(Rank rank);

  Shape shape_;
  bool by_copies_;
  std::vector<RankState> ranks_;
  std::vector<Message> messages_;
  std::map<std::pair<Rank, Rank>, Connection> connections_;
  std::int64_t n_steps_ = 0;
  std::int32_t parts_per_slot_ = 1;
  std::size_t min_slots_ = 1;
};

}  // namespace stretto::foreign
