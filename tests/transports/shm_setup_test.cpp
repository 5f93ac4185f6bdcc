// Set-up of shared memory among strangers, refusals of the system, and ranks that fail half-way.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <random>
#include <set>

#include "conformance.hpp"
#include "process_team.hpp"
#include "support/forwarding_system.hpp"
#include "transports/shm/handshake.hpp"
#include "transports/shm/shm_transport.hpp"

namespace stretto {
namespace {

/// Ranks with a System each.
struct Crew {
  explicit Crew(std::vector<System*> systems, TeamConfig config = {}) : key(test_key()) {
    config.n_ranks = static_cast<int>(systems.size());
    for (Rank rank = 0; rank < config.n_ranks; ++rank) {
      System& system = *systems[static_cast<std::size_t>(rank)];
      transports.push_back(make_shm_transport(system, transport_config(system, config, rank, key)));
      blobs.push_back(transports.back()->describe());
    }
  }

  void start(Rank rank) { at(rank).start(blobs, peers_of(static_cast<int>(transports.size()), rank)); }
  void start_all() {
    for (Rank rank = 0; rank < static_cast<int>(transports.size()); ++rank) start(rank);
  }
  Transport& at(Rank rank) { return *transports[static_cast<std::size_t>(rank)]; }
  bool all_ready() {
    bool ready = true;
    for (auto& transport : transports) ready = transport->poll_setup() && ready;
    return ready;
  }
  std::string leader_socket() const {
    shm::Address address;
    std::memcpy(&address, blobs.front().data(), sizeof(address));
    return {address.name.data(), address.name.size()};
  }

