#include "frontends/cli/commands.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "algorithms/catalogue.hpp"
#include "base/text.hpp"
#include "planner/plan_json.hpp"
#include "planner/plan_text.hpp"
#include "tuning/tuning_file.hpp"

namespace stretto::cli {
namespace {

constexpr int kMostExplainedRanks = 4096;

// Steps grow with the square of the ranks: 64 of them fill some megabytes, thousands of them the memory.
constexpr int kMostRanksPrinted = 64;

/// As JSON has it. Paths may hold anything.
std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

}  // namespace

// A shorter output than promised must not look like success.
void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw Error(strettoSystemError, "standard output cannot be written");
  }
}

Collective collective_of(const std::string& name) {
  if (const auto collective = collective_from_name(name)) return *collective;
  throw Error(strettoInvalidArgument,
              format("collective \"{}\" is unknown; these are: {}", name, joined(collective_names())), "collective");
}

Rank root_of(Collective collective, std::optional<int> root, int n_ranks) {
  const CollectiveRow& row = row_of(collective);
  if (!row.rooted && root) {
    throw Error(strettoInvalidArgument, format("{} has no root: leave --root out", row.name), "root");
  }
  const Rank chosen = row.rooted ? root.value_or(0) : -1;
  if (row.rooted && (chosen < 0 || chosen >= n_ranks)) {
    throw Error(strettoInvalidArgument, format("root {} is outside 0..{}", chosen, n_ranks - 1), "root");
  }
  return chosen;
}

std::vector<std::string> collective_names() {
  std::vector<std::string> names;
  for (const CollectiveRow& row : collective_rows()) names.emplace_back(row.name);
  return names;
}

std::vector<std::string> algorithm_names() {
  std::vector<std::string> names;
  for (const AlgorithmRow& row : catalogue()) names.emplace_back(row.name);
  return names;
}

void check_ranks_printed(const PlanOptions& options, int n_ranks) {
  if (options.rank || n_ranks <= kMostRanksPrinted) return;
  throw Error(strettoInvalidArgument,
              format("the steps of {} ranks are too many to print: name one with --rank", n_ranks), "rank");
}

void print_plan(const PlanOptions& options) {
  if (options.from) return print_foreign_plan(options);
  const Collective collective = collective_of(options.collective);
  const AlgorithmRow& row = require_algorithm(options.algorithm, collective);
  const PlanSpec spec{collective, row.name, options.n_ranks, root_of(collective, options.root, options.n_ranks),
                      options.channels.value_or(row.channel_multiple)};
  check_ranks_printed(options, options.n_ranks);
  std::vector<RankPlan> plans;
  const Rank first = options.rank.value_or(0);
  const Rank last = options.rank.value_or(options.n_ranks - 1);
  for (Rank rank = first; rank <= last; ++rank) plans.push_back({rank, make_plan(spec, rank)});
  print(options.json ? plan_to_json(plans) : plan_to_text(plans));
}

void print_choice(const ExplainOptions& options) {
  if (options.file || options.cluster) {
    SimulateOptions simulated;
    simulated.collective = options.collective;
    simulated.block_bytes = options.block_bytes;
    simulated.file = options.file;
    simulated.cluster = options.cluster;
    if (!options.algorithm.empty()) simulated.algorithm = options.algorithm;
    if (options.n_ranks > 0) simulated.n_ranks = options.n_ranks;
    simulated.root = options.root;
    if (options.link.slot_bytes != LinkModel().slot_bytes) simulated.slot_bytes = options.link.slot_bytes;
    if (options.link.slots != LinkModel().slots) simulated.slots = options.link.slots;
    if (options.max_channels != 0 || options.link.ranks_per_core != LinkModel().ranks_per_core) {
      throw Error(strettoInvalidArgument,
                  "--max-channels and --ranks-per-core are of the cost model, which a machine or cluster is not priced "
                  "by: leave them out, or leave out --topology and --cluster",
                  "topology");
    }
    simulated.json = options.json;
    print_simulation(simulated);
    return;
  }
  if (options.n_ranks < 1 || options.n_ranks > kMostExplainedRanks) {
    throw Error(strettoInvalidArgument,
                format("explain needs --ranks from 1 to {}, or a machine: --topology FILE, or --cluster LINE",
                       kMostExplainedRanks),
                "ranks");
  }
  const Collective collective = collective_of(options.collective);
  TuningInForce tuning;
  if (!options.by_defaults) tuning = tuning_in_force(Environment::read());
  if (!tuning.warning.empty()) std::fprintf(stderr, "stretto: warning: %s\n", tuning.warning.c_str());
  LinkModel link = options.link;
  static_cast<LinkConstants&>(link) = tuning.constants;
  const PlanChoice choice =
      choose_plan(collective, options.block_bytes, options.n_ranks, root_of(collective, options.root, options.n_ranks),
                  options.max_channels, link, options.algorithm);
  if (!options.json) {
    return print(choice_to_text(choice, options.block_bytes, link) +
                 format("\nconstants: {} ({})\n", tuning.source, to_string(tuning.constants)));
  }
  std::string json = choice_to_json(choice, options.block_bytes, link);
  json.insert(json.find('\n') + 1, format("  \"constants_from\": {},\n", json_text(tuning.source)));
  print(json);
}

void print_version() { print(format("stretto {}.{}.{}\n", STRETTO_MAJOR, STRETTO_MINOR, STRETTO_PATCH)); }

}  // namespace stretto::cli
