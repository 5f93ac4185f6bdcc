// Plans as the simulator runs them: steps with their connections and ways looked up, small enough for ten thousand
// ranks. Part of the simulator.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "plan/geometry.hpp"
#include "plan/simulator.hpp"

namespace stretto {

struct SimulatedStep {
  StepKind kind = StepKind::copy;
  bool moves_bytes = false;      ///< into a slot, over the way
  std::int32_t connection = -1;  ///< of steps that synchronise
  std::int32_t way = -1;         ///< of those that move into a slot
  std::int32_t within = 0;       ///< of those that move: the chunk's place in its block
  std::int32_t sources = 0;      ///< how many
};

struct SimulatedStrand {
  Rank rank = 0;
  std::int32_t channel = 0;
  std::uint32_t body = 0;      ///< the first step
  std::uint32_t epilogue = 0;  ///< the first step after the body
  std::uint32_t end = 0;
};

/// The strands of all ranks and channels that are run.
class SimulatedPrograms {
 public:
  SimulatedPrograms(const PlanOf& plan_of, std::uint64_t block_bytes, const SimulatedMachine& machine);

  const std::vector<SimulatedStrand>& strands() const { return strands_; }
  const SimulatedStep& step(std::uint32_t at) const { return steps_[at]; }
  std::span<const Share> way(std::int32_t number) const { return *ways_[static_cast<std::size_t>(number)]; }
  const ChannelGeometry& geometry(std::int32_t channel) const { return geometries_[static_cast<std::size_t>(channel)]; }
  std::size_t n_connections() const { return connections_.size(); }
  /// Messages and ranks that each one that is run stands for.
  std::uint64_t stands_for() const { return stands_for_; }
  /// False: the machine's go_on() ended it, and there is nothing here.
  bool complete() const { return complete_; }
  /// For people.
  std::string describe(const SimulatedStrand& strand, std::uint32_t step) const;

 private:
  void add(const Plan& plan);
  void add(const Strand& strand, Rank rank);
  SimulatedStep looked_up(const Step& step, Rank rank, std::int32_t channel);
  std::int32_t connection(Rank from, Rank to, std::int32_t channel);

  SimulatedMachine machine_;
  std::int32_t n_ranks_ = 0;
  std::int32_t chunks_per_block_ = 1;
  std::uint64_t stands_for_ = 1;
  bool complete_ = true;
  std::vector<ChannelGeometry> geometries_;
  std::vector<SimulatedStep> steps_;
  std::vector<SimulatedStrand> strands_;
  std::vector<const std::vector<Share>*> ways_;
  std::unordered_map<const std::vector<Share>*, std::int32_t> number_of_way_;
  std::unordered_map<std::uint64_t, std::int32_t> connections_;
};

}  // namespace stretto
