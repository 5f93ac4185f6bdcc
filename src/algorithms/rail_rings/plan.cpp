#include "algorithms/rail_rings/plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "algorithms/groups.hpp"
#include "algorithms/strand_builder.hpp"

namespace stretto::rail_rings {
namespace {

/// The rings, numbered as the ranks of the largest group are. A block is the input, or output, of one rank: it goes
/// round on the ring on which that rank is.
class Rings {
 public:
  explicit Rings(const PlanSpec& spec) : groups_(spec) {}

  int n_groups() const { return groups_.count(); }
  int home_of(Rank rank) const { return static_cast<int>(groups_.group_of(rank)); }
  const std::vector<Rank>& members(int group) const { return groups_.members(static_cast<std::size_t>(group)); }
  /// So many groups before `home`, in a circle.
  int group_before(int home, int distance) const { return ((home - distance) % n_groups() + n_groups()) % n_groups(); }
  /// Blocks of a group that pass through a rank; in groups of equal size one.
  std::vector<Rank> blocks_through(Rank rank, int group) const {
    std::vector<Rank> blocks;
    const int home = home_of(rank);
    for (std::size_t ring = 0; ring < members(group).size(); ++ring) {
      if (groups_.owner(static_cast<std::size_t>(home), static_cast<int>(ring)) == rank) {
        blocks.push_back(members(group)[ring]);
      }
    }
    return blocks;
  }
  /// The rank of a group through which a block passes.
  Rank passes_through(int group, Rank block) const {
    const std::vector<Rank>& own = members(home_of(block));
    return groups_.owner(static_cast<std::size_t>(group),
                         static_cast<int>(std::ranges::find(own, block) - own.begin()));
  }

 private:
  Groups groups_;
};

/// One rank's strand of one channel. A step of all rings at once: what has gone so far goes one group further. There is
/// at most one message from any rank to any other in a step, with a part for each block.
class Walk {
 public:
  Walk(StrandBuilder& strand, const Rings& rings, Rank rank)
      : strand_(strand), rings_(rings), rank_(rank), home_(rings.home_of(rank)) {
    const std::vector<Rank>& members = rings.members(home_);
    const auto me = std::ranges::find(members, rank);
    others_.assign(me + 1, members.end());
    others_.insert(others_.end(), members.begin(), me);
  }

  /// Each block begins in the group after its own, and is complete in its own. What the next step needs goes to this
  /// group's members beside what this step passes on, by other links.
  void reduce_scatter() {
    send(inputs_for(1));
    for (int distance = 1; distance <= rings_.n_groups(); ++distance) {
      const std::vector<Rank> passing = blocks(distance);
      std::vector<Rank> from;
      for (const Rank other : others_) {
        if (!passing.empty()) from.push_back(other);
      }
      if (distance > 1) add_ranks(from, passing, rings_.group_before(home_, 1));
      for (const Rank sender : from) strand_.await(sender);
      if (distance < rings_.n_groups()) {
        Messages messages;
        for (const Rank block : passing) {
          messages[rings_.passes_through(after(), block)].push_back({block, sources(block, distance)});
        }
        messages.merge(inputs_for(distance + 1));
        send(messages);
      } else {
        for (const Rank block : passing) strand_.sum(block, output(block), sources(block, distance), true);
      }
      for (const Rank sender : from) strand_.release(sender);
    }
  }

  /// @param from_output whether this rank's own block is there, and not in the input
  void all_gather(bool from_output) {
    for (int distance = 0; distance < rings_.n_groups(); ++distance) {
      const std::vector<Rank> passing = blocks(distance);
      std::vector<Rank> from;
      if (distance > 0) add_ranks(from, passing, rings_.group_before(home_, 1));
      for (const Rank sender : from) receive(sender, passing, rings_.group_before(home_, 1));
      Messages messages;
      for (const Rank block : passing) {
        const Ref source = distance > 0 || from_output ? output(block) : input(block);
        if (distance + 1 < rings_.n_groups()) {
          messages[rings_.passes_through(after(), block)].push_back({block, {source}});
        }
        for (const Rank other : others_) messages[other].push_back({block, {source}});
      }
      send(messages);
      for (const Rank other : others_) {
        receive(other, rings_.blocks_through(other, rings_.group_before(home_, distance)), home_);
      }
    }
    if (!from_output) strand_.copy(rank_, output(rank_), input(rank_));
  }

