// Memory through the C API: allocations, registrations, and what is refused.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "device/gpu.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

void expect_refused(const char* field, strettoResult_t result) {
  EXPECT_EQ(result, strettoInvalidArgument) << field;
  EXPECT_STREQ(error_of(nullptr).field, field) << error_of(nullptr).text;
}

TEST(Memory, OfTheHost_IsTheCallersUntilItIsFreed) {
  for (const std::size_t bytes : {0UL, 1UL, 4096UL, 3UL << 20}) {
    void* memory = nullptr;
    ASSERT_EQ(strettoMemAllocOnDevice(&memory, bytes, STRETTO_DEVICE_HOST), strettoSuccess);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 4096, 0U);
    std::memset(memory, 0x5A, bytes);
    EXPECT_EQ(strettoMemFree(memory), strettoSuccess);
    expect_refused("pointer", strettoMemFree(memory));
  }
  EXPECT_EQ(strettoMemFree(nullptr), strettoSuccess);
}

TEST(Memory, WithoutADevice_IsTheHosts) {
  if (gpus().count() > 0) GTEST_SKIP() << "this process can use a CUDA device";
  void* memory = nullptr;
  ASSERT_EQ(strettoMemAlloc(&memory, 100), strettoSuccess);
  std::memset(memory, 1, 100);
  EXPECT_EQ(strettoMemFree(memory), strettoSuccess);
  EXPECT_EQ(strettoMemAllocOnDevice(&memory, 100, STRETTO_DEVICE_CURRENT), strettoUnsupported);
  EXPECT_STREQ(error_of(nullptr).field, "device");
}

TEST(Devices, OfThisProcess_AreCountedOrTheReasonIsTold) {
  int count = -1;
  const strettoResult_t result = strettoGetDeviceCount(&count);
  if (gpus().count() > 0) {
    EXPECT_EQ(result, strettoSuccess);
    EXPECT_EQ(count, gpus().count());
  } else {
    EXPECT_EQ(result, strettoUnsupported);
    EXPECT_STREQ(error_of(nullptr).field, "device");
    EXPECT_EQ(count, -1);
  }
  expect_refused("count", strettoGetDeviceCount(nullptr));
}

TEST(Memory, WrongArguments_AreRefusedByField) {
  void* memory = nullptr;
  expect_refused("pointer", strettoMemAlloc(nullptr, 1));
  expect_refused("pointer", strettoMemAllocOnDevice(nullptr, 1, STRETTO_DEVICE_HOST));
  expect_refused("device", strettoMemAllocOnDevice(&memory, 1, -3));
  int local = 0;
  expect_refused("pointer", strettoMemFree(&local));
  EXPECT_EQ(strettoMemAllocOnDevice(&memory, SIZE_MAX, STRETTO_DEVICE_HOST), strettoSystemError);
  EXPECT_STREQ(error_of(nullptr).field, "bytes");
  EXPECT_EQ(memory, nullptr) << "outputs are written on success only";
}

TEST(Registration, OfMemory_LastsUntilItsHandleIsGivenBack) {
  ThreadRanks ranks(1);
  const strettoComm_t comm = ranks.comm(0);
  std::int64_t buffer[4] = {1, 2, 3, 4};
  void* first = nullptr;
  void* second = nullptr;
  ASSERT_EQ(strettoCommRegister(comm, buffer, sizeof buffer, &first), strettoSuccess);
  ASSERT_EQ(strettoCommRegister(comm, buffer, 1, &second), strettoSuccess) << "twice is allowed";
  EXPECT_NE(first, nullptr);
  EXPECT_NE(first, second);
  EXPECT_EQ(strettoAllReduce(buffer, buffer, 4, strettoInt64, strettoSum, comm, nullptr), strettoSuccess);
  EXPECT_EQ(buffer[3], 4);
  EXPECT_EQ(strettoCommDeregister(comm, first), strettoSuccess);
  expect_refused("handle", strettoCommDeregister(comm, first));
  ASSERT_EQ(strettoCommFinalize(comm), strettoSuccess);
  EXPECT_EQ(strettoCommRegister(comm, buffer, 1, &first), strettoInvalidUsage);
  EXPECT_EQ(strettoCommDeregister(comm, second), strettoSuccess) << "also of one that is finalized";
}

TEST(Registration, WrongArguments_AreRefusedByField) {
  ThreadRanks here(1);
  ThreadRanks there(1);
  char buffer[8] = {};
  void* handle = nullptr;
  expect_refused("comm", strettoCommRegister(nullptr, buffer, 8, &handle));
  expect_refused("buffer", strettoCommRegister(here.comm(0), nullptr, 8, &handle));
  expect_refused("handle", strettoCommRegister(here.comm(0), buffer, 8, nullptr));
  expect_refused("bytes", strettoCommRegister(here.comm(0), buffer, 0, &handle));
  expect_refused("bytes", strettoCommRegister(here.comm(0), buffer, SIZE_MAX, &handle));
  EXPECT_EQ(handle, nullptr) << "outputs are written on success only";
  expect_refused("comm", strettoCommDeregister(nullptr, buffer));
  expect_refused("handle", strettoCommDeregister(here.comm(0), nullptr));
  expect_refused("handle", strettoCommDeregister(here.comm(0), buffer));
  ASSERT_EQ(strettoCommRegister(here.comm(0), buffer, 8, &handle), strettoSuccess);
  expect_refused("handle", strettoCommDeregister(there.comm(0), handle));
  EXPECT_EQ(strettoCommDeregister(here.comm(0), handle), strettoSuccess) << "another's attempt leaves it";
}

}  // namespace
}  // namespace stretto
