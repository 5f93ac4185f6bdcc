#include "algorithms/ring/plan.hpp"

#include <utility>

#include "algorithms/strand_builder.hpp"

namespace stretto::ring {
namespace {

struct Place {
  int n;
  Rank rank;
  Rank next;
  Rank previous;

  int chunk(int offset) const { return (rank + offset + 2 * n) % n; }
};

/// Sends the partial sum of chunk `rank + first`, adds this rank's input to each one that passes, and completes chunk
/// `rank + first + 1` into the output. Sums travel from slot to slot: the output is written with final values only, so
/// that it may be the input. Two slots are needed: a rank fills one towards the next rank while it holds one from the
/// previous rank, and if all ranks did so with one slot each, none could go on.
void reduce_scatter(StrandBuilder& strand, const Place& place, int first) {
  const int begin = place.chunk(first);
  strand.send(place.next, begin, input(begin));
  for (int hop = 1; hop < place.n - 1; ++hop) {
    const int chunk = place.chunk(first - hop);
    strand.reduce(chunk, slot(place.next), {slot(place.previous), input(chunk)});
  }
  const int own = place.chunk(first + 1);
  strand.reduce_complete(own, output(own), {slot(place.previous), input(own)});
}

/// Passes on what comes, after this rank has sent chunk `rank + first`.
void all_gather(StrandBuilder& strand, const Place& place, int first) {
  for (int hop = 1; hop < place.n; ++hop) {
    const int chunk = place.chunk(first - hop);
    strand.receive(place.previous, chunk, output(chunk));
    if (hop < place.n - 1) strand.send(place.next, chunk, output(chunk));
  }
}

void broadcast(StrandBuilder& strand, const Place& place, Rank root) {
  if (place.rank == root) {
    strand.send(place.next, 0, input(0));
    strand.copy(0, output(0), input(0));
    return;
  }
  strand.receive(place.previous, 0, output(0));
  if (place.next != root) strand.send(place.next, 0, output(0));
}

/// A chain that ends at the root: each rank adds its input to the partial sum that passes.
void reduce(StrandBuilder& strand, const Place& place, Rank root) {
  if (place.previous == root) {
    strand.send(place.next, 0, input(0));
  } else if (place.rank == root) {
    strand.reduce_complete(0, output(0), {slot(place.previous), input(0)});
  } else {
    strand.reduce(0, slot(place.next), {slot(place.previous), input(0)});
  }
}

}  // namespace

bool supports(Collective collective) {
  return is_one_of(collective, {Collective::all_reduce, Collective::all_gather, Collective::reduce_scatter,
                                Collective::broadcast, Collective::reduce});
}

std::int32_t chunks_per_block(const PlanSpec& spec) {
  return spec.collective == Collective::all_reduce ? spec.n_ranks : 1;
}

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const Place place{spec.n_ranks, rank, rotate(rank, 1, spec.n_ranks), rotate(rank, -1, spec.n_ranks)};
  Program program;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    switch (spec.collective) {
      case Collective::all_reduce: {
        // In place: a chunk's final value returns only after the next rank has read what was put from the input.
        reduce_scatter(strand, place, 0);
        const int own = place.chunk(1);
        strand.send(place.next, own, output(own));
        all_gather(strand, place, 1);
        break;
      }
      case Collective::all_gather:
        strand.send(place.next, rank, input(rank));
        strand.copy(rank, output(rank), input(rank));
        all_gather(strand, place, 0);
        break;
      case Collective::reduce_scatter:
        reduce_scatter(strand, place, -1);
        break;
      case Collective::broadcast:
        broadcast(strand, place, spec.root);
        break;
      case Collective::reduce:
        reduce(strand, place, spec.root);
        break;
      default:
        break;  // not supported
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::ring
