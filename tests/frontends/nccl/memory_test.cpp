// Memory, registrations and windows of libnccl.so.2.
#include <cstring>

#include "library.hpp"

namespace stretto {
namespace {

using nccl_test::nccl;
using nccl_test::Ranks;

TEST(NcclMemory, Allocated_IsRegisteredUsedAndFreed) {
  const Ranks ranks(2);
  ranks.run([](int rank, ncclComm_t comm) {
    void* memory = nullptr;
    ASSERT_NCCL(nccl().MemAlloc(&memory, 8000));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % NCCL_WIN_REQUIRED_ALIGNMENT, 0U);
    void* handle = nullptr;
    ASSERT_NCCL(nccl().CommRegister(comm, memory, 8000, &handle));
    ncclWindow_t window = nullptr;
    ASSERT_NCCL(nccl().CommWindowRegister(comm, memory, 8000, &window, NCCL_WIN_COLL_SYMMETRIC));
    ASSERT_NE(window, nullptr);
    std::vector<std::int64_t> values(1000, rank + 1);
    std::memcpy(memory, values.data(), 8000);
    EXPECT_NCCL(nccl().AllReduce(memory, memory, 1000, ncclInt64, ncclSum, comm, nullptr));
    std::memcpy(values.data(), memory, 8000);
    EXPECT_EQ(values, std::vector<std::int64_t>(1000, 3));
    EXPECT_NCCL(nccl().CommWindowDeregister(comm, window));
    EXPECT_EQ(nccl().CommWindowDeregister(comm, window), ncclInvalidArgument);
    EXPECT_NCCL(nccl().CommDeregister(comm, handle));
    EXPECT_EQ(nccl().CommDeregister(comm, handle), ncclInvalidArgument);
    EXPECT_NCCL(nccl().MemFree(memory));
    EXPECT_EQ(nccl().MemFree(memory), ncclInvalidArgument);
  });
}

TEST(NcclMemory, WrongArguments_AreRefused) {
  const Ranks here(1);
  const Ranks there(1);
  char memory[64] = {};
  void* handle = nullptr;
  ncclWindow_t window = nullptr;
  EXPECT_EQ(nccl().MemAlloc(nullptr, 1), ncclInvalidArgument);
  EXPECT_NCCL(nccl().MemFree(nullptr));
  EXPECT_EQ(nccl().MemFree(memory), ncclInvalidArgument);
  EXPECT_EQ(nccl().CommRegister(nullptr, memory, 1, &handle), ncclInvalidArgument);
  EXPECT_EQ(nccl().CommRegister(here.comm(0), memory, 0, &handle), ncclInvalidArgument);
  EXPECT_EQ(nccl().CommRegister(here.comm(0), memory, 1, nullptr), ncclInvalidArgument);
  EXPECT_EQ(nccl().CommWindowRegister(here.comm(0), memory, 64, &window, 16), ncclInvalidArgument);
  EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "winFlags"), nullptr);
  EXPECT_EQ(nccl().CommWindowRegister(here.comm(0), nullptr, 64, &window, 0), ncclInvalidArgument);
  EXPECT_EQ(window, nullptr);
  EXPECT_NCCL(nccl().CommWindowDeregister(here.comm(0), nullptr));
  ASSERT_NCCL(nccl().CommRegister(here.comm(0), memory, 64, &handle));
  EXPECT_EQ(nccl().CommDeregister(there.comm(0), handle), ncclInvalidArgument) << "another communicator's";
  EXPECT_NCCL(nccl().CommDeregister(here.comm(0), handle));
}

}  // namespace
}  // namespace stretto
