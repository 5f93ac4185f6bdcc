// How large plans grow, and how the work is spread, for every number of ranks to 64.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>

#include "algorithms/catalogue.hpp"

namespace stretto {
namespace {

int steps_of(const Program& program) {
  std::size_t steps = 0;
  for (const Strand& strand : program.strands) steps += strand.body.size() + strand.epilogue.size();
  return static_cast<int>(steps);
}

int count(const Program& program, StepKind kind) {
  int found = 0;
  for (const Strand& strand : program.strands) {
    for (const Step& step : strand.body) found += step.kind == kind ? 1 : 0;
  }
  return found;
}

PlanSpec spec_of(const AlgorithmRow& row, Collective collective, int n, int groups = 1) {
  return {collective, row.name, n, n / 2, row.channel_multiple * groups};
}

/// Calls function(row, collective, n) for every algorithm, collective and number of ranks.
template <typename Function>
void for_each_case(const Function& function) {
  for (const AlgorithmRow& row : catalogue()) {
    for (const CollectiveRow& collective : collective_rows()) {
      if (!row.supports(collective.collective)) continue;
      for (int n = 1; n <= 64; ++n) function(row, collective.collective, n);
    }
  }
}

TEST(Shape, Programs_GrowNoFasterThanTheRanks) {
  for_each_case([](const AlgorithmRow& row, Collective collective, int n) {
    for (const Rank rank : {0, n / 2, n - 1}) {
      const PlanSpec spec = spec_of(row, collective, n);
      EXPECT_LE(steps_of(make_plan(spec, rank).program), 16 * n * spec.channels) << row.name << " " << n;
    }
  });
}

TEST(Shape, TreeAllReduceAndBroadcast_HaveAsManyStepsForAnyNumberOfRanks) {
  for (int n = 2; n <= 64; ++n) {
    for (Rank rank = 0; rank < n; ++rank) {
      EXPECT_LE(steps_of(make_plan({Collective::all_reduce, "tree", n, -1, 2}, rank).program), 30) << n;
      EXPECT_LE(steps_of(make_plan({Collective::broadcast, "tree", n, n / 2, 2}, rank).program), 16) << n;
    }
  }
}

TEST(Shape, TreeBroadcast_NoRankSendsMoreThanTwoTimes) {
  for (int n = 2; n <= 64; ++n) {
    for (const Rank root : {0, n / 3, n - 1}) {
      for (Rank rank = 0; rank < n; ++rank) {
        const Program program = make_plan({Collective::broadcast, "tree", n, root, 2}, rank).program;
        EXPECT_LE(count(program, StepKind::put), 2) << n << " root " << root << " rank " << rank;
      }
    }
  }
}

int ceil_log2(int n) { return static_cast<int>(std::bit_width(static_cast<unsigned>(n) - 1)); }

TEST(Shape, BinomialAndRecursiveDoubling_SendLogarithmicallyManyMessages) {
  for (int n = 2; n <= 64; ++n) {
    for (Rank rank = 0; rank < n; ++rank) {
      const PlanSpec broadcast{Collective::broadcast, "binomial", n, n / 3, 1};
      EXPECT_LE(count(make_plan(broadcast, rank).program, StepKind::signal), ceil_log2(n)) << n;
      const PlanSpec reduce{Collective::reduce, "binomial", n, n / 3, 1};
      EXPECT_LE(count(make_plan(reduce, rank).program, StepKind::wait), ceil_log2(n)) << n;
      const PlanSpec all_reduce{Collective::all_reduce, "recursive_doubling", n, -1, 1};
      EXPECT_LE(count(make_plan(all_reduce, rank).program, StepKind::signal), ceil_log2(n)) << n;
    }
  }
}

TEST(Shape, SeveralPartsAMessage_SendLogarithmicallyManyMessages) {
  const auto signals = [](Collective collective, const char* name, int n, Rank rank) {
    return count(make_plan({collective, name, n, n / 3, 1}, rank).program, StepKind::signal);
  };
  for (int n = 2; n <= 64; ++n) {
    const int log = ceil_log2(n);
    for (Rank rank = 0; rank < n; ++rank) {
      EXPECT_EQ(signals(Collective::all_gather, "bruck", n, rank), log) << n;
      EXPECT_EQ(signals(Collective::all_to_all, "bruck", n, rank), log) << n;
      EXPECT_LE(signals(Collective::scatter, "binomial", n, rank), log) << n;
      EXPECT_LE(signals(Collective::gather, "binomial", n, rank), 1) << n;
      EXPECT_LE(signals(Collective::all_reduce, "halving_doubling", n, rank), 2 * log) << n;
      EXPECT_LE(signals(Collective::reduce_scatter, "halving_doubling", n, rank), log) << n;
    }
  }
}

TEST(Shape, RingRanks_TalkToTheirNeighboursOnly) {
  for (int n = 3; n <= 64; ++n) {
    const Program program = make_plan({Collective::all_reduce, "ring", n, -1, 1}, 1).program;
    EXPECT_EQ(count(program, StepKind::signal), 2 * (n - 1));
    for (const Step& step : program.strands.at(0).body) {
      if (step.peer < 0) continue;
      const bool outgoing = step.kind == StepKind::wait_credit || step.kind == StepKind::signal;
      EXPECT_EQ(step.peer, outgoing ? 2 : 0);
    }
  }
}

TEST(Shape, Channels_AreAllUsedAndDoTheSameOverAgain) {
  for_each_case([](const AlgorithmRow& row, Collective collective, int n) {
    const Program once = make_plan(spec_of(row, collective, n, 1), n - 1).program;
    const Program thrice = make_plan(spec_of(row, collective, n, 3), n - 1).program;
    // Where channels have trees of their own, they differ.
    if (row.reach != Reach::trees && row.even_channels == nullptr) {
      EXPECT_EQ(steps_of(thrice), 3 * steps_of(once)) << row.name << " " << n;
    }
    EXPECT_EQ(thrice.scratch_chunks, 3 * once.scratch_chunks);
    std::set<int> channels;
    for (const Strand& strand : thrice.strands) channels.insert(strand.channel);
    EXPECT_EQ(static_cast<int>(channels.size()), 3 * row.channel_multiple);
    EXPECT_EQ(*channels.begin(), 0);
    EXPECT_EQ(*channels.rbegin(), 3 * row.channel_multiple - 1);
  });
}

TEST(Shape, Epilogues_WaitForExactlyThePeersSentTo) {
  for_each_case([](const AlgorithmRow& row, Collective collective, int n) {
    for (const Strand& strand : make_plan(spec_of(row, collective, n), 0).program.strands) {
      std::set<Rank> sent;
      std::set<Rank> drained;
      for (const Step& step : strand.body) {
        if (step.kind == StepKind::signal) sent.insert(step.peer);
      }
      for (const Step& step : strand.epilogue) {
        EXPECT_EQ(step.kind, StepKind::wait_drain);
        EXPECT_TRUE(drained.insert(step.peer).second);
      }
      EXPECT_EQ(sent, drained) << row.name << " " << n;
    }
  });
}

TEST(Shape, LoneRank_OnlyCopies) {
  for_each_case([](const AlgorithmRow& row, Collective collective, int) {
    for (const Strand& strand : make_plan(spec_of(row, collective, 1), 0).program.strands) {
      for (const Step& step : strand.body) EXPECT_EQ(step.kind, StepKind::copy);
      EXPECT_TRUE(strand.epilogue.empty());
    }
  });
}

}  // namespace
}  // namespace stretto
