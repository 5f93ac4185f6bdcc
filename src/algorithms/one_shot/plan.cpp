#include "algorithms/one_shot/plan.hpp"

#include <utility>

#include "algorithms/strand_builder.hpp"

namespace stretto::one_shot {
namespace {

/// In place, peers may still be reading this rank's input through aliased slots when it has all it needs to write the
/// output, and they release those slots only when they have summed. So the sum is made in scratch memory, and moved
/// when the slots are drained (at once, where the transport has copied them).
void all_reduce(StrandBuilder& strand, int n, Rank rank, int channel) {
  for (const Rank peer : peers_after(rank, n)) strand.send(peer, 0, input(0));
  strand.reduce_complete(0, scratch(channel), sources_in_rank_order(rank, input(0), peers_after(rank, n)));
  strand.drain();
  strand.copy(0, output(0), scratch(channel));
}

void all_gather(StrandBuilder& strand, int n, Rank rank) {
  for (const Rank peer : peers_after(rank, n)) strand.send(peer, rank, input(rank));
  strand.copy(rank, output(rank), input(rank));
  for (const Rank peer : peers_before(rank, n)) strand.receive(peer, peer, output(peer));
}

/// In place, the output is the one block of the input that no peer reads.
void reduce_scatter(StrandBuilder& strand, int n, Rank rank) {
  for (const Rank peer : peers_after(rank, n)) strand.send(peer, peer, input(peer));
  strand.reduce_complete(rank, output(rank), sources_in_rank_order(rank, input(rank), peers_after(rank, n)));
}

void broadcast(StrandBuilder& strand, int n, Rank rank, Rank root) {
  if (rank != root) {
    strand.receive(root, 0, output(0));
    return;
  }
  for (const Rank peer : peers_after(rank, n)) strand.send(peer, 0, input(0));
  strand.copy(0, output(0), input(0));
}

/// Nobody reads the root's buffers, so in place each element is written after it was read.
void reduce(StrandBuilder& strand, int n, Rank rank, Rank root) {
  if (rank != root) {
    strand.send(root, 0, input(0));
  } else {
    strand.reduce_complete(0, output(0), sources_in_rank_order(rank, input(0), peers_after(rank, n)));
  }
}

void gather(StrandBuilder& strand, int n, Rank rank, Rank root) {
  if (rank != root) {
    strand.send(root, rank, input(rank));
    return;
  }
  strand.copy(rank, output(rank), input(rank));
  for (const Rank peer : peers_after(rank, n)) strand.receive(peer, peer, output(peer));
}

void scatter(StrandBuilder& strand, int n, Rank rank, Rank root) {
  if (rank != root) {
    strand.receive(root, rank, output(rank));
    return;
  }
  for (const Rank peer : peers_after(rank, n)) strand.send(peer, peer, input(peer));
  strand.copy(rank, output(rank), input(rank));
}

void all_to_all(StrandBuilder& strand, int n, Rank rank) {
  const auto block = [n](Rank from, Rank to) { return from * n + to; };
  for (const Rank peer : peers_after(rank, n)) strand.send(peer, block(rank, peer), input(block(rank, peer)));
  strand.copy(block(rank, rank), output(block(rank, rank)), input(block(rank, rank)));
  for (const Rank peer : peers_before(rank, n)) strand.receive(peer, block(peer, rank), output(block(peer, rank)));
}

}  // namespace

bool supports(Collective collective) { return has_plans(collective); }

std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  Program program;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    switch (spec.collective) {
      case Collective::all_reduce:
        all_reduce(strand, spec.n_ranks, rank, channel);
        program.scratch_chunks = spec.channels;
        break;
      case Collective::all_gather:
        all_gather(strand, spec.n_ranks, rank);
        break;
      case Collective::reduce_scatter:
        reduce_scatter(strand, spec.n_ranks, rank);
        break;
      case Collective::broadcast:
        broadcast(strand, spec.n_ranks, rank, spec.root);
        break;
      case Collective::reduce:
        reduce(strand, spec.n_ranks, rank, spec.root);
        break;
      case Collective::gather:
        gather(strand, spec.n_ranks, rank, spec.root);
        break;
      case Collective::scatter:
        scatter(strand, spec.n_ranks, rank, spec.root);
        break;
      case Collective::all_to_all:
        all_to_all(strand, spec.n_ranks, rank);
        break;
      default:
        break;  // has no plans
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::one_shot
