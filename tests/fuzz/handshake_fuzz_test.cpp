// Random bytes and random changes to real conversations against everything that strangers can reach: nothing crashes,
// hangs, lets them in or keeps what they sent.
#include <gtest/gtest.h>

#include <cstring>

#include "bootstrap/dial.hpp"
#include "bootstrap/gate.hpp"
#include "bootstrap/messages.hpp"
#include "sim/sim_scheduler.hpp"

namespace stretto::sim {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

/// A gate, a member that knocks at it, and somebody between them who changes bytes.
class Conversation {
 public:
  explicit Conversation(std::uint64_t seed) : world(seed, reliable()), key_(make_key()) {
    gate_process_ = world.add_process(0);
    member_process_ = world.add_process(1);
    middle_process_ = world.add_process(2);
    Endpoint gate_address = world.address(gate_process_);
    Handle gate_listener = world.system(gate_process_).listen_tcp(gate_address);
    gate_address_ = gate_address;
    gate.emplace(world.system(gate_process_), std::move(gate_listener), key_, Role::tree, 3, 8);
    Endpoint middle_address = world.address(middle_process_);
    middle_listener_ = world.system(middle_process_).listen_tcp(middle_address);
    Introduction me;
    me.role = Role::tree;
    me.rank = 7;
    me.server = 3;
    me.n_ranks = 8;
    dial.emplace(world.system(member_process_), std::vector<Endpoint>{middle_address}, key_, me);
  }

  void step(double change_chance) {
    if (!connected_ && !refused_) {
      try {
        connected_ = dial->poll();
        if (connected_) channel_ = dial->take();
      } catch (const Error&) {
        refused_ = true;
      }
    }
    channel_.flush();  // the proof
    gate->poll();
    carry(change_chance);
    world.advance_to(world.now_ns() + 200'000);
  }
  bool changed() const { return changed_; }

  SimWorld world;
  std::optional<Gate> gate;
  std::optional<Dial> dial;

 private:
  /// The one in the middle does not dial again.
  static SimConfig reliable() {
    SimConfig config;
    config.refuse_chance = 0;
    return config;
  }
  Key make_key() {
    Key key{};
    for (std::byte& b : key) b = static_cast<std::byte>(world.below(256));
    return key;
  }

  void carry(double change_chance) {
    System& system = world.system(middle_process_);
    if (Handle member = system.accept(middle_listener_.id())) {
      member_ = std::move(member);
      up_.clear();
      down_.clear();
      far_ = system.connect_tcp(gate_address_);
    }
    if (!member_) return;
    pass(member_, far_, up_, change_chance);
    pass(far_, member_, down_, change_chance);
  }

  void pass(Handle& from, Handle& to, std::vector<std::byte>& waiting, double change_chance) {
    System& system = world.system(middle_process_);
    int os_error = 0;
    if (!from || !to || system.connect_status(to.id(), os_error) != ConnectStatus::connected) return;
    std::vector<std::byte> bytes(1000);
    bytes.resize(system.receive(from.id(), bytes).bytes);
    if (!bytes.empty() && world.chance(change_chance)) change(bytes);
    waiting.insert(waiting.end(), bytes.begin(), bytes.end());
    const std::size_t sent = waiting.empty() ? 0 : system.send(to.id(), waiting).bytes;
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(sent));
  }

  void change(std::vector<std::byte>& bytes) {
    changed_ = true;
    const auto somewhere = bytes.begin() + static_cast<std::ptrdiff_t>(world.below(bytes.size()));
    switch (world.below(4)) {
      case 0:
        *somewhere ^= static_cast<std::byte>(1 + world.below(255));
        break;
      case 1:
        bytes.insert(somewhere, std::byte{});
        break;
      case 2:
        bytes.erase(somewhere);
        break;
      default:
        for (std::byte& b : bytes) b = static_cast<std::byte>(world.below(256));
    }
  }

