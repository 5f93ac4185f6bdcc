// Messages between pairs over simulated connections, whose signals and credits are seen late and in any order: all
// arrive, in their order, and the steps are what the pair's plan says.
#include "exec/pair_executor.hpp"

#include <gtest/gtest.h>

#include "support/sim_ports.hpp"

namespace stretto {
namespace {

constexpr std::size_t kSlotBytes = 256;

using Bytes = std::vector<std::byte>;

struct Message {
  Rank from;
  Rank to;
  Bytes sent;
  Bytes got;
};

OpTag tag_of(const Message& message, std::uint32_t number) {
  OpTag tag;
  tag.collective = static_cast<std::uint8_t>(Collective::send);
  tag.datatype = static_cast<std::uint8_t>(strettoUint8);
  tag.count = message.sent.size();
  tag.operation = number;
  return tag;
}

/// n ranks in one thread.
class Pairs {
 public:
  Pairs(int n, std::uint32_t slots, std::uint64_t seed) : network_(kSlotBytes, slots, seed) {
    for (Rank rank = 0; rank < n; ++rank) {
      executors_.push_back(std::make_unique<PairExecutor>(rank, n, network_.ports_of(rank), kSlotBytes));
    }
  }

  /// Sizes from nothing to many slots.
  std::vector<Message> random_messages(std::size_t how_many) {
    std::vector<Message> messages;
    while (messages.size() < how_many) {
      const auto n = executors_.size();
      const auto from = static_cast<Rank>(random()() % n);
      const auto to = static_cast<Rank>(random()() % n);
      if (from == to) continue;
      Bytes bytes(random()() % 3 == 0 ? random()() % 3 : random()() % (5 * kSlotBytes));
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random()());
      messages.push_back({from, to, bytes, Bytes(bytes.size())});
    }
    return messages;
  }

  /// Posts them all, each rank in the order of the list, and polls ranks at random until all have ended.
  void run(std::vector<Message>& messages, std::uint64_t operation) {
    for (auto& executor : executors_) executor->begin(operation);
    for (std::uint32_t i = 0; i < messages.size(); ++i) {
      Message& m = messages[i];
      of(m.from).add({m.to, true, m.sent.data(), m.sent.size(), tag_of(m, i)});
      of(m.to).add({m.from, false, m.got.data(), m.got.size(), tag_of(m, i)});
    }
    std::vector<bool> done(executors_.size());
    std::size_t left = done.size();
    for (std::size_t polls = 0; left > 0; ++polls) {
      ASSERT_LT(polls, 2'000'000U) << "no end in sight: deadlock";
      const std::size_t i = random()() % executors_.size();
      if (done[i]) continue;
      const Progress progress = executors_[i]->poll();
      ASSERT_NE(progress, Progress::faulted) << executors_[i]->fault().text;
      if (progress == Progress::done) {
        done[i] = true;
        --left;
        EXPECT_TRUE(executors_[i]->blocked().empty());
      }
    }
    EXPECT_TRUE(network_.quiet()) << "signals, waits and credits do not balance";
  }

  PairExecutor& of(Rank rank) { return *executors_[static_cast<std::size_t>(rank)]; }
  std::mt19937_64& random() { return network_.random(); }

 private:
  SimNetwork network_;
  std::vector<std::unique_ptr<PairExecutor>> executors_;
};

TEST(PairExecutor, RandomMessages_ArriveInTheirOrder) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Pairs pairs(2 + static_cast<int>(seed % 6), 1 + static_cast<std::uint32_t>(seed % 4), seed);
    for (std::uint64_t operation = 0; operation < 4; ++operation) {
      std::vector<Message> messages = pairs.random_messages(pairs.random()() % 60);
      pairs.run(messages, operation);
      for (const Message& each : messages) EXPECT_EQ(each.got, each.sent) << each.from << " -> " << each.to;
    }
  }
}

