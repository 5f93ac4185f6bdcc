// A communicator's settings: config over environment, older and newer structs, what is refused and by which field.
#include "comm/settings.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.hpp"

namespace stretto {
namespace {

std::string field_refused(const strettoConfig_t& config, strettoResult_t code) {
  try {
    resolve_settings(&config, Environment::from({}));
  } catch (const Error& error) {
    EXPECT_EQ(error.info().code, code) << error.what();
    return error.info().field;
  }
  return "nothing";
}

TEST(Settings, Config_StandsBeforeTheEnvironment) {
  const Environment environment = Environment::from({"STRETTO_ALGORITHM=tree", "STRETTO_DATA_TIMEOUT_MS=7"});
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.algorithm = "ring";
  const Settings settings = resolve_settings(&config, environment);
  EXPECT_EQ(settings.algorithm, "ring");
  EXPECT_TRUE(settings.algorithm_from_config);
  EXPECT_EQ(settings.data_timeout_ns, 7'000'000);
  EXPECT_EQ(resolve_settings(nullptr, environment).algorithm, "tree");
}

TEST(Settings, TopologyFiles_AreTheEnvironments) {
  const Settings settings =
      resolve_settings(nullptr, Environment::from({"STRETTO_TOPO_FILE=in.xml", "STRETTO_TOPO_DUMP=out.xml"}));
  EXPECT_EQ(settings.topology_file, "in.xml");
  EXPECT_EQ(settings.topology_dump, "out.xml");
  EXPECT_EQ(resolve_settings(nullptr, Environment::from({})).topology_file, "");
}

TEST(Settings, StructOfAnOlderCaller_LeavesNewFieldsUnset) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.setup_timeout_ms = 5;
  config.algorithm = "no such algorithm";  // beyond what this caller says it has
  config.size = offsetof(strettoConfig_t, blocking);
  const Settings settings = resolve_settings(&config, Environment::from({}));
  EXPECT_EQ(settings.setup_timeout_ns, 5'000'000);
  EXPECT_EQ(settings.algorithm, "");
}

TEST(Settings, BadFields_AreRefusedByName) {
  const auto with = [](auto change) {
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    change(config);
    return config;
  };
  using C = strettoConfig_t;
  EXPECT_EQ(field_refused(with([](C& c) { c.size = 3; }), strettoInvalidArgument), "size");
  EXPECT_EQ(field_refused(with([](C& c) { c.size = offsetof(C, algorithm) + 4; }), strettoInvalidArgument), "size");
  EXPECT_EQ(field_refused(with([](C& c) { c.setup_timeout_ms = 0; }), strettoInvalidArgument), "setup_timeout_ms");
  EXPECT_EQ(field_refused(with([](C& c) { c.data_timeout_ms = -4; }), strettoInvalidArgument), "data_timeout_ms");
  EXPECT_EQ(field_refused(with([](C& c) { c.max_channels = 0; }), strettoInvalidArgument), "max_channels");
  EXPECT_EQ(field_refused(with([](C& c) { c.algorithm = "rings"; }), strettoInvalidArgument), "algorithm");
  EXPECT_EQ(field_refused(with([](C& c) { c.device = -3; }), strettoInvalidArgument), "device");
  EXPECT_EQ(field_refused(with([](C& c) { c.device = 0; }), strettoUnsupported), "device");
  EXPECT_EQ(field_refused(with([](C& c) { c.blocking = 2; }), strettoInvalidArgument), "blocking");
}

TEST(Settings, BadSlots_AreRefusedByName) {
  EXPECT_THROW(resolve_settings(nullptr, Environment::from({"STRETTO_SHM_SLOTS=3"})), Error);
  EXPECT_THROW(resolve_settings(nullptr, Environment::from({"STRETTO_SHM_SLOT_BYTES=100"})), Error);
}

}  // namespace
}  // namespace stretto
