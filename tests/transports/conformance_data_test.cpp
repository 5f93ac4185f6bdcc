// Conformance: what one thread can tell of connections between ranks that it polls itself.
#include <cstring>
#include <random>

#include "conformance.hpp"

namespace stretto {
namespace {

Way way_of(std::uint64_t number) { return number % 2 == 0 ? Way::copy : Way::in_place; }

TEST_P(TransportConformance, EverySize_ArrivesWhole) {
  TeamConfig config;
  config.slot_bytes = 4096;
  Team team(GetParam(), config);
  team.set_up();
  MessageSender sender(team.at(0).send_port(1, 0));
  ReceivePort& receiver = team.at(1).receive_port(0, 0);
  std::vector<std::size_t> sizes;
  for (std::size_t bytes = 0; bytes <= 130; ++bytes) sizes.push_back(bytes);
  for (const std::size_t bytes : {255, 256, 1000, 4032, 4095, 4096}) sizes.push_back(bytes);
  std::uint64_t seed = 0;
  for (const std::size_t bytes : sizes) {
    for (int combination = 0; combination < 4; ++combination, ++seed) {
      SCOPED_TRACE(testing::Message() << bytes << " bytes, combination " << combination);
      // A full slot of other bytes first in every slot: what is stale must not show.
      for (std::uint32_t i = 0; i < config.slots; ++i) {
        ASSERT_TRUE(team.wait_until([&] { return sender.try_send(~seed, config.slot_bytes, Way::copy); }));
        ASSERT_TRUE(team.wait_until([&] { return try_expect(receiver, ~seed, config.slot_bytes, Way::copy); }));
      }
      ASSERT_TRUE(team.wait_until([&] { return sender.try_send(seed, bytes, way_of(seed & 1)); }));
      ASSERT_TRUE(team.wait_until([&] { return try_expect(receiver, seed, bytes, way_of(seed >> 1 & 1)); }));
    }
  }
}

TEST_P(TransportConformance, SenderWithoutCredit_StopsAtTheNumberOfSlots) {
  TeamConfig config;
  for (const std::uint32_t slots : {1U, 2U, 4U, 16U}) {
    config.slots = slots;
    Team team(GetParam(), config);
    team.set_up();
    MessageSender sender(team.at(0).send_port(1, 0));
    SendPort& port = team.at(0).send_port(1, 0);
    ReceivePort& receiver = team.at(1).receive_port(0, 0);
    EXPECT_FALSE(receiver.try_wait());
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (int round = 0; round < 20; ++round) {
      while (sent - received < slots) {
        ASSERT_TRUE(team.wait_until([&] { return sender.try_send(sent, sent % 100, way_of(sent)); }));
        ++sent;
      }
      for (int i = 0; i < 3; ++i) {
        team.progress();
        ASSERT_FALSE(port.try_acquire()) << "with " << slots << " slots outstanding";
      }
      // Waiting alone gives no credit back; releasing does.
      ASSERT_TRUE(team.wait_until([&] { return receiver.try_wait(); }));
      team.progress();
      ASSERT_FALSE(port.try_acquire());
      const auto releases = 1 + static_cast<std::uint64_t>(round) % slots;
      for (std::uint64_t i = 0; i < releases; ++i, ++received) {
        ASSERT_TRUE(team.wait_until([&] { return try_expect(receiver, received, received % 100, way_of(received)); }));
      }
    }
  }
}

TEST_P(TransportConformance, AcquiringAndWaitingAgain_KeepsTheCurrentSlot) {
  Team team(GetParam(), {});
  team.set_up();
  SendPort& port = team.at(0).send_port(1, 0);
  MessageSender sender(port);
  ReceivePort& receiver = team.at(1).receive_port(0, 0);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(team.wait_until([&] { return port.try_acquire(); }));
    ASSERT_TRUE(sender.try_send(seed, 48, Way::in_place));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(team.wait_until([&] { return receiver.try_wait(); }));
    ASSERT_TRUE(try_expect(receiver, seed, 48, Way::in_place));
    team.progress();
    EXPECT_FALSE(receiver.try_wait());
  }
}

TEST_P(TransportConformance, DrainedSource_MayBeOverwritten) {
  Team team(GetParam(), {});
  team.set_up();
  SendPort& port = team.at(0).send_port(1, 0);
  ReceivePort& receiver = team.at(1).receive_port(0, 0);
  EXPECT_TRUE(port.drained());
  for (const std::size_t bytes : {std::size_t{8}, std::size_t{32}, std::size_t{33}, std::size_t{4096}}) {
    std::vector<std::byte> source = message_bytes(bytes, bytes);
    const std::vector<std::byte> original = source;
    ASSERT_TRUE(team.wait_until([&] { return port.try_acquire(); }));
    port.put(source.data(), bytes);
    port.signal(bytes, message_tag(bytes));
    ASSERT_TRUE(team.wait_until([&] { return receiver.try_wait(); }));
    const bool drained_early = port.drained();
    if (drained_early) source.assign(bytes, std::byte{0xee});
    EXPECT_EQ(std::memcmp(receiver.slot(), original.data(), bytes), 0) << bytes << " bytes";
    receiver.release();
    ASSERT_TRUE(team.wait_until([&] { return port.drained(); }));
  }
}

TEST_P(TransportConformance, AllPairsAndChannels_DoNotMix) {
  for (int n_ranks = 2; n_ranks <= 8; ++n_ranks) {
    TeamConfig config;
    config.n_ranks = n_ranks;
    config.channels = 3;
    config.slot_bytes = 256;
    Team team(GetParam(), config);
    team.set_up();
    const auto for_all = [&](auto&& visit) {
      for (Rank from = 0; from < n_ranks; ++from) {
        for (const Rank to : peers_of(n_ranks, from)) {
          for (int channel = 0; channel < config.channels; ++channel) visit(from, to, channel);
        }
      }
    };
    const auto seed_of = [](Rank from, Rank to, int channel, std::uint64_t number) {
      return ((static_cast<std::uint64_t>(from) * 16 + static_cast<std::uint64_t>(to)) * 16 +
              static_cast<std::uint64_t>(channel)) *
                 16 +
             number;
    };
    std::vector<MessageSender> senders;
    for_all([&](Rank from, Rank to, int channel) { senders.emplace_back(team.at(from).send_port(to, channel)); });
    for (std::uint64_t number = 0; number < config.slots; ++number) {
      auto sender = senders.begin();
      for_all([&](Rank from, Rank to, int channel) {
        const std::uint64_t seed = seed_of(from, to, channel, number);
        ASSERT_TRUE(team.wait_until([&] { return sender->try_send(seed, seed % 257, way_of(number)); }));
        ++sender;
      });
    }
    for (std::uint64_t number = 0; number < config.slots; ++number) {
      for_all([&](Rank from, Rank to, int channel) {
        const std::uint64_t seed = seed_of(from, to, channel, number);
        ReceivePort& port = team.at(to).receive_port(from, channel);
        ASSERT_TRUE(team.wait_until([&] { return try_expect(port, seed, seed % 257, way_of(number)); }));
      });
    }
    for_all([&](Rank from, Rank to, int channel) { EXPECT_FALSE(team.at(to).receive_port(from, channel).try_wait()); });
  }
}

// A random walk over all ends of all connections, against a model that only counts.
TEST_P(TransportConformance, RandomWalk_FollowsTheModel) {
  const std::uint64_t walk_seed = 20261121;
  SCOPED_TRACE(walk_seed);
  std::mt19937_64 random(walk_seed);
  TeamConfig config;
  config.n_ranks = 3;
  config.channels = 2;
  config.slot_bytes = 512;
  Team team(GetParam(), config);
  team.set_up();
  struct Link {
    MessageSender sender;
    ReceivePort& receiver;
    std::uint64_t id;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t seed(std::uint64_t number) const { return id << 32 | number; }
    static std::size_t bytes(std::uint64_t seed) { return message_tag(seed).count % 513; }
  };
  std::vector<Link> links;
  for (Rank from = 0; from < config.n_ranks; ++from) {
    for (const Rank to : peers_of(config.n_ranks, from)) {
      for (int channel = 0; channel < config.channels; ++channel) {
        links.push_back({MessageSender(team.at(from).send_port(to, channel)), team.at(to).receive_port(from, channel),
                         links.size()});
      }
    }
  }
  for (int step = 0; step < 4000; ++step) {
    Link& link = links[random() % links.size()];
    if (random() % 2 == 0) {
      const std::uint64_t seed = link.seed(link.sent);
      const bool sent = link.sender.try_send(seed, Link::bytes(seed), way_of(random()));
      ASSERT_TRUE(!sent || link.sent - link.received < config.slots) << "step " << step;
      link.sent += sent ? 1 : 0;
    } else {
      const std::uint64_t seed = link.seed(link.received);
      const bool received = try_expect(link.receiver, seed, Link::bytes(seed), way_of(random()));
      ASSERT_TRUE(!received || link.received < link.sent) << "step " << step;
      link.received += received ? 1 : 0;
    }
    if (random() % 4 == 0) team.progress();
  }
  for (Link& link : links) {
    for (; link.received < link.sent; ++link.received) {
      const std::uint64_t seed = link.seed(link.received);
      ASSERT_TRUE(team.wait_until([&] { return try_expect(link.receiver, seed, Link::bytes(seed), Way::copy); }));
    }
    EXPECT_GT(link.sent, 0U);
  }
}

}  // namespace
}  // namespace stretto
