#include "algorithms/halving_doubling/plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "algorithms/core_ranks.hpp"
#include "algorithms/strand_builder.hpp"

namespace stretto::halving_doubling {
namespace {

/// Who ends up with the sum of a chunk, or has it at the beginning: chunk c belongs to place c of the core; where there
/// is a block for each rank, a place has the blocks of those that it stands for.
class Owners {
 public:
  explicit Owners(const PlanSpec& spec)
      : core(spec.n_ranks), per_rank_(row_of(spec.collective).blocks != Blocks::one) {}

  std::vector<int> chunks_of(int place) const {
    if (!per_rank_) return {place};
    const Rank rank = core.rank(place);
    return core.stands_for_two(rank) ? std::vector<int>{rank, rank + 1} : std::vector<int>{rank};
  }
  /// Of all places that are `place` modulo `modulus`, in ascending order.
  std::vector<int> chunks_of_class(int place, int modulus) const {
    std::vector<int> chunks;
    for (int each = place % modulus; each < core.size; each += modulus) {
      for (const int chunk : chunks_of(each)) chunks.push_back(chunk);
    }
    return chunks;
  }

  CoreRanks core;

 private:
  bool per_rank_;
};

std::vector<Piece> in_input(const std::vector<int>& chunks) {
  std::vector<Piece> pieces;
  for (const int chunk : chunks) pieces.push_back({chunk, input(chunk)});
  return pieces;
}

std::vector<Piece> in_output(const std::vector<int>& chunks) {
  std::vector<Piece> pieces;
  for (const int chunk : chunks) pieces.push_back({chunk, output(chunk)});
  return pieces;
}

/// A rank of the core at work. Sums that are sent on at once are made in the slot that takes them; those that stay, in
/// scratch memory. In place: a peer writes a chunk of this rank's output only after it has had, in the first half, a
/// message from this rank that followed all reading of that chunk of the input.
class Worker {
 public:
  Worker(StrandBuilder& strand, const Owners& owners, Rank rank, int first_scratch)
      : strand_(strand), owners_(owners), rank_(rank), place_(owners.core.place(rank)) {
    int next = first_scratch;
    for (const int chunk : owners.chunks_of_class(place_, 2)) scratch_[chunk] = scratch(next++);
  }

  void halve() {
    fold_in();
    for (int bit = 1; bit < size(); bit *= 2) {
      const Rank partner = peer(bit);
      const std::vector<int> chunks = owners_.chunks_of_class(place_, 2 * bit);
      const auto sources = [&](std::size_t part) {
        std::vector<Ref> pair = {at(chunks[part]), slot(partner, static_cast<int>(part))};
        if ((place_ & bit) != 0) std::swap(pair[0], pair[1]);
        return pair;
      };
      strand_.await(partner);
      if (2 * bit == size()) {
        complete(chunks, sources);
      } else {
        pass_on(chunks, peer(2 * bit), owners_.chunks_of_class(place_ ^ (2 * bit), 4 * bit), sources);
      }
      strand_.release(partner);
    }
  }

  /// What this rank has been given, it hands on: to its partner, and to the one that it stands for.
  void double_up() {
    for (int bit = size() / 2; bit > 0; bit /= 2) {
      std::vector<Piece> mine = in_output(owners_.chunks_of_class(place_, 2 * bit));
      for (Piece& piece : mine) {
        if (gathers_ && piece.chunk == rank_) piece.at = input(rank_);
      }
      strand_.send(peer(bit), mine);
      if (bit == 1) hand_out(mine);
      const std::vector<Piece> theirs = in_output(owners_.chunks_of_class(place_ ^ bit, 2 * bit));
      strand_.receive(peer(bit), theirs);
      if (bit == 1) hand_out(theirs);
    }
  }

  void all_gather() {
    gathers_ = true;
    if (folded()) strand_.receive(rank_ + 1, rank_ + 1, output(rank_ + 1));
    double_up();
    strand_.copy(rank_, output(rank_), input(rank_));
  }

 private:
  int size() const { return owners_.core.size; }
  bool folded() const { return owners_.core.stands_for_two(rank_); }
  Rank peer(int bit) const { return owners_.core.rank(place_ ^ bit); }
  Ref at(int chunk) const { return folded() || summed_ ? scratch_.at(chunk) : input(chunk); }

