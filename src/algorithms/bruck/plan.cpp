#include "algorithms/bruck/plan.hpp"

#include <algorithm>
#include <utility>

#include "algorithms/strand_builder.hpp"

namespace stretto::bruck {
namespace {

/// Before the step of `distance` a rank has the blocks of as many ranks, itself and those after it.
void all_gather(StrandBuilder& strand, int n, Rank rank) {
  for (int distance = 1; distance < n; distance *= 2) {
    const int count = std::min(distance, n - distance);
    std::vector<Piece> sent;
    std::vector<Piece> received;
    for (int i = 0; i < count; ++i) {
      const Rank mine = rotate(rank, i, n);
      const Rank theirs = (rank + distance + i) % n;
      sent.push_back({mine, i == 0 ? input(mine) : output(mine)});
      received.push_back({theirs, output(theirs)});
    }
    strand.send(rotate(rank, -distance, n), sent);
    strand.receive(rotate(rank, distance, n), received);
  }
  strand.copy(rank, output(rank), input(rank));
}

/// A block that has made the hops of the low bits of d, the distance from its source to its destination, lies on the
/// rank (d modulo the present distance) after its source: in that rank's scratch chunk d, or still in the input.
void all_to_all(StrandBuilder& strand, int n, Rank rank, int first_scratch) {
  const auto block = [n](Rank source, int d) { return source * n + (source + d) % n; };
  strand.copy(block(rank, 0), output(block(rank, 0)), input(block(rank, 0)));
  for (int distance = 1; distance < n; distance *= 2) {
    std::vector<Piece> sent;
    std::vector<Piece> received;
    for (int d = distance; d < n; ++d) {
      if ((d & distance) == 0) continue;
      const int travelled = d % distance;
      const int mine = block(rotate(rank, -travelled, n), d);
      const int theirs = block(rotate(rank, -(travelled + distance), n), d);
      const Ref waiting = scratch(first_scratch + d);
      sent.push_back({mine, travelled == 0 ? input(mine) : waiting});
      received.push_back({theirs, travelled + distance == d ? output(theirs) : waiting});
    }
    strand.send(rotate(rank, distance, n), sent);
    strand.receive(rotate(rank, -distance, n), received);
  }
}

}  // namespace

bool supports(Collective collective) {
  return collective == Collective::all_gather || collective == Collective::all_to_all;
}

std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

/// No step moves more than half of all.
std::int32_t parts_per_slot(const PlanSpec& spec) { return std::max(1, spec.n_ranks / 2); }

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const int n = spec.n_ranks;
  const bool pairs = spec.collective == Collective::all_to_all;
  Program program;
  program.scratch_chunks = pairs ? n * spec.channels : 0;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    if (pairs) {
      all_to_all(strand, n, rank, channel * n);
    } else {
      all_gather(strand, n, rank);
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::bruck
