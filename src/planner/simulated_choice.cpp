#include "planner/simulated_choice.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "algorithms/catalogue.hpp"
#include "algorithms/forest/packed.hpp"
#include "base/text.hpp"
#include "planner/host_trees.hpp"
#include "planner/planner.hpp"

namespace stretto {
namespace {

/// Packing trees costs a second for 16 ranks, and many for 32.
constexpr std::int32_t kMostRanksOfForest = 16;
constexpr std::int64_t kMostTreesOfRank = 16;
/// The most channels of a plan along one host's trees; each of a root's trees may then have several.
constexpr std::int64_t kMostChannels = 128;
constexpr std::int64_t kMostRepeats = 16;
/// What the plans of all ranks that are run may take.
constexpr std::uint64_t kMostPlanBytes = std::uint64_t{3} << 30;
/// As the simulator holds it, with its share of connections.
constexpr std::uint64_t kBytesOfStep = 64;
/// Fewer are all run: it takes no time, and chunks have their own sizes.
constexpr std::int32_t kFewRanks = 128;

/// Few trees are shallow, and few channels; more of them leave less of the links unused. As many as bring the last
/// percent.
/// @param root of the collective; -1: it has none
topology::Forest trees_of(const topology::Network& network, Rank root, std::int64_t most) {
  const auto pack = [&](std::int64_t units) {
    return root < 0 ? topology::pack_trees(network, {units}) : topology::pack_trees_of(network, root, {units});
  };
  topology::Forest best = pack(most);
  for (std::int64_t units = 1; units < best.units_per_root; units *= 2) {
    topology::Forest fewer = pack(units);
    if (fewer.rate_megabytes_per_s() >= 0.99 * best.rate_megabytes_per_s()) return fewer;
  }
  return best;
}

PlanSpec spec_of(const AlgorithmRow& row, const SimulatedRequest& request, std::int32_t n_ranks) {
  PlanSpec spec{request.collective,
                row.name,
                n_ranks,
                row_of(request.collective).rooted ? request.root : -1,
                row.channel_multiple,
                knows_groups(row.reach) ? request.groups : std::vector<std::int32_t>(),
                {}};
  if (row.reach == Reach::rails) {
    spec.rails = request.on_rails;
    spec.widths = request.widths;
  }
  if (request.channels > 0) {
    spec.channels = std::max(request.channels, row.channel_multiple);
  } else if (row.even_channels != nullptr) {
    spec.channels = row.even_channels(spec);
  }
  spec.channels -= spec.channels % row.channel_multiple;
  return spec;
}

/// Which ranks or channels stand for all, and what that makes of the links.
struct Folding {
  const topology::Likeness* likeness = nullptr;
  std::int32_t ranks = 0;
  std::int32_t channels = 0;