  /// The other's input comes in two messages: what goes to the first partner, and what stays.
  void fold_in() {
    const std::vector<int> away = owners_.chunks_of_class(place_ ^ 1, 2);
    if (!folded()) {
      strand_.send(peer(1), in_input(away));
      return;
    }
    const Rank other = rank_ + 1;
    const auto sources = [&](int chunk, std::size_t part) {
      return std::vector<Ref>{input(chunk), slot(other, static_cast<int>(part))};
    };
    strand_.await(other);
    strand_.acquire(peer(1));
    for (std::size_t i = 0; i < away.size(); ++i) strand_.fill(peer(1), away[i], sources(away[i], i));
    strand_.signal(peer(1));
    strand_.release(other);
    strand_.await(other);
    const std::vector<int> stays = owners_.chunks_of_class(place_, 2);
    for (std::size_t i = 0; i < stays.size(); ++i) {
      strand_.sum(stays[i], scratch_.at(stays[i]), sources(stays[i], i));
    }
    strand_.release(other);
  }

  template <typename Sources>
  void pass_on(const std::vector<int>& chunks, Rank next, const std::vector<int>& away, const Sources& sources) {
    const auto goes = [&](int chunk) { return std::find(away.begin(), away.end(), chunk) != away.end(); };
    strand_.acquire(next);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      if (goes(chunks[i])) strand_.fill(next, chunks[i], sources(i));
    }
    strand_.signal(next);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      if (!goes(chunks[i])) strand_.sum(chunks[i], scratch_.at(chunks[i]), sources(i));
    }
    summed_ = true;
  }

  /// The chunks that this place owns: one for the output, and one for the rank that it stands for, if those have any.
  template <typename Sources>
  void complete(const std::vector<int>& chunks, const Sources& sources) {
    if (chunks.size() == 2) {
      strand_.acquire(rank_ + 1);
      strand_.fill(rank_ + 1, chunks[1], sources(1), true);
      strand_.signal(rank_ + 1);
    }
    strand_.sum(chunks[0], output(chunks[0]), sources(0), true);
  }

  void hand_out(std::vector<Piece> pieces) {
    if (!folded()) return;
    std::erase_if(pieces, [&](const Piece& piece) { return gathers_ && piece.chunk == rank_ + 1; });
    strand_.send(rank_ + 1, pieces);
  }

  StrandBuilder& strand_;
  const Owners& owners_;
  Rank rank_;
  int place_;
  std::map<int, Ref> scratch_;  ///< by chunk
  bool summed_ = false;
  bool gathers_ = false;  ///< blocks, of which each rank has its own from the beginning
};

/// A rank that another one stands for.
void outside(StrandBuilder& strand, const Owners& owners, Rank rank, Collective collective) {
  const Rank other = rank - 1;
  const int place = owners.core.place(other);
  const std::vector<int> near = owners.chunks_of_class(place, 2);
  const std::vector<int> far = owners.chunks_of_class(place ^ 1, 2);
  if (collective == Collective::all_gather) {
    strand.send(other, rank, input(rank));
    strand.copy(rank, output(rank), input(rank));
  } else {
    strand.send(other, in_input(far));
    strand.send(other, in_input(near));
  }
  if (collective == Collective::reduce_scatter) {
    strand.receive(other, rank, output(rank));
    return;
  }
  std::vector<Piece> first = in_output(near);
  if (collective == Collective::all_gather) {
    std::erase_if(first, [&](const Piece& piece) { return piece.chunk == rank; });
  }
  strand.receive(other, first);
  strand.receive(other, in_output(far));
}

}  // namespace

bool supports(Collective collective) {
  return collective == Collective::all_reduce || collective == Collective::reduce_scatter ||
         collective == Collective::all_gather;
}

std::int32_t chunks_per_block(const PlanSpec& spec) {
  return spec.collective == Collective::all_reduce ? CoreRanks(spec.n_ranks).size : 1;
}

/// Places are parted into even and odd ones.
std::int32_t parts_per_slot(const PlanSpec& spec) {
  if (spec.n_ranks == 1) return 1;
  const Owners owners(spec);
  return static_cast<std::int32_t>(std::max(owners.chunks_of_class(0, 2).size(), owners.chunks_of_class(1, 2).size()));
}

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const Owners owners(spec);
  const bool sums = row_of(spec.collective).reduces;
  const bool outside_core = owners.core.is_outside(rank);
  const auto scratch_chunks =
      sums && !outside_core ? static_cast<int>(owners.chunks_of_class(owners.core.place(rank), 2).size()) : 0;
  Program program;
  program.scratch_chunks = scratch_chunks * spec.channels;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    if (outside_core) {
      outside(strand, owners, rank, spec.collective);
    } else {
      Worker worker(strand, owners, rank, channel * scratch_chunks);
      if (sums) worker.halve();
      if (spec.collective == Collective::all_reduce) worker.double_up();
      if (spec.collective == Collective::all_gather) worker.all_gather();
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::halving_doubling
