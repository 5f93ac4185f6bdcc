// Connections within one thread for tests of the executor: real queues of slots, whose signals and credits become
// visible only after a random number of questions, so that ranks see each other in every order.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <tuple>
#include <vector>

#include "exec/prepared_plan.hpp"
#include "transports/transport.hpp"

namespace stretto {

class SimConnection : public SendPort, public ReceivePort {
 public:
  SimConnection(std::size_t slot_bytes, std::uint32_t slots, std::mt19937_64& random) : random_(random), slots_(slots) {
    for (Slot& slot : slots_) slot.data.assign(slot_bytes + 1, kPoison);
  }

  bool try_acquire() override {
    if (acquired_ - released_ >= slots_.size() || unlucky()) return false;
    ++acquired_;
    return true;
  }
  std::byte* slot(std::size_t bytes) override {
    Slot& current = slots_[(acquired_ - 1) % slots_.size()];
    EXPECT_LT(bytes, current.data.size());
    return current.data.data();
  }
  void put(const void* source, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(slot(bytes), source, bytes);
  }
  void signal(std::size_t bytes, const OpTag& tag) override {
    EXPECT_EQ(signalled_ + 1, acquired_) << "signal without a slot of its own";
    Slot& current = slots_[(acquired_ - 1) % slots_.size()];
    current.bytes = bytes;
    current.tag = tag;
    ++signalled_;
  }
  bool drained() override { return released_ == signalled_ && !unlucky(); }

  bool try_wait() override {
    if (waited_ == signalled_ || unlucky()) return false;
    ++waited_;
    return true;
  }
  const OpTag& tag() const override { return current().tag; }
  std::size_t bytes() const override { return current().bytes; }
  const std::byte* slot() const override { return current().data.data(); }
  void get(void* destination, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(destination, current().data.data(), bytes);
  }
  void release() override {
    EXPECT_EQ(released_ + 1, waited_) << "release without a slot";
    std::vector<std::byte>& data = slots_[(waited_ - 1) % slots_.size()].data;
    std::memset(data.data(), std::to_integer<int>(kPoison), data.size());
    ++released_;
  }

  bool quiet() const { return acquired_ == signalled_ && signalled_ == waited_ && waited_ == released_; }

 private:
  static constexpr std::byte kPoison{0xA5};
  struct Slot {
    std::vector<std::byte> data;
    std::size_t bytes = 0;
    OpTag tag;
  };
  bool unlucky() { return random_() % 4 == 0; }
  const Slot& current() const { return slots_[(waited_ - 1) % slots_.size()]; }

  std::mt19937_64& random_;
  std::vector<Slot> slots_;
  std::uint64_t acquired_ = 0, signalled_ = 0, waited_ = 0, released_ = 0;
};

/// All connections of a group of ranks, made as they are asked for.
class SimNetwork {
 public:
  SimNetwork(std::size_t slot_bytes, std::uint32_t slots, std::uint64_t seed)
      : random_(seed), slot_bytes_(slot_bytes), slots_(slots) {}

  PortSource ports_of(Rank rank) {
    return {[this, rank](Rank peer, int channel) -> SendPort& { return connection(rank, peer, channel); },
            [this, rank](Rank peer, int channel) -> ReceivePort& { return connection(peer, rank, channel); }};
  }
  bool quiet() const {
    for (const auto& [key, connection] : connections_) {
      if (!connection->quiet()) return false;
    }
    return true;
  }
  std::mt19937_64& random() { return random_; }

 private:
  SimConnection& connection(Rank from, Rank to, int channel) {
    auto& found = connections_[{from, to, channel}];
    if (!found) found = std::make_unique<SimConnection>(slot_bytes_, slots_, random_);
    return *found;
  }

  std::mt19937_64 random_;
  std::size_t slot_bytes_;
  std::uint32_t slots_;
  std::map<std::tuple<Rank, Rank, int>, std::unique_ptr<SimConnection>> connections_;
};

}  // namespace stretto