  std::vector<std::byte> key;
  std::vector<std::unique_ptr<Transport>> transports;
  std::vector<std::vector<std::byte>> blobs;
};

/// What `poll` throws within the time of a test.
ErrorInfo error_of(const std::function<void()>& poll) {
  ErrorInfo info;
  info.code = strettoSuccess;
  wait_for([&] {
    try {
      poll();
    } catch (const Error& error) {
      info = error.info();
    }
    return info.code != strettoSuccess;
  });
  return info;
}

TEST(ShmSetup, Strangers_AreTurnedAwayAndRanksServed) {
  System& system = posix_system();
  Crew crew({&system, &system, &system});
  crew.start(0);
  std::vector<Handle> strangers;
  const auto stranger = [&](std::span<const std::byte> says) {
    strangers.push_back(system.connect_local(crew.leader_socket()));
    if (!says.empty()) system.send(strangers.back().id(), says);
  };
  shm::Hello hello;
  const auto say = [&](const shm::Hello& words) { stranger(std::as_bytes(std::span(&words, 1))); };
  stranger({});                                          // says nothing
  stranger(std::as_bytes(std::span("GET / HTTP/1.1")));  // stops in the middle
  stranger(std::vector<std::byte>(4096, std::byte{0xff}));
  hello.rank = 99;
  say(hello);
  hello.rank = 0;
  say(hello);
  hello.rank = 1;
  say(hello);  // claims to be rank 1, and never proves it
  std::vector<std::byte> impostor(sizeof(hello) + sizeof(shm::Proof), std::byte{0});
  std::memcpy(impostor.data(), &hello, sizeof(hello));
  stranger(impostor);  // proves it wrongly
  hello.magic ^= 1;
  say(hello);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(crew.at(0).poll_setup());
  crew.start(1);
  crew.start(2);
  ASSERT_TRUE(wait_for([&] { return crew.all_ready(); }));
  for (auto& transport : crew.transports) transport->finish_setup();
  // None of them got anything but the leader's challenge; all are closed by now.
  for (const Handle& socket : strangers) {
    std::byte buffer[256];
    Handle memory;
    IoResult result;
    while ((result = system.receive(socket.id(), buffer)).status == IoStatus::ok) {
    }
    EXPECT_NE(result.status, IoStatus::would_block);
    EXPECT_NE(system.receive_memory(socket.id(), memory).status, IoStatus::ok);
    EXPECT_FALSE(memory);
  }
}

TEST(ShmSetup, SixtyFourRanks_AreServed) {
  TeamConfig config;
  config.slot_bytes = 1 << 16;
  Crew crew(std::vector<System*>(64, &posix_system()), config);
  crew.start_all();
  ASSERT_TRUE(wait_for([&] { return crew.all_ready(); }));
  for (auto& transport : crew.transports) transport->finish_setup();
  ASSERT_TRUE(MessageSender(crew.at(63).send_port(0, 0)).try_send(1, 1000, Way::copy));
  EXPECT_TRUE(try_expect(crew.at(0).receive_port(63, 0), 1, 1000, Way::copy));
}

TEST(ShmSetup, GarbageOfAnyLength_HarmsNobody) {
  const std::uint64_t seed = 20261121;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  System& system = posix_system();
  Crew crew({&system, &system});
  crew.start(0);
  for (int trial = 0; trial < 300; ++trial) {
    const Handle stranger = system.connect_local(crew.leader_socket());
    std::vector<std::byte> words = message_bytes(random(), random() % 120);
    const shm::Hello hello{shm::kMagic, static_cast<Rank>(random() % 3), {}};
    const std::size_t like_a_rank = std::min<std::size_t>(words.size(), random() % (sizeof(hello) + 1));
    std::copy_n(std::as_bytes(std::span(&hello, 1)).begin(), like_a_rank, words.begin());
    if (!words.empty()) system.send(stranger.id(), words);
    const bool stays_for_an_answer = random() % 2 == 0;
    EXPECT_FALSE(stays_for_an_answer && crew.at(0).poll_setup());
  }
  crew.start(1);
  EXPECT_TRUE(wait_for([&] { return crew.all_ready(); }));
}

TEST(ShmSetup, FloodOfSilentConnections_LeavesRoomForRanks) {
  System& system = posix_system();
  Crew crew({&system, &system});
  crew.start(0);
  std::vector<Handle> strangers;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 20; ++i) strangers.push_back(system.connect_local(crew.leader_socket()));
    EXPECT_FALSE(crew.at(0).poll_setup());
  }
  // The oldest had to go, so the leader holds no more descriptors than it allows itself.
  std::byte byte;
  EXPECT_EQ(system.receive(strangers.front().id(), std::span(&byte, 1)).status, IoStatus::closed);
  crew.start(1);
  EXPECT_TRUE(wait_for([&] { return crew.all_ready(); }));
}

class OtherUserSystem final : public StallFreeSystem {
 public:
  std::uint32_t user() override { return inner_.user() + 1; }
};

TEST(ShmSetup, RankOfAnotherUser_IsRefused) {
  TeamConfig config;
  config.timeout_ns = 100'000'000;
  OtherUserSystem other;
  StallFreeSystem same;
  Crew joiner_differs({&same, &other}, config);
  joiner_differs.start_all();
  const ErrorInfo from_joiner = error_of([&] { joiner_differs.at(1).poll_setup(); });
  EXPECT_EQ(from_joiner.code, strettoSystemError) << from_joiner.text;
  EXPECT_EQ(from_joiner.peer, 0);

  Crew leader_differs({&other, &same}, config);
  leader_differs.start_all();
  const ErrorInfo turned_away = error_of([&] {
    leader_differs.at(0).poll_setup();
    leader_differs.at(1).poll_setup();
  });
  EXPECT_TRUE(turned_away.code == strettoRemoteError || turned_away.code == strettoTimeout) << turned_away.text;
}

TEST(ShmSetup, LeaderThatDies_IsNamed) {
  // After the joiner has connected: at once. Before: at the deadline.
  for (const bool connected : {true, false}) {
    TeamConfig config;
    config.timeout_ns = connected ? 20'000'000'000 : 50'000'000;
    Crew crew({&posix_system(), &posix_system()}, config);
    crew.start_all();
    if (connected) {
      crew.at(1).poll_setup();
      crew.at(0).poll_setup();
    }
    crew.transports[0].reset();
    const ErrorInfo info = error_of([&] { crew.at(1).poll_setup(); });
    EXPECT_EQ(info.code, connected ? strettoRemoteError : strettoTimeout) << info.text;
    EXPECT_EQ(info.peer, 0);
    EXPECT_EQ(info.rank, 1);
  }
}