  Key key_;
  int gate_process_ = 0, member_process_ = 0, middle_process_ = 0;
  Endpoint gate_address_;
  Handle middle_listener_, member_, far_;
  std::vector<std::byte> up_, down_;  ///< taken from one side, not yet taken by the other
  Channel channel_;
  bool connected_ = false;
  bool refused_ = false;
  bool changed_ = false;
};

TEST(HandshakeFuzz, ConversationChangedOnItsWay_LetsNobodyInWhoWasChanged) {
  int n_changed = 0, n_let_in = 0;
  for (int seed = 0; seed < seeds_to_run(300); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Conversation conversation(static_cast<std::uint64_t>(seed));
    std::optional<Gate::Guest> guest;
    for (int i = 0; i < 300 && !guest; ++i) {
      conversation.step(0.3);
      guest = conversation.gate->next_guest();
    }
    n_changed += conversation.changed() ? 1 : 0;
    if (!guest) continue;
    ++n_let_in;  // by a later attempt, or because only bytes after the proof were changed
    EXPECT_EQ(guest->introduction.rank, 7);
    EXPECT_EQ(guest->introduction.server, 3);
    EXPECT_EQ(guest->introduction.n_ranks, 8);
    EXPECT_EQ(guest->introduction.version, STRETTO_VERSION);
  }
  EXPECT_GT(n_changed, 0);
  EXPECT_GT(n_let_in, 0);
}

TEST(HandshakeFuzz, ConversationUntouched_LetsTheMemberIn) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Conversation conversation(seed);
    bool in = false;
    for (int i = 0; i < 20'000 && !in; ++i) {
      conversation.step(0);
      in = conversation.gate->next_guest().has_value();
    }
    EXPECT_TRUE(in) << "seed " << seed;
  }
}

TEST(HandshakeFuzz, RandomFrames_LeaveNothingBehindAfterTheLimit) {
  for (int seed = 0; seed < seeds_to_run(100); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimWorld world(static_cast<std::uint64_t>(seed));
    const int server = world.add_process(0), stranger = world.add_process(1);
    Endpoint address = world.address(server);
    Handle listener = world.system(server).listen_tcp(address);
    Gate gate(world.system(server), std::move(listener), Key{}, Role::rendezvous, -1, 8);
    std::vector<Handle> sockets;
    for (int i = 0; i < 30; ++i) sockets.push_back(world.system(stranger).connect_tcp(address));
    const std::int64_t start_ns = world.now_ns();
    while (world.now_ns() < start_ns + 40 * second_ns) {
      Handle& socket = sockets[world.below(sockets.size())];
      std::vector<std::byte> frame(4 + world.below(120));
      for (std::byte& b : frame) b = static_cast<std::byte>(world.below(256));
      const auto length = static_cast<std::uint32_t>(frame.size() - 4);
      if (world.chance(0.9)) std::memcpy(frame.data(), &length, sizeof(length));
      if (frame.size() > 4) frame[4] = static_cast<std::byte>(world.below(5));
      if (socket && world.chance(0.3)) world.system(stranger).send(socket.id(), frame);
      if (world.chance(0.02)) socket.reset();
      gate.poll();
      EXPECT_FALSE(gate.next_guest());
      EXPECT_LE(world.open_handles(server), 1 + 8);
      world.advance_to(world.now_ns() + 50'000'000);
    }
    EXPECT_EQ(world.open_handles(server), 1) << "strangers are still kept after all their time is up";
  }
}

TEST(MessagesFuzz, RandomBytes_ReadOrThrowButNeverMore) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::byte> bytes(random() % 200);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random() % (i % 2 == 0 ? 256 : 4));
    try {
      WireReader reader(bytes);
      if (i % 3 == 0) get_error_info(reader);
      if (i % 3 == 1) get_member(reader);
      if (i % 3 == 2) get_endpoint(reader);
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoRemoteError);
    }
  }
}

}  // namespace
}  // namespace stretto::sim
