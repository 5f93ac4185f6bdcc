// Words in which algorithms write their strands: each keeps the discipline of connections (plan/plan.hpp), so that an
// algorithm says only who sends which chunk to whom.
#pragma once

#include <map>
#include <vector>

#include "plan/plan.hpp"

namespace stretto {

/// A chunk and where it lies (or is to lie) on this rank.
struct Piece {
  int chunk = 0;
  Ref at;
};

class StrandBuilder {
 public:
  explicit StrandBuilder(int channel) { strand_.channel = channel; }

  /// wait_credit, put, signal.
  void send(Rank peer, int chunk, Ref source);
  /// wait, get, release.
  void receive(Rank peer, int chunk, Ref destination);
  /// One message of several parts; of none, nothing.
  void send(Rank peer, const std::vector<Piece>& parts);
  void receive(Rank peer, const std::vector<Piece>& parts);
  void copy(int chunk, Ref destination, Ref source);
  /// Waits for all slots among the sources, reduces, releases them. A destination slot is acquired and signalled.
  void reduce(int chunk, Ref destination, Sources sources);
  /// The same where the result holds the contributions of all ranks.
  void reduce_complete(int chunk, Ref destination, Sources sources);
  /// The single steps, for messages that come and go at once. fill: the next part of the slot towards `peer`, a sum
  /// where there are several sources. sum: here, not into a slot.
  void await(Rank peer) { synchronise(StepKind::wait, peer); }
  void acquire(Rank peer);
  void fill(Rank peer, int chunk, Sources sources, bool completes = false);
  void signal(Rank peer) { synchronise(StepKind::signal, peer); }
  void sum(int chunk, Ref destination, Sources sources, bool completes = false);
  void release(Rank peer) { synchronise(StepKind::release, peer); }
  /// wait_drain for every peer that this strand sends to, as far as it is written.
  void drain();
  /// wait_drain for one of them.
  void drain_of(Rank peer) { synchronise(StepKind::wait_drain, peer); }

  /// The strand, with its epilogue: nobody returns while a peer may read its buffers.
  Strand finish() &&;

 private:
  void synchronise(StepKind kind, Rank peer);
  void move(StepKind kind, int chunk, Ref destination, Sources sources);
  void will_send_to(Rank peer);

  Strand strand_;
  std::vector<Rank> destinations_;  ///< peers that this strand sends to, in order of first use
  std::map<Rank, int> filled_;      ///< parts of the slot under way to each peer
};

/// All ranks but `rank`, from rank + 1 upwards, cyclically: if everybody sends in this order, nobody is flooded.
std::vector<Rank> peers_after(Rank rank, int n_ranks);
/// The reverse: the order in which the messages of peers_after arrive.
std::vector<Rank> peers_before(Rank rank, int n_ranks);

/// `own` of this rank and the slots from `peers`, in rank order.
std::vector<Ref> sources_in_rank_order(Rank rank, Ref own, std::vector<Rank> peers);

/// What a single rank does, whatever the algorithm: copies every chunk, on every channel.
Program lone_rank_program(const PlanSpec& spec, int chunks_per_block);

/// (rank + offset) mod n, for offsets of either sign down to -n.
constexpr Rank rotate(Rank rank, int offset, int n_ranks) { return (rank + offset + n_ranks) % n_ranks; }

}  // namespace stretto
