#include "conformance.hpp"

#include <sched.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>

namespace stretto {
bool wait_for(const std::function<bool()>& done) {
  const std::int64_t limit_ns = posix_system().now_ns() + kTestTimeout_ns;
  while (!done()) {
    if (posix_system().now_ns() > limit_ns) return false;
    sched_yield();
  }
  return true;
}

TransportConfig transport_config(System& system, const TeamConfig& team, Rank rank, std::span<const std::byte> key) {
  TransportConfig config;
  config.rank = rank;
  config.n_ranks = team.n_ranks;
  config.channels = team.channels;
  config.slot_bytes = team.slot_bytes;
  config.slots = team.slots;
  config.key = key;
  config.deadline_ns = system.now_ns() + team.timeout_ns;
  return config;
}

std::vector<Rank> peers_of(int n_ranks, Rank rank) {
  std::vector<Rank> peers;
  for (Rank peer = 0; peer < n_ranks; ++peer) {
    if (peer != rank) peers.push_back(peer);
  }
  return peers;
}

std::vector<std::byte> test_key() { return std::vector<std::byte>(32, std::byte{0x5a}); }

Team::Team(const TransportFactory& factory, const TeamConfig& config) : factory_(factory), config_(config) {
  const auto n_ranks = static_cast<std::size_t>(config.n_ranks);
  keys_.assign(n_ranks, test_key());
  transports_.resize(n_ranks);
  blobs_.resize(n_ranks);
}

void Team::replace_key(Rank rank, std::vector<std::byte> key) {
  keys_.at(static_cast<std::size_t>(rank)) = std::move(key);
}

void Team::describe() {
  for (Rank rank = 0; rank < n_ranks(); ++rank) {
    const auto index = static_cast<std::size_t>(rank);
    System& system = factory_.system();
    transports_[index] = factory_.make(system, transport_config(system, config_, rank, keys_[index]));
    blobs_[index] = at(rank).describe();
  }
}

void Team::start(Rank rank) { at(rank).start(blobs_, peers_of(n_ranks(), rank)); }

void Team::set_up() {
  describe();
  for (Rank rank = 0; rank < n_ranks(); ++rank) start(rank);
  std::vector<bool> ready(transports_.size());
  const bool all_ready = wait_for([&] {
    for (std::size_t i = 0; i < ready.size(); ++i) ready[i] = ready[i] || transports_[i]->poll_setup();
    return std::find(ready.begin(), ready.end(), false) == ready.end();
  });
  if (!all_ready) throw Error(strettoTimeout, "set-up neither ended nor failed");
  for (const auto& transport : transports_) transport->finish_setup();
}

void Team::progress() {
  for (const auto& transport : transports_) transport->progress();
}

bool Team::wait_until(const std::function<bool()>& done) {
  return wait_for([&] {
    progress();
    return done();
  });
}

std::vector<std::byte> message_bytes(std::uint64_t seed, std::size_t bytes) {
  std::vector<std::byte> message(bytes);
  std::uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
  for (std::byte& byte : message) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<std::byte>(state >> 56);
  }
  return message;
}

OpTag message_tag(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  OpTag tag;
  tag.count = random();
  tag.operation = static_cast<std::uint32_t>(random());
  tag.root = static_cast<std::int32_t>(random());
  tag.collective = static_cast<std::uint8_t>(random());
  tag.datatype = static_cast<std::uint8_t>(random());
  tag.red_op = static_cast<std::uint8_t>(random());
  tag.flags = static_cast<std::uint8_t>(random());
  tag.plan = static_cast<std::uint32_t>(random());
  return tag;
}

bool MessageSender::try_send(std::uint64_t seed, std::size_t bytes, Way way) {
  if (!port_.try_acquire()) return false;
  std::vector<std::byte> message = message_bytes(seed, bytes);
  if (way == Way::copy) {
    port_.put(message.data(), bytes);
  } else {
    std::byte* const slot = port_.slot(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slot) % 16, 0U);
    if (bytes > 0) std::memcpy(slot, message.data(), bytes);
  }
  port_.signal(bytes, message_tag(seed));
  kept_.push_back(std::move(message));
  if (port_.drained()) {
    for (auto& kept : kept_) std::fill(kept.begin(), kept.end(), std::byte{0xee});  // nobody may look at it any more
    kept_.clear();
  }
  return true;
}

bool try_expect(ReceivePort& port, std::uint64_t seed, std::size_t bytes, Way way) {
  if (!port.try_wait()) return false;
  const std::vector<std::byte> expected = message_bytes(seed, bytes);
  EXPECT_EQ(port.bytes(), bytes);
  EXPECT_EQ(port.tag(), message_tag(seed));
  if (port.bytes() == bytes && way == Way::copy) {
    constexpr std::size_t kGuardBytes = 16;
    constexpr std::byte kGuard{0xa5};
    std::vector<std::byte> got(bytes + kGuardBytes, kGuard);
    port.get(got.data(), bytes);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), got.begin())) << bytes << " bytes";
    EXPECT_EQ(std::count(got.begin() + static_cast<std::ptrdiff_t>(bytes), got.end(), kGuard), kGuardBytes);
  } else if (port.bytes() == bytes) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(port.slot()) % 16, 0U);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), port.slot())) << bytes << " bytes";
  }
  port.release();
  return true;
}

}  // namespace stretto
