// libnccl.so.2 on a machine without a CUDA device: every entry point answers with the code that NCCL's own library
// gives there (2.28.9, by hand), and none crashes. (Where NCCL's crashes, of ncclCommShrink of NULL, it is an error
// here.)
#include <cstring>
#include <functional>

#include "library.hpp"
#include "support/leak_check.hpp"

namespace stretto {
namespace {

using nccl_test::nccl;

struct Row {
  const char* what;
  std::function<ncclResult_t()> call;
  ncclResult_t result;
};

class NcclWithoutADevice : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::allow_leaks_in_this_test("an id that no rank comes to listens until the process ends");
    void* memory = nullptr;
    const ncclResult_t result = nccl().MemAlloc(&memory, 1);
    if (result == ncclSuccess) {
      nccl().MemFree(memory);
      GTEST_SKIP() << "there is a CUDA device";
    }
  }
};

TEST_F(NcclWithoutADevice, EveryEntryPoint_AnswersAsNcclDoes) {
  int number = 0;
  int devices[2] = {0, 0};
  float value = 1;
  void* pointer = nullptr;
  ncclUniqueId id;
  ncclComm_t comm = nullptr;
  ncclWindow_t window = nullptr;
  ncclResult_t state = ncclSuccess;
  ncclRedOp_t op = ncclSum;
  const Row rows[] = {
      {"version", [&] { return nccl().GetVersion(&number); }, ncclSuccess},
      {"version to NULL", [&] { return nccl().GetVersion(nullptr); }, ncclInvalidArgument},
      {"id", [&] { return nccl().GetUniqueId(&id); }, ncclSuccess},
      {"id to NULL", [&] { return nccl().GetUniqueId(nullptr); }, ncclInvalidArgument},
      {"init", [&] { return nccl().CommInitRank(&comm, 1, id, 0); }, ncclUnhandledCudaError},
      {"init of no rank", [&] { return nccl().CommInitRank(&comm, 1, id, 3); }, ncclUnhandledCudaError},
      {"init to NULL", [&] { return nccl().CommInitRank(nullptr, 1, id, 0); }, ncclUnhandledCudaError},
      {"init, config", [&] { return nccl().CommInitRankConfig(&comm, 1, id, 0, nullptr); }, ncclUnhandledCudaError},
      {"init, ids", [&] { return nccl().CommInitRankScalable(&comm, 1, 0, 1, &id, nullptr); }, ncclUnhandledCudaError},
      {"init, all", [&] { return nccl().CommInitAll(&comm, 1, nullptr); }, ncclUnhandledCudaError},
      {"init, list", [&] { return nccl().CommInitAll(&comm, 2, devices); }, ncclUnhandledCudaError},
      {"init, none", [&] { return nccl().CommInitAll(&comm, 0, devices); }, ncclUnhandledCudaError},
      {"init, all, to NULL", [&] { return nccl().CommInitAll(nullptr, 1, nullptr); }, ncclUnhandledCudaError},
      {"split", [&] { return nccl().CommSplit(nullptr, 0, 0, &comm, nullptr); }, ncclUnhandledCudaError},
      {"shrink", [&] { return nccl().CommShrink(nullptr, nullptr, 0, &comm, nullptr, 0); }, ncclUnhandledCudaError},
      {"shrink, abort", [&] { return nccl().CommShrink(nullptr, nullptr, 0, &comm, nullptr, 1); },
       ncclUnhandledCudaError},
      {"memory", [&] { return nccl().MemAlloc(&pointer, 8); }, ncclUnhandledCudaError},
      {"memory to NULL", [&] { return nccl().MemAlloc(nullptr, 8); }, ncclUnhandledCudaError},
      {"free", [&] { return nccl().MemFree(&value); }, ncclUnhandledCudaError},
      {"free NULL", [&] { return nccl().MemFree(nullptr); }, ncclUnhandledCudaError},
      {"window", [&] { return nccl().CommWindowRegister(nullptr, &value, 4, &window, 0); }, ncclUnhandledCudaError},
      {"no window", [&] { return nccl().CommWindowDeregister(nullptr, nullptr); }, ncclSuccess},
      {"register", [&] { return nccl().CommRegister(nullptr, &value, 4, &pointer); }, ncclInvalidArgument},
      {"deregister", [&] { return nccl().CommDeregister(nullptr, nullptr); }, ncclInvalidArgument},
      {"destroy", [&] { return nccl().CommDestroy(nullptr); }, ncclSuccess},
      {"abort", [&] { return nccl().CommAbort(nullptr); }, ncclSuccess},
      {"finalize", [&] { return nccl().CommFinalize(nullptr); }, ncclSuccess},
      {"revoke", [&] { return nccl().CommRevoke(nullptr, 0); }, ncclSuccess},
      {"count", [&] { return nccl().CommCount(nullptr, &number); }, ncclInvalidArgument},
      {"rank", [&] { return nccl().CommUserRank(nullptr, &number); }, ncclInvalidArgument},
      {"device", [&] { return nccl().CommCuDevice(nullptr, &number); }, ncclInvalidArgument},
      {"state", [&] { return nccl().CommGetAsyncError(nullptr, &state); }, ncclInvalidArgument},
      {"sum", [&] { return nccl().AllReduce(&value, &value, 1, ncclFloat, ncclSum, nullptr, nullptr); },
       ncclInvalidArgument},
      {"op", [&] { return nccl().RedOpCreatePreMulSum(&op, &value, ncclFloat, ncclScalarHostImmediate, nullptr); },
       ncclInvalidArgument},
      {"no op", [&] { return nccl().RedOpDestroy(op, nullptr); }, ncclInvalidArgument},
      {"group", [&] { return nccl().GroupStart(); }, ncclSuccess},
      {"group's end", [&] { return nccl().GroupEnd(); }, ncclSuccess},
      {"no group's end", [&] { return nccl().GroupEnd(); }, ncclInvalidUsage},
      {"no group's simulated end", [&] { return nccl().GroupSimulateEnd(nullptr); }, ncclInvalidUsage},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(row.call(), row.result) << row.what;
    EXPECT_EQ(comm, nullptr) << row.what;
    if (row.result == ncclUnhandledCudaError) {
      EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "there is no device"), nullptr) << row.what;
    }
  }
  EXPECT_EQ(number, NCCL_VERSION_CODE);
}

TEST_F(NcclWithoutADevice, InitInAGroup_IsTheGroupsErrorToo) {
  ncclUniqueId id;
  ASSERT_NCCL(nccl().GetUniqueId(&id));
  ncclComm_t comm = nullptr;
  ASSERT_NCCL(nccl().GroupStart());
  EXPECT_EQ(nccl().CommInitRank(&comm, 1, id, 0), ncclUnhandledCudaError);
  EXPECT_EQ(nccl().GroupEnd(), ncclUnhandledCudaError);
  EXPECT_EQ(comm, nullptr);
}

TEST_F(NcclWithoutADevice, EveryResult_HasWords) {
  for (int code = 0; code < ncclNumResults; ++code) {
    EXPECT_STRNE(nccl().GetErrorString(static_cast<ncclResult_t>(code)), "unknown result code") << code;
  }
  EXPECT_STREQ(nccl().GetErrorString(static_cast<ncclResult_t>(15)), "unknown result code");
}

}  // namespace
}  // namespace stretto
