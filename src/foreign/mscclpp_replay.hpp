// MSCCL++'s rules: threadblocks run side by side, each its operations in order. Puts write a peer's memory; a signal on
// a channel, and the wait on its other end, say that they are there. Packets say so themselves.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "foreign/mscclpp_file.hpp"
#include "foreign/recorder.hpp"

namespace stretto::foreign {

class MscclppReplay {
 public:
  MscclppReplay(const MscclppFile& file, Recorder& recorder);

  /// Throws Error with file and place.
  void all();

 private:
  /// What was written to a peer's memory.
  struct Put {
    Rank from = -1;
    std::vector<MscclppPlace> destinations;  ///< of the parts of the message, a chunk each
    std::int32_t block = 0;                  ///< that wrote it
    std::int64_t time = 0;
    bool is_packet = false;
    bool delivered = false;  ///< the receiver has it in its memory, in what is recorded
    bool awaited = false;    ///< and has waited for it, by the foreign plan's own means
    const MscclppOperation* by = nullptr;
  };
  struct Barrier {
    std::int32_t arrived = 0;
    std::int32_t count = 0;  ///< of threadblocks, as the first one says
    std::int32_t generation = 0;
  };
  struct Block {
    std::size_t next = 0;
    bool is_half_done = false;         ///< it has arrived at its barrier, or asked for what it reads of peers
    std::int32_t generation = 0;       ///< of the barrier, when it arrived
    std::int64_t synchronised = 0;     ///< when it last met other threadblocks of its rank
    std::vector<MessageId> requested;  ///< chunk by chunk, peer by peer
  };
  struct RankState {
    std::vector<Block> blocks;
    std::vector<std::int32_t> semaphores;
    std::map<std::int32_t, Barrier> barriers;
  };
  using Channel = std::tuple<Rank, Rank, std::int32_t>;  ///< source, destination, number
  using Place = std::tuple<Rank, Buffer, std::int32_t>;

  bool advance(Rank rank, std::size_t at);
  /// Whether it is done. What it cannot do yet it does not begin.
  bool run(Rank rank, Block& block, std::int32_t at, const MscclppOperation& operation);
  bool barrier(RankState& state, Block& block, const MscclppOperation& operation);
  bool acquire(RankState& state, Block& block, const MscclppOperation& operation);
  void signal(Rank rank, std::int32_t at, const Block& block, const MscclppOperation& operation);
  bool wait(Rank rank, const MscclppOperation& operation);
  bool packets_are_there(const MscclppOperation& operation) const;
  void take_packets(const MscclppOperation& operation);
  bool request(Rank rank, Block& block, const MscclppOperation& operation);
  void transfer(Rank rank, Block& block, std::int32_t at, const MscclppOperation& operation);
  void add(Rank rank, Block& block, std::int32_t at, const MscclppOperation& operation);
  void put(const MscclppOperation& operation, std::int32_t at, const MscclppPlace& from, const MscclppPlace& to);
  void deliver(MessageId id);
  void check_awaited() const;
  void check_ended() const;

  const MscclppFile& file_;
  Recorder& recorder_;
  std::vector<RankState> ranks_;
  std::map<MessageId, Put> puts_;
  std::map<std::pair<Rank, Rank>, std::deque<MessageId>> under_way_;     ///< puts that are not delivered
  std::map<std::pair<Rank, Rank>, std::vector<MessageId>> unannounced_;  ///< puts without a signal
  std::map<Channel, std::deque<std::vector<MessageId>>> signals_;        ///< and the puts that they announce
  std::map<std::pair<Rank, Rank>, std::size_t> asked_;                   ///< messages, until they are read
  std::map<Place, std::deque<MessageId>> packets_;                       ///< not yet read
  std::int64_t time_ = 0;
  std::int64_t looks_ = 0;
};

}  // namespace stretto::foreign
