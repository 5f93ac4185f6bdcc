// Which links a message between two ranks takes. Part of the simulator.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "plan/flows.hpp"
#include "topology/graph/cluster_likeness.hpp"
#include "topology/graph/network.hpp"
#include "topology/graph/ways.hpp"

namespace stretto {

/// The links of a network, parallel edges as one, and the routes that are taken over them. Where parts of the network
/// are alike, and what moves over them too, one of them stands for all: links between like vertices are then one link
/// here, and a message counts on it with all its like.
class Routes {
 public:
  /// From rank to rank: vertices, each with an edge to the next.
  using Way = std::function<std::vector<topology::VertexId>(std::int32_t from, std::int32_t to)>;

  /// The network must live as long.
  /// @param way which way messages go unless set() says another; none: the shortest (topology/graph/ways.hpp)
  /// @param likeness what is alike; nothing, if it is empty
  /// @param like_messages how many messages each one stands for
  explicit Routes(const topology::Network& network, Way way = {}, const topology::Likeness& likeness = {},
                  double like_messages = 1);

  /// Has messages of this channel go this way: vertices from rank to rank, each with an edge to the next.
  void set(std::int32_t channel, const std::vector<topology::VertexId>& vertices);
  /// What was set, or else the usual way. Throws Error(strettoInvalidArgument) where there is none.
  const std::vector<Share>& of(std::int32_t channel, std::int32_t from, std::int32_t to);

  int n_ranks() const { return network_.n_ranks(); }
  /// Bytes per second; of like links, of each of them.
  const std::vector<double>& capacities() const { return capacities_; }
  /// Of like links, of the first.
  topology::VertexId from(LinkId link) const { return ends_[static_cast<std::size_t>(link)].first; }
  topology::VertexId to(LinkId link) const { return ends_[static_cast<std::size_t>(link)].second; }

 private:
  /// Channel (-1: any), sender, receiver.
  using Key = std::tuple<std::int32_t, std::int32_t, std::int32_t>;
  using Ends = std::pair<topology::VertexId, topology::VertexId>;

  std::vector<Share> links_along(const std::vector<topology::VertexId>& vertices) const;
  Ends like(const Ends& ends) const;

  const topology::Network& network_;
  Way way_;
  std::vector<topology::VertexId> like_;
  double like_messages_;
  std::map<Ends, LinkId> links_;  ///< by the ends that stand for all their like
  std::vector<Ends> ends_;
  std::vector<double> capacities_;
  std::vector<double> n_like_;  ///< links that one stands for
  std::map<Key, std::vector<Share>> routes_;
};

}  // namespace stretto