// Chunk after chunk: credit, put, signal on one side; wait, get, release on the other; message after message.
TEST(PairExecutor, StepLog_IsThePairsPlan) {
  Pairs pairs(3, 2, 7);
  StepLog log;
  for (Rank rank = 0; rank < 3; ++rank) pairs.of(rank).set_log(&log);
  std::vector<Message> messages = pairs.random_messages(40);
  pairs.run(messages, 5);
  for (Rank from = 0; from < 3; ++from) {
    for (Rank to = 0; to < 3; ++to) {
      for (const bool sends : {true, false}) {
        const Rank rank = sends ? from : to;
        const Rank peer = sends ? to : from;
        const StepKind kinds[2][3] = {{StepKind::wait, StepKind::get, StepKind::release},
                                      {StepKind::wait_credit, StepKind::put, StepKind::signal}};
        std::vector<std::uint64_t> rounds;  // of each chunk that must have gone
        for (const Message& each : messages) {
          if (each.from != from || each.to != to) continue;
          const std::size_t chunks = Geometry({1, 1, 1}, each.sent.size(), 1, kSlotBytes).rounds(0);
          for (std::size_t round = 0; round < chunks; ++round) rounds.push_back(round);
        }
        std::size_t seen = 0;
        for (const StepRecord& record : log.records()) {
          const bool of_sender =
              record.kind == StepKind::wait_credit || record.kind == StepKind::put || record.kind == StepKind::signal;
          if (record.rank != rank || record.peer != peer || of_sender != sends) continue;
          ASSERT_LT(seen / 3, rounds.size());
          EXPECT_EQ(record.kind, kinds[sends ? 1 : 0][seen % 3]);
          EXPECT_EQ(record.round, rounds[seen / 3]);
          EXPECT_EQ(record.operation, 5U);
          ++seen;
        }
        EXPECT_EQ(seen, 3 * rounds.size()) << from << " -> " << to;
      }
    }
  }
}

TEST(PairExecutor, WhatItWaitsFor_IsNamed) {
  Pairs pairs(4, 2, 3);
  Bytes memory(10 * kSlotBytes);
  pairs.of(0).begin(1);
  EXPECT_EQ(pairs.of(0).poll(), Progress::done) << "of no messages";
  pairs.of(0).add({2, true, memory.data(), memory.size(), OpTag{}});
  pairs.of(0).add({3, false, memory.data(), 1, OpTag{}});
  for (int polls = 0; polls < 100; ++polls) ASSERT_EQ(pairs.of(0).poll(), Progress::running);
  const std::vector<Blocked> blocked = pairs.of(0).blocked();
  ASSERT_EQ(blocked.size(), 2U);
  EXPECT_EQ(blocked[0].peer, 2);
  EXPECT_EQ(blocked[0].kind, StepKind::wait_credit);
  EXPECT_EQ(blocked[0].step, 2) << "two slots are full";
  EXPECT_EQ(blocked[1].peer, 3);
  EXPECT_EQ(blocked[1].kind, StepKind::wait);
  pairs.of(0).give_up();
  EXPECT_TRUE(pairs.of(0).blocked().empty());
}

TEST(PairExecutor, MessagesThatDiffer_AreAFaultOfTheReceiver) {
  Pairs pairs(2, 2, 9);
  Message sent{1, 0, Bytes(8), Bytes(9)};
  Message expected{1, 0, Bytes(9), Bytes(9)};
  pairs.of(1).begin(3);
  pairs.of(1).add({0, true, sent.sent.data(), 8, tag_of(sent, 4)});
  pairs.of(0).begin(3);
  pairs.of(0).add({1, false, expected.got.data(), 9, tag_of(expected, 4)});
  Progress progress = Progress::running;
  for (int polls = 0; polls < 1000 && progress == Progress::running; ++polls) {
    pairs.of(1).poll();
    progress = pairs.of(0).poll();
  }
  ASSERT_EQ(progress, Progress::faulted);
  EXPECT_EQ(pairs.of(0).poll(), Progress::faulted) << "stays so";
  const ErrorInfo& fault = pairs.of(0).fault();
  EXPECT_EQ(fault.code, strettoInvalidUsage);
  EXPECT_EQ(fault.field, "count");
  EXPECT_EQ(fault.rank, 0);
  EXPECT_EQ(fault.peer, 1);
  EXPECT_EQ(fault.operation, 3);
  EXPECT_EQ(expected.got, Bytes(9)) << "nothing was taken";
}

}  // namespace
}  // namespace stretto
