#include "algorithms/bruck/plan.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "algorithms/strand_builder.hpp"

namespace stretto::bruck {
namespace {

/// Sends and receives as many, in messages of as many parts as a slot may have: one each way at a time, so that nobody
/// waits for a slot while others wait for what is in it.
void exchange(StrandBuilder& strand, Rank to, const std::vector<Piece>& sent, Rank from,
              const std::vector<Piece>& received) {
  STRETTO_ASSERT(sent.size() == received.size());
  constexpr std::size_t kMost = kMostPartsPerSlot;
  const auto message = [](const std::vector<Piece>& pieces, std::size_t begin) {
    const std::size_t end = std::min(pieces.size(), begin + kMost);
    return std::vector<Piece>(pieces.begin() + static_cast<std::ptrdiff_t>(begin),
                              pieces.begin() + static_cast<std::ptrdiff_t>(end));
  };
  for (std::size_t begin = 0; begin < sent.size(); begin += kMost) {
    strand.send(to, message(sent, begin));
    strand.receive(from, message(received, begin));
  }
}

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
    exchange(strand, rotate(rank, -distance, n), sent, rotate(rank, distance, n), received);
  }
  strand.copy(rank, output(rank), input(rank));
}

/// The reverse. After the step of `distance` a rank has sums of the blocks of as many ranks, itself and those after it,
/// in scratch memory; the last one is complete.
void reduce_scatter(StrandBuilder& strand, int n, Rank rank, int first_scratch) {
  int n_sums = 0;  // of the blocks of this rank and those after it
  const auto partial = [&](int i) { return i < n_sums ? scratch(first_scratch + i) : input(rotate(rank, i, n)); };
  for (int distance = static_cast<int>(std::bit_floor(static_cast<unsigned>(n - 1))); distance > 0; distance /= 2) {
    const int count = std::min(distance, n - distance);
    const Rank from = rotate(rank, -distance, n);
    for (int begin = 0; begin < count; begin += kMostPartsPerSlot) {
      const int end = std::min(count, begin + kMostPartsPerSlot);
      std::vector<Piece> sent;
      for (int i = begin; i < end; ++i) sent.push_back({(rank + distance + i) % n, partial(distance + i)});
      strand.send((rank + distance) % n, sent);
      strand.await(from);
      for (int i = begin; i < end; ++i) {
        const bool completes = distance == 1;
        const Ref to = completes ? output(rank) : scratch(first_scratch + i);
        strand.sum(rotate(rank, i, n), to, {slot(from, i - begin), partial(i)}, completes);
      }
      strand.release(from);
    }
    n_sums = std::max(n_sums, count);
  }
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
    exchange(strand, rotate(rank, distance, n), sent, rotate(rank, -distance, n), received);
  }
}

/// Of a reduce-scatter, the most sums that lie on a rank between two steps.
int most_sums(int n) {
  const int distance = static_cast<int>(std::bit_floor(static_cast<unsigned>(n - 1)));
  return n < 3 ? 0 : std::max(distance / 2, std::min(distance, n - distance));
}

}  // namespace

bool supports(Collective collective) {
  return is_one_of(collective, {Collective::all_gather, Collective::reduce_scatter, Collective::all_to_all});
}

std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

/// No step moves more than half of all.
std::int32_t parts_per_slot(const PlanSpec& spec) { return std::clamp(spec.n_ranks / 2, 1, kMostPartsPerSlot); }

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const int n = spec.n_ranks;
  const int scratch_chunks = spec.collective == Collective::all_to_all       ? n
                             : spec.collective == Collective::reduce_scatter ? most_sums(n)
                                                                             : 0;
  Program program;
  program.scratch_chunks = scratch_chunks * spec.channels;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    if (spec.collective == Collective::all_to_all) {
      all_to_all(strand, n, rank, channel * scratch_chunks);
    } else if (spec.collective == Collective::reduce_scatter) {
      reduce_scatter(strand, n, rank, channel * scratch_chunks);
    } else {
      all_gather(strand, n, rank);
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::bruck
