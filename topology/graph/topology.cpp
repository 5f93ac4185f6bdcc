#include "topology/graph/topology.hpp"

namespace stretto {

Topology::Topology(std::vector<HostIdentity> identities) : identities_(std::move(identities)) {
  std::vector<std::string> ids;
  for (std::size_t rank = 0; rank < identities_.size(); ++rank) {
    const HostIdentity& identity = identities_[rank];
    const auto known = std::find(ids.begin(), ids.end(), identity.host_id);
    const auto index = static_cast<std::size_t>(known - ids.begin());
    if (known == ids.end()) {
      ids.push_back(identity.host_id);
      hosts_.push_back({identity.host_name, identity.n_cores, {}});
    }
    hosts_[index].n_cores = std::max({1, hosts_[index].n_cores, identity.n_cores});
    hosts_[index].ranks.push_back(static_cast<Rank>(rank));
    host_index_.push_back(index);
  }
}

std::vector<std::int32_t> Topology::groups() const {
  using Place = std::pair<std::size_t, std::int32_t>;  // host, socket
  std::vector<bool> bound(hosts_.size(), true);
  for (std::size_t rank = 0; rank < identities_.size(); ++rank) {
    if (identities_[rank].socket < 0) bound[host_index_[rank]] = false;
  }
  std::vector<Place> places;
  std::vector<std::int32_t> groups;
  for (std::size_t rank = 0; rank < identities_.size(); ++rank) {
    const std::size_t host = host_index_[rank];
    const Place place{host, bound[host] ? identities_[rank].socket : -1};
    const auto known = std::find(places.begin(), places.end(), place);
    groups.push_back(static_cast<std::int32_t>(known - places.begin()));
    if (known == places.end()) places.push_back(place);
  }
  const bool useful = places.size() > 1 && places.size() < groups.size();
  return useful ? groups : std::vector<std::int32_t>();
}

std::uint32_t Topology::ranks_per_core() const {
  std::uint32_t most = 1;
  for (const HostNode& host : hosts_) {
    const auto ranks = static_cast<std::uint32_t>(host.ranks.size());
    const auto cores = static_cast<std::uint32_t>(host.n_cores);
    most = std::max(most, (ranks + cores - 1) / cores);
  }
  return most;
}

}  // namespace stretto
