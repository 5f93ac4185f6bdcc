#include "algorithms/tree/plan.hpp"

#include <algorithm>
#include <utility>

#include "algorithms/double_tree.hpp"
#include "algorithms/strand_builder.hpp"

namespace stretto::tree {
namespace {

using Strands = std::vector<Strand>;

/// Sums flow up and results down in two strands, so that a round goes up while earlier ones come down. In place: a
/// result reaches a rank only after its parent has read what this rank sent up.
void all_reduce(Strands& strands, const DoubleTree& tree, Rank rank, int channel) {
  const std::vector<Rank> children = tree.children(rank);
  const Rank parent = tree.parent(rank);
  StrandBuilder up(channel);
  StrandBuilder down(channel);
  if (parent < 0) {
    up.reduce_complete(0, output(0), sources_in_rank_order(rank, input(0), children));
    for (const Rank child : children) up.send(child, 0, output(0));
    strands.push_back(std::move(up).finish());
    return;
  }
  if (children.empty()) {
    up.send(parent, 0, input(0));
  } else {
    up.reduce(0, slot(parent), sources_in_rank_order(rank, input(0), children));
  }
  down.receive(parent, 0, output(0));
  for (const Rank child : children) down.send(child, 0, output(0));
  strands.push_back(std::move(up).finish());
  strands.push_back(std::move(down).finish());
}

/// The trees span the ranks other than the root, which feeds the roots of both: so no rank but the root works harder
/// than others, wherever the root is.
void broadcast(Strands& strands, const PlanSpec& spec, Rank rank, int channel) {
  const int n = spec.n_ranks;
  const DoubleTree tree(n - 1, channel % 2);
  const auto rank_in_tree = [&](Rank outer) { return rotate(outer, -spec.root - 1, n); };
  const auto outer_rank = [&](Rank inner) { return (inner + spec.root + 1) % n; };
  StrandBuilder strand(channel);
  if (rank == spec.root) {
    strand.send(outer_rank(tree.root()), 0, input(0));
    strand.copy(0, output(0), input(0));
  } else {
    const Rank parent = tree.parent(rank_in_tree(rank));
    strand.receive(parent < 0 ? spec.root : outer_rank(parent), 0, output(0));
    for (const Rank child : tree.children(rank_in_tree(rank))) strand.send(outer_rank(child), 0, output(0));
  }
  strands.push_back(std::move(strand).finish());
}

/// The reverse: sums flow up the trees of the others, whose roots send them to the root.
void reduce(Strands& strands, const PlanSpec& spec, Rank rank, int channel) {
  const int n = spec.n_ranks;
  const DoubleTree tree(n - 1, channel % 2);
  const auto rank_in_tree = [&](Rank outer) { return rotate(outer, -spec.root - 1, n); };
  const auto outer_rank = [&](Rank inner) { return (inner + spec.root + 1) % n; };
  StrandBuilder strand(channel);
  if (rank == spec.root) {
    strand.reduce_complete(0, output(0), sources_in_rank_order(rank, input(0), {outer_rank(tree.root())}));
  } else {
    const Rank parent = tree.parent(rank_in_tree(rank));
    const Rank to = parent < 0 ? spec.root : outer_rank(parent);
    std::vector<Rank> from;
    for (const Rank child : tree.children(rank_in_tree(rank))) from.push_back(outer_rank(child));
    if (from.empty()) {
      strand.send(to, 0, input(0));
    } else {
      strand.reduce(0, slot(to), sources_in_rank_order(rank, input(0), std::move(from)));
    }
  }
  strands.push_back(std::move(strand).finish());
}

/// Each block in rank order floods the tree from its owner. All ranks go through the blocks in the same order, and
/// within a block data only moves away from its owner: so one slot is enough.
void all_gather(Strands& strands, const DoubleTree& tree, int n, Rank rank, int channel) {
  StrandBuilder strand(channel);
  for (Rank owner = 0; owner < n; ++owner) {
    const Rank from = owner == rank ? -1 : tree.towards(rank, owner);
    if (from >= 0) strand.receive(from, owner, output(owner));
    for (const Rank to : tree.neighbours(rank)) {
      if (to != from) strand.send(to, owner, from < 0 ? input(owner) : output(owner));
    }
    if (from < 0) strand.copy(owner, output(owner), input(owner));
  }
  strands.push_back(std::move(strand).finish());
}

/// The reverse: each block in rank order is summed along the tree towards its owner.
void reduce_scatter(Strands& strands, const DoubleTree& tree, int n, Rank rank, int channel) {
  StrandBuilder strand(channel);
  for (Rank owner = 0; owner < n; ++owner) {
    std::vector<Rank> from = tree.neighbours(rank);
    if (owner == rank) {
      strand.reduce_complete(owner, output(owner), sources_in_rank_order(rank, input(owner), std::move(from)));
      continue;
    }
    const Rank to = tree.towards(rank, owner);
    std::erase(from, to);
    if (from.empty()) {
      strand.send(to, owner, input(owner));
    } else {
      strand.reduce(owner, slot(to), sources_in_rank_order(rank, input(owner), std::move(from)));
    }
  }
  strands.push_back(std::move(strand).finish());
}

}  // namespace

bool supports(Collective collective) {
  return is_one_of(collective, {Collective::all_reduce, Collective::all_gather, Collective::reduce_scatter,
                                Collective::broadcast, Collective::reduce});
}

std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  Program program;
  for (int channel = 0; channel < spec.channels; ++channel) {
    const DoubleTree tree(spec.n_ranks, channel % 2);
    switch (spec.collective) {
      case Collective::all_reduce:
        all_reduce(program.strands, tree, rank, channel);
        break;
      case Collective::all_gather:
        all_gather(program.strands, tree, spec.n_ranks, rank, channel);
        break;
      case Collective::reduce_scatter:
        reduce_scatter(program.strands, tree, spec.n_ranks, rank, channel);
        break;
      case Collective::broadcast:
        broadcast(program.strands, spec, rank, channel);
        break;
      case Collective::reduce:
        reduce(program.strands, spec, rank, channel);
        break;
      default:
        break;  // not supported
    }
  }
  return program;
}

}  // namespace stretto::tree
