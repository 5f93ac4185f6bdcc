// What becomes of ncclConfig_t: of all versions, within their bounds.
#include <gtest/gtest.h>

#include <cstring>

#include "frontends/nccl/config.hpp"

namespace stretto::nccl {
namespace {

using testing::Test;

/// Of a caller that was built with the newest header known.
WholeConfig newest() {
  WholeConfig whole{};
  whole.size = sizeof whole;
  whole.magic = kConfigMagic;
  whole.version = 23005;
  for (const FieldRow& row : field_rows()) whole.*row.field = NCCL_CONFIG_UNDEF_INT;
  return whole;
}

ncclResult_t read(const WholeConfig& whole, ReadConfig& result, std::string& trouble) {
  return read_config(reinterpret_cast<const ncclConfig_t*>(&whole), result, trouble);
}

TEST(NcclConfig, NullOrFreshlyInitialised_LeavesAllOpen) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  for (const ncclConfig_t* given :
       {static_cast<const ncclConfig_t*>(nullptr), static_cast<const ncclConfig_t*>(&config)}) {
    ReadConfig result;
    std::string trouble;
    EXPECT_EQ(read_config(given, result, trouble), ncclSuccess) << trouble;
    const strettoConfig_t fresh = STRETTO_CONFIG_INITIALIZER;
    const strettoConfig_t whole = result.whole();
    EXPECT_EQ(whole.size, fresh.size);
    EXPECT_EQ(whole.name, nullptr);
    EXPECT_EQ(whole.algorithm, nullptr);
    for (const int field : {whole.device, whole.setup_timeout_ms, whole.data_timeout_ms, whole.blocking,
                            whole.max_channels, whole.max_sms}) {
      EXPECT_EQ(field, STRETTO_UNSET);
    }
    EXPECT_TRUE(result.without_effect.empty());
  }
}

TEST(NcclConfig, HonouredFields_ReachTheLibrary) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  config.commName = "a name";
  config.minCTAs = 1;
  for (const auto& [most_blocks, channels] : {std::pair{1, 1}, {2, 1}, {8, 4}, {1000, 64}}) {
    config.maxCTAs = most_blocks;
    ReadConfig result;
    std::string trouble;
    ASSERT_EQ(read_config(&config, result, trouble), ncclSuccess) << trouble;
    EXPECT_EQ(result.config.blocking, 0);
    EXPECT_STREQ(result.whole().name, "a name");
    EXPECT_EQ(result.config.max_channels, channels);
  }
}

TEST(NcclConfig, ValuesOutOfBounds_AreRefusedByField) {
  for (const FieldRow& row : field_rows()) {
    std::vector<int> wrong;
    if (row.least > INT_MIN) wrong.push_back(row.least - 1);
    if (row.most < INT_MAX) wrong.push_back(row.most + 1);
    for (const int value : wrong) {
      WholeConfig whole = newest();
      whole.*row.field = value;
      ReadConfig result;
      std::string trouble;
      EXPECT_EQ(read(whole, result, trouble), ncclInvalidArgument) << row.name << " " << value;
      EXPECT_NE(trouble.find(row.name), trouble.npos) << trouble;
    }
    WholeConfig whole = newest();
    whole.*row.field = row.most == INT_MAX ? 1 : row.most;
    ReadConfig result;
    std::string trouble;
    EXPECT_EQ(read(whole, result, trouble), ncclSuccess) << row.name << ": " << trouble;
  }
  WholeConfig whole = newest();
  whole.minCTAs = 5;
  whole.maxCTAs = 4;
  ReadConfig result;
  std::string trouble;
  EXPECT_EQ(read(whole, result, trouble), ncclInvalidArgument);
  EXPECT_NE(trouble.find("minCTAs"), trouble.npos);
}

