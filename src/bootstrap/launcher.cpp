#include "bootstrap/launcher.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.hpp"

namespace stretto {
namespace {

constexpr int kMostRanks = 1 << 20;

/// Reads one launcher's variables, with errors that name them.
class Reader {
 public:
  Reader(const Variables& variables, std::string_view launcher) : variables_(variables), launcher_(launcher) {}

  const std::string* find(std::string_view name) const {
    const auto found = variables_.find(std::string(name));
    return found == variables_.end() ? nullptr : &found->second;
  }
  bool has(std::string_view name) const { return find(name) != nullptr; }

  [[noreturn]] void refuse(std::string_view name, const std::string& why) const {
    ErrorInfo info;
    info.code = strettoInvalidArgument;
    info.field = std::string(name);
    info.name = "environment";
    info.text = format("{}: {} (read as {}'s; STRETTO_LAUNCHER chooses another launcher)", name, why, launcher_);
    throw Error(std::move(info));
  }
  /// The number of a variable that must be there.
  int number(std::string_view name, int least, int most) const {
    const std::string* const text = find(name);
    if (text == nullptr) refuse(name, "is not set, though the launcher's other variables are: pass them all on");
    int value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || end != text->data() + text->size() || value < least || value > most)
      refuse(name, format("is \"{}\": it must be a whole number from {} to {}", *text, least, most));
    return value;
  }
  std::optional<int> number_if_set(std::string_view name, int least, int most) const {
    return has(name) ? std::optional(number(name, least, most)) : std::nullopt;
  }
  /// The first of these that is set; else the first.
  template <typename Names>
  std::string_view first_set(const Names& names) const {
    const auto found = std::ranges::find_if(names, [&](std::string_view name) { return has(name); });
    return found == std::end(names) ? *std::begin(names) : *found;
  }
  /// NAME=value of those that are set.
  std::vector<std::string> said(std::initializer_list<std::string_view> names) const {
    std::vector<std::string> result;
    for (const std::string_view name : names) {
      if (const std::string* const value = find(name)) result.push_back(format("{}={}", name, *value));
    }
    return result;
  }

