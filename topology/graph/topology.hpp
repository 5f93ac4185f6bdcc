// What the ranks' machines are, as all ranks know it after the exchange: immutable and pure. So far: which ranks share
// a host and a socket, and how many cores a host has for them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/system.hpp"

namespace stretto {

struct HostNode {
  std::string name;
  std::int32_t n_cores = 1;
  std::vector<Rank> ranks;  ///< ascending
};

class Topology {
 public:
  /// @param identities of all ranks, in rank order
  explicit Topology(std::vector<HostIdentity> identities);

  int n_ranks() const { return static_cast<int>(identities_.size()); }
  const std::vector<HostNode>& hosts() const { return hosts_; }
  const HostNode& host_of(Rank rank) const { return hosts_[host_index_[static_cast<std::size_t>(rank)]]; }
  const HostIdentity& identity(Rank rank) const { return identities_[static_cast<std::size_t>(rank)]; }
  /// The group of each rank, numbered from 0 in order of their first ranks: ranks of one socket, and all ranks of a
  /// host of which any may move between sockets. Empty unless there are two groups, and two ranks in one of them.
  std::vector<std::int32_t> groups() const;
  /// Ranks that take turns on each core of the fullest host; at least 1.
  std::uint32_t ranks_per_core() const;

 private:
  std::vector<HostIdentity> identities_;
  std::vector<HostNode> hosts_;          ///< by first rank
  std::vector<std::size_t> host_index_;  ///< by rank
};

}  // namespace stretto