  std::int32_t stands_for(const PlanSpec& spec) const {
    if (ranks > 0) return spec.n_ranks / ranks;
    return channels > 0 ? spec.channels / channels : 1;
  }
};

Folding folding_of(const AlgorithmRow& row, const PlanSpec& spec, const SimulatedRequest& request,
                   const SimulatedMachine& machine) {
  if (spec.n_ranks <= kFewRanks || !machine.late.empty() || !machine.stops.empty()) return {};
  const std::int32_t ranks = std::lcm(row.alike.ranks, request.hosts.ranks);
  if (ranks > 0 && spec.root < 0 && spec.n_ranks % ranks == 0) return {&request.hosts, ranks, 0};
  const std::int32_t all_rails = row.alike.channels * request.rails.rails;
  if (all_rails > 0 && spec.root < 0 && spec.rails.empty() && spec.channels % all_rails == 0) {
    return {&request.rails, 0, row.alike.channels};
  }
  return {};
}

/// What the simulator holds of an average rank, by a plan with as few channels as there can be. A root has more than
/// others, so not of it.
std::uint64_t bytes_of_rank(const AlgorithmRow& row, PlanSpec spec, const SimulatedMachine& machine) {
  const auto channels = static_cast<std::uint64_t>(spec.channels);
  const Rank rank = spec.n_ranks > 1 && spec.root == 0 ? 1 : 0;
  if (row.reach != Reach::trees) spec.channels = row.channel_multiple;
  std::uint64_t steps = 0;
  std::uint64_t drains = 0;  // one for each connection that a strand sends by
  for (const Strand& strand : make_plan(spec, rank).program.strands) {
    steps += strand.body.size() + strand.epilogue.size();
    drains += strand.epilogue.size();
  }
  const std::uint64_t bytes = steps * kBytesOfStep + drains * 2 * sizeof(double) * machine.slots;
  const std::uint64_t run = machine.like_channels > 0 ? static_cast<std::uint64_t>(machine.like_channels) : channels;
  return bytes * run / static_cast<std::uint64_t>(spec.channels) + 1;
}

/// An algorithm on a network, whose trees are packed once, however many sizes of slots are tried.
class Trial {
 public:
  Trial(const AlgorithmRow& row, const SimulatedRequest& request, const topology::Network& network,
        const Routes::Way& way, const SimulatedMachine& machine)
      : row_(row),
        request_(request),
        machine_(machine),
        spec_(spec_of(row, request, network.n_ranks())),
        folding_(folding_of(row, spec_, request, machine)),
        routes_(network, way, folding_.likeness != nullptr ? *folding_.likeness : topology::Likeness(),
                folding_.stands_for(spec_)) {
    machine_.like_ranks = folding_.ranks;
    machine_.like_channels = folding_.channels;
    machine_.routes = &routes_;
    if (row.takes_parents == nullptr || network.n_ranks() == 1) return;
    if (row.reach == Reach::trees) {
      add_trees(network);
    } else if (folding_.likeness == nullptr && request.channels == 0) {
      add_host_trees();
    }
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  /// Along packed trees with half as many channels again and again: the fastest.
  SimulatedRow run(std::uint64_t slot_bytes) {
    machine_.slot_bytes = slot_bytes;
    if (most_repeats_ == 0) return run_once();
    SimulatedRow best;
    for (std::int32_t repeat = most_repeats_; repeat > 0; repeat /= 2) {
      use_trees(repeat);
      SimulatedRow row = run_once();
      const bool is_last = row.left_out == kEnded;
      const bool is_faster = row.left_out.empty() && (!best.left_out.empty() || row.seconds < best.seconds);
      if (best.algorithm.empty() || is_faster) best = std::move(row);
      if (is_last) break;
    }
    return best;
  }

 private:
  static constexpr std::string_view kEnded = "it was ended before it was done";

  SimulatedRow run_once() {
    SimulatedRow result;
    result.algorithm = row_.name;
    result.left_out = left_out_;
    if (!result.left_out.empty()) return result;
    result.channels = spec_.channels;
    result.left_out = reason_against();
    if (!result.left_out.empty()) return result;
    const Simulation simulation =
        simulate([&](Rank rank) { return make_plan(spec_, rank); }, request_.block_bytes, machine_);
    result.seconds = simulation.seconds;
    result.messages = simulation.messages;
    result.run_steps = simulation.run_steps;
    result.slot_bytes = machine_.slot_bytes;
    if (!simulation.complete) result.left_out = kEnded;
    if (!machine_.stops.empty() && simulation.waiting_ranks == 0 && simulation.unfinished) {
      result.left_out =
          format("all ranks that had not ended have stopped; nothing moves after {:.1f} us", simulation.seconds * 1e6);
    }
    if (simulation.waiting_ranks > 0) {
      result.left_out = format("{} rank(s) wait for ever for those that stopped; nothing moves after {:.1f} us",
                               simulation.waiting_ranks, simulation.seconds * 1e6);
    }
    if (simulation.seconds > 0) find_busiest(result, simulation);
    return result;
  }

  bool may_go_on() const { return !machine_.go_on || machine_.go_on(0); }

  /// Channels for each unit of the trees. Where a channel has a tree for each rank's block it sends one message after
  /// the other, and waits for one after the other: several side by side keep the links busy, more or less of them as
  /// ranks happen to meet.
  std::int32_t repeats() const {
    if (row_of(spec_.collective).blocks == Blocks::one) return 1;
    const std::int64_t most = request_.channels > 0 ? request_.channels : kMostChannels;
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(most / forest_.units_per_root, 1, kMostRepeats));
  }

  void add_trees(const topology::Network& network) {
    if (network.n_ranks() > kMostRanksOfForest) {
      left_out_ = format("trees are packed for at most {} ranks", kMostRanksOfForest);
      return;
    }
    const std::int64_t roots = spec_.collective == Collective::all_reduce ? network.n_ranks() : 1;
    const bool is_limited = request_.channels > 0;
    if (is_limited && request_.channels < roots) {
      left_out_ = format("each rank's tree needs a channel: give at least {}", roots);
      return;
    }
    const std::int64_t most = is_limited ? std::min(kMostTreesOfRank, request_.channels / roots) : kMostTreesOfRank;
    try {
      forest_ = trees_of(network, spec_.root, most);
    } catch (const Error& error) {
      left_out_ = error.what();
      return;
    }
    most_repeats_ = repeats();
  }

