// The real System: internet sockets, waiting, and refusals.
#include "base/descriptors.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <set>
#include <thread>

#include "base/error.hpp"
#include "base/posix_system.hpp"
#include "base/system.hpp"

namespace stretto {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

/// Waits, 5 s at most, until `done`.
bool soon(const std::function<bool()>& done) {
  System& system = posix_system();
  for (const std::int64_t end_ns = system.now_ns() + 5 * second_ns; system.now_ns() < end_ns;) {
    if (done()) return true;
    std::this_thread::yield();
  }
  return false;
}

std::span<const std::byte> bytes_of(const char* text) { return std::as_bytes(std::span(text, std::strlen(text))); }

struct Pair {
  Handle listener, client, server;
};

Pair connect_pair(const char* address) {
  System& system = posix_system();
  Pair pair;
  Endpoint endpoint = *parse_endpoint(address);
  pair.listener = system.listen_tcp(endpoint);
  pair.client = system.connect_tcp(endpoint);
  int os_error = 0;
  EXPECT_TRUE(soon([&] { return system.connect_status(pair.client.id(), os_error) == ConnectStatus::connected; }));
  EXPECT_TRUE(soon([&] { return static_cast<bool>(pair.server = system.accept(pair.listener.id())); }));
  return pair;
}

bool has_ipv6() {
  Endpoint endpoint = *parse_endpoint("[::1]:0");
  try {
    posix_system().listen_tcp(endpoint);
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(PosixSystem, ConnectedPair_CarriesBytesBothWaysWithoutDelay) {
  System& system = posix_system();
  for (const char* address : {"127.0.0.1", "::1"}) {
    if (std::string_view(address) == "::1" && !has_ipv6()) continue;
    Pair pair = connect_pair(address);
    std::array<std::byte, 8> buffer{};
    EXPECT_EQ(system.receive(pair.server.id(), buffer).status, IoStatus::would_block);
    EXPECT_EQ(system.send(pair.client.id(), bytes_of("abc")).bytes, 3U);
    IoResult got;
    EXPECT_TRUE(soon([&] { return (got = system.receive(pair.server.id(), buffer)).status == IoStatus::ok; }));
    EXPECT_EQ(got.bytes, 3U);
    EXPECT_EQ(std::memcmp(buffer.data(), "abc", 3), 0);
    for (const int socket : {pair.client.id(), pair.server.id()}) {
      int no_delay = 0;
      socklen_t size = sizeof(no_delay);
      getsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
      EXPECT_NE(no_delay, 0);
      EXPECT_NE(fcntl(socket, F_GETFD) & FD_CLOEXEC, 0);
      EXPECT_NE(fcntl(socket, F_GETFL) & O_NONBLOCK, 0);
    }
  }
}

TEST(PosixSystem, FullSocket_BlocksNobodyAndGoesOnWhenRead) {
  System& system = posix_system();
  Pair pair = connect_pair("127.0.0.1");
  const std::vector<std::byte> block(1 << 16);
  std::size_t sent = 0;
  while (true) {
    const IoResult result = system.send(pair.client.id(), block);
    if (result.status == IoStatus::would_block) break;
    ASSERT_EQ(result.status, IoStatus::ok);
    sent += result.bytes;
    ASSERT_LT(sent, std::size_t{1} << 30);
  }
  std::vector<std::byte> sink(1 << 20);
  std::size_t received = 0;
  EXPECT_TRUE(soon([&] {
    const IoResult result = system.receive(pair.server.id(), sink);
    if (result.status == IoStatus::ok) received += result.bytes;
    return received == sent;
  }));
  EXPECT_EQ(system.send(pair.client.id(), block).status, IoStatus::ok);
}

TEST(PosixSystem, PeerGone_IsClosedForBothDirectionsWithoutASignal) {
  System& system = posix_system();
  Pair pair = connect_pair("127.0.0.1");
  pair.client.reset();
  std::array<std::byte, 8> buffer{};
  EXPECT_TRUE(soon([&] { return system.receive(pair.server.id(), buffer).status == IoStatus::closed; }));
  EXPECT_TRUE(soon([&] { return system.send(pair.server.id(), bytes_of("x")).status == IoStatus::closed; }));
}

TEST(PosixSystem, NobodyListens_ConnectStatusFailsAndKeepsItsReason) {
  System& system = posix_system();
  Endpoint endpoint = *parse_endpoint("127.0.0.1");
  system.listen_tcp(endpoint).reset();
  const Handle socket = system.connect_tcp(endpoint);
  int os_error = 0;
  EXPECT_TRUE(soon([&] { return system.connect_status(socket.id(), os_error) == ConnectStatus::failed; }));
  EXPECT_EQ(os_error, ECONNREFUSED);
  os_error = 0;
  EXPECT_EQ(system.connect_status(socket.id(), os_error), ConnectStatus::failed);
  EXPECT_EQ(os_error, ECONNREFUSED);
}

TEST(PosixSystem, PortTaken_ThrowsSystemErrorNamingTheAddressAndTheRemedy) {
  System& system = posix_system();
  Endpoint endpoint = *parse_endpoint("127.0.0.1");
  const Handle first = system.listen_tcp(endpoint);
  EXPECT_NE(endpoint.port, 0);
  try {
    system.listen_tcp(endpoint);
    FAIL() << "two listeners on " << to_string(endpoint);
  } catch (const Error& error) {
    EXPECT_EQ(error.info().code, strettoSystemError);
    EXPECT_NE(error.info().text.find(to_string(endpoint)), std::string::npos) << error.what();
    EXPECT_NE(error.info().text.find("another port"), std::string::npos) << error.what();
  }
}

TEST(PosixSystem, EachRefusal_SaysWhatHelps) {
  const std::pair<int, const char*> cases[] = {{EMFILE, "ulimit -n"},
                                               {ENFILE, "fs.file-max"},
                                               {ENOMEM, "ulimit -v"},
                                               {ENOSPC, "max_user_watches"},
                                               {ENOBUFS, "net.core"},
                                               {EADDRINUSE, "another port"},
                                               {EADDRNOTAVAIL, "`ip address`"},
                                               {EAFNOSUPPORT, "IPv4 and IPv6"},
                                               {EACCES, "below 1024"},
                                               {EPERM, "seccomp"},
                                               {ENODEV, "scope"},
                                               {EFBIG, "ulimit -f"},
                                               {EIO, "limits of this process"}};
  for (const auto& [number, remedy] : cases) {
    try {
      throw_system_error("call", "argument", number);
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoSystemError);
      EXPECT_NE(error.info().text.find(remedy), std::string::npos) << error.what();
      EXPECT_NE(error.info().text.find("call(argument) failed"), std::string::npos) << error.what();
    }
  }
}

TEST(PosixSystem, PortJustUsed_CanBeListenedOnAgainAtOnce) {
  System& system = posix_system();
  Endpoint endpoint = *parse_endpoint("127.0.0.1");
  Handle listener = system.listen_tcp(endpoint);
  const Handle client = system.connect_tcp(endpoint);
  Handle server;
  ASSERT_TRUE(soon([&] { return static_cast<bool>(server = system.accept(listener.id())); }));
  server.reset();  // closes first, so that its port lingers
  listener.reset();
  EXPECT_NO_THROW(system.listen_tcp(endpoint));
}

TEST(PosixSystem, DescriptorsExhausted_EachMakerThrowsWithRemedyAndLeaksNothing) {
  System& system = posix_system();
  Endpoint endpoint = *parse_endpoint("127.0.0.1");
  const Handle listener = system.listen_tcp(endpoint);
  const Handle client = system.connect_tcp(endpoint);
  const Handle local = system.listen_local("stretto-test-exhausted-" + std::to_string(getpid()));
  const int before = test::count_descriptors();
  const std::vector<std::function<void()>> makers = {
      [&] {
        Endpoint any = *parse_endpoint("127.0.0.1");
        system.listen_tcp(any);
      },
      [&] { system.accept(listener.id()); },
      [&] { system.connect_tcp(endpoint); },
      [&] { system.listen_local("stretto-test-other"); },
      [&] { system.connect_local("stretto-test-other"); },
      [&] { system.create_memory(4096, "test"); },
      [&] { system.make_wait_set(); },
  };
  for (std::size_t i = 0; i < makers.size(); ++i) {
    std::string text;
    try {
      const test::ScarceDescriptors scarce(0);
      makers[i]();
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoSystemError);
      text = error.what();
    }
    EXPECT_NE(text.find("ulimit -n"), std::string::npos) << "maker " << i << ": " << text;
  }
  {
    const test::ScarceDescriptors one_left(1);  // make_wait_set needs two
    EXPECT_THROW(system.make_wait_set(), Error);
  }
  EXPECT_EQ(test::count_descriptors(), before);
  EXPECT_TRUE(soon([&] { return static_cast<bool>(system.accept(listener.id())); })) << "the connection was lost";
}

TEST(PosixSystem, WaitSet_ReturnsWhenReadableWokenOrTimeIsUp) {
  System& system = posix_system();
  Pair pair = connect_pair("127.0.0.1");
  const auto waits = system.make_wait_set();
  waits->watch(pair.server.id(), WaitSet::readable);

  std::int64_t start_ns = system.now_ns();
  waits->wait(2'000'000);
  EXPECT_GE(system.now_ns() - start_ns, 2'000'000) << "returned early with nothing to tell";
  EXPECT_TRUE(waits->ready_handles().empty());

  system.send(pair.client.id(), bytes_of("x"));
  start_ns = system.now_ns();
  waits->wait(10 * second_ns);
  EXPECT_LT(system.now_ns() - start_ns, 9 * second_ns);
  ASSERT_EQ(waits->ready_handles().size(), 1U);
  EXPECT_EQ(waits->ready_handles().front(), pair.server.id());

  waits->watch(pair.server.id(), 0);
  waits->watch(pair.server.id(), 0);  // twice is harmless
  std::jthread ringer([&] { waits->wake(); });
  start_ns = system.now_ns();
  waits->wait(10 * second_ns);
  EXPECT_LT(system.now_ns() - start_ns, 9 * second_ns);
  EXPECT_TRUE(waits->ready_handles().empty()) << "nobody but the waiter knows the bell";

  start_ns = system.now_ns();
  waits->wait(2'000'000);  // the ring was consumed, the socket forgotten
  EXPECT_GE(system.now_ns() - start_ns, 2'000'000);
}

TEST(PosixSystem, WatchedSocketClosedWhileACopyLives_IsForgotten) {
  System& system = posix_system();
  Pair pair = connect_pair("127.0.0.1");
  const auto waits = system.make_wait_set();
  waits->watch(pair.server.id(), WaitSet::readable);
  const int copy = fcntl(pair.server.id(), F_DUPFD_CLOEXEC, 0);  // as a forked child would hold it
  pair.client.reset();                                           // makes it readable for ever
  pair.server.reset();
  const std::int64_t start_ns = system.now_ns();
  waits->wait(3'000'000);
  EXPECT_GE(system.now_ns() - start_ns, 3'000'000);
  close(copy);
}

TEST(PosixSystem, Identity_IsStableAndPlausible) {
  const HostIdentity identity = posix_system().identity();
  EXPECT_EQ(identity.process, getpid());
  EXPECT_GE(identity.n_cores, 1);
  EXPECT_FALSE(identity.host_name.empty());
  EXPECT_EQ(identity.host_id, posix_system().identity().host_id);
}

TEST(PosixSystem, RandomBytes_DifferEachTime) {
  std::set<std::array<std::byte, 32>> seen;
  for (int i = 0; i < 100; ++i) {
    std::array<std::byte, 32> bytes{};
    posix_system().fill_random(bytes);
    EXPECT_TRUE(seen.insert(bytes).second);
  }
}

}  // namespace
}  // namespace stretto
