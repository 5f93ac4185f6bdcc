#include "plan/flows.hpp"

#include <algorithm>
#include <limits>

#include "base/error.hpp"

namespace stretto {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
/// What is left of a flow by rounding, in bytes.
constexpr double kNothing = 1e-3;

}  // namespace

void Flows::start(double bytes, const std::vector<LinkId>* links, std::int32_t owner) {
  flows_.push_back({bytes, links, owner, 0});
  shared_ = false;
}

/// Progressive filling: the link that gives its flows least settles them, and what they take is gone for the others.
void Flows::share() {
  if (shared_) return;
  shared_ = true;
  std::vector<double> left = capacities_;
  std::vector<std::int32_t> users(capacities_.size());
  for (Flow& flow : flows_) {
    flow.rate = flow.links->empty() ? kNever : -1;
    for (const LinkId link : *flow.links) ++users[static_cast<std::size_t>(link)];
  }
  while (true) {
    double least = kNever;
    LinkId tightest = -1;
    for (std::size_t link = 0; link < left.size(); ++link) {
      if (users[link] == 0 || left[link] / users[link] >= least) continue;
      least = left[link] / users[link];
      tightest = static_cast<LinkId>(link);
    }
    if (tightest < 0) return;
    for (Flow& flow : flows_) {
      if (flow.rate >= 0 || std::ranges::find(*flow.links, tightest) == flow.links->end()) continue;
      flow.rate = least;
      for (const LinkId link : *flow.links) {
        left[static_cast<std::size_t>(link)] = std::max(0.0, left[static_cast<std::size_t>(link)] - least);
        --users[static_cast<std::size_t>(link)];
      }
    }
  }
}

double Flows::next_end_s() {
  share();
  double first = kNever;
  for (const Flow& flow : flows_) {
    if (flow.left <= kNothing || flow.rate == kNever) return 0;
    if (flow.rate > 0) first = std::min(first, flow.left / flow.rate);
  }
  return first;
}

void Flows::advance(double seconds, std::vector<std::int32_t>& ended) {
  share();
  for (Flow& flow : flows_) {
    const double moved = flow.rate == kNever ? flow.left : std::min(flow.left, flow.rate * seconds);
    flow.left -= moved;
    for (const LinkId link : *flow.links) carried_[static_cast<std::size_t>(link)] += moved;
    if (flow.left <= kNothing) ended.push_back(flow.owner);
  }
  if (std::erase_if(flows_, [](const Flow& flow) { return flow.left <= kNothing; }) > 0) shared_ = false;
}

}  // namespace stretto