 private:
  struct Part {
    Rank block;
    std::vector<Ref> sources;
  };
  using Messages = std::map<Rank, std::vector<Part>>;

  int after() const { return (home_ + 1) % rings_.n_groups(); }
  std::vector<Rank> blocks(int distance) const {
    return rings_.blocks_through(rank_, rings_.group_before(home_, distance));
  }

  /// Of a group, those through which the blocks pass.
  void add_ranks(std::vector<Rank>& ranks, const std::vector<Rank>& blocks, int group) const {
    for (const Rank block : blocks) {
      const Rank rank = rings_.passes_through(group, block);
      if (std::ranges::find(ranks, rank) == ranks.end()) ranks.push_back(rank);
    }
  }

  /// This rank's inputs for blocks that are so far from their groups, for the members through which they pass.
  Messages inputs_for(int distance) const {
    Messages messages;
    for (const Rank other : others_) {
      for (const Rank block : rings_.blocks_through(other, rings_.group_before(home_, distance))) {
        messages[other].push_back({block, {input(block)}});
      }
    }
    return messages;
  }

  /// Side by side; to the ranks after this one first.
  void send(const Messages& messages) {
    const auto middle = messages.upper_bound(rank_);
    std::vector<const Messages::value_type*> order;
    for (auto at = middle; at != messages.end(); ++at) order.push_back(&*at);
    for (auto at = messages.begin(); at != middle; ++at) order.push_back(&*at);
    for (const auto* message : order) strand_.acquire(message->first);
    for (const auto* message : order) {
      for (const Part& part : message->second) strand_.fill(message->first, part.block, part.sources);
    }
    for (const auto* message : order) strand_.signal(message->first);
  }

  /// Those of the blocks that pass through the sender when they are in its group; a member of this one has all of them.
  void receive(Rank sender, const std::vector<Rank>& blocks, int group) {
    std::vector<Piece> pieces;
    for (const Rank block : blocks) {
      if (group == home_ || rings_.passes_through(group, block) == sender) pieces.push_back({block, output(block)});
    }
    strand_.receive(sender, pieces);
  }

  /// In the order of ranks: this group's inputs, and what comes in.
  std::vector<Ref> sources(Rank block, int distance) const {
    const std::vector<Rank> mine = blocks(distance);
    const auto place = [&](const std::vector<Rank>& message) {
      return static_cast<int>(std::ranges::find(message, block) - message.begin());
    };
    std::map<Rank, Ref> found{{rank_, input(block)}};
    for (const Rank other : others_) found[other] = slot(other, place(mine));
    if (distance > 1) {
      const int before = rings_.group_before(home_, 1);
      const Rank sender = rings_.passes_through(before, block);
      std::vector<Rank> sent;
      for (const Rank each : mine) {
        if (rings_.passes_through(before, each) == sender) sent.push_back(each);
      }
      found[sender] = slot(sender, place(sent));
    }
    std::vector<Ref> in_order;
    for (const auto& each : found) in_order.push_back(each.second);
    return in_order;
  }

  StrandBuilder& strand_;
  const Rings& rings_;
  Rank rank_;
  int home_;
  std::vector<Rank> others_;  ///< of the group, cyclically
};

}  // namespace

bool supports(Collective collective) {
  return is_one_of(collective, {Collective::all_reduce, Collective::all_gather, Collective::reduce_scatter});
}

std::int32_t chunks_per_block(const PlanSpec& spec) {
  return spec.collective == Collective::all_reduce ? spec.n_ranks : 1;
}

/// A member of the smallest group takes part in most rings.
std::int32_t parts_per_slot(const PlanSpec& spec) {
  const Groups groups(spec);
  return (groups.largest() + groups.smallest() - 1) / groups.smallest();
}

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const Rings rings(spec);
  Program program;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    Walk walk(strand, rings, rank);
    if (spec.collective != Collective::all_gather) walk.reduce_scatter();
    if (spec.collective != Collective::reduce_scatter) walk.all_gather(spec.collective == Collective::all_reduce);
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::rail_rings
