#include "algorithms/hierarchical/plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "algorithms/groups.hpp"
#include "algorithms/strand_builder.hpp"

namespace stretto::hierarchical {
namespace {

/// One rank's part of an all-reduce. A rank that is a group by itself sends its input as its group's sum; the owners in
/// other groups may read it when the result is complete, so that is then made in scratch memory. Else, in place: nobody
/// reads this rank's input of the chunks that it owns, and an owner hands out a chunk after it has read all inputs of
/// it.
class AllReduce {
 public:
  AllReduce(StrandBuilder& strand, const Groups& groups, Rank rank, int first_scratch)
      : strand_(strand), groups_(groups), rank_(rank), group_(groups.group_of(rank)) {
    own_ = owned(rank);
    for (const int chunk : own_) scratch_[chunk] = scratch(first_scratch + static_cast<int>(scratch_.size()));
    const std::vector<Rank>& members = groups.members(group_);
    const auto me = std::find(members.begin(), members.end(), rank);
    after_.assign(me + 1, members.end());
    after_.insert(after_.end(), members.begin(), me);
    before_.assign(after_.rbegin(), after_.rend());
  }

  void build() {
    sum_within();
    if (groups_.count() > 1) sum_between();
    std::vector<Piece> mine;
    for (const int chunk : own_) mine.push_back({chunk, output(chunk)});
    for (const Rank peer : after_) strand_.send(peer, mine);
    for (const Rank peer : before_) {
      std::vector<Piece> theirs;
      for (const int chunk : owned(peer)) theirs.push_back({chunk, output(chunk)});
      strand_.receive(peer, theirs);
    }
  }

 private:
  std::vector<int> owned(Rank rank) const {
    std::vector<int> chunks;
    for (int chunk = 0; chunk < groups_.largest(); ++chunk) {
      if (groups_.owner(groups_.group_of(rank), chunk) == rank) chunks.push_back(chunk);
    }
    return chunks;
  }

  bool alone() const { return after_.empty(); }
  Ref partial(int chunk) const { return alone() ? input(chunk) : scratch_.at(chunk); }

  void sum_within() {
    if (alone()) return;
    const bool is_all = groups_.count() == 1;
    for (const Rank peer : after_) {
      std::vector<Piece> theirs;
      for (const int chunk : owned(peer)) theirs.push_back({chunk, input(chunk)});
      strand_.send(peer, theirs);
    }
    for (const Rank peer : before_) strand_.await(peer);
    for (std::size_t part = 0; part < own_.size(); ++part) {
      std::vector<Ref> sources;
      for (const Rank member : groups_.members(group_)) {
        sources.push_back(member == rank_ ? input(own_[part]) : slot(member, static_cast<int>(part)));
      }
      strand_.sum(own_[part], is_all ? output(own_[part]) : scratch_.at(own_[part]), sources, is_all);
    }
    for (const Rank peer : before_) strand_.release(peer);
  }

  /// With each owner of the same chunks in other groups: one message each way.
  void sum_between() {
    std::map<Rank, std::vector<int>> shared;
    for (std::size_t group = 0; group < groups_.all().size(); ++group) {
      if (group == group_) continue;
      for (const int chunk : own_) shared[groups_.owner(group, chunk)].push_back(chunk);
    }
    for (const auto& [peer, chunks] : shared) {
      std::vector<Piece> parts;
      for (const int chunk : chunks) parts.push_back({chunk, partial(chunk)});
      strand_.send(peer, parts);
    }
    for (const auto& each : shared) strand_.await(each.first);
    for (const int chunk : own_) {
      std::vector<Ref> sources;
      for (std::size_t group = 0; group < groups_.all().size(); ++group) {
        if (group == group_) {
          sources.push_back(partial(chunk));
          continue;
        }
        const Rank peer = groups_.owner(group, chunk);
        const std::vector<int>& chunks = shared.at(peer);
        const auto part = std::find(chunks.begin(), chunks.end(), chunk) - chunks.begin();
        sources.push_back(slot(peer, static_cast<int>(part)));
      }
      strand_.sum(chunk, alone() ? scratch_.at(chunk) : output(chunk), sources, true);
    }
    for (const auto& each : shared) strand_.release(each.first);
    if (!alone()) return;
    strand_.drain();
    for (const int chunk : own_) strand_.copy(chunk, output(chunk), scratch_.at(chunk));
  }

  StrandBuilder& strand_;
  const Groups& groups_;
  Rank rank_;
  std::size_t group_;
  std::vector<int> own_;        ///< chunks
  std::map<int, Ref> scratch_;  ///< for their sums
  std::vector<Rank> after_;     ///< the other members, cyclically
  std::vector<Rank> before_;
};

/// The rank through which a group is reached.
Rank leader(const Groups& groups, std::size_t group, Rank root) {
  return groups.group_of(root) == group ? root : groups.members(group).front();
}

void broadcast(StrandBuilder& strand, const Groups& groups, Rank rank, Rank root) {
  const std::size_t group = groups.group_of(rank);
  const Rank head = leader(groups, group, root);
  if (rank != head) {
    strand.receive(head, 0, output(0));
    return;
  }
  if (rank == root) {
    for (std::size_t other = 0; other < groups.all().size(); ++other) {
      if (other != group) strand.send(leader(groups, other, root), 0, input(0));
    }
  } else {
    strand.receive(root, 0, output(0));
  }
  for (const Rank member : groups.members(group)) {
    if (member != rank) strand.send(member, 0, rank == root ? input(0) : output(0));
  }
  if (rank == root) strand.copy(0, output(0), input(0));
}

void reduce(StrandBuilder& strand, const Groups& groups, Rank rank, Rank root) {
  const std::size_t group = groups.group_of(rank);
  const Rank head = leader(groups, group, root);
  if (rank != head) {
    strand.send(head, 0, input(0));
    return;
  }
  std::vector<Ref> sources;
  for (const Rank member : groups.members(group)) sources.push_back(member == rank ? input(0) : slot(member));
  if (rank == root) {
    for (std::size_t other = 0; other < groups.all().size(); ++other) {
      if (other != group) sources.push_back(slot(leader(groups, other, root)));
    }
    strand.reduce_complete(0, output(0), sources);
  } else if (sources.size() == 1) {
    strand.send(root, 0, input(0));
  } else {
    strand.reduce(0, slot(root), sources);
  }
}

}  // namespace

bool supports(Collective collective) {
  return collective == Collective::all_reduce || collective == Collective::broadcast ||
         collective == Collective::reduce;
}

std::int32_t chunks_per_block(const PlanSpec& spec) {
  return spec.collective == Collective::all_reduce ? Groups(spec).largest() : 1;
}

/// What a member of the smallest group owns.
std::int32_t parts_per_slot(const PlanSpec& spec) {
  if (spec.collective != Collective::all_reduce) return 1;
  const Groups groups(spec);
  return (groups.largest() + groups.smallest() - 1) / groups.smallest();
}

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const Groups groups(spec);
  const auto members = static_cast<int>(groups.members(groups.group_of(rank)).size());
  const int scratch_chunks =
      spec.collective == Collective::all_reduce && groups.count() > 1 ? (groups.largest() + members - 1) / members : 0;
  Program program;
  program.scratch_chunks = scratch_chunks * spec.channels;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    if (spec.collective == Collective::all_reduce) {
      AllReduce(strand, groups, rank, channel * scratch_chunks).build();
    } else if (spec.collective == Collective::broadcast) {
      broadcast(strand, groups, rank, spec.root);
    } else {
      reduce(strand, groups, rank, spec.root);
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::hierarchical
