// The arguments of `stretto`, and which command they ask for.
#include <CLI/CLI.hpp>
#include <string_view>

#include "base/error.hpp"
#include "frontends/cli/commands.hpp"

namespace stretto::cli {
namespace {

void add_plan(CLI::App& app, PlanOptions& options) {
  CLI::App* command = app.add_subcommand("plan", "Print the steps of a plan");
  CLI::Option* from =
      command->add_option("--from", options.from, "Of this file, which MSCCL (XML) or MSCCL++ (JSON) has written");
  CLI::Option* collective =
      command->add_option("--collective", options.collective, "What is done (needed without --from)");
  collective->check(CLI::IsMember(collective_names()))->excludes(from);
  CLI::Option* algorithm =
      command->add_option("--algorithm", options.algorithm, "How it is done (needed without --from)");
  algorithm->check(CLI::IsMember(algorithm_names()))->excludes(from);
  CLI::Option* ranks = command->add_option("--ranks", options.n_ranks, "Number of ranks (needed without --from)");
  ranks->check(CLI::Range(1, 4096))->excludes(from);
  command->add_option("--rank", options.rank, "Only this rank's steps (needed above 64 ranks)");
  command->add_option("--root", options.root, "Root of rooted collectives (default 0)")->excludes(from);
  command->add_option("--channels", options.channels, "Channels (default: as few as the algorithm needs)")
      ->check(CLI::Range(1, 64))
      ->excludes(from);
  command->add_flag("--json", options.json, "Print JSON");
  // Options that are needed unless another one is there, CLI11 does not know.
  command->callback([from, collective, algorithm, ranks] {
    for (const CLI::Option* each : {collective, algorithm, ranks}) {
      if (from->empty() && each->empty()) throw CLI::RequiredError(each->get_name());
    }
  });
}

void add_explain(CLI::App& app, ExplainOptions& options) {
  CLI::App* command = app.add_subcommand("explain", "Show what the planner would choose, and why");
  command->add_option("--collective,COLLECTIVE", options.collective, "What is done")
      ->required()
      ->check(CLI::IsMember(collective_names()));
  command->add_option("--ranks", options.n_ranks, "Number of ranks (of a topology or cluster: only the first)")
      ->check(CLI::Range(1, 1 << 20));
  command->add_option("--bytes,BYTES", options.block_bytes, "Bytes of a block (1K, 4M, ...): what a rank gives or gets")
      ->required()
      ->transform(CLI::AsSizeValue(false));
  command->add_option("--algorithm", options.algorithm, "Take this one")->check(CLI::IsMember(algorithm_names()));
  command->add_option("--root", options.root, "Root of rooted collectives (default 0)");
  command->add_option("--max-channels", options.max_channels, "Most channels (0: no limit)")->check(CLI::Range(0, 64));
  CLI::Option* file = command->add_option("--topology", options.file, "Of this host: what the simulator finds");
  command->add_option("--cluster", options.cluster, "Of these hosts, as stretto simulate has them")->excludes(file);
  command->add_option("--ranks-per-core", options.link.ranks_per_core, "Ranks that share a core")
      ->check(CLI::Range(1, 4096));
  command->add_option("--slot-bytes", options.link.slot_bytes, "Bytes of a slot")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::uint64_t{64}, std::uint64_t{1} << 30));
  command->add_option("--slots", options.link.slots, "Slots per connection")->check(CLI::Range(1, 1 << 16));
  command->add_flag("--defaults", options.by_defaults, "By the default constants, although stretto tune measured some");
  command->add_flag("--json", options.json, "Print JSON");
}

void add_tune(CLI::App& app, TuneOptions& options) {
  CLI::App* command =
      app.add_subcommand("tune", "Measure this machine's constants, by which the planner chooses, and keep them");
  command->add_option("--out", options.out, "Write them here (default: the cache, where communicators look)");
  command->add_option("--ranks", options.n_ranks, "Ranks that measure, a core for each (default 2)")
      ->check(CLI::Range(2, 8));
  command->add_option("--seconds", options.seconds, "About how long (default 9)")->check(CLI::Range(0.01, 3600.0));
  command->add_option("--most-bytes", options.most_bytes, "Largest block (default 16M)")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::uint64_t{1} << 14, std::uint64_t{1} << 30));
  command->add_flag("--force", options.force, "Keep them even if the defaults predict better");
  command->add_flag("!--no-gpus", options.gpus, "Leave the GPUs alone (default: two of them are measured, too)");
  command->add_flag("--json", options.json, "Print JSON");
}

