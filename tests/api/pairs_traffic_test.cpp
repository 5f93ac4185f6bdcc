// Much traffic between pairs: everyone to everyone in any order, to oneself, of no elements, in streams, and by one
// thread that is all ranks.
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "support/streams.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Post {
  bool sends;
  int peer;
  int number;
};

/// Message `number` from one rank to another: sizes around those of slots, many of nothing, up to 1 MiB.
Bytes message(int from, int to, int number) {
  std::mt19937 random(static_cast<unsigned>((from * 16 + to) * 64 + number));
  constexpr std::size_t kSizes[] = {0, 0, 1, 32, 33, 4096, 65'535, 65'536, 65'537, 262'144, 300'001, 1 << 20};
  Bytes bytes(kSizes[random() % std::size(kSizes)]);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

/// One rank's sends to all and receives from all, itself included, several each way.
class Exchange {
 public:
  Exchange(int n, int rank, int each, unsigned seed) : rank_(rank), each_(each) {
    std::mt19937 random(seed * 100 + static_cast<unsigned>(rank));
    for (int peer = 0; peer < n; ++peer) {
      for (int i = 0; i < each; ++i) {
        posts_.push_back({true, peer, i});
        posts_.push_back({false, peer, i});
        sent_.push_back(message(rank, peer, i));
        got_.emplace_back(message(peer, rank, i).size(), 0);
      }
    }
    // Any order of peers; each direction of a pair has an order of its own.
    std::shuffle(posts_.begin(), posts_.end(), random);
    std::stable_sort(posts_.begin(), posts_.end(), [&](const Post& a, const Post& b) { return a.number < b.number; });
  }

  void issue(strettoComm_t comm, strettoStream_t stream) {
    for (const Post& post : posts_) {
      Bytes& bytes = (post.sends ? sent_ : got_)[index(post)];
      const strettoResult_t result =
          post.sends ? strettoSend(bytes.data(), bytes.size(), strettoUint8, post.peer, comm, stream)
                     : strettoRecv(bytes.data(), bytes.size(), strettoUint8, post.peer, comm, stream);
      EXPECT_EQ(result, strettoSuccess) << strettoGetLastError(comm);
    }
  }
  void check() const {
    for (const Post& post : posts_) {
      if (!post.sends) {
        EXPECT_TRUE(got_[index(post)] == message(post.peer, rank_, post.number))
            << post.peer << " -> " << rank_ << ", message " << post.number;
      }
    }
  }

 private:
  std::size_t index(const Post& post) const { return static_cast<std::size_t>(post.peer * each_ + post.number); }

  int rank_;
  int each_;
  std::vector<Post> posts_;
  std::vector<Bytes> sent_;
  std::vector<Bytes> got_;
};

TEST(PairTraffic, AllToAllInRandomOrderInOneGroup_Arrives) {
  for (const int n : {1, 2, 3, 8}) {
    ThreadRanks ranks(n);
    for (unsigned trial = 0; trial < 3; ++trial) {
      ranks.run([&](int rank, strettoComm_t comm) {
        Exchange exchange(n, rank, 3, trial);
        strettoGroupStart();
        exchange.issue(comm, nullptr);
        EXPECT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(comm);
        exchange.check();
      });
    }
  }
}

TEST(PairTraffic, InStreams_ArrivesInOrderAmongOtherCalls) {
  constexpr int kRanks = 4;
  ThreadRanks ranks(kRanks);
  ranks.run([&](int rank, strettoComm_t comm) {
    TestStream first;
    TestStream second;
    std::vector<Exchange> exchanges;
    for (unsigned i = 0; i < 4; ++i) exchanges.emplace_back(kRanks, rank, 2, i);
    std::int64_t sum = 1;
    for (std::size_t i = 0; i < exchanges.size(); ++i) {
      const strettoStream_t stream = i % 2 == 0 ? first : second;
      strettoGroupStart();
      exchanges[i].issue(comm, stream);
      EXPECT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(comm);
      EXPECT_EQ(strettoAllReduce(&sum, &sum, 1, strettoInt64, strettoSum, comm, stream), strettoSuccess);
    }
    EXPECT_EQ(strettoStreamSynchronize(first), strettoSuccess);
    EXPECT_EQ(strettoStreamSynchronize(second), strettoSuccess);
    EXPECT_EQ(sum, 256);
    for (const Exchange& exchange : exchanges) exchange.check();
  });
}

TEST(PairTraffic, OneThreadThatIsAllRanks_GetsAllMessages) {
  constexpr int kRanks = 5;
  ThreadRanks ranks(kRanks);
  std::vector<Exchange> exchanges;
  for (int rank = 0; rank < kRanks; ++rank) exchanges.emplace_back(kRanks, rank, 2, 1);
  strettoGroupStart();
  for (int rank = 0; rank < kRanks; ++rank) exchanges[static_cast<std::size_t>(rank)].issue(ranks.comm(rank), nullptr);
  EXPECT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
  for (const Exchange& exchange : exchanges) exchange.check();
}

TEST(PairTraffic, ManyMessagesOfNothing_MeetOneAnother) {
  ThreadRanks ranks(2);
  ranks.run([&](int rank, strettoComm_t comm) {
    for (int i = 0; i < 1000; ++i) {
      const strettoResult_t result = (rank == 0) == (i % 3 != 0)
                                         ? strettoSend(nullptr, 0, strettoFloat64, 1 - rank, comm, nullptr)
                                         : strettoRecv(nullptr, 0, strettoFloat64, 1 - rank, comm, nullptr);
      ASSERT_EQ(result, strettoSuccess) << strettoGetLastError(comm);
    }
  });
}

// A group's messages go first, whatever the order of its calls; its collectives see the order of theirs.
TEST(PairTraffic, AmongCollectivesOfAGroup_GoesFirstOnEveryRank) {
  ThreadRanks ranks(3);
  ranks.run([&](int rank, strettoComm_t comm) {
    for (int trial = 0; trial < 50; ++trial) {
      std::int64_t sum = rank;
      std::int64_t largest = rank;
      std::int64_t got = -1;
      const std::int64_t mine = rank * 100 + trial;
      const auto collectives = [&] {
        EXPECT_EQ(strettoAllReduce(&sum, &sum, 1, strettoInt64, strettoSum, comm, nullptr), strettoSuccess);
        EXPECT_EQ(strettoAllReduce(&largest, &largest, 1, strettoInt64, strettoMax, comm, nullptr), strettoSuccess);
      };
      strettoGroupStart();
      if (rank == 0) collectives();
      EXPECT_EQ(strettoSend(&mine, 1, strettoInt64, (rank + 1) % 3, comm, nullptr), strettoSuccess);
      if (rank == 1) collectives();
      EXPECT_EQ(strettoRecv(&got, 1, strettoInt64, (rank + 2) % 3, comm, nullptr), strettoSuccess);
      if (rank == 2) collectives();
      ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(comm);
      EXPECT_EQ(sum, 3);
      EXPECT_EQ(largest, 2);
      EXPECT_EQ(got, (rank + 2) % 3 * 100 + trial);
    }
  });
}

}  // namespace
}  // namespace stretto
