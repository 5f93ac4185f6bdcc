#include "plan/flows.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.hpp"

namespace stretto {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
/// What is left of a flow by rounding, in bytes.
constexpr double kNothing = 1e-3;
constexpr double kRounding = 1e-9;

}  // namespace

Flows::Flows(std::vector<double> capacities)
    : capacities_(std::move(capacities)), carried_(capacities_.size()), loads_(capacities_.size()) {}

void Flows::start(double bytes, const std::vector<LinkId>* links, std::int32_t owner) {
  flows_.push_back({bytes, bytes, links, owner, 0});
  shared_ = false;
}

void Flows::count_users() {
  for (const LinkId link : used_) loads_[static_cast<std::size_t>(link)].users = 0;
  used_.clear();
  unsettled_.clear();
  for (Flow& flow : flows_) {
    flow.rate = kNever;  // of a flow over no link
    if (!flow.links->empty()) unsettled_.push_back(&flow);
    for (const LinkId link : *flow.links) {
      Load& load = loads_[static_cast<std::size_t>(link)];
      if (load.users++ > 0) continue;
      used_.push_back(link);
      load.left = capacities_[static_cast<std::size_t>(link)];
    }
  }
}

/// What a flow gets on the tightest links, which are marked; those that are as tight but for rounding with them.
double Flows::least_share() {
  double least = kNever;
  for (const LinkId link : used_) {
    const Load& load = loads_[static_cast<std::size_t>(link)];
    if (load.users > 0) least = std::min(least, load.left / load.users);
  }
  for (const LinkId link : used_) {
    Load& load = loads_[static_cast<std::size_t>(link)];
    load.is_tight = load.users > 0 && load.left / load.users <= least * (1 + kRounding);
  }
  return least;
}

/// Progressive filling: the links that give their flows least settle them, and what they take is gone for the others.
/// Equally tight links at once: a cluster has thousands of them.
void Flows::share() {
  if (shared_) return;
  shared_ = true;
  count_users();
  while (!unsettled_.empty()) {
    const double least = least_share();
    const auto is_settled = [&](Flow* flow) {
      const auto is_tight = [&](LinkId link) { return loads_[static_cast<std::size_t>(link)].is_tight; };
      if (std::ranges::none_of(*flow->links, is_tight)) return false;
      flow->rate = least;
      for (const LinkId link : *flow->links) {
        Load& load = loads_[static_cast<std::size_t>(link)];
        load.left = std::max(0.0, load.left - least);
        --load.users;
      }
      return true;
    };
    std::erase_if(unsettled_, is_settled);
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
    flow.left -= flow.rate == kNever ? flow.left : std::min(flow.left, flow.rate * seconds);
    if (flow.left > kNothing) continue;
    for (const LinkId link : *flow.links) carried_[static_cast<std::size_t>(link)] += flow.bytes;
    ended.push_back(flow.owner);
  }
  if (std::erase_if(flows_, [](const Flow& flow) { return flow.left <= kNothing; }) > 0) shared_ = false;
}

}  // namespace stretto
