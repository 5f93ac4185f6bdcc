// The keyed handshake and the sealed channel behind it, with an opponent in the middle.
#include "bootstrap/handshake.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>

namespace stretto {
namespace {

Key some_key(std::uint8_t seed) {
  Key key;
  key.fill(static_cast<std::byte>(seed));
  return key;
}

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

/// Two channels, each on one end of a local socket pair, whose bytes pass through the test's hands.
class Handshake : public testing::Test {
 protected:
  Handshake() {
    require_crypto();
    connect(client, client_far);
    connect(server, server_far);
  }

  void connect(Channel& channel, Handle& far) {
    const std::string name = "stretto-handshake-" + std::to_string(system.identity().process);
    const Handle listener = system.listen_local(name);
    channel = Channel(system, system.connect_local(name));
    far = system.accept(listener.id());
  }
  std::vector<std::byte> take(Handle& far) {
    std::vector<std::byte> taken(4096);
    taken.resize(system.receive(far.id(), taken).bytes);
    return taken;
  }
  /// Carries what each side has sent to the other, once, through `change`.
  void carry(const std::function<void(std::vector<std::byte>&)>& change = [](std::vector<std::byte>&) {}) {
    client.pump();
    auto up = take(client_far);
    if (!up.empty()) change(up);
    if (!up.empty()) system.send(server_far.id(), up);
    server.pump();
    auto down = take(server_far);
    if (!down.empty()) change(down);
    if (!down.empty()) system.send(client_far.id(), down);
    client.pump();
    last_up = up;
  }

