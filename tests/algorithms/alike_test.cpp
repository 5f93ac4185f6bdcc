// What catalogue rows say is alike in a plan, by comparing programs rank by rank and channel by channel: a simulator
// runs some of them for all (plan/simulator.hpp).
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "algorithms/catalogue.hpp"
#include "algorithms/groups.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

using Rename = std::function<Rank(Rank)>;

/// Steps with their peers renamed, without their chunks. Waits that follow one another may stand in any order, and so
/// may releases: it takes the same time.
std::string text_of(const Strand& strand, const Rename& rename, std::int32_t channel) {
  std::string text = format("channel {}:", channel);
  std::multiset<std::string> run;
  StepKind kind_of_run = StepKind::copy;
  const auto end_run = [&] {
    for (const std::string& each : run) text += each;
    run.clear();
  };
  for (const std::vector<Step>* steps : {&strand.body, &strand.epilogue}) {
    for (const Step& step : *steps) {
      const bool may_be_anywhere = step.kind == StepKind::wait || step.kind == StepKind::release;
      if (!may_be_anywhere || step.kind != kind_of_run) end_run();
      kind_of_run = step.kind;
      run.insert(format(" {} {} {} {};", step_kind_name(step.kind), step.peer >= 0 ? rename(step.peer) : -1,
                        step.destination.space == Space::slot ? rename(step.destination.index) : -1,
                        step.sources.size()));
    }
    end_run();
    text += " /";
  }
  return text;
}

/// In the order of strands.
std::string text_of(const Plan& plan, const Rename& rename, std::int32_t first_channel, std::int32_t n_channels) {
  std::string text;
  for (const Strand& strand : plan.program.strands) {
    if (strand.channel < first_channel || strand.channel >= first_channel + n_channels) continue;
    text += text_of(strand, rename, strand.channel - first_channel) + "\n";
  }
  return text;
}

TEST(Alike, Ranks_DoAsThoseBeforeThemFurtherOn) {
  int checked = 0;
  for (const AlgorithmRow& row : catalogue()) {
    for (const CollectiveRow& collective : collective_rows()) {
      if (row.alike.ranks == 0 || !row.supports(collective.collective) || collective.rooted) continue;
      for (const int group : {1, 2, 4}) {
        const int n = 5 * group;
        PlanSpec spec{collective.collective, row.name, n, -1, row.channel_multiple * 2};
        for (Rank rank = 0; knows_groups(row.reach) && rank < n; ++rank) spec.groups.push_back(rank / group);
        const int period = knows_groups(row.reach) ? group : row.alike.ranks;
        for (Rank rank = period; rank < n; ++rank) {
          const Rename back = [&](Rank peer) { return (peer - period + n) % n; };
          EXPECT_EQ(text_of(make_plan(spec, rank), back, 0, spec.channels),
                    text_of(
                        make_plan(spec, rank - period), [](Rank peer) { return peer; }, 0, spec.channels))
              << row.name << " " << collective.name << " rank " << rank << " of " << n;
          ++checked;
        }
      }
    }
  }
  EXPECT_GT(checked, 100);
}

/// With the ranks of each group taking one another's places, the owner of the one channel that of the other.
TEST(Alike, Channels_DoAsThoseBeforeThemOnTheNextRail) {
  int checked = 0;
  for (const AlgorithmRow& row : catalogue()) {
    if (row.alike.channels == 0) continue;
    const int group = 3;
    const int n = 7 * group;
    PlanSpec spec{Collective::all_reduce, row.name, n, -1, 0};
    for (Rank rank = 0; rank < n; ++rank) spec.groups.push_back(rank / group);
    spec.channels = row.alike.channels * group;
    const auto rail_before = [&](Rank rank) { return rank / group * group + (rank % group + group - 1) % group; };
    for (std::int32_t channel = row.alike.channels; channel < spec.channels; channel += row.alike.channels) {
      for (Rank rank = 0; rank < n; ++rank) {
        const std::string text = text_of(make_plan(spec, rank), rail_before, channel, row.alike.channels);
        const std::string before = text_of(
            make_plan(spec, rail_before(rank)), [](Rank peer) { return peer; }, channel - row.alike.channels,
            row.alike.channels);
        // Members stand in the order of ranks, which is another one: the same steps, in an order of their own.
        EXPECT_EQ(std::multiset<char>(text.begin(), text.end()), std::multiset<char>(before.begin(), before.end()))
            << row.name << " rank " << rank << " channel " << channel;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 10);
}

}  // namespace
}  // namespace stretto
