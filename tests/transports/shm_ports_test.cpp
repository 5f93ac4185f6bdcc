// The layout of the shared memory and its ports, on plain memory: bounds, wraps, and a peer that writes nonsense.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "conformance.hpp"
#include "transports/shm/ports.hpp"

namespace stretto::shm {
namespace {

struct Region {
  std::uintptr_t begin;
  std::uintptr_t end;
};

// Every block of every connection lies inside the object, is aligned, and shares no pair of lines with another.
TEST(ShmLayout, RandomShapes_KeepConnectionsApart) {
  std::mt19937 random(20261121);
  for (int trial = 0; trial < 200; ++trial) {
    const auto pick = [&](unsigned low, unsigned high) {
      return std::uniform_int_distribution<unsigned>(low, high)(random);
    };
    const unsigned n_ranks = pick(2, 6);
    const unsigned channels = pick(1, 4);
    const std::uint32_t slots = 1U << pick(0, 5);
    const std::size_t slot_bytes = 64U * pick(1, 80);
    const Layout layout(n_ranks, channels, slots, slot_bytes);
    // The addresses are only looked at, never used.
    auto* const base = reinterpret_cast<std::byte*>(std::uintptr_t{1} << 40);
    std::vector<Region> regions;
    const auto add = [&](const void* start, std::size_t bytes, std::size_t alignment) {
      const auto address = reinterpret_cast<std::uintptr_t>(start);
      ASSERT_EQ(address % alignment, 0U);
      ASSERT_GE(address, std::uintptr_t{1} << 40);
      ASSERT_LE(address + bytes, (std::uintptr_t{1} << 40) + layout.bytes());
      regions.push_back({address, (address + bytes + kPairBytes - 1) / kPairBytes * kPairBytes});
    };
    for (unsigned from = 0; from < n_ranks; ++from) {
      for (unsigned to = 0; to < n_ranks; ++to) {
        for (unsigned channel = 0; from != to && channel < channels; ++channel) {
          const Connection connection = layout.at(base, from, to, channel);
          add(connection.lines, slots * sizeof(SlotLine), kPairBytes);
          add(connection.credits, sizeof(CreditLine), kPairBytes);
          add(connection.data, slots * slot_bytes, kPageBytes);
        }
      }
    }
    std::sort(regions.begin(), regions.end(), [](const Region& a, const Region& b) { return a.begin < b.begin; });
    for (std::size_t i = 1; i < regions.size(); ++i) ASSERT_LE(regions[i - 1].end, regions[i].begin);
  }
}

TEST(ShmLayout, NumbersOutOfRange_AreRefusedByName) {
  const auto field_of = [](std::size_t n_ranks, std::size_t channels, std::uint32_t slots, std::size_t slot_bytes) {
    try {
      const Layout layout(n_ranks, channels, slots, slot_bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoInvalidArgument);
      return error.info().field;
    }
    return std::string();
  };
  EXPECT_EQ(field_of(2, 1, 4, 64), "");
  EXPECT_EQ(field_of(0, 1, 4, 64), "n_ranks");
  EXPECT_EQ(field_of(2, 0, 4, 64), "channels");
  EXPECT_EQ(field_of(2, 1, 0, 64), "slots");
  EXPECT_EQ(field_of(2, 1, 3, 64), "slots");
  EXPECT_EQ(field_of(2, 1, 1U << 17, 64), "slots");
  EXPECT_EQ(field_of(2, 1, 4, 0), "slot_bytes");
  EXPECT_EQ(field_of(2, 1, 4, 100), "slot_bytes");
  EXPECT_EQ(field_of(2, 1, 4, std::size_t{1} << 32), "slot_bytes");
  EXPECT_EQ(field_of(1U << 20, 16, 1U << 16, std::size_t{1} << 31), "slot_bytes");
}

/// A connection on memory of this process.
class Rig {
 public:
  Rig(std::uint32_t slots, std::size_t slot_bytes, std::uint32_t first_position)
      : layout_(2, 1, slots, slot_bytes),
        memory_(static_cast<std::byte*>(std::aligned_alloc(kPageBytes, round_to_page(layout_.bytes())))),
        connection_(layout_.at(memory_.get(), 0, 1, 0)),
        config_{connection_, slots, slot_bytes, first_position},
        sender_((std::fill_n(memory_.get(), layout_.bytes(), std::byte{0}), config_)),
        receiver_(config_) {
    connection_.credits->released = first_position;
  }

