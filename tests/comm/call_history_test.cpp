#include "comm/call_history.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace stretto {
namespace {

OpTag tag_of(std::uint64_t operation) {
  OpTag tag;
  tag.count = operation;
  tag.operation = static_cast<std::uint32_t>(operation);
  tag.root = static_cast<std::int32_t>(operation);
  tag.plan = static_cast<std::uint32_t>(operation * 7);
  return tag;
}

TEST(CallHistory, CallsOfTheLastWindow_AreFoundAndNoOthers) {
  CallHistory history;
  EXPECT_EQ(history.begun(), 0U);
  EXPECT_FALSE(history.find(0));
  EXPECT_FALSE(history.find(~std::uint64_t{0}));
  constexpr std::uint64_t n = 3 * CallHistory::kCalls + 5;
  for (std::uint64_t operation = 0; operation < n; ++operation) history.begin(operation, tag_of(operation));
  EXPECT_EQ(history.begun(), n);
  for (std::uint64_t operation = 0; operation < n + CallHistory::kCalls; ++operation) {
    const bool kept = operation < n && operation + CallHistory::kCalls >= n;
    EXPECT_EQ(history.find(operation), kept ? std::optional(tag_of(operation)) : std::nullopt) << operation;
  }
}

// What find() gives while the entry is written anew is that call or nothing, never parts of two.
TEST(CallHistory, ReadWhileItIsWritten_GivesWholeCalls) {
  CallHistory history;
  constexpr std::uint64_t n = 300'000;
  std::thread writer([&] {
    for (std::uint64_t operation = 0; operation < n; ++operation) history.begin(operation, tag_of(operation));
  });
  std::uint64_t asked = 0;
  for (std::uint64_t begun = 0; begun < n; begun = history.begun()) {
    for (std::uint64_t back = 0; back < CallHistory::kCalls + 2; ++back, ++asked) {
      const std::uint64_t operation = begun - back;
      if (const auto found = history.find(operation)) {
        ASSERT_EQ(*found, tag_of(operation));
      }
    }
  }
  writer.join();
  EXPECT_EQ(history.find(n - 1), tag_of(n - 1));
}

}  // namespace
}  // namespace stretto
