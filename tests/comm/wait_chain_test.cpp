// Rows of ranks that wait for one another: who is last is named, and what no rank says is refused.
#include "comm/wait_chain.hpp"

#include <gtest/gtest.h>

namespace stretto {
namespace {

class WaitRow : public testing::Test {
 protected:
  void says(Rank from, Rank peer, Rank whom = -1) { chain_.hear(from, WaitChain::word(peer, whom)); }

  WaitChain chain_{0, 5};
};

TEST_F(WaitRow, NothingHeard_EndsWithTheFirst) {
  const WaitChain::End end = chain_.follow(3);
  EXPECT_EQ(end.rank, 3);
  EXPECT_FALSE(end.before);
  EXPECT_FALSE(end.is_idle);
}

TEST_F(WaitRow, Row_EndsWithWhoSaysNothing) {
  says(3, 4);
  says(4, 2);
  const WaitChain::End end = chain_.follow(3);
  EXPECT_EQ(end.rank, 2);
  EXPECT_EQ(end.before, 4);
  EXPECT_FALSE(end.is_idle);
}

TEST_F(WaitRow, Row_EndsWithWhoIsInNoOperation) {
  says(3, 2);
  says(2, -1);
  const WaitChain::End end = chain_.follow(3);
  EXPECT_EQ(end.rank, 2);
  EXPECT_EQ(end.before, 3);
  EXPECT_TRUE(end.is_idle);
}

TEST_F(WaitRow, RowBackToTheAsker_HasNoLast) {
  says(1, 2);
  says(2, 0);
  EXPECT_EQ(chain_.follow(1).rank, -1);
}

TEST_F(WaitRow, RowInACircle_HasNoLast) {
  says(1, 2);
  says(2, 3);
  says(3, 2);
  EXPECT_EQ(chain_.follow(1).rank, -1);
}

TEST_F(WaitRow, LaterWord_Counts) {
  says(3, 4);
  says(3, 1);
  EXPECT_EQ(chain_.follow(3).rank, 1);
  chain_.forget();
  EXPECT_EQ(chain_.follow(3).rank, 3);
}

TEST_F(WaitRow, Question_IsAnsweredByOne) {
  says(3, 1, 1);
  EXPECT_FALSE(chain_.asked()) << "another rank was asked";
  says(3, 0, 0);
  EXPECT_TRUE(chain_.asked());
  EXPECT_TRUE(chain_.take_question());
  EXPECT_FALSE(chain_.take_question());
  EXPECT_FALSE(chain_.asked());
}

TEST_F(WaitRow, WordOfNoRank_IsRefused) {
  EXPECT_THROW(says(3, 5), Error);
  EXPECT_THROW(says(3, -2), Error);
  EXPECT_THROW(says(3, 1, 5), Error);
  std::vector<std::byte> word = WaitChain::word(1, 0);
  word.push_back(std::byte{0});
  EXPECT_THROW(chain_.hear(3, word), Error);
  word.resize(word.size() - 2);
  EXPECT_THROW(chain_.hear(3, word), Error);
  EXPECT_FALSE(chain_.asked());
}

}  // namespace
}  // namespace stretto