/// Refuses what a test tells it to.
class RefusingSystem final : public ForwardingSystem {
 public:
  Handle create_memory(std::size_t bytes, const char* label) override {
    if (refuse_create) throw Error(strettoSystemError, "memfd_create: no");
    return inner_.create_memory(bytes, label);
  }
  Mapping map_memory(int memory, std::size_t bytes) override {
    if (refuse_map) throw Error(strettoSystemError, "mmap: no");
    return inner_.map_memory(memory, bytes);
  }
  bool refuse_create = false;
  bool refuse_map = false;
};

TEST(ShmSetup, MemoryRefusedToTheLeader_SaysWhatToDo) {
  for (const bool at_create : {true, false}) {
    RefusingSystem refusing;
    (at_create ? refusing.refuse_create : refusing.refuse_map) = true;
    Crew crew({&refusing, &posix_system()});
    const ErrorInfo info = error_of([&] { crew.start(0); });
    EXPECT_EQ(info.code, strettoSystemError);
    EXPECT_EQ(info.rank, 0);
    EXPECT_NE(info.text.find("ulimit"), std::string::npos) << info.text;
  }
}

TEST(ShmSetup, MappingRefusedToAJoiner_IsKnownOnBothSides) {
  RefusingSystem refusing;
  refusing.refuse_map = true;
  Crew crew({&posix_system(), &refusing, &posix_system()});
  crew.start_all();
  const ErrorInfo own = error_of([&] {
    crew.at(1).poll_setup();
    crew.at(0).poll_setup();
  });
  EXPECT_EQ(own.code, strettoSystemError);
  EXPECT_EQ(own.rank, 1);
  EXPECT_NE(own.text.find("ulimit"), std::string::npos) << own.text;
  crew.transports[1].reset();  // its communicator gives up, which closes its end
  const ErrorInfo leaders = error_of([&] { crew.at(0).poll_setup(); });
  EXPECT_EQ(leaders.code, strettoRemoteError);
  EXPECT_EQ(leaders.peer, 1);
}

TEST(ShmSetup, ConfigurationsThatDiffer_NameTheFieldAndThePeer) {
  const auto differ = [](const char* field, auto&& change) {
    TeamConfig config;
    const std::vector<std::byte> key = test_key();
    TransportConfig mine = transport_config(posix_system(), config, 0, key);
    TransportConfig theirs = transport_config(posix_system(), config, 1, key);
    change(theirs);
    const auto first = make_shm_transport(posix_system(), mine);
    const auto second = make_shm_transport(posix_system(), theirs);
    const std::vector<std::vector<std::byte>> blobs = {first->describe(), second->describe()};
    const ErrorInfo info = error_of([&] { first->start(blobs, peers_of(2, 0)); });
    EXPECT_EQ(info.code, strettoInvalidUsage) << field;
    EXPECT_EQ(info.field, field);
    EXPECT_EQ(info.peer, 1);
  };
  differ("slots", [](TransportConfig& config) { config.slots = 8; });
  differ("slot_bytes", [](TransportConfig& config) { config.slot_bytes = 64; });
  differ("channels", [](TransportConfig& config) { config.channels = 2; });
}

TEST(ShmSetup, BlobThatIsNotOurs_NamesItsRank) {
  for (const std::size_t bytes : {std::size_t{0}, sizeof(shm::Address) - 1, sizeof(shm::Address)}) {
    Crew crew({&posix_system(), &posix_system()});
    crew.blobs[1].assign(bytes, std::byte{0x42});
    const ErrorInfo info = error_of([&] { crew.start(0); });
    EXPECT_EQ(info.code, strettoRemoteError);
    EXPECT_EQ(info.peer, 1);
  }
}