TEST(NcclConfig, ValuesWithoutEffect_AreEachSaid) {
  for (const FieldRow& row : field_rows()) {
    WholeConfig whole = newest();
    whole.*row.field = row.most == INT_MAX ? 7 : row.most;
    ReadConfig result;
    std::string trouble;
    ASSERT_EQ(read(whole, result, trouble), ncclSuccess) << trouble;
    ASSERT_EQ(result.without_effect.size(), row.why_without_effect.empty() ? 0U : 1U) << row.name;
    if (!result.without_effect.empty()) {
      EXPECT_NE(result.without_effect[0].find(row.name), std::string::npos);
    }
  }
  WholeConfig whole = newest();
  whole.netName = "IB";
  whole.splitShare = 0;  // off is no wish
  ReadConfig result;
  std::string trouble;
  ASSERT_EQ(read(whole, result, trouble), ncclSuccess) << trouble;
  ASSERT_EQ(result.without_effect.size(), 1U);
  EXPECT_NE(result.without_effect[0].find("netName=IB"), std::string::npos);
}

TEST(NcclConfig, FieldsNewerThanTheCallersHeader_AreNotRead) {
  // What a header of 2.14 has: size, magic, version, blocking, and padding with anything in it.
  WholeConfig whole;
  std::memset(&whole, 0x7F, sizeof whole);
  whole.size = offsetof(WholeConfig, cgaClusterSize) + 4;
  whole.magic = kConfigMagic;
  whole.version = 21403;
  whole.blocking = 0;
  ReadConfig result;
  std::string trouble;
  ASSERT_EQ(read(whole, result, trouble), ncclSuccess) << trouble;
  EXPECT_EQ(result.config.blocking, 0);
  EXPECT_TRUE(result.without_effect.empty());
  EXPECT_FALSE(result.name.has_value());
  // One that is larger than all that is known.
  WholeConfig larger = newest();
  larger.size = 4000;
  larger.blocking = 1;
  struct {
    WholeConfig known;
    char rest[4000];
  } given{larger, {}};
  EXPECT_EQ(read(given.known, result, trouble), ncclSuccess) << trouble;
  EXPECT_EQ(result.config.blocking, 1);
}

TEST(NcclConfig, DefaultsOfTheEnvironment_FillWhatIsLeftOpen) {
  Defaults defaults;
  defaults.blocking = 0;
  defaults.max_ctas = 6;
  ReadConfig open;
  std::string trouble;
  ASSERT_EQ(read_config(nullptr, open, trouble, defaults), ncclSuccess) << trouble;
  EXPECT_EQ(open.config.blocking, 0);
  EXPECT_EQ(open.config.max_channels, 3);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 1;
  config.maxCTAs = 16;
  ReadConfig given;
  ASSERT_EQ(read_config(&config, given, trouble, defaults), ncclSuccess) << trouble;
  EXPECT_EQ(given.config.blocking, 1);
  EXPECT_EQ(given.config.max_channels, 8);
  config.maxCTAs = NCCL_CONFIG_UNDEF_INT;
  config.minCTAs = 7;
  ReadConfig contradicted;
  ASSERT_EQ(read_config(&config, contradicted, trouble, defaults), ncclSuccess) << trouble;
  EXPECT_EQ(contradicted.config.max_channels, STRETTO_UNSET);
  ASSERT_EQ(contradicted.without_effect.size(), 2U);
  EXPECT_NE(contradicted.without_effect[0].find("NCCL_MAX_CTAS=6"), std::string::npos);
}

TEST(NcclConfig, StructWithoutInitialiser_IsRefused) {
  for (const auto& [size, magic] :
       {std::pair{sizeof(WholeConfig), 0U}, {std::size_t{0}, kConfigMagic}, {std::size_t{8}, kConfigMagic}}) {
    WholeConfig whole = newest();
    whole.size = size;
    whole.magic = magic;
    ReadConfig result;
    std::string trouble;
    EXPECT_EQ(read(whole, result, trouble), ncclInvalidArgument);
    EXPECT_NE(trouble.find("NCCL_CONFIG_INITIALIZER"), trouble.npos);
  }
}

}  // namespace
}  // namespace stretto::nccl
