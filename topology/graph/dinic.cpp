#include "topology/graph/dinic.hpp"

#include <algorithm>
#include <queue>

namespace stretto::topology {

void Dinic::add(int from, int to, std::int64_t capacity) {
  arcs_of_[static_cast<std::size_t>(from)].push_back(static_cast<int>(arcs_.size()));
  arcs_.push_back({to, capacity});
  arcs_of_[static_cast<std::size_t>(to)].push_back(static_cast<int>(arcs_.size()));
  arcs_.push_back({from, 0});
}

std::int64_t Dinic::run(int source, int sink) {
  std::int64_t value = 0;
  for (find_levels(source); reached(sink); find_levels(source)) {
    next_.assign(arcs_of_.size(), 0);
    while (const std::int64_t pushed = push(source, sink)) value += pushed;
  }
  return value;
}

void Dinic::find_levels(int source) {
  level_.assign(arcs_of_.size(), -1);
  level_[static_cast<std::size_t>(source)] = 0;
  for (std::queue<int> open({source}); !open.empty(); open.pop()) {
    const auto at = static_cast<std::size_t>(open.front());
    for (const int arc : arcs_of_[at]) {
      const auto to = static_cast<std::size_t>(arcs_[static_cast<std::size_t>(arc)].to);
      if (arcs_[static_cast<std::size_t>(arc)].left <= 0 || level_[to] >= 0) continue;
      level_[to] = level_[at] + 1;
      open.push(static_cast<int>(to));
    }
  }
}

/// One path of the levels, without recursion: networks may be thousands of vertices deep.
std::int64_t Dinic::push(int source, int sink) {
  std::vector<int> path;  // of arcs
  int at = source;
  while (at != sink) {
    std::size_t& next = next_[static_cast<std::size_t>(at)];
    const std::vector<int>& arcs = arcs_of_[static_cast<std::size_t>(at)];
    while (next < arcs.size() && !leads_on(arcs[next], at)) ++next;
    if (next < arcs.size()) {
      path.push_back(arcs[next]);
      at = arcs_[static_cast<std::size_t>(arcs[next])].to;
    } else if (path.empty()) {
      return 0;
    } else {  // a dead end: back, and never here again
      at = arcs_[static_cast<std::size_t>(path.back() ^ 1)].to;
      path.pop_back();
      ++next_[static_cast<std::size_t>(at)];
    }
  }
  std::int64_t least = kUnlimited;
  for (const int arc : path) least = std::min(least, arcs_[static_cast<std::size_t>(arc)].left);
  for (const int arc : path) {
    arcs_[static_cast<std::size_t>(arc)].left -= least;
    arcs_[static_cast<std::size_t>(arc ^ 1)].left += least;
  }
  return least;
}

bool Dinic::leads_on(int arc, int at) const {
  const Arc& a = arcs_[static_cast<std::size_t>(arc)];
  return a.left > 0 && level_[static_cast<std::size_t>(a.to)] == level_[static_cast<std::size_t>(at)] + 1;
}

}  // namespace stretto::topology