/// Keeps a second handle on the memory, to look at how much of it has pages.
class WatchingSystem final : public ForwardingSystem {
 public:
  Handle create_memory(std::size_t bytes, const char* label) override {
    Handle memory = inner_.create_memory(bytes, label);
    watched = Handle(inner_, dup(memory.id()));
    return memory;
  }
  std::size_t touched_bytes() const {
    struct stat facts {};
    return fstat(watched.id(), &facts) == 0 ? static_cast<std::size_t>(facts.st_blocks) * 512 : 0;
  }
  Handle watched;
};

TEST(ShmSetup, Memory_HasNoNameInAFileSystem) {
  const auto names_in_dev_shm = [] {
    std::error_code none;
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", none)) names.insert(entry.path());
    return names;
  };
  const std::set<std::string> before = names_in_dev_shm();
  WatchingSystem watching;
  Crew crew({&watching, &watching});
  crew.start_all();
  ASSERT_TRUE(wait_for([&] { return crew.all_ready(); }));
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(watching.watched.id())).string();
  EXPECT_EQ(path.rfind("/memfd:", 0), 0U) << path;
  for (const std::string& name : names_in_dev_shm()) {
    EXPECT_TRUE(before.count(name) > 0 || name.find("stretto") == std::string::npos) << name;
  }
}

TEST(ShmSetup, Memory_TakesPagesOnlyWhereTouched) {
  WatchingSystem watching;
  TeamConfig config;
  config.slot_bytes = 1 << 16;
  config.channels = 4;
  Crew crew(std::vector<System*>(8, &watching), config);
  crew.start_all();
  ASSERT_TRUE(wait_for([&] { return crew.all_ready(); }));
  EXPECT_GT(watching.memory_bytes(watching.watched.id()), std::size_t{56} << 20);
  EXPECT_LT(watching.touched_bytes(), 64U << 10);
  for (Rank rank = 0; rank < 8; ++rank) {  // a ring of tiny messages takes pages of flags, not of data
    ASSERT_TRUE(MessageSender(crew.at(rank).send_port((rank + 1) % 8, 0)).try_send(1, 8, Way::copy));
    ASSERT_TRUE(try_expect(crew.at((rank + 1) % 8).receive_port(rank, 0), 1, 8, Way::copy));
  }
  EXPECT_LT(watching.touched_bytes(), 128U << 10);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they need the address space themselves
std::unique_ptr<Transport> make_shm(System& system, const TransportConfig& config) {
  return make_shm_transport(system, config);
}

// In a process of its own, because limits cannot be raised again.
TEST(ShmSetup, LimitsOfTheProcess_BecomeErrorsNotSignals) {
  const TransportFactory factory{"shm", make_shm, posix_system};
  for (const int limit : {RLIMIT_AS, RLIMIT_FSIZE, RLIMIT_NOFILE}) {
    TeamConfig alone;
    alone.n_ranks = 1;
    const std::vector<int> results = run_processes(factory, alone, [&](Transport&, Rank) {
      TeamConfig config;
      config.slot_bytes = std::size_t{1} << 30;
      Crew crew({&posix_system(), &posix_system()}, config);
      rlimit value{};
      value.rlim_cur = value.rlim_max = limit == RLIMIT_NOFILE ? 3 : 512U << 20;
      if (setrlimit(static_cast<__rlimit_resource_t>(limit), &value) != 0) return false;
      const ErrorInfo info = error_of([&] { crew.start(0); });
      const bool as_expected = info.code == strettoSystemError && info.text.find("ulimit") != std::string::npos;
      if (!as_expected) std::fprintf(stderr, "limit %d: %s\n", limit, info.text.c_str());
      return as_expected;
    });
    EXPECT_EQ(results, std::vector<int>{0}) << "limit " << limit;
  }
}
#endif

}  // namespace
}  // namespace stretto
