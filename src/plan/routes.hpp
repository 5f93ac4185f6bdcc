// Which links a message between two ranks takes. Part of the simulator.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "plan/flows.hpp"
#include "topology/graph/network.hpp"

namespace stretto {

/// The links of a network, parallel edges as one, and the routes that are taken over them.
class Routes {
 public:
  explicit Routes(const topology::Network& network);

  /// Has messages of this channel go this way: vertices from rank to rank, each with an edge to the next.
  void set(std::int32_t channel, const std::vector<topology::VertexId>& vertices);
  /// What was set, or else one with the fewest links, of those the one whose narrowest link is widest. Throws
  /// Error(strettoInvalidArgument) where there is no way.
  const std::vector<LinkId>& of(std::int32_t channel, std::int32_t from, std::int32_t to);

  int n_ranks() const { return network_.n_ranks(); }
  /// Bytes per second.
  const std::vector<double>& capacities() const { return capacities_; }
  topology::VertexId from(LinkId link) const { return ends_[static_cast<std::size_t>(link)].first; }
  topology::VertexId to(LinkId link) const { return ends_[static_cast<std::size_t>(link)].second; }

 private:
  /// Channel (-1: any), sender, receiver.
  using Key = std::tuple<std::int32_t, std::int32_t, std::int32_t>;

  std::vector<LinkId> shortest(topology::VertexId from, topology::VertexId to) const;

  const topology::Network& network_;
  std::map<std::pair<topology::VertexId, topology::VertexId>, LinkId> links_;
  std::vector<std::pair<topology::VertexId, topology::VertexId>> ends_;
  std::vector<double> capacities_;
  std::vector<std::vector<LinkId>> out_;  ///< by vertex
  std::map<Key, std::vector<LinkId>> routes_;
};

}  // namespace stretto
