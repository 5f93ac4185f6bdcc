// Set-up with a member that knows the key and gathers what no member says of itself: whoever hears it ends in an error
// that names it, and computes nothing with its numbers. (The fuzz target `setup` found these.)
#include <gtest/gtest.h>

#include "base/wire.hpp"
#include "bootstrap/rendezvous.hpp"
#include "comm/rank_card.hpp"
#include "comm/setup.hpp"
#include "sim/sim_system.hpp"

namespace stretto {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
using Bytes = std::vector<std::byte>;

/// Two ranks: rank 0, whose settings count, gathers what the test says; rank 1 sets up. What comes of it there.
ErrorInfo set_up_beside(const Bytes& card, const Bytes& description) {
  sim::SimWorld world(1);
  System& theirs = world.system(world.add_process(0));
  System& mine = world.system(world.add_process(0));
  TreeRendezvous rendezvous(theirs, world.address(0));
  BootstrapConfig config;
  config.n_ranks = 2;
  config.deadline_ns = world.now_ns() + 20 * second_ns;
  auto bootstrap = make_bootstrap(theirs, rendezvous.id(), config);
  std::unique_ptr<ControlPlane> plane;
  Settings settings;
  settings.setup_timeout_ns = 20 * second_ns;
  Setup setup(mine, rendezvous.id(), 1, 2, settings);
  std::size_t n_gathers = 0;
  bool gathering = false;
  try {
    for (int i = 0; i < 100'000; ++i) {
      rendezvous.poll();
      if (bootstrap && (plane = bootstrap->poll())) bootstrap.reset();
      if (plane && !gathering && n_gathers < 2) {
        plane->start_all_gather(n_gathers == 0 ? card : description, "anything", config.deadline_ns);
        gathering = true;
      }
      if (gathering && plane->poll_all_gather()) {
        gathering = false;
        ++n_gathers;
      }
      if (setup.poll()) break;
      world.advance_to(world.now_ns() + 100'000);
    }
  } catch (const Error& error) {
    return error.info();
  }
  ADD_FAILURE() << "no error";
  return {};
}

Bytes card_with(const std::function<void(Settings&)>& change) {
  RankCard card;
  card.identity.host_name = card.identity.host_id = "simulated-0";
  change(card.settings);
  return encode(card);
}

void expect_named(const ErrorInfo& info) {
  EXPECT_EQ(info.code, strettoRemoteError);
  EXPECT_EQ(info.rank, 1);
  EXPECT_EQ(info.peer, 0);
  EXPECT_NE(info.text.find("what rank 0 says"), std::string::npos) << info.text;
}

TEST(HostileSetup, CardWithNumbersThatCannotBe_IsAnErrorThatNamesItsRank) {
  using S = Settings;
  expect_named(set_up_beside(card_with([](S& s) { s.shm_slots = 1U << 31; }), {}));
  expect_named(set_up_beside(card_with([](S& s) { s.shm_slots = 3; }), {}));
  expect_named(set_up_beside(card_with([](S& s) { s.max_channels = UINT32_MAX; }), {}));
  expect_named(set_up_beside(card_with([](S& s) { s.max_channels = 65; }), {}));
  expect_named(set_up_beside(card_with([](S& s) { s.shm_slot_bytes = 100; }), {}));
  expect_named(set_up_beside(card_with([](S& s) { s.shm_slot_bytes = std::uint64_t{1} << 40; }), {}));
  for (const LinkConstantRow& row : link_constant_rows()) {
    expect_named(set_up_beside(card_with([&](S& s) { s.constants.*row.field = row.most + 1; }), {}));
  }
}

TEST(HostileSetup, BytesThatAreNoCard_AreAnErrorThatNamesTheirRank) {
  expect_named(set_up_beside({}, {}));
  expect_named(set_up_beside(Bytes(7, std::byte{255}), {}));
}

TEST(HostileSetup, DescriptionsOfOtherTransports_AreAnErrorThatNamesTheirRank) {
  const Bytes card = card_with([](Settings&) {});
  expect_named(set_up_beside(card, {}));
  expect_named(set_up_beside(card, encode(Descriptions(3))));
}

}  // namespace
}  // namespace stretto
