// Members who know the key and say what no member says: whoever hears it ends in an error that names them, and looks
// nothing up by a number of theirs. (The fuzz target `control` found these.)
#include <gtest/gtest.h>

#include <limits>

#include "bootstrap/gate.hpp"
#include "bootstrap/messages.hpp"
#include "bootstrap/ranks.hpp"
#include "bootstrap/tree_control_plane.hpp"

namespace stretto {
namespace {

using test::contains;
using test::second_ns;

/// Rank 1 of 4, whose parent is in the test's hands.
class HostileNeighbour : public testing::Test {
 protected:
  HostileNeighbour() {
    require_crypto();
    connect();
  }
  void connect() {
    const std::string name = "stretto-hostile-" + std::to_string(system.identity().process);
    const Handle listener = system.listen_local(name);
    parent = Channel(system, system.connect_local(name));
    std::vector<TreeLink> links;
    TreeLink& link = links.emplace_back();  // member by member: GCC 12 takes a braced one for uninitialized
    link.peer = {0, "there", 7};
    link.channel = Channel(system, system.accept(listener.id()));
    links[0].channel.seal(Key{std::byte{1}}, Key{std::byte{2}});
    parent.seal(Key{std::byte{2}}, Key{std::byte{1}});
    plane.emplace(system, Member{1, "here", 1}, 4, std::move(links), HeartbeatConfig{});
  }
  void say(WireWriter& writer) {
    parent.send(writer.take());
    parent.flush();
    plane->poll();
  }
  void expect_not_understood() {
    ASSERT_NE(plane->fault(), nullptr);
    EXPECT_EQ(plane->fault()->code, strettoRemoteError);
    EXPECT_EQ(plane->fault()->rank, 1);
    EXPECT_EQ(plane->fault()->peer, 0);
    EXPECT_EQ(plane->fault()->host, "there");
    EXPECT_TRUE(contains(plane->fault()->text, "does not understand"));
  }

