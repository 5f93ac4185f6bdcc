#include "plan/flows.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.hpp"

namespace stretto {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
/// Levels that differ by less are the same: what changes dies out with distance.
constexpr double kRounding = 1e-9;
/// Flows that would end so soon after one another, in parts of the time since the beginning, end together.
constexpr double kTogether = 1e-12;

bool is_same(double a, double b) {
  if (a == b) return true;
  return a != kNever && b != kNever && std::abs(a - b) <= kRounding * std::max(a, b);
}

}  // namespace

Flows::Flows(std::vector<double> capacities) : links_(capacities.size()), carried_(capacities.size()) {
  for (std::size_t link = 0; link < capacities.size(); ++link) links_[link] = {capacities[link], kNever, {}, false};
}

void Flows::look_at(LinkId id) {
  Link& link = links_[static_cast<std::size_t>(id)];
  if (std::exchange(link.is_due, true)) return;
  due_.push_back(id);
}

void Flows::touch(std::uint32_t flow) {
  if (std::exchange(flows_[flow].is_touched, true)) return;
  touched_.push_back(flow);
}

void Flows::start(double bytes, std::span<const Share> way, std::int32_t owner) {
  std::uint32_t id = 0;
  if (free_.empty()) {
    id = static_cast<std::uint32_t>(flows_.size());
    flows_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Flow& flow = flows_[id];
  flow.way = way;
  flow.places.clear();
  flow.bytes = flow.left = bytes;
  flow.since_s = now_s_;
  flow.rate = 0;
  flow.number = n_started_++;
  flow.owner = owner;
  for (std::uint32_t place = 0; place < way.size(); ++place) {
    Link& link = links_[static_cast<std::size_t>(way[place].link)];
    flow.places.push_back(static_cast<std::uint32_t>(link.flows.size()));
    link.flows.push_back({id, place});
    look_at(way[place].link);
  }
  touch(id);
  ++n_flows_;
}

void Flows::remove(std::uint32_t id) {
  Flow& flow = flows_[id];
  for (std::uint32_t place = 0; place < flow.way.size(); ++place) {
    const Share& share = flow.way[place];
    carried_[static_cast<std::size_t>(share.link)] += flow.bytes * share.flows;
    std::vector<Passage>& passages = links_[static_cast<std::size_t>(share.link)].flows;
    const std::uint32_t at = flow.places[place];
    passages[at] = passages.back();
    passages.pop_back();
    if (at < passages.size()) flows_[passages[at].flow].places[passages[at].place] = at;
    look_at(share.link);
  }
  ++flow.version;
  free_.push_back(id);
  --n_flows_;
}

double Flows::granted_elsewhere(const Flow& flow, std::uint32_t place) const {
  double granted = kNever;
  for (std::uint32_t other = 0; other < flow.way.size(); ++other) {
    if (other == place) continue;
    granted = std::min(granted, links_[static_cast<std::size_t>(flow.way[other].link)].level);
  }
  return granted;
}

/// Infinite where the link can give its flows all that others grant them.
double Flows::level_of(const Link& link) {
  grants_.clear();
  double wanted = 0;
  double flows = 0;
  for (const Passage& passage : link.flows) {
    const Flow& flow = flows_[passage.flow];
    grants_.emplace_back(granted_elsewhere(flow, passage.place), flow.way[passage.place].flows);
    wanted += grants_.back().first * grants_.back().second;
    flows += grants_.back().second;
  }
  if (wanted <= link.capacity * (1 + kRounding)) return kNever;
  double left = link.capacity;
  double level = left / flows;
  // Those that take less than an equal share leave more to the others, until none does.
  for (bool again = true; again;) {
    again = false;
    for (auto& [grant, weight] : grants_) {
      if (weight == 0 || grant > level) continue;
      left -= grant * weight;
      flows -= weight;
      weight = 0;
      again = true;
    }
    if (flows <= 0) break;
    level = std::max(level, left / flows);
  }
  return level;
}

/// Others on the ways of its flows are to be looked at where this makes a difference to them.
void Flows::raise_or_lower(LinkId id, double level) {
  Link& link = links_[static_cast<std::size_t>(id)];
  const double nearer = std::min(level, link.level);
  link.level = level;
  for (const Passage& passage : link.flows) {
    const Flow& flow = flows_[passage.flow];
    double least = kNever;
    double second = kNever;
    std::uint32_t least_at = passage.place;
    for (std::uint32_t other = 0; other < flow.way.size(); ++other) {
      if (other == passage.place) continue;
      const double granted = links_[static_cast<std::size_t>(flow.way[other].link)].level;
      if (granted < least) {
        second = least;
        least = granted;
        least_at = other;
      } else {
        second = std::min(second, granted);
      }
    }
    for (std::uint32_t other = 0; other < flow.way.size(); ++other) {
      if (other != passage.place && nearer < (other == least_at ? second : least)) look_at(flow.way[other].link);
    }
    if (nearer < least) touch(passage.flow);
  }
}

void Flows::settle() {
  for (std::size_t next = 0; next < due_.size(); ++next) {
    const LinkId id = due_[next];
    Link& link = links_[static_cast<std::size_t>(id)];
    link.is_due = false;
    const double level = level_of(link);
    if (!is_same(level, link.level)) raise_or_lower(id, level);
  }
  due_.clear();
  give_rates();
}

void Flows::give_rates() {
  for (const std::uint32_t id : touched_) {
    Flow& flow = flows_[id];
    flow.is_touched = false;
    const double rate = granted_elsewhere(flow, static_cast<std::uint32_t>(flow.way.size()));
    if (is_same(rate, flow.rate)) continue;
    flow.left -= flow.rate * (now_s_ - flow.since_s);
    flow.since_s = now_s_;
    flow.rate = rate;
    ++flow.version;
    if (rate <= 0) continue;
    const double takes_s = rate == kNever ? 0 : std::max(0.0, flow.left) / rate;
    ends_.emplace(now_s_ + takes_s, flow.number, id, flow.version);
  }
  touched_.clear();
}

bool Flows::is_stale(const End& end) const { return flows_[std::get<2>(end)].version != std::get<3>(end); }

double Flows::next_end_s() {
  settle();
  while (!ends_.empty() && is_stale(ends_.top())) ends_.pop();
  return ends_.empty() ? kNever : std::get<0>(ends_.top());
}

void Flows::advance_to(double now_s, std::vector<std::int32_t>& ended) {
  STRETTO_ASSERT(now_s <= next_end_s());
  now_s_ = now_s;
  const double until_s = now_s + now_s * kTogether;
  while (!ends_.empty() && std::get<0>(ends_.top()) <= until_s) {
    const End end = ends_.top();
    ends_.pop();
    if (is_stale(end)) continue;
    ended.push_back(flows_[std::get<2>(end)].owner);
    remove(std::get<2>(end));
  }
}

}  // namespace stretto
