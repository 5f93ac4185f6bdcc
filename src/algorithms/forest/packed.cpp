#include "algorithms/forest/packed.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace stretto::forest {
namespace {

using Way = std::vector<topology::VertexId>;
using Pair = std::pair<std::int32_t, std::int32_t>;  // ranks, down the trees

template <typename Visit>
void for_each_link(const Way& way, Visit visit) {
  for (std::size_t at = 0; at + 1 < way.size(); ++at) visit(std::pair{way[at], way[at + 1]});
}

/// Which way each channel takes from one rank to another, where trees of several roots join the two on one channel: so
/// that no link has much more than its share, which is what the packing lets it carry.
class Ways {
 public:
  void add(std::int32_t channel, Pair pair, const Way& way) {
    std::vector<Way>& known = ways_[pair];
    const auto found = std::ranges::find(known, way);
    const auto number = static_cast<std::size_t>(found - known.begin());
    if (found == known.end()) known.push_back(way);
    ++items_.try_emplace({channel, pair}, Item{0, number}).first->second.trees;
    for_each_link(way, [&](auto link) { ++links_[link].share; });
  }

  /// Begins with a tree's own way; then each in turn has the best, now that all the others have theirs.
  std::vector<ChannelRoute> deal() {
    for (const auto& [key, item] : items_) load(ways_.at(key.second)[item.way], item.trees);
    for (int again = 0; again < kPasses; ++again) {
      for (auto& [key, item] : items_) choose(item, ways_.at(key.second));
    }
    std::vector<ChannelRoute> routes;
    for (const auto& [key, item] : items_) routes.push_back({key.first, ways_.at(key.second)[item.way]});
    return routes;
  }

 private:
  static constexpr int kPasses = 8;

  struct Item {
    std::int64_t trees;
    std::size_t way;
  };
  struct Link {
    std::int64_t share = 0;
    std::int64_t load = 0;
  };

  void load(const Way& way, std::int64_t trees) {
    for_each_link(way, [&](auto link) { links_.at(link).load += trees; });
  }

  void choose(Item& item, const std::vector<Way>& ways) {
    load(ways[item.way], -item.trees);
    const auto most_loaded = [&](const Way& way) {
      double most = 0;
      for_each_link(way, [&](auto name) {
        const Link& link = links_.at(name);
        most = std::max(most, static_cast<double>(link.load + item.trees) / static_cast<double>(link.share));
      });
      return most;
    };
    double least = most_loaded(ways[item.way]);
    for (std::size_t way = 0; way < ways.size(); ++way) {
      const double most = most_loaded(ways[way]);
      if (most >= least) continue;
      least = most;
      item.way = way;
    }
    load(ways[item.way], item.trees);
  }

  std::map<std::pair<std::int32_t, Pair>, Item> items_;  // by channel and ranks
  std::map<Pair, std::vector<Way>> ways_;
  std::map<std::pair<topology::VertexId, topology::VertexId>, Link> links_;
};

/// A channel's way as the collective goes.
void add_way(std::vector<ChannelRoute>& routes, Collective collective, std::int32_t channel, Way way) {
  const bool goes_up = collective != Collective::broadcast && collective != Collective::all_gather;
  if (collective == Collective::all_reduce || !goes_up) routes.push_back({channel, way});
  std::ranges::reverse(way);
  if (goes_up) routes.push_back({channel, std::move(way)});
}

}  // namespace

const std::vector<topology::VertexId>& way_of(const topology::TreeEdge& edge, std::int64_t unit) {
  for (const topology::Route& route : edge.routes) {
    if (unit < route.units) return route.vertices;
    unit -= route.units;
  }
  STRETTO_ASSERT(!"a tree's edge has as many units as the tree");
  return edge.routes.front().vertices;
}

PackedTrees packed_trees(const topology::Forest& forest, Collective collective, std::int32_t n_ranks,
                         std::int32_t repeat) {
  const auto units = static_cast<std::int32_t>(forest.units_per_root);
  const auto n = static_cast<std::size_t>(n_ranks);
  const bool alone = row_of(collective).blocks == Blocks::one;  // a channel's tree
  // The channels on which a unit's number comes round: of an all-reduce each root has its own.
  const std::int32_t stride = collective == Collective::all_reduce ? n_ranks : 1;
  PackedTrees packed;
  packed.channels = units * stride * repeat;
  packed.parents.assign(static_cast<std::size_t>(packed.channels) * (alone ? n : n * n), -1);
  std::vector<std::int32_t> next(n, 0);  // by root: units that have a channel
  Ways shared;
  for (const topology::Tree& tree : forest.trees) {
    for (std::int64_t unit = 0; unit < tree.units; ++unit) {
      const std::int32_t number = next[static_cast<std::size_t>(tree.root)]++;
      for (std::int32_t again = 0; again < repeat; ++again) {
        const std::int32_t channel = (again * units + number) * stride + (stride > 1 ? tree.root : 0);
        const auto first = static_cast<std::size_t>(alone ? channel : channel * n_ranks + tree.root) * n;
        for (const topology::TreeEdge& edge : tree.edges) {
          packed.parents[first + static_cast<std::size_t>(edge.to)] = edge.from;
          const Way& way = way_of(edge, unit);
          if (alone) {
            add_way(packed.routes, collective, channel, way);
          } else {
            shared.add(channel, {edge.from, edge.to}, way);
          }
        }
      }
    }
  }
  for (const ChannelRoute& route : shared.deal()) add_way(packed.routes, collective, route.channel, route.vertices);
  return packed;
}

}  // namespace stretto::forest
