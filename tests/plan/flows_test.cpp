// Flows on shared links against fair sharing worked out anew, for all flows at once, whenever one comes or goes.
#include "plan/flows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace stretto {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

struct PlainFlow {
  double left = 0;
  std::vector<Share> way;
  std::int32_t owner = 0;
  double rate = 0;
};

/// Progressive filling: all rates grow alike until a link is full, which settles those that pass it; then the others.
void share(std::vector<PlainFlow>& flows, std::vector<double> left) {
  std::vector<bool> settled(flows.size(), false);
  for (PlainFlow& flow : flows) flow.rate = 0;
  while (std::ranges::find(settled, false) != settled.end()) {
    std::vector<double> users(left.size(), 0);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      for (const Share& each : flows[i].way) {
        if (!settled[i]) users[static_cast<std::size_t>(each.link)] += each.flows;
      }
    }
    double least = kNever;
    for (std::size_t link = 0; link < left.size(); ++link) {
      if (users[link] > 0) least = std::min(least, left[link] / users[link]);
    }
    for (std::size_t i = 0; i < flows.size(); ++i) {
      if (!settled[i]) flows[i].rate += least;
    }
    for (std::size_t link = 0; link < left.size(); ++link) left[link] -= least * users[link];
    for (std::size_t i = 0; i < flows.size(); ++i) {
      for (const Share& each : flows[i].way) {
        if (left[static_cast<std::size_t>(each.link)] < 1e-9) settled[i] = true;
      }
    }
  }
}

/// When each of them ends, by owner. Flow i begins when i % 3 others have ended since the last one began.
struct Case {
  std::vector<double> capacities;
  std::vector<PlainFlow> flows;
  std::size_t at_first = 0;
};

std::vector<double> ends_of_plain(const Case& made) {
  std::vector<double> ends(made.flows.size(), kNever);
  std::vector<PlainFlow> under_way(made.flows.begin(), made.flows.begin() + static_cast<std::ptrdiff_t>(made.at_first));
  std::size_t next = made.at_first;
  for (double now = 0; !under_way.empty();) {
    share(under_way, made.capacities);
    double first = kNever;
    for (const PlainFlow& flow : under_way) first = std::min(first, flow.left / flow.rate);
    now += first;
    std::size_t n_ended = 0;
    for (PlainFlow& flow : under_way) {
      flow.left -= flow.rate * first;
      if (flow.left > 1e-6) continue;
      ends[static_cast<std::size_t>(flow.owner)] = now;
      ++n_ended;
    }
    std::erase_if(under_way, [](const PlainFlow& flow) { return flow.left <= 1e-6; });
    for (; n_ended > 0 && next < made.flows.size(); --n_ended) under_way.push_back(made.flows[next++]);
  }
  return ends;
}

std::vector<double> ends_of_flows(const Case& made, std::vector<double>& carried) {
  Flows flows(made.capacities);
  std::vector<double> ends(made.flows.size(), kNever);
  const auto start = [&](std::size_t i) { flows.start(made.flows[i].left, made.flows[i].way, made.flows[i].owner); };
  for (std::size_t i = 0; i < made.at_first; ++i) start(i);
  std::size_t next = made.at_first;
  std::vector<std::int32_t> ended;
  while (!flows.empty()) {
    const double now = flows.next_end_s();
    EXPECT_LT(now, kNever);
    if (now == kNever) break;
    ended.clear();
    flows.advance_to(now, ended);
    for (const std::int32_t owner : ended) ends[static_cast<std::size_t>(owner)] = now;
    for (std::size_t n = ended.size(); n > 0 && next < made.flows.size(); --n) start(next++);
  }
  carried = flows.carried();
  return ends;
}

TEST(Flows, RandomFlows_EndWhenFairSharingHasThemEnd) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Case made;
    const std::size_t n_links = 1 + random() % 12;
    for (std::size_t i = 0; i < n_links; ++i) made.capacities.push_back(1 + static_cast<double>(random() % 1000));
    const std::size_t n_flows = 1 + random() % 40;
    std::vector<double> carried(n_links, 0);
    for (std::size_t i = 0; i < n_flows; ++i) {
      PlainFlow flow{1 + static_cast<double>(random() % 100'000), {}, static_cast<std::int32_t>(i), 0};
      for (LinkId link = 0; link < static_cast<LinkId>(n_links); ++link) {
        if (random() % 3 != 0 && !(flow.way.empty() && link + 1 == static_cast<LinkId>(n_links))) continue;
        flow.way.push_back({link, seed % 2 == 0 ? 1.0 : 1.0 + static_cast<double>(random() % 8)});
        carried[static_cast<std::size_t>(link)] += flow.left * flow.way.back().flows;
      }
      made.flows.push_back(std::move(flow));
    }
    made.at_first = 1 + random() % n_flows;
    std::vector<double> carried_by_flows;
    const std::vector<double> expected = ends_of_plain(made);
    const std::vector<double> ends = ends_of_flows(made, carried_by_flows);
    for (std::size_t i = 0; i < n_flows; ++i) EXPECT_NEAR(ends[i], expected[i], expected[i] * 1e-6) << "flow " << i;
    for (std::size_t link = 0; link < n_links; ++link) EXPECT_NEAR(carried_by_flows[link], carried[link], 1e-3);
  }
}

TEST(Flows, OverNoLink_EndAtOnce) {
  Flows flows({1.0});
  flows.start(1e9, {}, 7);
  std::vector<std::int32_t> ended;
  EXPECT_EQ(flows.next_end_s(), 0);
  flows.advance_to(0, ended);
  EXPECT_EQ(ended, std::vector<std::int32_t>{7});
  EXPECT_TRUE(flows.empty());
}

}  // namespace
}  // namespace stretto
