#include "topology/graph/topology.hpp"

#include <gtest/gtest.h>

namespace stretto {
namespace {

HostIdentity on(const char* id, int cores) {
  HostIdentity identity;
  identity.host_name = std::string("name-of-") + id;
  identity.host_id = id;
  identity.n_cores = cores;
  return identity;
}

TEST(Topology, RanksOfOneHost_AreTogether) {
  const Topology topology({on("a", 4), on("b", 2), on("a", 4), on("b", 2), on("b", 2)});
  ASSERT_EQ(topology.hosts().size(), 2U);
  EXPECT_EQ(topology.host_of(2).ranks, (std::vector<Rank>{0, 2}));
  EXPECT_EQ(topology.host_of(1).ranks, (std::vector<Rank>{1, 3, 4}));
  EXPECT_EQ(topology.host_of(4).name, "name-of-b");
  EXPECT_EQ(topology.ranks_per_core(), 2U) << "three ranks on two cores";
}

std::vector<std::int32_t> groups_of(std::initializer_list<std::pair<const char*, int>> places) {
  std::vector<HostIdentity> identities;
  for (const auto& [host, socket] : places) {
    identities.push_back(on(host, 4));
    identities.back().socket = socket;
  }
  return Topology(identities).groups();
}

TEST(Topology, Groups_AreTheSocketsOfBoundRanks) {
  using Groups = std::vector<std::int32_t>;
  EXPECT_EQ(groups_of({{"a", 0}, {"a", 0}, {"a", 1}, {"a", 1}}), (Groups{0, 0, 1, 1}));
  EXPECT_EQ(groups_of({{"a", 1}, {"a", 0}, {"a", 1}}), (Groups{0, 1, 0})) << "numbered by their first ranks";
  EXPECT_EQ(groups_of({{"a", 0}, {"b", 0}, {"a", 0}}), (Groups{0, 1, 0})) << "of two hosts";
  EXPECT_EQ(groups_of({{"a", 0}, {"a", -1}, {"b", 0}, {"b", 1}}), (Groups{0, 0, 1, 2})) << "one rank is not bound";
  EXPECT_EQ(groups_of({{"a", 0}, {"a", 1}}), Groups{}) << "no two share a socket";
  EXPECT_EQ(groups_of({{"a", 0}, {"a", 0}}), Groups{});
  EXPECT_EQ(groups_of({{"a", -1}, {"a", -1}, {"a", 1}}), Groups{});
}

TEST(Topology, RanksPerCore_IsAtLeastOne) {
  EXPECT_EQ(Topology({on("a", 64)}).ranks_per_core(), 1U);
  EXPECT_EQ(Topology({on("a", 0)}).ranks_per_core(), 1U) << "a host that tells no cores has one";
}

}  // namespace
}  // namespace stretto
