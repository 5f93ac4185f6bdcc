// Bytes under way over shared links, as a fluid: each flow gets its fair share of the links it passes (max-min
// fairness: no flow can have more without another, which has no more than it, having less). Part of the simulator.
//
// Each link has a level: the most that it grants any of its flows, so that all they take fills it, given what the other
// links of each flow grant. A flow's rate is the least level on its way. When flows come and go only the levels nearby
// are worked out again, outwards as far as they change: a cluster has a hundred thousand links. It ends in the one fair
// sharing: the link with the least capacity for each of its flows is right as soon as it is looked at, whatever the
// others say, then the next such link, and so on.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <tuple>
#include <vector>

namespace stretto {

/// Index into the links' capacities.
using LinkId = std::int32_t;

/// A link on a flow's way, and how many flows like that one it carries: 1, unless one flow stands for several
/// (routes.hpp).
struct Share {
  LinkId link = 0;
  double flows = 1;

  friend bool operator==(const Share&, const Share&) = default;
};

class Flows {
 public:
  /// Bytes per second of each link.
  explicit Flows(std::vector<double> capacities);

  /// A flow over no link takes no time. The way must live until it has ended.
  /// @param owner whom advance_to() names
  void start(double bytes, std::span<const Share> way, std::int32_t owner);
  /// When the next one ends; infinite: none is under way, or none moves.
  double next_end_s();
  /// Moves all on to a time that is no later than next_end_s(); appends the owners of those that have ended, in the
  /// order in which they began where they end together.
  void advance_to(double now_s, std::vector<std::int32_t>& ended);

  bool empty() const { return n_flows_ == 0; }
  /// Bytes that each link has carried, of flows that have ended.
  const std::vector<double>& carried() const { return carried_; }

 private:
  struct Flow {
    std::span<const Share> way;
    std::vector<std::uint32_t> places;  ///< in the flows of each link on the way
    double bytes = 0;
    double left = 0;     ///< at `since_s`
    double since_s = 0;  ///< when it got its rate
    double rate = 0;
    std::uint64_t number = 0;  ///< in order of start
    std::uint32_t version = 0;
    std::int32_t owner = -1;
    bool is_touched = false;
  };
  /// A flow on a link, and the place of the link on the flow's way.
  struct Passage {
    std::uint32_t flow;
    std::uint32_t place;
  };
  struct Link {
    double capacity = 0;
    double level = 0;
    std::vector<Passage> flows;
    bool is_due = false;  ///< to be worked out
  };
  /// When, which by order of start, which, and of which version: what is no longer so is passed over.
  using End = std::tuple<double, std::uint64_t, std::uint32_t, std::uint32_t>;

  void settle();
  double level_of(const Link& link);
  double granted_elsewhere(const Flow& flow, std::uint32_t place) const;
  void raise_or_lower(LinkId id, double level);
  void look_at(LinkId id);
  void touch(std::uint32_t flow);
  void give_rates();
  void remove(std::uint32_t flow);
  bool is_stale(const End& end) const;

  double now_s_ = 0;
  std::vector<Link> links_;
  std::vector<double> carried_;
  std::vector<Flow> flows_;
  std::vector<std::uint32_t> free_;
  std::vector<LinkId> due_;
  std::vector<std::uint32_t> touched_;
  std::vector<std::pair<double, double>> grants_;  ///< while a level is worked out
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  std::uint64_t n_started_ = 0;
  std::size_t n_flows_ = 0;
};

}  // namespace stretto
