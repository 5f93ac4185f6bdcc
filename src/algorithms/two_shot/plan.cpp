#include "algorithms/two_shot/plan.hpp"

#include <algorithm>
#include <utility>

#include "algorithms/strand_builder.hpp"

namespace stretto::two_shot {
namespace {

/// Rank r sums chunk r. In place: a peer's chunk is overwritten only with the sum that the peer sent after it had read
/// this rank's input.
void all_reduce(StrandBuilder& strand, int n, Rank rank) {
  for (const Rank peer : peers_after(rank, n)) strand.send(peer, peer, input(peer));
  strand.reduce_complete(rank, output(rank), sources_in_rank_order(rank, input(rank), peers_after(rank, n)));
  for (const Rank peer : peers_after(rank, n)) strand.send(peer, rank, output(rank));
  for (const Rank peer : peers_before(rank, n)) strand.receive(peer, peer, output(peer));
}

/// The root parts the block among the others (n - 1 chunks, in order of distance from it), who exchange them.
void broadcast(StrandBuilder& strand, int n, Rank rank, Rank root) {
  const auto chunk_of = [&](Rank peer) { return rotate(peer, -root - 1, n); };
  if (rank == root) {
    for (const Rank peer : peers_after(root, n)) strand.send(peer, chunk_of(peer), input(chunk_of(peer)));
    for (int chunk = 0; chunk < n - 1; ++chunk) strand.copy(chunk, output(chunk), input(chunk));
    return;
  }
  const int own = chunk_of(rank);
  strand.receive(root, own, output(own));
  for (const Rank peer : peers_after(rank, n)) {
    if (peer != root) strand.send(peer, own, output(own));
  }
  for (const Rank peer : peers_before(rank, n)) {
    if (peer != root) strand.receive(peer, chunk_of(peer), output(chunk_of(peer)));
  }
}

/// Rank r sums chunk r for the root, which writes a chunk of its own output after it has read that chunk of its input.
void reduce(StrandBuilder& strand, int n, Rank rank, Rank root) {
  for (const Rank peer : peers_after(rank, n)) strand.send(peer, peer, input(peer));
  std::vector<Ref> sources = sources_in_rank_order(rank, input(rank), peers_after(rank, n));
  if (rank != root) {
    strand.reduce_complete(rank, slot(root), std::move(sources));
    return;
  }
  strand.reduce_complete(rank, output(rank), std::move(sources));
  for (const Rank peer : peers_before(rank, n)) strand.receive(peer, peer, output(peer));
}

}  // namespace

bool supports(Collective collective) {
  return is_one_of(collective, {Collective::all_reduce, Collective::broadcast, Collective::reduce});
}

std::int32_t chunks_per_block(const PlanSpec& spec) {
  return spec.collective == Collective::broadcast ? std::max(1, spec.n_ranks - 1) : spec.n_ranks;
}

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  Program program;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    if (spec.collective == Collective::broadcast) {
      broadcast(strand, spec.n_ranks, rank, spec.root);
    } else if (spec.collective == Collective::reduce) {
      reduce(strand, spec.n_ranks, rank, spec.root);
    } else {
      all_reduce(strand, spec.n_ranks, rank);
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::two_shot