  /// The plan's trees, and the ways that they take.
  void use_trees(std::int32_t repeat) {
    const forest::PackedTrees packed = forest::packed_trees(forest_, spec_.collective, spec_.n_ranks, repeat);
    spec_.channels = packed.channels;
    spec_.parents = packed.parents;
    for (const forest::ChannelRoute& route : packed.routes) routes_.set(route.channel, route.vertices);
  }

  /// Trees within hosts, and the ways that they take, where they carry more than stars.
  void add_host_trees() {
    std::optional<TreesOfHosts> trees;
    try {
      trees = trees_of_hosts(spec_, request_.by_host, [&] { return may_go_on(); });
    } catch (const Error&) {
      return;  // stars need less, and say what they lack
    }
    if (!trees) return;
    PlanSpec with_trees = spec_;
    with_trees.parents = std::move(trees->parents);
    with_trees.channels = row_.even_channels(with_trees);
    const auto n_ranks = static_cast<std::uint64_t>(spec_.n_ranks);
    if (bytes_of_rank(row_, with_trees, machine_) > kMostPlanBytes / n_ranks) return;
    spec_ = std::move(with_trees);
    for (const forest::ChannelRoute& route : trees->routes) routes_.set(route.channel, route.vertices);
  }

  std::string reason_against() const {
    LinkModel link;
    link.slot_bytes = machine_.slot_bytes;
    link.slots = machine_.slots;
    if (knows_groups(row_.reach) && spec_.groups.empty())
      return "it needs two hosts or NUMA nodes, and two ranks on one of them";
    if (!fits(row_, spec_, 0, link)) {
      return format("it needs {} slots of {} parts", row_.min_slots, row_.parts_per_slot(spec_));
    }
    const auto n_run = static_cast<std::uint64_t>(folding_.ranks > 0 ? folding_.ranks : spec_.n_ranks);
    if (bytes_of_rank(row_, spec_, machine_) > kMostPlanBytes / n_run) {
      return format("the plans of {} ranks take more than {} GiB", n_run, kMostPlanBytes >> 30);
    }
    return "";
  }

  void find_busiest(SimulatedRow& row, const Simulation& simulation) const {
    for (std::size_t link = 0; link < simulation.link_bytes.size(); ++link) {
      const double part = simulation.link_bytes[link] / routes_.capacities()[link] / simulation.seconds;
      // Equal but for rounding: the first.
      if (part <= row.busy_part * (1 + 1e-9)) continue;
      row.busy_part = part;
      row.busiest = {routes_.from(static_cast<LinkId>(link)), routes_.to(static_cast<LinkId>(link))};
    }
  }

  const AlgorithmRow& row_;
  const SimulatedRequest& request_;
  SimulatedMachine machine_;
  PlanSpec spec_;
  Folding folding_;
  Routes routes_;
  topology::Forest forest_;        ///< of an algorithm along trees of one host
  std::int32_t most_repeats_ = 0;  ///< 0: there are no such trees
  std::string left_out_;
};

}  // namespace

std::vector<std::string_view> algorithms_for(Collective collective) {
  std::vector<std::string_view> names;
  for (const AlgorithmRow& row : catalogue()) {
    if (row.supports(collective)) names.push_back(row.name);
  }
  return names;
}

SimulatedRow simulate_algorithm(std::string_view algorithm, const SimulatedRequest& request,
                                const topology::Network& network, const Routes::Way& way,
                                const SimulatedMachine& machine, std::span<const std::uint64_t> slot_bytes) {
  Trial trial(require_algorithm(algorithm, request.collective), request, network, way, machine);
  SimulatedRow best;
  for (const std::uint64_t bytes : slot_bytes) {
    SimulatedRow row = trial.run(bytes);
    const bool is_slower = !best.algorithm.empty() && (!row.left_out.empty() || row.seconds > best.seconds);
    if (is_slower) break;
    if (best.algorithm.empty() || row.seconds < best.seconds) best = std::move(row);
    if (!best.left_out.empty()) break;
  }
  return best;
}

SimulatedRow simulate_algorithm(std::string_view algorithm, const SimulatedRequest& request,
                                const topology::Network& network, const Routes::Way& way,
                                const SimulatedMachine& machine) {
  return simulate_algorithm(algorithm, request, network, way, machine, std::span(&machine.slot_bytes, 1));
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
