// What every transport has to do, as one parameterised suite. A transport gets all of it by one row in factories.cpp.
// Here: the row, and the team of ranks that the tests drive. The tests: conformance_*_test.cpp.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transports/transport.hpp"

namespace stretto {

struct TransportFactory {
  const char* name;
  std::unique_ptr<Transport> (*make)(System& system, const TransportConfig& config);
  System& (*system)();
};

std::span<const TransportFactory> transport_factories();
inline void PrintTo(const TransportFactory& factory, std::ostream* out) { *out << factory.name; }

struct TeamConfig {
  int n_ranks = 2;
  int channels = 1;
  std::size_t slot_bytes = 4096;
  std::uint32_t slots = 4;
  std::int64_t timeout_ns = 20'000'000'000;
};

constexpr std::int64_t kTestTimeout_ns = 20'000'000'000;

/// Polls until `done`, at most for kTestTimeout_ns. False if that was in vain.
bool wait_for(const std::function<bool()>& done);

/// Its deadline counts on the clock of `system`, which the transport has to be given too.
TransportConfig transport_config(System& system, const TeamConfig& team, Rank rank, std::span<const std::byte> key);
std::vector<Rank> peers_of(int n_ranks, Rank rank);
std::vector<std::byte> test_key();

/// All ranks of a communicator in one process, polled by one thread.
class Team {
 public:
  Team(const TransportFactory& factory, const TeamConfig& config);

  /// All of set-up. Throws what the transports throw.
  void set_up();
  // Or step by step.
  void describe();
  void start(Rank rank);
  bool poll(Rank rank) { return at(rank).poll_setup(); }

  Transport& at(Rank rank) { return *transports_.at(static_cast<std::size_t>(rank)); }
  void replace_key(Rank rank, std::vector<std::byte> key);
  void remove(Rank rank) { transports_.at(static_cast<std::size_t>(rank)).reset(); }
  void progress();
  /// As above, making progress on every rank.
  bool wait_until(const std::function<bool()>& done);
  int n_ranks() const { return config_.n_ranks; }

 private:
  const TransportFactory& factory_;
  TeamConfig config_;
  std::vector<std::vector<std::byte>> keys_;
  std::vector<std::unique_ptr<Transport>> transports_;
  std::vector<std::vector<std::byte>> blobs_;
};

/// Bytes that depend on the message and the place in it.
std::vector<std::byte> message_bytes(std::uint64_t seed, std::size_t bytes);
/// A tag in which every field depends on the message.
OpTag message_tag(std::uint64_t seed);

/// How a message enters and leaves its slot: both ends have two ways.
enum class Way { copy, in_place };

/// Sends messages, and keeps their bytes for as long as the transport may alias them.
class MessageSender {
 public:
  explicit MessageSender(SendPort& port) : port_(port) {}
  bool try_send(std::uint64_t seed, std::size_t bytes, Way way);

 private:
  SendPort& port_;
  std::vector<std::vector<std::byte>> kept_;
};

/// False if nothing has come. Else expects exactly this message, and releases it.
bool try_expect(ReceivePort& port, std::uint64_t seed, std::size_t bytes, Way way);

/// What a test leaves open fails it: every test binary has a leak check (tests/support/leak_check.hpp).
class TransportConformance : public testing::TestWithParam<TransportFactory> {};

}  // namespace stretto
