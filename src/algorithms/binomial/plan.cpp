#include "algorithms/binomial/plan.hpp"

#include <algorithm>
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
  /// Ranks of the subtree of v, itself included.
  int weight(int v) const { return v == 0 ? n_ : std::min(v & -v, n_ - v); }
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

/// The blocks of the subtree of `top`, as they lie on rank v above or at it: the root has them in a buffer, the others
/// in scratch memory, v's own excepted.
std::vector<Piece> subtree(const Tree& tree, int top, int v, int first_scratch, Ref (*buffer)(int)) {
  std::vector<Piece> pieces;
  for (int each = top; each < top + tree.weight(top); ++each) {
    const int block = tree.rank(each);
    const bool in_buffer = v == 0 || each == v;
    pieces.push_back({block, in_buffer ? buffer(block) : scratch(first_scratch + each - v - 1)});
  }
  return pieces;
}

Ref in_input(int chunk) { return input(chunk); }
Ref in_output(int chunk) { return output(chunk); }

void gather(StrandBuilder& strand, const Tree& tree, int v, int first_scratch) {
  const int own = tree.rank(v);
  if (v == 0) strand.copy(own, output(own), input(own));
  for (const Rank child : tree.children(v)) {
    strand.receive(child, subtree(tree, tree.relative(child), v, first_scratch, in_output));
  }
  if (v > 0) strand.send(tree.parent(v), subtree(tree, v, v, first_scratch, in_input));
}

void scatter(StrandBuilder& strand, const Tree& tree, int v, int first_scratch) {
  const int own = tree.rank(v);
  if (v > 0) strand.receive(tree.parent(v), subtree(tree, v, v, first_scratch, in_output));
  const std::vector<Rank> children = tree.children(v);
  for (auto child = children.rbegin(); child != children.rend(); ++child) {
    strand.send(*child, subtree(tree, tree.relative(*child), v, first_scratch, in_input));
  }
  if (v == 0) strand.copy(own, output(own), input(own));
}

}  // namespace

bool supports(Collective collective) {
  return collective == Collective::broadcast || collective == Collective::reduce || collective == Collective::gather ||
         collective == Collective::scatter;
}

/// The heaviest subtree of the root.
std::int32_t parts_per_slot(const PlanSpec& spec) {
  if (row_of(spec.collective).blocks == Blocks::one || spec.n_ranks == 1) return 1;
  const Tree tree(spec);
  int most = 1;
  for (const Rank child : tree.children(0)) most = std::max(most, tree.weight(tree.relative(child)));
  return most;
}

std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const Tree tree(spec);
  const int v = tree.relative(rank);
  const bool stores = row_of(spec.collective).blocks == Blocks::per_rank && v > 0;
  const int scratch_chunks = stores ? tree.weight(v) - 1 : 0;
  Program program;
  program.scratch_chunks = scratch_chunks * spec.channels;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    switch (spec.collective) {
      case Collective::broadcast:
        broadcast(strand, tree, v);
        break;
      case Collective::reduce:
        reduce(strand, tree, v);
        break;
      case Collective::gather:
        gather(strand, tree, v, channel * scratch_chunks);
        break;
      case Collective::scatter:
        scatter(strand, tree, v, channel * scratch_chunks);
        break;
      default:
        break;  // not supported
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::binomial
