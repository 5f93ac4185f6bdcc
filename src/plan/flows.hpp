// Bytes under way over shared links, as a fluid: each flow gets its fair share of the links it passes (max-min
// fairness: no flow can have more without another, which has no more than it, having less). Part of the simulator.
#pragma once

#include <cstdint>
#include <vector>

namespace stretto {

/// Index into the links' capacities.
using LinkId = std::int32_t;

class Flows {
 public:
  /// Bytes per second of each link.
  explicit Flows(std::vector<double> capacities);

  /// `owner` says in advance() whose has ended. A flow over no link takes no time.
  void start(double bytes, const std::vector<LinkId>* links, std::int32_t owner);
  /// Seconds until the next one ends; infinite: none is under way, or none moves.
  double next_end_s();
  /// Moves all on by so much, which is no longer than next_end_s(); appends the owners of those that have ended.
  void advance(double seconds, std::vector<std::int32_t>& ended);

  bool empty() const { return flows_.empty(); }
  /// Bytes that each link has carried, of flows that have ended.
  const std::vector<double>& carried() const { return carried_; }

 private:
  struct Flow {
    double bytes;
    double left;
    const std::vector<LinkId>* links;
    std::int32_t owner;
    double rate;
  };

  struct Load {
    double left = 0;  ///< of the capacity
    std::int32_t users = 0;
    bool is_tight = false;
  };

  void share();
  void count_users();
  double least_share();

  std::vector<double> capacities_;
  std::vector<double> carried_;
  std::vector<Load> loads_;       ///< by link; of those that are not used anything
  std::vector<LinkId> used_;      ///< by some flow
  std::vector<Flow*> unsettled_;  ///< while shares are worked out
  std::vector<Flow> flows_;
  bool shared_ = true;  ///< the rates are those of flows_
};

}  // namespace stretto
