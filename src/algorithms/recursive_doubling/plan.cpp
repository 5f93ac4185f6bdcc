#include "algorithms/recursive_doubling/plan.hpp"

#include <bit>
#include <utility>

#include "algorithms/strand_builder.hpp"

namespace stretto::recursive_doubling {
namespace {

/// The ranks that swap: a power of two of them. Each of the first `extra` of them stands for its successor, too.
struct Core {
  int size;
  int extra;

  explicit Core(int n) : size(static_cast<int>(std::bit_floor(static_cast<unsigned>(n)))), extra(n - size) {}

  bool is_outside(Rank rank) const { return rank < 2 * extra && rank % 2 == 1; }
  bool stands_for_two(Rank rank) const { return rank < 2 * extra; }
  int place(Rank rank) const { return rank < 2 * extra ? rank / 2 : rank - extra; }
  Rank rank(int place) const { return place < extra ? 2 * place : place + extra; }
};

/// Partial sums are made in scratch memory, since the partner of the first swap may still read this rank's input
/// through an alias. The last one goes straight to the output if that partner is known to be done by then.
void swap(StrandBuilder& strand, const Core& core, Rank rank, Ref partial) {
  const int place = core.place(rank);
  const bool folded = core.stands_for_two(rank);
  Ref mine = input(0);
  if (folded) {
    std::vector<Ref> sources = {input(0), slot(rank + 1)};
    strand.reduce(0, partial, std::move(sources));
    mine = partial;
  }
  for (int bit = 1; bit < core.size; bit *= 2) {
    const Rank partner = core.rank(place ^ bit);
    const bool last = bit * 2 == core.size;
    const bool direct = last && (bit > 1 || folded);
    strand.send(partner, 0, mine);
    // Of the sums before, only the first was read in place: from the input.
    if (direct && !folded) strand.drain_of(core.rank(place ^ 1));
    std::vector<Ref> sources = {mine, slot(partner)};
    if ((place & bit) != 0) std::swap(sources[0], sources[1]);
    if (last) {
      strand.reduce_complete(0, direct ? output(0) : partial, std::move(sources));
    } else {
      strand.reduce(0, partial, std::move(sources));
    }
    if (last && !direct) {
      strand.drain();
      strand.copy(0, output(0), partial);
    }
    mine = partial;
  }
  if (folded) strand.send(rank + 1, 0, output(0));
}

}  // namespace

bool supports(Collective collective) { return collective == Collective::all_reduce; }

std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const Core core(spec.n_ranks);
  Program program;
  program.scratch_chunks = spec.channels;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    if (core.is_outside(rank)) {
      strand.send(rank - 1, 0, input(0));
      strand.receive(rank - 1, 0, output(0));
    } else {
      swap(strand, core, rank, scratch(channel));
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::recursive_doubling
