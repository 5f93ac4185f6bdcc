// Tests that leak on purpose, one kind each: leak_check_test.py runs them and expects each to fail. No CTest tests.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "support/leak_check.hpp"

namespace {

TEST(Leaky, Descriptor_IsLeft) { ASSERT_GE(dup(0), 0); }

TEST(Leaky, Mapping_IsLeft) {
  const int memory = memfd_create("leaky", 0);
  ASSERT_GE(memory, 0);
  ASSERT_EQ(ftruncate(memory, 4096), 0);
  ASSERT_NE(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, memory, 0), MAP_FAILED);
  close(memory);
}

TEST(Leaky, Thread_IsLeft) {
  std::thread([] { pause(); }).detach();
}

TEST(Leaky, Zombie_IsLeft) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  ASSERT_GT(child, 0);
}

TEST(Clean, Descriptor_IsGone) { close(dup(0)); }

TEST(Clean, Thread_IsGone) {
  std::thread([] {}).join();
}

TEST(Clean, Child_IsGone) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
}

TEST(Clean, Allowed_IsLeft) {
  stretto::testing::allow_leaks_in_this_test("to show that it can be");
  ASSERT_GE(dup(0), 0);
}

}  // namespace