  Connection& connection() { return connection_; }
  ShmSendPort& sender() { return sender_; }
  ShmReceivePort& receiver() { return receiver_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  static std::size_t round_to_page(std::size_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes; }

  Layout layout_;
  std::unique_ptr<std::byte, Free> memory_;
  Connection connection_;
  PortConfig config_;
  ShmSendPort sender_;
  ShmReceivePort receiver_;
};

TEST(ShmPorts, CountersThatWrap_KeepOrderAndCredit) {
  for (const std::uint32_t slots : {1U, 2U, 8U}) {
    Rig rig(slots, 128, 0U - 2 * slots);
    MessageSender sender(rig.sender());
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    while (received < 10U * slots) {
      while (sender.try_send(sent, sent % 129, Way::copy)) ++sent;
      ASSERT_EQ(sent - received, slots);
      ASSERT_TRUE(try_expect(rig.receiver(), received, received % 129, Way::in_place));
      ++received;
    }
    EXPECT_GT(sent, 8U * slots);
  }
}

TEST(ShmPorts, MessageOfUpTo32Bytes_LeavesTheDataAlone) {
  Rig rig(4, 64, 0);
  std::fill_n(rig.connection().data, 4 * 64, std::byte{0x77});
  MessageSender sender(rig.sender());
  for (std::size_t bytes = 0; bytes <= kInlineBytes; ++bytes) {
    ASSERT_TRUE(sender.try_send(bytes, bytes, bytes % 2 == 0 ? Way::copy : Way::in_place));
    ASSERT_TRUE(try_expect(rig.receiver(), bytes, bytes, Way::copy));
  }
  EXPECT_EQ(std::count(rig.connection().data, rig.connection().data + 4 * 64, std::byte{0x77}), 4 * 64);
}

TEST(ShmPorts, CountBeyondTheSlot_ShowsAsEmpty) {
  for (const std::uint64_t bytes : {std::uint64_t{65}, std::uint64_t{4096}, std::uint64_t{0xffffffff}}) {
    Rig rig(4, 64, 0);
    rig.connection().lines[0].flag = bytes << 32 | 1U;
    ASSERT_TRUE(rig.receiver().try_wait());
    EXPECT_EQ(rig.receiver().bytes(), 0U);
    EXPECT_EQ(rig.receiver().slot(), rig.connection().lines[0].payload);
    rig.receiver().release();
  }
}

TEST(ShmPorts, FlagThatIsNotTheNext_IsNoMessage) {
  Rig rig(4, 64, 0);
  for (const std::uint32_t sequence : {0U, 2U, 5U, 0xffffffffU}) {
    rig.connection().lines[0].flag = std::uint64_t{8} << 32 | sequence;
    EXPECT_FALSE(rig.receiver().try_wait()) << sequence;
  }
}

// A peer that lies about credit can make the sender wait or overwrite what it has not read, never anything else.
TEST(ShmPorts, CreditFromNowhere_KeepsTheSenderInItsSlots) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 1000; ++trial) {
    constexpr std::size_t kDataBytes = 4 * 64;
    Rig rig(4, 64, 0);
    std::fill(rig.connection().data + kDataBytes, rig.connection().data + kPageBytes, std::byte{0x77});
    MessageSender sender(rig.sender());
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      rig.connection().credits->released = trial % 2 == 0 ? static_cast<std::uint32_t>(random()) : random() % 16;
      sender.try_send(seed, 64, Way::copy);
    }
    EXPECT_EQ(std::count(rig.connection().data + kDataBytes, rig.connection().data + kPageBytes, std::byte{0x77}),
              static_cast<std::ptrdiff_t>(kPageBytes - kDataBytes));
  }
}

TEST(ShmPorts, UseOutOfOrder_Asserts) {
  Rig rig(1, 64, 0);
  std::byte bytes[64] = {};
  EXPECT_DEATH(rig.sender().slot(65), "slot_bytes");
  EXPECT_DEATH(rig.receiver().release(), "waited");
  ASSERT_TRUE(rig.sender().try_acquire());
  rig.sender().put(bytes, 64);
  EXPECT_DEATH(rig.sender().signal(32, {}), "filled_bytes");
  rig.sender().signal(64, {});
  EXPECT_DEATH(rig.sender().signal(0, {}), "has_slot");
  ASSERT_TRUE(rig.receiver().try_wait());
  rig.receiver().get(bytes, 64);
  rig.receiver().release();
  EXPECT_DEATH(rig.receiver().get(bytes, 1), "waited");
}

}  // namespace
}  // namespace stretto::shm
