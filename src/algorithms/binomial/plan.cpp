#include "algorithms/binomial/plan.hpp"

#include <utility>

#include "algorithms/strand_builder.hpp"

namespace stretto::binomial {
namespace {

/// Ranks counted around from the root, which is 0. The subtree of v are the ranks from v to v + size - 1.
class Tree {
 public:
  explicit Tree(const PlanSpec& spec) : n_(spec.n_ranks), root_(spec.root) {}

  int relative(Rank rank) const { return rotate(rank, -root_, n_); }
  Rank rank(int relative) const { return rotate(root_, relative, n_); }
  /// Of v, which is not the root: v without its lowest bit.
  Rank parent(int v) const { return rank(v & (v - 1)); }
  /// In ascending order: v + 1, v + 2, v + 4, ... below v's lowest bit.
  std::vector<Rank> children(int v) const {
    std::vector<Rank> found;
    for (int step = 1; v + step < n_ && (v == 0 || step < (v & -v)); step *= 2) found.push_back(rank(v + step));
    return found;
  }

 private:
  int n_;
  Rank root_;
};

void broadcast(StrandBuilder& strand, const Tree& tree, int v) {
  if (v > 0) strand.receive(tree.parent(v), 0, output(0));
  const std::vector<Rank> children = tree.children(v);
  for (auto child = children.rbegin(); child != children.rend(); ++child) {
    strand.send(*child, 0, v > 0 ? output(0) : input(0));
  }
  if (v == 0) strand.copy(0, output(0), input(0));
}

/// One step sums a rank's input and its children's sums, in ascending order. Nobody reads the root's buffers, so in
/// place each element is written after it was read.
void reduce(StrandBuilder& strand, const Tree& tree, int v) {
  std::vector<Ref> sources = {input(0)};
  for (const Rank child : tree.children(v)) sources.push_back(slot(child));
  if (v == 0) {
    strand.reduce_complete(0, output(0), std::move(sources));
  } else if (sources.size() == 1) {
    strand.send(tree.parent(v), 0, input(0));
  } else {
    strand.reduce(0, slot(tree.parent(v)), std::move(sources));
  }
}

}  // namespace

bool supports(Collective collective) { return collective == Collective::broadcast || collective == Collective::reduce; }

std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const Tree tree(spec);
  Program program;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    if (spec.collective == Collective::broadcast) {
      broadcast(strand, tree, tree.relative(rank));
    } else {
      reduce(strand, tree, tree.relative(rank));
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::binomial
