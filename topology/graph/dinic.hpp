// Maximum flow by Dinic's algorithm: shortest paths first, level by level. Capacities are integers, so it ends. A part
// of flow.hpp and forest.hpp: others ask those.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace stretto::topology {

/// More than all capacities together may be.
inline constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max() / 4;

class Dinic {
 public:
  explicit Dinic(int n_vertices) : arcs_of_(static_cast<std::size_t>(n_vertices)) {}

  void add(int from, int to, std::int64_t capacity);
  /// The most from source to sink. Once.
  std::int64_t run(int source, int sink);
  /// After run(): whether a vertex could still be reached, and so is on the source's side of a least cut.
  bool reached(int vertex) const { return level_[static_cast<std::size_t>(vertex)] >= 0; }

 private:
  struct Arc {
    int to;
    std::int64_t left;
  };

  void find_levels(int source);
  std::int64_t push(int source, int sink);
  bool leads_on(int arc, int at) const;

  std::vector<std::vector<int>> arcs_of_;
  std::vector<Arc> arcs_;  ///< an arc and its reverse are neighbours
  std::vector<int> level_;
  std::vector<std::size_t> next_;
};

}  // namespace stretto::topology
