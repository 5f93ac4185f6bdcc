// Rows of ranks that wait for one another: who is last is named, and what no rank says is refused.
#include "comm/wait_chain.hpp"

#include <gtest/gtest.h>

namespace stretto {
namespace {

using Wait = WaitChain::Wait;

class WaitChainTest : public testing::Test {
 protected:
  void says(Rank from, Wait wait, Rank whom = -1) { chain_.hear(from, WaitChain::word(wait, whom)); }

  WaitChain chain_{0, 5};
};

TEST_F(WaitChainTest, NothingHeard_EndsWithTheFirst) {
  const WaitChain::End end = chain_.follow(3);
  EXPECT_EQ(end.rank, 3);
  EXPECT_FALSE(end.before);
  EXPECT_FALSE(end.says);
}

TEST_F(WaitChainTest, Row_EndsWithWhoSaysNothing) {
  says(3, {4, 7, 2});
  says(4, {2, 6, 1});
  const WaitChain::End end = chain_.follow(3);
  EXPECT_EQ(end.rank, 2);
  EXPECT_EQ(end.before, 4);
  EXPECT_FALSE(end.says);
}

TEST_F(WaitChainTest, Row_EndsWithWhoIsInNoOperation) {
  says(3, {2, 7, 2});
  says(2, {-1, 5, -1});
  const WaitChain::End end = chain_.follow(3);
  EXPECT_EQ(end.rank, 2);
  EXPECT_EQ(end.before, 3);
  EXPECT_EQ(end.says, (Wait{-1, 5, -1}));
}

TEST_F(WaitChainTest, RowBackToTheAsker_HasNoLast) {
  says(1, {2, 7, 0});
  says(2, {0, 7, 0});
  EXPECT_EQ(chain_.follow(1).rank, -1);
}

TEST_F(WaitChainTest, RowInACircle_HasNoLast) {
  says(1, {2, 7, 0});
  says(2, {3, 7, 0});
  says(3, {2, 7, 0});
  EXPECT_EQ(chain_.follow(1).rank, -1);
}

TEST_F(WaitChainTest, LaterWord_Counts) {
  says(3, {4, 7, 2});
  says(3, {1, 8, 0});
  EXPECT_EQ(chain_.follow(3).rank, 1);
  chain_.forget();
  EXPECT_EQ(chain_.follow(3).rank, 3);
}

TEST_F(WaitChainTest, Question_IsAnsweredByOne) {
  says(3, {1, 7, 2}, 1);
  EXPECT_FALSE(chain_.asked()) << "another rank was asked";
  says(3, {0, 7, 2}, 0);
  EXPECT_TRUE(chain_.asked());
  EXPECT_TRUE(chain_.take_question());
  EXPECT_FALSE(chain_.take_question());
  EXPECT_FALSE(chain_.asked());
}

TEST_F(WaitChainTest, WordOfNoRank_IsRefused) {
  EXPECT_THROW(says(3, {5, 7, 2}), Error);
  EXPECT_THROW(says(3, {-2, 7, 2}), Error);
  EXPECT_THROW(says(3, {1, 7, 2}, 5), Error);
  std::vector<std::byte> word = WaitChain::word({1, 7, 2}, 0);
  word.push_back(std::byte{0});
  EXPECT_THROW(chain_.hear(3, word), Error);
  word.resize(word.size() - 2);
  EXPECT_THROW(chain_.hear(3, word), Error);
  EXPECT_FALSE(chain_.asked());
}

}  // namespace
}  // namespace stretto
