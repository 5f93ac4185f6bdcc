// libnccl.so.2 as programs come to it that open it at run time: its functions by name, and those of stretto's host
// streams, which stand for CUDA's here.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "nccl.h"
#include "stretto/stretto.h"

namespace stretto::nccl_test {

/// X(name): a function that programs call.
#define STRETTO_TEST_OF_NCCL(X) \
  X(AllGather)                  \
  X(AllReduce)                  \
  X(AlltoAll)                   \
  X(Bcast)                      \
  X(Broadcast)                  \
  X(CommAbort)                  \
  X(CommCount)                  \
  X(CommCuDevice)               \
  X(CommDeregister)             \
  X(CommDestroy)                \
  X(CommFinalize)               \
  X(CommGetAsyncError)          \
  X(CommInitAll)                \
  X(CommInitRank)               \
  X(CommInitRankConfig)         \
  X(CommInitRankScalable)       \
  X(CommRegister)               \
  X(CommRevoke)                 \
  X(CommShrink)                 \
  X(CommSplit)                  \
  X(CommUserRank)               \
  X(CommWindowDeregister)       \
  X(CommWindowRegister)         \
  X(Gather)                     \
  X(GetErrorString)             \
  X(GetLastError)               \
  X(GetUniqueId)                \
  X(GetVersion)                 \
  X(GroupEnd)                   \
  X(GroupSimulateEnd)           \
  X(GroupStart)                 \
  X(MemAlloc)                   \
  X(MemFree)                    \
  X(Recv)                       \
  X(RedOpCreatePreMulSum)       \
  X(RedOpDestroy)               \
  X(Reduce)                     \
  X(ReduceScatter)              \
  X(ResetDebugInit)             \
  X(Scatter)                    \
  X(Send)
#define STRETTO_TEST_OF_STREAMS(X) X(StreamCreate) X(StreamDestroy) X(StreamSynchronize) X(StreamLaunchHostFunc)

struct Library {
  void* handle = nullptr;
#define STRETTO_TEST_MEMBER(name) decltype(&::nccl##name) name = nullptr;
  STRETTO_TEST_OF_NCCL(STRETTO_TEST_MEMBER)
#undef STRETTO_TEST_MEMBER
#define STRETTO_TEST_MEMBER(name) decltype(&::stretto##name) name = nullptr;
  STRETTO_TEST_OF_STREAMS(STRETTO_TEST_MEMBER)
#undef STRETTO_TEST_MEMBER

  void* find(const std::string& name) const;
};

/// Opened when first asked for. Aborts if it cannot be, or lacks a function.
const Library& nccl();

/// Else the message says what, and the last text.
testing::AssertionResult succeeded(ncclResult_t result);

#define EXPECT_NCCL(call) EXPECT_TRUE(nccl_test::succeeded(call))
#define ASSERT_NCCL(call) ASSERT_TRUE(nccl_test::succeeded(call))

/// A host stream, under CUDA's type.
class Stream {
 public:
  Stream() { EXPECT_EQ(nccl().StreamCreate(&stream_), strettoSuccess); }
  ~Stream() { nccl().StreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t get() const { return stream_; }
  void synchronize() const { EXPECT_EQ(nccl().StreamSynchronize(stream_), strettoSuccess); }

 private:
  strettoStream_t stream_ = nullptr;
};

/// Ranks of one communicator, made by one thread in a group; set-up has ended.
class Ranks {
 public:
  explicit Ranks(int n, ncclConfig_t* config = nullptr);
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int n() const { return static_cast<int>(comms_.size()); }
  ncclComm_t comm(int rank) const { return comms_[static_cast<std::size_t>(rank)]; }
  /// Each rank in a thread of its own.
  void run(const std::function<void(int rank, ncclComm_t comm)>& body) const;
  /// It is not this object's any more.
  ncclComm_t release(int rank);

 private:
  std::vector<ncclComm_t> comms_;
};

/// Asks until nothing of the communicator is in progress any more; what it says then.
ncclResult_t settle(ncclComm_t comm);

/// Of what all ranks give as `mine`.
void expect_sum(ncclComm_t comm, std::int64_t mine, std::int64_t sum);

/// Runs body(0) to body(n - 1), each in a thread.
void in_threads(int n, const std::function<void(int)>& body);

}  // namespace stretto::nccl_test
