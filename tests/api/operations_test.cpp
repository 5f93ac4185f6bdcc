// Operations that users make, through the C API: handles, and what is refused.
#include <gtest/gtest.h>

#include "support/threads.hpp"

namespace stretto {
namespace {

constexpr auto kImmediate = strettoScalarHostImmediate;

void expect_error(strettoResult_t code, const char* field, strettoResult_t result) {
  EXPECT_EQ(result, code) << field;
  const strettoErrorInfo_t info = error_of(nullptr);
  EXPECT_EQ(info.code, code);
  EXPECT_STREQ(info.field, field) << info.text;
}

strettoResult_t reduce_one(strettoDataType_t type, strettoRedOp_t op, strettoComm_t comm) {
  double buffer = 0;
  return strettoAllReduce(&buffer, &buffer, 1, type, op, comm, nullptr);
}

TEST(UserOps, WrongArguments_AreRefusedByField) {
  ThreadRanks ranks(1);
  const strettoComm_t comm = ranks.comm(0);
  strettoRedOp_t op = strettoMaxRedOp;
  float scalar = 2;
  const auto refused = [](const char* field, strettoResult_t result) {
    expect_error(strettoInvalidArgument, field, result);
  };
  refused("comm", strettoRedOpCreatePreMulSum(&op, &scalar, strettoFloat32, kImmediate, nullptr));
  refused("op", strettoRedOpCreatePreMulSum(nullptr, &scalar, strettoFloat32, kImmediate, comm));
  refused("scalar", strettoRedOpCreatePreMulSum(&op, nullptr, strettoFloat32, kImmediate, comm));
  refused("datatype", strettoRedOpCreatePreMulSum(&op, &scalar, strettoNumDataTypes, kImmediate, comm));
  EXPECT_EQ(op, strettoMaxRedOp) << "outputs are written on success only";
  refused("comm", strettoRedOpDestroy(op, nullptr));
  refused("op", strettoRedOpDestroy(op, comm));
  refused("op", strettoRedOpDestroy(strettoSum, comm));
  refused("op", strettoRedOpDestroy(strettoMaxRedOp, comm));
}

TEST(UserOps, DestroyedOnes_AreRefusedWhateverWasMadeSince) {
  ThreadRanks ranks(1);
  const strettoComm_t comm = ranks.comm(0);
  float scalar = 2;
  strettoRedOp_t first = strettoSum;
  ASSERT_EQ(strettoRedOpCreatePreMulSum(&first, &scalar, strettoFloat32, kImmediate, comm), strettoSuccess);
  EXPECT_GE(first, strettoNumRedOps);
  EXPECT_LT(first, strettoMaxRedOp);
  ASSERT_EQ(strettoRedOpDestroy(first, comm), strettoSuccess);
  for (int i = 0; i < 100; ++i) {
    strettoRedOp_t next = strettoSum;
    ASSERT_EQ(strettoRedOpCreatePreMulSum(&next, &scalar, strettoFloat32, kImmediate, comm), strettoSuccess);
    EXPECT_NE(next, first);
    if (i % 2 == 0) {
      ASSERT_EQ(strettoRedOpDestroy(next, comm), strettoSuccess);
    }
  }
  expect_error(strettoInvalidArgument, "op", reduce_one(strettoFloat32, first, comm));
  expect_error(strettoInvalidArgument, "op", strettoRedOpDestroy(first, comm));
}

TEST(UserOps, OfAnotherCommunicatorOrType_AreRefused) {
  ThreadRanks here(1);
  ThreadRanks there(1);
  float scalar = 2;
  strettoRedOp_t mine = strettoSum;
  strettoRedOp_t theirs = strettoSum;
  ASSERT_EQ(strettoRedOpCreatePreMulSum(&mine, &scalar, strettoFloat32, kImmediate, here.comm(0)), strettoSuccess);
  ASSERT_EQ(strettoRedOpCreatePreMulSum(&theirs, &scalar, strettoFloat32, kImmediate, there.comm(0)), strettoSuccess);
  expect_error(strettoInvalidArgument, "op", reduce_one(strettoFloat32, theirs, here.comm(0)));
  expect_error(strettoInvalidArgument, "op", strettoRedOpDestroy(theirs, here.comm(0)));
  expect_error(strettoInvalidArgument, "datatype", reduce_one(strettoInt32, mine, here.comm(0)));
}

}  // namespace
}  // namespace stretto
