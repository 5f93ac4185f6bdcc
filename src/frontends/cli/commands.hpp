// The commands of `stretto`. Each prints to standard output and throws Error for what the user can mend.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plan/cost_model.hpp"
#include "plan/simulator.hpp"
#include "topology/graph/machine.hpp"

namespace stretto::cli {

constexpr int kBadArguments = 2;

/// Understands the arguments (argv[0] is the program), runs the command and gives the exit status: 0, or kBadArguments
/// where what is wrong with them has been said. Throws what the command throws.
int run(int argc, const char* const* argv);

struct PlanOptions {
  std::optional<std::string> from;  ///< a file of MSCCL's or MSCCL++'s, which says all but `rank` and `json`
  std::string collective;
  std::string algorithm;
  int n_ranks = 0;
  std::optional<int> rank;      ///< all, if not given and not too many
  std::optional<int> root;      ///< 0, if not given and needed
  std::optional<int> channels;  ///< as few as the algorithm needs, if not given
  bool json = false;
};

struct ExplainOptions {
  std::string collective;
  std::string algorithm;  ///< "": the planner's choice
  int n_ranks = 0;
  std::optional<int> root;
  std::uint64_t block_bytes = 0;
  int max_channels = 0;
  LinkModel link;
  bool by_defaults = false;  ///< although there are constants of this machine
  /// Of a machine or cluster, as SimulateOptions has them: then the choice is the simulator's.
  std::optional<std::string> file;
  std::optional<std::string> cluster;
  bool json = false;
};

struct TuneOptions {
  std::string out;  ///< "": the cache, where communicators look
  int n_ranks = 2;
  double seconds = 9;
  std::uint64_t most_bytes = 1 << 24;
  bool force = false;  ///< keep them even if the defaults predict better
  bool gpus = true;    ///< two of them, too, where there are two
  bool json = false;
};

/// Measures this machine's constants and writes them to a file. On a terminal it shows how far it is. Throws Error
/// where they are not worth keeping.
void tune(const TuneOptions& options);

struct SimulateOptions {
  std::string collective;
  std::uint64_t block_bytes = 0;
  std::optional<std::string> file;     ///< of a topology: one host
  std::optional<std::string> cluster;  ///< a line (topology/files/cluster_line.hpp); one of both is given
  std::string algorithm = "all";
  std::optional<int> n_ranks;  ///< the first of them; all, if not given
  std::optional<int> root;
  int channels = 0;  ///< 0: as few as an algorithm needs
  double latency_us = 1e6 * SimulatedMachine().latency_s;
  std::optional<std::uint64_t> slot_bytes;  ///< the best of several, if not given
  std::uint32_t slots = SimulatedMachine().slots;
  std::vector<std::string> late;   ///< "RANK:US"
  std::vector<std::string> stops;  ///< "RANK:US"
  double limit_s = 60;             ///< of each algorithm, by the clock
  bool json = false;
};

/// What algorithms come to on a machine or cluster that is not at hand. On a terminal it shows how far it is.
void print_simulation(const SimulateOptions& options);

/// Names of the rows, for messages that give the choices.
std::vector<std::string> collective_names();
std::vector<std::string> algorithm_names();

/// Throws Error(strettoInvalidArgument) that names them.
Collective collective_of(const std::string& name);
/// The root of a collective that has one, -1 of one that has none. Throws Error(strettoInvalidArgument).
Rank root_of(Collective collective, std::optional<int> root, int n_ranks);

void print_plan(const PlanOptions& options);
/// Of a file; says on standard error what it is.
void print_foreign_plan(const PlanOptions& options);
/// Throws Error(strettoInvalidArgument): all ranks are asked for, and they are many.
void check_ranks_printed(const PlanOptions& options, int n_ranks);
void print_choice(const ExplainOptions& options);
void print_version();
/// The variables with their values in force, or the page of the documentation.
void print_environment(bool markdown);
/// The same of NCCL's variables: what those that are set mean here, or the page.
void print_nccl_environment(bool markdown);

struct TopologyOptions {
  std::string file;                    ///< as NCCL or hwloc writes it; "": this machine
  std::optional<std::string> cluster;  ///< a line (topology/files/cluster_line.hpp), and no file
  bool json = false;
  bool xml = false;
  bool svg = false;
};

/// The machine of a topology file; what it has that is not understood is said on standard error. Throws Error.
topology::Machine machine_from_file(const std::string& path);

/// A kind of hosts of a cluster: a name of topology/graph/host_kinds.hpp, or the path of such a file. Throws Error.
topology::Machine machine_of_kind(const std::string& kind);

/// As a tree or a table to read, unless one of the others is asked for. What the file has that is not understood is
/// said on standard error.
void print_topology(const TopologyOptions& options);

/// To standard output; throws Error(strettoSystemError) if it does not take all.
void print(const std::string& text);

/// The folder of this program. Throws Error.
std::string own_folder();

/// Becomes NAME_perf, or throws an Error that names those there are, if there is none or no name. `arguments` follow
/// the name.
[[noreturn]] void run_perf(const std::string& name, const std::vector<std::string>& arguments);

struct RunOptions {
  std::string library;             ///< "": the one that was installed, or built, with this program
  std::vector<std::string> words;  ///< program and arguments
};

/// Becomes the program, with stretto's libnccl.so.2 before any other; says on standard error what it put in and what
/// that replaces. Throws Error if that could have no effect.
[[noreturn]] void run_program(const RunOptions& options);

}  // namespace stretto::cli