  System& system = posix_system();
  Channel client, server;
  Handle client_far, server_far;
  std::vector<std::byte> last_up;
  Introduction me{Role::tree, STRETTO_VERSION, 5, 2, 8};
};

TEST_F(Handshake, SameKey_BothSidesAreDoneAndTheServerKnowsTheClient) {
  ClientHandshake from(system, client, some_key(1), me, "x");
  ServerHandshake to(some_key(1));
  carry();
  EXPECT_EQ(to.poll(system, server), HandshakeStatus::pending);
  carry();
  EXPECT_EQ(from.poll(client), HandshakeStatus::done);
  client.send(bytes({1, 2, 3}));
  carry();
  EXPECT_EQ(to.poll(system, server), HandshakeStatus::done);
  EXPECT_EQ(to.introduction().rank, 5);
  EXPECT_EQ(to.introduction().server, 2);
  EXPECT_EQ(to.introduction().n_ranks, 8);
  EXPECT_EQ(server.take_frame(), bytes({1, 2, 3}));
  server.send(bytes({9}));
  server.send(bytes({8, 7}));
  carry();
  EXPECT_EQ(client.take_frame(), bytes({9}));
  EXPECT_EQ(client.take_frame(), bytes({8, 7}));
  EXPECT_EQ(client.take_frame(), std::nullopt);
}

TEST_F(Handshake, OtherKey_ClientIsToldAndServerGivesNothing) {
  ClientHandshake from(system, client, some_key(1), me, "x");
  ServerHandshake to(some_key(2));
  carry();
  EXPECT_EQ(to.poll(system, server), HandshakeStatus::pending);
  carry();
  EXPECT_EQ(from.poll(client), HandshakeStatus::refused);
  EXPECT_EQ(from.refusal().field, "id");
  EXPECT_EQ(from.refusal().code, strettoInvalidUsage);
}

TEST_F(Handshake, AnyByteOfTheFirstMessagesChanged_NeverEndsWell) {
  for (std::size_t position = 0; position < 200; ++position) {
    connect(client, client_far);
    connect(server, server_far);
    ClientHandshake from(system, client, some_key(1), me, "x");
    ServerHandshake to(some_key(1));
    std::size_t seen = 0;
    const auto change = [&](std::vector<std::byte>& message) {
      if (position >= seen && position - seen < message.size()) message[position - seen] ^= std::byte{4};
      seen += message.size();
    };
    HandshakeStatus client_status = HandshakeStatus::pending, server_status = HandshakeStatus::pending;
    for (int i = 0; i < 4; ++i) {
      carry(change);
      if (server_status == HandshakeStatus::pending) server_status = to.poll(system, server);
      carry(change);
      if (client_status == HandshakeStatus::pending) client_status = from.poll(client);
    }
    if (position >= seen) break;  // every byte has been changed once
    EXPECT_NE(server_status, HandshakeStatus::done) << "byte " << position;
  }
}

TEST_F(Handshake, RecordedMessagesReplayed_AreRefused) {
  ClientHandshake from(system, client, some_key(1), me, "x");
  ServerHandshake to(some_key(1));
  carry();
  const auto hello = last_up;
  to.poll(system, server);
  carry();
  ASSERT_EQ(from.poll(client), HandshakeStatus::done);
  carry();
  const auto proof = last_up;
  ASSERT_EQ(to.poll(system, server), HandshakeStatus::done);

  connect(server, server_far);
  ServerHandshake again(some_key(1));
  system.send(server_far.id(), hello);
  server.pump();
  EXPECT_EQ(again.poll(system, server), HandshakeStatus::pending);
  system.send(server_far.id(), proof);
  server.pump();
  EXPECT_EQ(again.poll(system, server), HandshakeStatus::refused);
}

TEST_F(Handshake, SealedFrames_CannotBeChangedRepeatedDroppedOrRead) {
  const auto run = [&](const std::function<void(std::vector<std::byte>&)>& change) {
    connect(client, client_far);
    connect(server, server_far);
    client.seal(some_key(3), some_key(4));
    server.seal(some_key(4), some_key(3));
    client.send(bytes({65, 66, 67, 68}));
    client.pump();
    auto first = take(client_far);
    client.send(bytes({69, 70, 71, 72}));
    client.pump();
    const auto second = take(client_far);
    EXPECT_EQ(first.size(), 4U + 4 + 16);
    auto wire = first;
    wire.insert(wire.end(), second.begin(), second.end());
    EXPECT_EQ(std::search(wire.begin(), wire.end(), first.begin() + 4, first.begin() + 8) - wire.begin(), 4);
    change(wire);
    system.send(server_far.id(), wire);
    server.pump();
    int n_opened = 0;
    while (server.take_frame()) ++n_opened;
    return n_opened;
  };
  EXPECT_EQ(run([](auto&) {}), 2);
  EXPECT_FALSE(server.ended());
  EXPECT_EQ(run([](auto& wire) { wire[10] ^= std::byte{1}; }), 0);
  EXPECT_TRUE(server.ended());
  EXPECT_EQ(run([](auto& wire) { wire[30] ^= std::byte{1}; }), 1);
  EXPECT_EQ(run([](auto& wire) { wire.erase(wire.begin(), wire.begin() + 24); }), 0);
  EXPECT_EQ(run([](auto& wire) { std::copy(wire.begin(), wire.begin() + 24, wire.begin() + 24); }), 1);
  EXPECT_EQ(run([](auto& wire) { std::rotate(wire.begin(), wire.begin() + 24, wire.end()); }), 0);
}

TEST_F(Handshake, StrangersFrame_MayHaveFiveHundredTwelveBytesAndNoMore) {
  for (const std::uint32_t length : {512U, 513U, 0U, 0xffffffffU}) {
    connect(server, server_far);
    std::vector<std::byte> wire(4 + 512);
    std::memcpy(wire.data(), &length, sizeof(length));
    system.send(server_far.id(), wire);
    server.pump();
    server.pump();
    EXPECT_EQ(server.take_frame().has_value(), length == 512) << length;
    EXPECT_EQ(server.ended(), length != 512) << length;
  }
}

TEST_F(Handshake, FramesBeforeTheEnd_AreStillGiven) {
  client.send(bytes({1}));
  client.pump();
  system.send(server_far.id(), take(client_far));
  server_far.reset();
  server.pump();
  EXPECT_FALSE(server.ended());
  EXPECT_EQ(server.take_frame(), bytes({1}));
  EXPECT_TRUE(server.ended());
  EXPECT_EQ(server.failure(), "");
}

}  // namespace
}  // namespace stretto
