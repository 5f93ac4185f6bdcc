// Which links a message between two ranks takes. Part of the simulator.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "plan/flows.hpp"
#include "topology/graph/network.hpp"
#include "topology/graph/ways.hpp"

namespace stretto {

/// The links of a network, parallel edges as one, and the routes that are taken over them.
class Routes {
 public:
  /// From rank to rank: vertices, each with an edge to the next.
  using Way = std::function<std::vector<topology::VertexId>(std::int32_t from, std::int32_t to)>;

  /// The network must live as long.
  /// @param way which way messages go unless set() says another; none: the shortest (topology/graph/ways.hpp)
  explicit Routes(const topology::Network& network, Way way = {});

  /// Has messages of this channel go this way: vertices from rank to rank, each with an edge to the next.
  void set(std::int32_t channel, const std::vector<topology::VertexId>& vertices);
  /// What was set, or else the usual way. Throws Error(strettoInvalidArgument) where there is none.
  const std::vector<LinkId>& of(std::int32_t channel, std::int32_t from, std::int32_t to);

  int n_ranks() const { return network_.n_ranks(); }
  /// Bytes per second.
  const std::vector<double>& capacities() const { return capacities_; }
  topology::VertexId from(LinkId link) const { return ends_[static_cast<std::size_t>(link)].first; }
  topology::VertexId to(LinkId link) const { return ends_[static_cast<std::size_t>(link)].second; }

 private:
  /// Channel (-1: any), sender, receiver.
  using Key = std::tuple<std::int32_t, std::int32_t, std::int32_t>;

  std::vector<LinkId> links_along(const std::vector<topology::VertexId>& vertices) const;

  const topology::Network& network_;
  Way way_;
  std::map<std::pair<topology::VertexId, topology::VertexId>, LinkId> links_;
  std::vector<std::pair<topology::VertexId, topology::VertexId>> ends_;
  std::vector<double> capacities_;
  std::map<Key, std::vector<LinkId>> routes_;
};

}  // namespace stretto
