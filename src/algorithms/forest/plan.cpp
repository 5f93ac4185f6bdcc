#include "algorithms/forest/plan.hpp"

#include <algorithm>
#include <utility>

#include "algorithms/forest/trees.hpp"
#include "algorithms/strand_builder.hpp"
#include "algorithms/tree_strands.hpp"

namespace stretto::forest {
namespace {

/// One rank's part of the others on one channel.
class Channel {
 public:
  Channel(StrandBuilder& strand, const Trees& trees, const PlanSpec& spec, int channel, Rank rank)
      : strand_(strand), trees_(trees), n_(spec.n_ranks), channel_(channel), rank_(rank) {
    // Each channel begins with another peer, so that they do not all want the same links at once.
    after_ = peers_after(rank, n_);
    std::rotate(after_.begin(), after_.begin() + channel % (n_ - 1), after_.end());
    before_ = peers_before(rank, n_);
    std::rotate(before_.begin(), before_.begin() + channel % (n_ - 1), before_.end());
  }

  /// Down the trees: what is nearest to its root first, and as soon as it is there.
  void gather() {
    for (int depth = 0; depth <= trees_.deepest(); ++depth) {
      std::vector<Rank> received;
      for (const Rank peer : after_) {
        std::vector<Piece> given;
        for (const Rank root : trees_.handed(channel_, rank_, peer, depth)) {
          if (root != rank_) receive(trees_.parent(channel_, root, rank_), depth, received);
          given.push_back({root, root == rank_ ? input(root) : output(root)});
        }
        strand_.send(peer, given);
      }
      for (const Rank peer : before_) receive(peer, depth, received);
    }
  }

  /// Up the trees: what is furthest from its root first, and as soon as what it is a sum of is there.
  void reduce_scatter() {
    for (int depth = trees_.deepest(); depth >= 0; --depth) {
      std::vector<Rank> awaited;
      for (const Rank peer : after_) hand_up(peer, depth, awaited);
      if (depth == 0) {
        await_children(rank_, depth, awaited);
        strand_.sum(rank_, output(rank_), sources(rank_, depth), true);
      }
      for (const Rank giver : awaited) strand_.release(giver);
    }
  }

 private:
  /// The message with all that comes from there and is `depth` ranks below its roots here, once.
  void receive(Rank peer, int depth, std::vector<Rank>& received) {
    if (depth == 0 || std::ranges::find(received, peer) != received.end()) return;
    received.push_back(peer);
    std::vector<Piece> taken;
    for (const Rank root : trees_.handed(channel_, peer, rank_, depth - 1)) taken.push_back({root, output(root)});
    strand_.receive(peer, taken);
  }

  /// To a rank that is above this one in some trees, where it is `depth` below their roots.
  void hand_up(Rank peer, int depth, std::vector<Rank>& awaited) {
    const std::vector<int> roots = depth == 0 ? std::vector<int>() : trees_.handed(channel_, peer, rank_, depth - 1);
    if (roots.empty()) return;
    for (const Rank root : roots) await_children(root, depth, awaited);
    strand_.acquire(peer);
    for (const Rank root : roots) strand_.fill(peer, root, sources(root, depth));
    strand_.signal(peer);
  }

  /// The messages of this depth that bring the root's block, each once.
  void await_children(Rank root, int depth, std::vector<Rank>& awaited) {
    for (const Rank peer : before_) {
      if (trees_.parent(channel_, root, peer) != rank_ || trees_.depth(channel_, root, rank_) != depth) continue;
      if (std::ranges::find(awaited, peer) != awaited.end()) continue;
      strand_.await(peer);
      awaited.push_back(peer);
    }
  }

  /// This rank's input and what comes from below, in the order of ranks.
  std::vector<Ref> sources(Rank root, int depth) const {
    std::vector<Ref> found;
    for (Rank rank = 0; rank < n_; ++rank) {
      if (rank == rank_) {
        found.push_back(input(root));
      } else if (trees_.parent(channel_, root, rank) == rank_) {
        const std::vector<int> message = trees_.handed(channel_, rank_, rank, depth);
        found.push_back(slot(rank, static_cast<int>(std::ranges::find(message, root) - message.begin())));
      }
    }
    return found;
  }

  StrandBuilder& strand_;
  const Trees& trees_;
  const int n_;
  const int channel_;
  const Rank rank_;
  std::vector<Rank> after_;   ///< the others, in the order in which this rank sends to them
  std::vector<Rank> before_;  ///< in the order in which their messages arrive
};

void along(std::vector<Strand>& strands, Collective collective, const TreePlace& place, Rank rank, int channel) {
  if (collective == Collective::all_reduce) return all_reduce_along(strands, place, rank, channel);
  if (collective == Collective::broadcast) return broadcast_along(strands, place, channel);
  reduce_along(strands, place, rank, channel);
}

}  // namespace

bool supports(Collective collective) {
  return collective == Collective::all_reduce || collective == Collective::all_gather ||
         collective == Collective::reduce_scatter || collective == Collective::broadcast ||
         collective == Collective::reduce;
}

bool takes_parents(const PlanSpec& spec) { return Trees::well_formed(spec); }

std::int32_t parts_per_slot(const PlanSpec& spec) {
  return spec.parents.empty() ? 1 : std::max(1, Trees(spec).most_handed());  // a star hands on one at a time
}

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const Trees trees(spec);
  Program program;
  for (int number = 0; number < spec.channels; ++number) {
    if (Trees::count(spec) == 1) {
      along(program.strands, spec.collective, {trees.parent(number, 0, rank), trees.children(number, 0, rank)}, rank,
            number);
      continue;
    }
    StrandBuilder strand(number);
    Channel channel(strand, trees, spec, number, rank);
    if (spec.collective == Collective::all_gather) {
      channel.gather();
      strand.copy(rank, output(rank), input(rank));
    } else {
      channel.reduce_scatter();
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::forest
