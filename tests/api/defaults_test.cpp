// strettoSetDefaults: values of variables that nobody has set.
#include <gtest/gtest.h>

#include <cstdlib>

#include "stretto/stretto.h"
#include "support/threads.hpp"

namespace stretto {
namespace {

TEST(SetDefaults, ValueThatNobodyHasSet_CountsForWhatIsMadeLater) {
  // No config and no variable says what the algorithm is; a name that is none shows that this one is read.
  const char* const entries[] = {"STRETTO_ALGORITHM=rings"};
  ASSERT_EQ(strettoSetDefaults(entries, 1), strettoSuccess);
  strettoComm_t comm = nullptr;
  EXPECT_EQ(strettoCommInitAll(&comm, 1, nullptr), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "STRETTO_ALGORITHM");
  setenv("STRETTO_ALGORITHM", "ring", 1);
  EXPECT_EQ(strettoCommInitAll(&comm, 1, nullptr), strettoSuccess);
  EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
  unsetenv("STRETTO_ALGORITHM");
  ASSERT_EQ(strettoSetDefaults(nullptr, 0), strettoSuccess);
  EXPECT_EQ(strettoCommInitAll(&comm, 1, nullptr), strettoSuccess);
  EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

TEST(SetDefaults, BadEntries_AreRefusedByName) {
  const char* const unknown[] = {"STRETTO_SPIN_US=1", "STRETTO_NOTHING=1"};
  EXPECT_EQ(strettoSetDefaults(unknown, 2), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "entries");
  const char* const bad[] = {"STRETTO_SPIN_US=long"};
  EXPECT_EQ(strettoSetDefaults(bad, 1), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "STRETTO_SPIN_US");
  const char* const missing[] = {nullptr};
  EXPECT_EQ(strettoSetDefaults(missing, 1), strettoInvalidArgument);
  EXPECT_EQ(strettoSetDefaults(nullptr, 1), strettoInvalidArgument);
}

}  // namespace
}  // namespace stretto
