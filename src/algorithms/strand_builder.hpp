// Words in which algorithms write their strands: each keeps the discipline of connections (plan/plan.hpp), so that an
// algorithm says only who sends which chunk to whom.
#pragma once

#include <vector>

#include "plan/plan.hpp"

namespace stretto {

class StrandBuilder {
 public:
  explicit StrandBuilder(int channel) { strand_.channel = channel; }

  /// wait_credit, put, signal.
  void send(Rank peer, int chunk, Ref source);
  /// wait, get, release.
  void receive(Rank peer, int chunk, Ref destination);
  void copy(int chunk, Ref destination, Ref source);
  /// Waits for all slots among the sources, reduces, releases them. A destination slot is acquired and signalled.
  void reduce(int chunk, Ref destination, std::vector<Ref> sources);
  /// The same where the result holds the contributions of all ranks.
  void reduce_complete(int chunk, Ref destination, std::vector<Ref> sources);
  /// wait_drain for every peer that this strand sends to, as far as it is written.
  void drain();
  /// wait_drain for one of them.
  void drain_of(Rank peer) { synchronise(StepKind::wait_drain, peer); }

  /// The strand, with its epilogue: nobody returns while a peer may read its buffers.
  Strand finish() &&;

 private:
  void synchronise(StepKind kind, Rank peer);
  void move(StepKind kind, int chunk, Ref destination, std::vector<Ref> sources);
  void will_send_to(Rank peer);

  Strand strand_;
  std::vector<Rank> destinations_;  ///< peers that this strand sends to, in order of first use
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
