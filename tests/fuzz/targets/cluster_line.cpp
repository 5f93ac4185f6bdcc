// Lines that describe clusters. Whatever the bytes are, they are refused with the column, or read, and read again as
// they are written; what they describe is shown, and laid out, if it is small, so that each rank reaches each.
#include <string>

#include "fuzz.hpp"
#include "topology/files/cluster_line.hpp"
#include "topology/files/cluster_svg.hpp"
#include "topology/files/cluster_text.hpp"
#include "topology/graph/cluster_network.hpp"
#include "topology/graph/host_kinds.hpp"

namespace stretto::fuzz {
namespace {

using namespace topology;

constexpr std::int64_t kMostHostsLaidOut = 16;

void lay_out(const Cluster& cluster) {
  const auto n_ranks = static_cast<std::int32_t>(cluster.n_ranks());
  const ClusterNetwork laid_out(cluster, n_ranks);
  STRETTO_ASSERT(laid_out.network().n_ranks() == n_ranks);
  for (std::int32_t rank = 1; rank < n_ranks; ++rank) {
    const std::vector<VertexId> way = laid_out.way(rank, 0);
    STRETTO_ASSERT(laid_out.network().vertex(way.front()).rank == rank);
    STRETTO_ASSERT(laid_out.network().vertex(way.back()).rank == 0);
  }
}

/// Pictures are as large as what is unlike, and that is little.
void show(const ClusterSpec& spec, const Cluster& cluster) {
  const ClusterFacts facts = facts_of(spec, cluster);
  STRETTO_ASSERT(facts.n_ranks == cluster.n_ranks());
  STRETTO_ASSERT(!cluster_to_text(facts, cluster).empty() && !cluster_to_json(facts, cluster).empty());
  STRETTO_ASSERT(cluster_to_svg(facts, cluster).size() < (std::size_t{1} << 20));
  for (const HostVariant& host : cluster.variants) {
    STRETTO_ASSERT(present_machine(host).nodes().size() <= host.machine.nodes().size());
  }
}

Machine machine_of(const std::string& kind) {
  const HostKindRow* row = find_host_kind(kind);
  if (row == nullptr) throw Error(strettoInvalidArgument, "a file", "column 0");
  return row->make();
}

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stretto;
  try {
    const auto spec = topology::parse_cluster_line({reinterpret_cast<const char*>(data), size});
    STRETTO_ASSERT(topology::parse_cluster_line(topology::to_string(spec)) == spec);
    std::int64_t n_hosts = 0;
    for (const topology::ClusterSpec::Hosts& hosts : spec.hosts) n_hosts += hosts.count;
    const topology::Cluster cluster = topology::make_cluster(spec, fuzz::machine_of);
    fuzz::show(spec, cluster);
    if (n_hosts <= fuzz::kMostHostsLaidOut) fuzz::lay_out(cluster);
  } catch (const Error& error) {
    STRETTO_ASSERT(error.info().code == strettoInvalidArgument && error.info().field.starts_with("column "));
  }
  return 0;
}