 private:
  const Variables& variables_;
  std::string_view launcher_;
};

void read_place(const Reader& reader, std::string_view rank, std::string_view size, Launch& launch) {
  launch.rank_variable = rank;
  launch.size_variable = size;
  launch.n_ranks = reader.number(size, 1, kMostRanks);
  launch.rank = reader.number(rank, 0, kMostRanks - 1);
  if (launch.rank >= launch.n_ranks)
    reader.refuse(
        rank, format("is {}, but {} is {}: ranks are 0 to {}", launch.rank, size, launch.n_ranks, launch.n_ranks - 1));
}

/// From the number of ranks on this host, where the launcher says it.
void read_local_place(const Reader& reader, std::string_view rank, std::string_view size, Launch& launch) {
  const std::optional<int> n_local = reader.number_if_set(size, 1, kMostRanks);
  const std::optional<int> local_rank = reader.number_if_set(rank, 0, kMostRanks - 1);
  if (!n_local) return;
  if (*n_local > launch.n_ranks)
    reader.refuse(size, format("is {}, but {} is {}: a host cannot have more ranks than there are", *n_local,
                               launch.size_variable, launch.n_ranks));
  if (local_rank && *local_rank >= *n_local)
    reader.refuse(rank, format("is {}, but {} is {}: it must be less", *local_rank, size, *n_local));
  launch.spread = *n_local == launch.n_ranks ? Spread::one_host : Spread::several_hosts;
}

void read_master_port(const Reader& reader, const Launch& launch) {
  if (launch.n_ranks > 1 || reader.has("MASTER_PORT")) reader.number("MASTER_PORT", 1, 65535);
}

Launch read_torchrun(const Reader& reader) {
  Launch launch;
  read_place(reader, "RANK", "WORLD_SIZE", launch);
  read_local_place(reader, "LOCAL_RANK", "LOCAL_WORLD_SIZE", launch);
  read_master_port(reader, launch);
  const std::optional<int> n_agents = reader.number_if_set("GROUP_WORLD_SIZE", 1, kMostRanks);
  if (n_agents && *n_agents == 1 && launch.spread == Spread::several_hosts)
    reader.refuse("LOCAL_WORLD_SIZE", "differs from WORLD_SIZE, though GROUP_WORLD_SIZE says that there is one agent");
  // The default run id is "none": what tells such jobs apart is the port, which the agent of rank 0 has bound.
  launch.job = reader.said({"TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_ADDR", "MASTER_PORT"});
  launch.launchers_mark = "TORCHELASTIC_RUN_ID";
  return launch;
}

Launch read_open_mpi(const Reader& reader) {
  Launch launch;
  read_place(reader, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", launch);
  read_local_place(reader, "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE", launch);
  launch.job = reader.said({reader.has("PMIX_NAMESPACE") ? "PMIX_NAMESPACE" : "OMPI_MCA_ess_base_jobid"});
  if (launch.job.empty()) launch.launchers_mark = "OMPI_COMM_WORLD_RANK";  // set by hand, or by a very old one
  // A namespace is a short number, which two mpiruns may both have; not so the addresses of their servers.
  launch.job_on_host = reader.said({"PMIX_SERVER_URI2", "PMIX_SERVER_URI41"});
  return launch;
}

Launch read_mpich(const Reader& reader) {
  Launch launch;
  read_place(reader, "PMI_RANK", "PMI_SIZE", launch);
  read_local_place(reader, "MPI_LOCALRANKID", "MPI_LOCALNRANKS", launch);
  launch.job = reader.said({"PMI_JOBID"});
  launch.launchers_mark = "PMI_RANK";  // Hydra's variables do not name the job
  return launch;
}

Launch read_env(const Reader& reader) {
  Launch launch;
  read_place(reader, "RANK", "WORLD_SIZE", launch);
  read_local_place(reader, "LOCAL_RANK", "LOCAL_WORLD_SIZE", launch);
  read_master_port(reader, launch);
  launch.job = reader.said({"MASTER_ADDR", "MASTER_PORT"});
  return launch;
}

Launch read_slurm(const Reader& reader) {
  Launch launch;
  // Without "STEP" they are the allocation's, which a step may use a part of.
  static constexpr std::array<std::string_view, 3> kSizes = {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"};
  static constexpr std::array<std::string_view, 3> kHosts = {"SLURM_STEP_NUM_NODES", "SLURM_JOB_NUM_NODES",
                                                             "SLURM_NNODES"};
  read_place(reader, "SLURM_PROCID", reader.first_set(kSizes), launch);
  const std::optional<int> n_hosts = reader.number_if_set(reader.first_set(kHosts), 1, kMostRanks);
  if (n_hosts) launch.spread = *n_hosts == 1 ? Spread::one_host : Spread::several_hosts;
  const std::optional<int> local_rank = reader.number_if_set("SLURM_LOCALID", 0, kMostRanks - 1);
  if (local_rank && *local_rank >= launch.n_ranks)
    reader.refuse("SLURM_LOCALID", format("is {}, but {} is {}", *local_rank, launch.size_variable, launch.n_ranks));
  if (!reader.has("SLURM_JOB_ID")) reader.refuse("SLURM_JOB_ID", "is not set: start the ranks with srun");
  static constexpr std::array<std::string_view, 2> kSteps = {"SLURM_STEP_ID", "SLURM_STEPID"};
  launch.job = reader.said({"SLURM_CLUSTER_NAME", "SLURM_JOB_ID", reader.first_set(kSteps), "SLURM_RESTART_COUNT"});
  return launch;
}

bool has(const Variables& variables, const char* name) { return variables.count(name) != 0; }

/// A step of Slurm's: a batch script has SLURM_PROCID=0 too, whatever is started in it.
bool in_step(const Variables& of) {
  return has(of, "SLURM_PROCID") && (has(of, "SLURM_STEP_ID") || has(of, "SLURM_STEPID"));
}

struct Row {
  std::string_view name;
  bool (*speaks)(const Variables&);
  Launch (*read)(const Reader&);
};

/// Innermost first: what is lower on this list starts what is higher, not the other way round. torchrun is started by
/// srun or mpirun, once per host; mpirun is started within a Slurm job, whose srun may start its daemons. RANK and
/// WORLD_SIZE stand behind the mpiruns, since they may also be a container's or a pod's own, from outside.
constexpr std::array<Row, 5> kRows = {{
    {"torchrun", [](const Variables& of) { return has(of, "TORCHELASTIC_RUN_ID"); }, read_torchrun},
    {"open_mpi", [](const Variables& of) { return has(of, "OMPI_COMM_WORLD_RANK") || has(of, "OMPI_COMM_WORLD_SIZE"); },
     read_open_mpi},
    // srun --mpi=pmi2 sets PMI_RANK too; then Slurm's own variables say more.
    {"mpich",
     [](const Variables& of) {
       return (has(of, "PMI_RANK") || has(of, "PMI_SIZE")) && (has(of, "MPI_LOCALNRANKS") || !in_step(of));
     },
     read_mpich},
    {"env", [](const Variables& of) { return has(of, "RANK") && has(of, "WORLD_SIZE"); }, read_env},
    {"slurm", in_step, read_slurm},
}};

[[noreturn]] void refuse(strettoResult_t code, const char* field, std::string text) {
  ErrorInfo info;
  info.code = code;
  info.field = field;
  info.name = "environment";
  info.text = std::move(text);
  throw Error(std::move(info));
}

const Row& wanted_row(std::string_view wanted) {
  const auto found = std::ranges::find(kRows, wanted, &Row::name);
  if (found != kRows.end()) return *found;
  std::string known;
  for (const Row& row : kRows) known += format("{}{}", known.empty() ? "" : ", ", row.name);
  refuse(strettoInvalidArgument, "STRETTO_LAUNCHER",
         format("STRETTO_LAUNCHER={}: it must be one of {}", wanted, known));
}

[[noreturn]] void no_launcher(const Variables& variables) {
  for (const auto& [one, other] : {std::pair("RANK", "WORLD_SIZE"), std::pair("WORLD_SIZE", "RANK")}) {
    if (!has(variables, one)) continue;
    refuse(
        strettoInvalidArgument, other,
        format("{} is set and {} is not: a process that is started by hand needs both, and MASTER_PORT", one, other));
  }
  const char* const in_slurm =
      has(variables, "SLURM_JOB_ID") ? " This is a Slurm job, but no step of it: use srun." : "";
  refuse(strettoInvalidUsage, "launcher",
         format("no launcher has started this process: the variables of torchrun, Open MPI, MPICH and srun are not "
                "set.{} Start it with one of them (torchrun --nproc-per-node N --no-python PROGRAM; mpirun -n N "
                "PROGRAM; srun -n N PROGRAM), or set RANK=0 WORLD_SIZE=1 for a communicator of this process alone",
                in_slurm));
}

}  // namespace

Launch read_launch(const Variables& variables, std::string_view wanted) {
  const Row* row = nullptr;
  if (!wanted.empty()) {
    row = &wanted_row(wanted);
  } else {
    row = std::ranges::find_if(kRows, [&](const Row& one) { return one.speaks(variables); });
    if (row == kRows.end()) no_launcher(variables);
  }
  Launch launch = row->read(Reader(variables, row->name));
  launch.launcher = row->name;
  if (launch.n_ranks == 1) launch.spread = Spread::one_host;
  return launch;
}

std::string job_text(const Launch& launch) {
  std::string words;
  for (const std::string& word : launch.job) words += (words.empty() ? " (" : ", ") + word;
  return format("the {} ranks that {} started{}{}", launch.n_ranks, launch.launcher, words, words.empty() ? "" : ")");
}

}  // namespace stretto