  System& system = posix_system();
  Channel parent;
  std::optional<TreeControlPlane> plane;
};

TEST_F(HostileNeighbour, FaultOfRankThatIsNot_IsTheNeighboursFault) {
  for (const bool of_peer : {false, true}) {
    connect();
    WireWriter writer;
    writer.number(Message::fault);
    ErrorInfo info;
    info.text = "made up";
    (of_peer ? info.peer : info.rank) = 4;
    put(writer, info);
    say(writer);
    expect_not_understood();
  }
}

TEST_F(HostileNeighbour, BlobsBeforeTheFirstGather_AreRefusedUnlessOfTheFirst) {
  for (const std::uint64_t gather : {std::uint64_t{1}, std::uint64_t{0}}) {
    WireWriter writer;
    writer.number(Message::blobs);
    writer.number(gather);
    writer.number(Rank{2});
    writer.blob(std::as_bytes(std::span("blob")));
    say(writer);
    EXPECT_EQ(plane->fault() == nullptr, gather == 1);
  }
  expect_not_understood();
  EXPECT_TRUE(plane->departed().empty());
}

TEST_F(HostileNeighbour, BlobInThisRanksName_IsRefused) {
  WireWriter writer;
  writer.number(Message::blobs);
  writer.number(std::uint64_t{1});
  writer.number(Rank{1});
  writer.blob(std::as_bytes(std::span("mine")));
  say(writer);
  expect_not_understood();
}

TEST_F(HostileNeighbour, WaitOfRankThatIsNotOrOfThisOneOrCutShort_IsTheNeighboursFault) {
  for (const Rank rank : {Rank{-1}, Rank{1}, Rank{4}, std::numeric_limits<Rank>::min(), Rank{2}}) {
    connect();
    WireWriter writer;
    writer.number(Message::waiting);
    if (rank == 2) {
      writer.number(rank);
    } else {
      put(writer, Waiting{rank, 0, {}});
    }
    say(writer);
    expect_not_understood();
    EXPECT_TRUE(plane->take_waiting().empty());
  }
}

TEST_F(HostileNeighbour, FloodOfCallsOfOneOperation_TwoAreHeard) {
  for (std::uint8_t i = 0; i < 200; ++i) {
    WireWriter writer;
    writer.number(Message::waiting);
    Waiting said{2, 5, {}};
    said.tag.collective = said.tag.datatype = said.tag.red_op = said.tag.flags = i;  // most of them are none
    put(writer, said);
    say(writer);
  }
  EXPECT_EQ(plane->fault(), nullptr);
  EXPECT_EQ(plane->take_waiting().size(), WaitingNews::kCalls);
  EXPECT_TRUE(plane->take_waiting().empty());
}

TEST_F(HostileNeighbour, FloodOfOperations_NoMoreAreKeptThanTheLast) {
  constexpr std::uint64_t n = 1000;
  for (std::uint64_t operation = 0; operation < n; ++operation) {
    WireWriter writer;
    writer.number(Message::waiting);
    put(writer, Waiting{2, ~operation, {}});
    say(writer);
  }
  EXPECT_EQ(plane->fault(), nullptr);
  const std::vector<Waiting> kept = plane->take_waiting();
  EXPECT_EQ(kept.size(), WaitingNews::kCalls * WaitingNews::kOperations);
  EXPECT_EQ(kept.back().operation, ~(n - 1));
}

/// Rank 1 of 4 on its way in, to a rendezvous that is in the test's hands.
class HostileRendezvous : public testing::Test {
 protected:
  HostileRendezvous() {
    require_crypto();
    Endpoint address = *parse_endpoint("127.0.0.1");
    Handle listener = system.listen_tcp(address);
    gate.emplace(system, std::move(listener), Key{}, Role::rendezvous, -1, 4);
    BootstrapConfig config;
    config.rank = 1;
    config.n_ranks = 4;
    config.deadline_ns = system.now_ns() + 20 * second_ns;
    bootstrap = make_bootstrap(system, encode_id({Key{}, {address}}), config);
  }
  /// What comes of it when the rendezvous says these, one after the other.
  ErrorInfo answer_with(const std::vector<std::vector<std::byte>>& frames) {
    std::optional<Gate::Guest> guest;
    try {
      for (const std::int64_t end_ns = system.now_ns() + 10 * second_ns; system.now_ns() < end_ns;) {
        EXPECT_EQ(bootstrap->poll(), nullptr);
        gate->poll();
        if (guest) continue;
        guest = gate->next_guest();
        if (!guest) continue;
        for (const auto& frame : frames) guest->channel.send(frame);
        guest->channel.flush();
      }
    } catch (const Error& error) {
      return error.info();
    }
    ADD_FAILURE() << "no error";
    return {};
  }
  static std::vector<std::byte> assign(Rank parent) {
    WireWriter writer;
    writer.number(Message::assign);
    put(writer, Member{parent, "there", 7});
    put(writer, *parse_endpoint("127.0.0.1:1"));
    return writer.take();
  }

  System& system = posix_system();
  std::optional<Gate> gate;
  std::unique_ptr<Bootstrap> bootstrap;
};

TEST_F(HostileRendezvous, ReadyBeforeAllIsLinked_IsAnError) {
  const ErrorInfo info = answer_with({assign(0), {static_cast<std::byte>(Message::ready)}});
  EXPECT_EQ(info.code, strettoRemoteError);
  EXPECT_EQ(info.rank, 1);
  EXPECT_TRUE(contains(info.text, "before it is"));
}

TEST_F(HostileRendezvous, PlaceOfAnotherRank_IsAnError) {
  const ErrorInfo info = answer_with({assign(3)});
  EXPECT_EQ(info.code, strettoRemoteError);
  EXPECT_TRUE(contains(info.text, "not this rank's"));
}

TEST_F(HostileRendezvous, PlaceGivenTwice_IsAnError) {
  const ErrorInfo info = answer_with({assign(0), assign(0)});
  EXPECT_EQ(info.code, strettoRemoteError);
  EXPECT_TRUE(contains(info.text, "twice"));
}

TEST_F(HostileRendezvous, MessageOfUnknownType_IsAnError) {
  const ErrorInfo info = answer_with({{std::byte{99}}});
  EXPECT_EQ(info.code, strettoRemoteError);
  EXPECT_TRUE(contains(info.text, "unknown type"));
}

}  // namespace
}  // namespace stretto
