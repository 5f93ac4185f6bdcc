#include "base/background.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <thread>
#include <vector>

namespace stretto {
namespace {

constexpr std::int64_t kLimitNs = 30'000'000'000;

TEST(Background, Actions_AreDoneInOrderByAnotherThread) {
  std::vector<int> done;
  std::thread::id by;
  for (int i = 0; i < 1000; ++i) {
    do_in_background([&done, &by, i] {
      done.push_back(i);
      by = std::this_thread::get_id();
    });
  }
  ASSERT_TRUE(wait_for_background(kLimitNs));
  ASSERT_EQ(done.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
  EXPECT_NE(by, std::this_thread::get_id());
}

TEST(Background, SlowAction_KeepsNobodyButThoseWhoWait) {
  std::promise<void> go;
  std::atomic<bool> done = false;
  do_in_background([&] {
    go.get_future().wait();
    do_in_background([&] { done = true; });  // an action may ask for another
  });
  EXPECT_FALSE(wait_for_background(1'000'000));
  EXPECT_FALSE(done);
  go.set_value();
  EXPECT_TRUE(wait_for_background(kLimitNs));
  EXPECT_TRUE(done);
}

// The check for leaks, which every test has, sees that each time the thread has ended.
TEST(Background, AskedNowAndThen_StartsAgain) {
  for (int i = 0; i < 100; ++i) {
    bool done = false;
    do_in_background([&done] { done = true; });
    ASSERT_TRUE(wait_for_background(kLimitNs));
    ASSERT_TRUE(done);
  }
}

TEST(Background, ManyThreads_LoseNothing) {
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 500; ++k) do_in_background([&] { ++done; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(wait_for_background(kLimitNs));
  EXPECT_EQ(done, 4000);
}

TEST(Background, ActionThatNeverEnds_DoesNotKeepTheProcess) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    do_in_background([] {
      for (;;) pause();
    });
    std::exit(7);
  }
  int status = 0;
  for (int i = 0; i < 3000 && waitpid(child, &status, WNOHANG) == 0; ++i) usleep(10'000);
  ASSERT_TRUE(WIFEXITED(status)) << "still running after 30 s, or " << status;
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

}  // namespace
}  // namespace stretto
