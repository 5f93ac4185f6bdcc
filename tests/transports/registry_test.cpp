#include <gtest/gtest.h>

#include <set>

#include "transports/transport.hpp"

namespace stretto {
namespace {

TEST(TransportRegistry, Rows_AreNamedOnceAndComplete) {
  std::set<std::string_view> names;
  for (const TransportRow& row : transport_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_NE(row.reaches, nullptr);
    EXPECT_NE(row.make, nullptr);
  }
  EXPECT_FALSE(names.empty());
}

TEST(TransportRegistry, Shm_ReachesEqualHostIds) {
  const TransportRow& shm = transport_rows().front();
  ASSERT_EQ(shm.name, "shm");
  const HostIdentity here{"node", "boot-1", 1, 2};
  const HostIdentity beside{"other-name", "boot-1", 2, 2};
  const HostIdentity elsewhere{"node", "boot-2", 1, 2};
  EXPECT_TRUE(shm.reaches(here, beside));
  EXPECT_FALSE(shm.reaches(here, elsewhere));
}

}  // namespace
}  // namespace stretto
