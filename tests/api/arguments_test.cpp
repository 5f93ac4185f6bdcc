// Wrong arguments through the C API, function by function: each is refused by the name of the argument. And the
// functions of later releases: each says so.
#include <gtest/gtest.h>

#include <cstring>

#include "support/threads.hpp"

namespace stretto {
namespace {

strettoResult_t reduce(std::size_t count, strettoDataType_t type, strettoRedOp_t op, const float* in, float* out,
                       strettoComm_t comm) {
  return strettoAllReduce(in, out, count, type, op, comm, nullptr);
}

/// A call that must be refused, whatever was called before.
struct Refused {
  const char* function;
  const char* field;
  strettoResult_t (*call)();
};

void expect_refused(const Refused& row) {
  EXPECT_EQ(row.call(), strettoInvalidArgument) << row.function << " " << row.field;
  const strettoErrorInfo_t info = error_of(nullptr);
  EXPECT_EQ(info.code, strettoInvalidArgument) << row.function << " " << row.field;
  EXPECT_STREQ(info.field, row.field) << row.function;
  EXPECT_STREQ(info.name, row.function);
  EXPECT_NE(std::strstr(info.text, row.field), nullptr) << info.text;
}

TEST(Arguments, OfMakingAndAsking_AreRefusedByField) {
  static strettoComm_t comms[2];
  static int number = -7;
  static strettoResult_t result = strettoNumResults;
  const Refused table[] = {
      {"strettoGetVersion", "version", [] { return strettoGetVersion(nullptr); }},
      {"strettoGetErrorInfo", "info", [] { return strettoGetErrorInfo(nullptr, nullptr); }},
      {"strettoGetUniqueId", "id", [] { return strettoGetUniqueId(nullptr); }},
      {"strettoCommInitAll", "comms", [] { return strettoCommInitAll(nullptr, 2, nullptr); }},
      {"strettoCommInitAll", "n", [] { return strettoCommInitAll(comms, 0, nullptr); }},
      {"strettoCommInitAll", "n", [] { return strettoCommInitAll(comms, -1, nullptr); }},
      {"strettoCommAbort", "comm", [] { return strettoCommAbort(nullptr); }},
      {"strettoCommSplit", "comm", [] { return strettoCommSplit(nullptr, 0, 0, comms, nullptr); }},
      {"strettoCommFinalize", "comm", [] { return strettoCommFinalize(nullptr); }},
      {"strettoCommGetAsyncError", "comm", [] { return strettoCommGetAsyncError(nullptr, &result); }},
      {"strettoCommCount", "comm", [] { return strettoCommCount(nullptr, &number); }},
      {"strettoCommUserRank", "comm", [] { return strettoCommUserRank(nullptr, &number); }},
      {"strettoCommDevice", "comm", [] { return strettoCommDevice(nullptr, &number); }},
  };
  for (const Refused& row : table) expect_refused(row);
  EXPECT_EQ(comms[0], nullptr);
  EXPECT_EQ(number, -7) << "outputs are written on success only";
  EXPECT_EQ(result, strettoNumResults);
}

TEST(Arguments, OutputsThatAreNull_AreRefusedByField) {
  static strettoComm_t comm;
  ThreadRanks ranks(2);
  comm = ranks.comm(1);
  const Refused table[] = {
      {"strettoCommGetAsyncError", "async_error", [] { return strettoCommGetAsyncError(comm, nullptr); }},
      {"strettoCommCount", "count", [] { return strettoCommCount(comm, nullptr); }},
      {"strettoCommUserRank", "rank", [] { return strettoCommUserRank(comm, nullptr); }},
      {"strettoCommDevice", "device", [] { return strettoCommDevice(comm, nullptr); }},
  };
  for (const Refused& row : table) expect_refused(row);
  int number = -1;
  EXPECT_EQ(strettoCommCount(comm, &number), strettoSuccess);
  EXPECT_EQ(number, 2);
  EXPECT_EQ(strettoCommUserRank(comm, &number), strettoSuccess);
  EXPECT_EQ(number, 1);
  EXPECT_EQ(strettoCommDevice(comm, &number), strettoSuccess);
  EXPECT_EQ(number, STRETTO_DEVICE_HOST);
}

TEST(Arguments, DestroyOfNull_Succeeds) { EXPECT_EQ(strettoCommDestroy(nullptr), strettoSuccess); }

TEST(Arguments, OfAllReduce_AreRefusedByField) {
  ThreadRanks ranks(2);
  strettoComm_t comm = ranks.comm(0);
  float buffer[8] = {};
  strettoCallConfig_t call = STRETTO_CALL_CONFIG_INITIALIZER;
  const auto refused = [&](const char* field, strettoResult_t expected, strettoResult_t result) {
    EXPECT_EQ(result, expected) << field;
    const strettoErrorInfo_t info = error_of(nullptr);
    EXPECT_STREQ(info.field, field) << info.text;
    EXPECT_STREQ(info.text, strettoGetLastError(nullptr));
    EXPECT_NE(info.text[0], '\0');
  };
  refused("comm", strettoInvalidArgument, reduce(1, strettoFloat32, strettoSum, buffer, buffer, nullptr));
  refused("sendbuff", strettoInvalidArgument, reduce(1, strettoFloat32, strettoSum, nullptr, buffer, comm));
  refused("recvbuff", strettoInvalidArgument, reduce(1, strettoFloat32, strettoSum, buffer, nullptr, comm));
  refused("recvbuff", strettoInvalidArgument, reduce(4, strettoFloat32, strettoSum, buffer, buffer + 1, comm));
  refused("datatype", strettoInvalidArgument,
          reduce(1, static_cast<strettoDataType_t>(15), strettoSum, buffer, buffer, comm));
  refused("op", strettoInvalidArgument,
          reduce(1, strettoFloat32, static_cast<strettoRedOp_t>(77), buffer, buffer, comm));
  refused("count", strettoInvalidArgument, reduce(SIZE_MAX / 2, strettoFloat32, strettoSum, buffer, buffer, comm));
  refused("root", strettoInvalidArgument, strettoBroadcast(buffer, buffer, 1, strettoFloat32, 2, comm, nullptr));
  call.mode = strettoModeZeroSm;
  refused("mode", strettoUnsupported,
          strettoAllReduceConfig(buffer, buffer, 1, strettoFloat32, strettoSum, comm, nullptr, &call));
  call.mode = strettoModeDefault;
  call.deadline_ms = 0;
  refused("deadline_ms", strettoInvalidArgument,
          strettoAllReduceConfig(buffer, buffer, 1, strettoFloat32, strettoSum, comm, nullptr, &call));
  refused(
      "stream", strettoInvalidArgument,
      strettoAllReduce(buffer, buffer, 1, strettoFloat32, strettoSum, comm, reinterpret_cast<strettoStream_t>(buffer)));
  strettoResult_t async_error = strettoInternalError;
  EXPECT_EQ(strettoCommGetAsyncError(comm, &async_error), strettoSuccess);
  EXPECT_EQ(async_error, strettoSuccess) << "a refused call leaves the communicator whole";
}

TEST(Arguments, OfCommInitRank_AreRefusedByField) {
  strettoComm_t comm = nullptr;
  strettoUniqueId id{};
  std::memset(&id, 0x5A, sizeof id);
  EXPECT_EQ(strettoCommInitRank(nullptr, 1, id, 0), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "comm");
  EXPECT_EQ(strettoCommInitRank(&comm, 0, id, 0), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "nranks");
  EXPECT_EQ(strettoCommInitRank(&comm, 2, id, 2), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "rank");
  EXPECT_EQ(strettoCommInitRank(&comm, 2, id, 1), strettoInvalidArgument) << "bytes that are no id";
  EXPECT_STREQ(error_of(nullptr).field, "id");
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.algorithm = "rings";
  EXPECT_EQ(strettoCommInitRankConfig(&comm, 2, id, 1, &config), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "algorithm");
  EXPECT_NE(std::strstr(strettoGetLastError(nullptr), "two_shot"), nullptr) << "the text names those that exist";
  EXPECT_EQ(comm, nullptr);
}

}  // namespace
}  // namespace stretto
