#include "planner/simulated_choice.hpp"

#include <algorithm>
#include <utility>

#include "algorithms/catalogue.hpp"
#include "algorithms/forest/packed.hpp"
#include "base/text.hpp"
#include "planner/planner.hpp"

namespace stretto {
namespace {

/// Packing trees costs a second for 16 ranks, and many for 32.
constexpr std::int32_t kMostRanksOfForest = 16;
/// What all plans of all ranks may take.
constexpr std::uint64_t kMostPlanBytes = std::uint64_t{3} << 30;

/// Trees for the network, a channel for each unit, and the ways that they take. Trees of one unit from each root are
/// shallow on switches; where they leave more than a percent unused, there are more of them.
PlanSpec forest_spec(const SimulatedRequest& request, const topology::Network& network, Routes& routes) {
  topology::Forest trees = topology::pack_trees(network, {.units_per_root = 1});
  topology::Forest finer = topology::pack_trees(network);
  const bool is_plain = trees.rate_megabytes_per_s() >= 0.99 * finer.rate_megabytes_per_s();
  const std::int32_t n_ranks = network.n_ranks();
  const forest::PackedTrees packed = forest::packed_trees(is_plain ? trees : finer, request.collective, n_ranks,
                                                          is_plain ? std::max(1, n_ranks - 1) : 1);
  for (const forest::ChannelRoute& route : packed.routes) routes.set(route.channel, route.vertices);
  return {request.collective, "forest", n_ranks, -1, packed.channels, {}, packed.parents};
}

PlanSpec spec_of(const AlgorithmRow& row, const SimulatedRequest& request, std::int32_t n_ranks) {
  const std::int32_t channels = std::max(request.channels, row.channel_multiple);
  return {request.collective,
          row.name,
          n_ranks,
          row_of(request.collective).rooted ? request.root : -1,
          channels - channels % row.channel_multiple,
          row.reach == Reach::groups ? request.groups : std::vector<std::int32_t>(),
          {}};
}

std::string reason_against(const AlgorithmRow& row, const PlanSpec& spec, const SimulatedMachine& machine) {
  LinkModel link;
  link.slot_bytes = machine.slot_bytes;
  link.slots = machine.slots;
  if (row.reach == Reach::groups && spec.groups.empty())
    return "it needs two hosts or NUMA nodes, and two ranks on one of them";
  if (!fits(row, spec, 0, link)) {
    return format("it needs {} slots of {} parts", row.min_slots, row.parts_per_slot(spec));
  }
  return "";
}

/// Steps with their operands, and what each rank's plan holds of the spec.
std::uint64_t bytes_of(const Plan& plan) {
  std::uint64_t bytes = sizeof(Plan) + 4 * (plan.spec.groups.size() + plan.spec.parents.size());
  for (const Strand& strand : plan.program.strands) {
    for (const std::vector<Step>* steps : {&strand.body, &strand.epilogue}) {
      bytes += steps->size() * sizeof(Step);
      for (const Step& step : *steps) bytes += step.sources.size() * sizeof(Ref) + 16;
    }
  }
  return bytes;
}

void find_busiest(SimulatedRow& row, const Simulation& simulation, const Routes& routes) {
  for (std::size_t link = 0; link < simulation.link_bytes.size(); ++link) {
    const double part = simulation.link_bytes[link] / routes.capacities()[link] / simulation.seconds;
    // Equal but for rounding: the first.
    if (part <= row.busy_part * (1 + 1e-9)) continue;
    row.busy_part = part;
    row.busiest = {routes.from(static_cast<LinkId>(link)), routes.to(static_cast<LinkId>(link))};
  }
}

}  // namespace

std::vector<std::string_view> algorithms_for(Collective collective) {
  std::vector<std::string_view> names;
  for (const AlgorithmRow& row : catalogue()) {
    if (row.supports(collective)) names.push_back(row.name);
  }
  return names;
}

SimulatedRow simulate_algorithm(std::string_view algorithm, const SimulatedRequest& request,
                                const topology::Network& network, const Routes::Way& way, SimulatedMachine machine) {
  const AlgorithmRow& row = require_algorithm(algorithm, request.collective);
  SimulatedRow result;
  result.algorithm = row.name;
  Routes routes(network, way);
  machine.routes = &routes;
  PlanSpec spec = spec_of(row, request, network.n_ranks());
  if (row.reach == Reach::trees) {
    if (network.n_ranks() > kMostRanksOfForest) {
      result.left_out = format("trees are packed for at most {} ranks", kMostRanksOfForest);
      return result;
    }
    if (network.n_ranks() > 1) spec = forest_spec(request, network, routes);
  }
  result.channels = spec.channels;
  result.left_out = reason_against(row, spec, machine);
  if (!result.left_out.empty()) return result;
  std::vector<Plan> plans{make_plan(spec, 0)};
  if (bytes_of(plans.front()) > kMostPlanBytes / static_cast<std::uint64_t>(spec.n_ranks)) {
    result.left_out = format("the plans of {} ranks take more than {} GiB", spec.n_ranks, kMostPlanBytes >> 30);
    return result;
  }
  plans.reserve(static_cast<std::size_t>(spec.n_ranks));
  for (Rank rank = 1; rank < spec.n_ranks; ++rank) plans.push_back(make_plan(spec, rank));
  const Simulation simulation = simulate(plans, request.block_bytes, machine);
  result.seconds = simulation.seconds;
  result.messages = simulation.messages;
  if (!simulation.complete) result.left_out = "it was ended before it was done";
  if (simulation.seconds > 0) find_busiest(result, simulation, routes);
  return result;
}

double bus_gigabytes_per_s(Collective collective, std::int32_t n_ranks, std::uint64_t block_bytes, double seconds) {
  const CollectiveRow& row = row_of(collective);
  const double n = n_ranks;
  const double bytes = static_cast<double>(block_bytes) * (row.blocks == Blocks::one ? 1 : n);
  const double factor = row.bus_factor == BusFactor::one                ? 1
                        : row.bus_factor == BusFactor::n_minus_1_over_n ? (n - 1) / n
                                                                        : 2 * (n - 1) / n;
  return seconds > 0 ? bytes * factor / seconds / 1e9 : 0;
}

}  // namespace stretto