void add_simulate(CLI::App& app, SimulateOptions& options) {
  CLI::App* command =
      app.add_subcommand("simulate", "Run algorithms on a machine or a cluster that is not at hand, and compare them");
  command->add_option("COLLECTIVE", options.collective, "What is done")
      ->required()
      ->check(CLI::IsMember(collective_names()));
  command->add_option("BYTES", options.block_bytes, "Bytes of a block (1K, 4M, ...): what a rank gives or gets")
      ->required()
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 50));
  // No group of options that asks for one of them: CLI11 2.1 never ends where an unknown one follows a group.
  CLI::Option* file =
      command->add_option("--topology", options.file, "One host: a topology file, as stretto topo reads it");
  command
      ->add_option("--cluster", options.cluster,
                   "Many: \"128 hosts x dgx-h100, rail-optimised, 2:1 spine\" (docs/topology.md has the grammar)")
      ->excludes(file);
  std::vector<std::string> names = algorithm_names();
  names.insert(names.begin(), "all");
  command->add_option("--algorithm", options.algorithm, "This one alone")->check(CLI::IsMember(names));
  command->add_option("--ranks", options.n_ranks, "Only the first ranks (default: every GPU is one)")
      ->check(CLI::Range(1, 1 << 20));
  command->add_option("--root", options.root, "Root of rooted collectives (default 0)");
  command
      ->add_option(
          "--channels", options.channels,
          "Channels (default: as few as use all links that it can); rail_trees then has stars within hosts, and "
          "forest at most so many")
      ->check(CLI::Range(1, 1024));
  command->add_option("--latency-us", options.latency_us, "Of each message")->check(CLI::Range(0.0, 1e6));
  command
      ->add_option("--slot-bytes", options.slot_bytes,
                   "Bytes of a slot (default: the best of 16K to 4M; beyond 4096 ranks, of 64K and 256K)")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::uint64_t{64}, std::uint64_t{1} << 30));
  command->add_option("--slots", options.slots, "Slots per connection")->check(CLI::Range(1, 1024));
  command->add_option("--late", options.late, "RANK:US: a rank that begins so much later than the others (repeatable)");
  command->add_option("--stop", options.stops, "RANK:US: a rank that stops after so long (repeatable)");
  command->add_option("--limit-s", options.limit_s, "Seconds after which an algorithm is given up (default 60)")
      ->check(CLI::Range(0.0, 1e6));
  command->add_flag("--json", options.json, "Print JSON");
}

void add_run(CLI::App& app, RunOptions& options) {
  CLI::App* command = app.add_subcommand(
      "run", "Run a program with stretto in NCCL's place: stretto run [--library PATH] [--] PROGRAM [ARGUMENTS]");
  command->add_option("--library", options.library, "Put in this libnccl.so.2 (default: the one beside this program)");
}

void add_topology(CLI::App& app, TopologyOptions& options) {
  CLI::App* command = app.add_subcommand("topo", "Show this machine, one that a topology file describes, or a cluster");
  CLI::Option* file =
      command->add_option("FILE", options.file, "What NCCL reads as NCCL_TOPO_FILE, or `lstopo --of xml` writes");
  command->add_option("--cluster", options.cluster, "A cluster in one line, as \"2 hosts x dgx-h100\"")->excludes(file);
  CLI::Option* json = command->add_flag("--json", options.json, "Print JSON");
  CLI::Option* xml = command->add_flag("--xml", options.xml, "Print such a file");
  command->add_flag("--svg", options.svg, "Print a picture")->excludes(json)->excludes(xml);
  json->excludes(xml);
}

/// How many of the arguments are ours: the program of `stretto run` and all that follows it are its own, and CLI11 must
/// not look for options among them.
int own_arguments(int argc, const char* const* argv) {
  if (argc < 2 || std::string_view(argv[1]) != "run") return argc;
  int n = 2;
  for (; n < argc && argv[n][0] == '-'; ++n) {
    const std::string_view word = argv[n];
    if (word == "--") return n;
    if (word == "--library" && n + 1 < argc) ++n;
  }
  return n;
}

std::vector<std::string> program_words(int first, int argc, const char* const* argv) {
  if (first < argc && std::string_view(argv[first]) == "--") ++first;
  return {argv + first, argv + argc};
}

}  // namespace

int run(int argc, const char* const* argv) {
  CLI::App app("stretto: collective communication between the ranks of a parallel program", "stretto");
  app.require_subcommand(1);
  PlanOptions plan;
  ExplainOptions explain;
  std::string perf_name;
  const int n_own = own_arguments(argc, argv);
  RunOptions program;
  bool as_markdown = false;
  bool of_nccl = false;
  add_plan(app, plan);
  add_explain(app, explain);
  CLI::App* env = app.add_subcommand("env", "List the environment variables and their values");
  env->add_flag("--markdown", as_markdown, "Print the page of the documentation");
  env->add_flag("--nccl", of_nccl, "Of NCCL's variables: what those that are set mean here");
  app.add_subcommand("version", "Print the version");
  // The tool's own options are its own: everything after the name is passed on untouched.
  CLI::App* perf = app.add_subcommand("perf", "Run a performance tool: stretto perf NAME [its options]");
  perf->prefix_command();
  TopologyOptions topology;
  add_topology(app, topology);
  SimulateOptions simulation;
  add_simulate(app, simulation);
  add_run(app, program);
  TuneOptions tuning;
  add_tune(app, tuning);
  try {
    app.parse(n_own, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadArguments;
  }
  if (app.got_subcommand("plan")) print_plan(plan);
  if (app.got_subcommand("explain")) print_choice(explain);
  if (app.got_subcommand("env")) of_nccl ? print_nccl_environment(as_markdown) : print_environment(as_markdown);
  if (app.got_subcommand("topo")) print_topology(topology);
  if (app.got_subcommand("simulate")) print_simulation(simulation);
  if (app.got_subcommand("tune")) tune(tuning);
  if (app.got_subcommand("version")) print_version();
  if (app.got_subcommand("perf")) {
    std::vector<std::string> words = perf->remaining();
    if (!words.empty()) {
      perf_name = words.front();
      words.erase(words.begin());
    }
    run_perf(perf_name, words);
  }
  if (app.got_subcommand("run")) {
    program.words = program_words(n_own, argc, argv);
    run_program(program);
  }
  return 0;
}

}  // namespace stretto::cli
