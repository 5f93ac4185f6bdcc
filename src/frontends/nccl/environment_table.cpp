// The table of NCCL's variables. Names: those of NCCL's user guide up to 2.30 and of its sources; those that other
// programs have called so; and families of names by their beginning.
#include <array>

#include "frontends/nccl/environment.hpp"

namespace stretto::nccl {
namespace {

constexpr LogLevel kHarmless = LogLevel::info;
constexpr LogLevel kMissed = LogLevel::warn;
constexpr LogLevel kNotOurs = LogLevel::debug;

constexpr VariableRow honoured(std::string_view name, std::string_view means) {
  return {name, Meaning::honoured, LogLevel::info, means};
}
constexpr VariableRow harmless(std::string_view name, std::string_view why) {
  return {name, Meaning::ignored, kHarmless, why};
}
constexpr VariableRow missed(std::string_view name, std::string_view why) {
  return {name, Meaning::ignored, kMissed, why};
}
constexpr VariableRow of_others(std::string_view name, std::string_view whose) {
  return {name, Meaning::of_others, kNotOurs, whose};
}

constexpr std::string_view kOneHost = "ranks are on one host in this release: no network carries data";
constexpr std::string_view kPlugins = "plugins of NCCL's interfaces are not loaded";
constexpr std::string_view kPlanner = "the planner decides, from its own costs (`stretto explain`)";
constexpr std::string_view kMulticast = "NVLink multicast (NVLS) is not used";
constexpr std::string_view kChecks = "arguments are always checked; `STRETTO_DEBUG` checks data";
constexpr std::string_view kDriver = "memory is shared by the driver's own means, which need no switch";
constexpr std::string_view kFabric = "NVLink between hosts is not used: ranks are on one host in this release";
constexpr std::string_view kRegister = "buffers need no registration to be fast here; a call that registers is served";
constexpr std::string_view kGraphs = "captured graphs need no switch: each has lanes of its own";
constexpr std::string_view kRas = "there is no such service; faults name the rank, and `docs/debugging.md` has more";
constexpr std::string_view kProxy = "there are no proxy threads";
constexpr std::string_view kLogs = "log lines have one form: time, process, level, event and fields";
constexpr std::string_view kBuild = "of builds and containers: nothing reads it at run time";

constexpr std::array kRows = {
    // Logs.
    honoured("NCCL_DEBUG",
             "`STRETTO_LOG_LEVEL`: NONE is error, VERSION and WARN are warn, INFO and ABORT are info, "
             "TRACE is trace. VERSION, INFO and TRACE also log which version of stretto is here"),
    honoured("NCCL_DEBUG_FILE",
             "`STRETTO_LOG_FILE`, to which lines are added: `%h` is the host's name, `%p` the "
             "process number, `%%` a percent sign"),
    harmless("NCCL_DEBUG_SUBSYS", "log lines begin with event=NAME: filter them by that"),
    harmless("NCCL_DEBUG_*", kLogs),
    harmless("NCCL_WARN_ENABLE_DEBUG_INFO", "the level stays; after a fault the last operations are logged at info"),
    // Where ranks meet.
    honoured("NCCL_SOCKET_IFNAME",
             "`STRETTO_BOOTSTRAP_ADDRESS`: the address of the first interface that is up and "
             "fits (prefixes; `=` whole names; `^` all but these), the loopback last"),
    honoured("NCCL_SOCKET_FAMILY",
             "`STRETTO_BOOTSTRAP_ADDRESS`: an address of that family, AF_INET or AF_INET6, of an "
             "interface as above; without one, of the loopback"),
    honoured("NCCL_CONF_FILE",
             "read for NCCL_ variables that the environment does not set; without it "
             "`~/.nccl.conf`; and `/etc/nccl.conf`"),
    honoured("NCCL_COMM_ID",
             "the id that each process makes: a name (`strettoGetNamedId`). Its ranks, of one user, meet under it on "
             "their host; nothing listens at the port. It makes one communicator after another, not two at once"),
    missed("NCCL_HOSTID", "which ranks share a host is found out, and cannot be set"),
    harmless("NCCL_SOCKET_*", kOneHost),
    harmless("NCCL_NSOCKS_PERTHREAD", kOneHost),
    harmless("NCCL_OOB_NET_*", "ranks meet over TCP"),
    harmless("NCCL_UID_STAGGER_*", "connections to rank 0 need no staggering: its work grows with the ranks' number"),
    harmless("NCCL_REPORT_CONNECT_PROGRESS", "set-up has a deadline, whose error names who has not come"),
    // Networks.
    harmless("NCCL_IB_*", kOneHost),
    harmless("NCCL_IBVERBS_LIB", kOneHost),
    harmless("NCCL_NET", kOneHost),
    harmless("NCCL_NET_*", kOneHost),
    harmless("NCCL_NETDEVS_POLICY", kOneHost),
    harmless("NCCL_NCHANNELS_PER_NET_PEER", kOneHost),
    harmless("NCCL_CROSS_NIC", kOneHost),
    harmless("NCCL_ALLOC_P2P_NET_LL_BUFFERS", kOneHost),
    harmless("NCCL_CONNECT_ROUND_MAX_PEERS", kOneHost),
    harmless("NCCL_GDRCOPY_*", kOneHost),
    harmless("NCCL_GDR_*", kOneHost),
    harmless("NCCL_GIN_*", kOneHost),
    harmless("NCCL_GDAKI_*", kOneHost),
    harmless("NCCL_RMA_*", kOneHost),
    harmless("NCCL_NUM_RMA_CTX", kOneHost),
    harmless("NCCL_PXN_*", kOneHost),
    harmless("NCCL_UNPACK_DOUBLE_NCHANNELS", kOneHost),
    harmless("NCCL_MLOPART_RDMA_ENABLE", kOneHost),
    harmless("NCCL_COLLNET_*", "in-network reduction is not used"),
    harmless("NCCL_IGNORE_COLLNET_MISMATCH", "in-network reduction is not used"),
    harmless("NCCL_IGNORE_NET_MISMATCH", kOneHost),
    harmless("NCCL_DMABUF_ENABLE", kOneHost),
    missed("NCCL_NET_PLUGIN", kPlugins),
    missed("NCCL_GIN_PLUGIN", kPlugins),
    missed("NCCL_RMA_PLUGIN", kPlugins),
    missed("NCCL_TUNER_PLUGIN", kPlugins),
    missed("NCCL_TUNER_*", kPlugins),
    missed("NCCL_PROFILER_PLUGIN", kPlugins),
    missed("NCCL_PROFILE_*", kPlugins),
    missed("NCCL_ENV_PLUGIN", kPlugins),
    harmless("NCCL_FASTRAK_*", "of a network plugin, and plugins of NCCL's interfaces are not loaded"),
    harmless("NCCL_GPUDIRECTTCPX_*", "of a network plugin, and plugins of NCCL's interfaces are not loaded"),
    // Between GPUs.
    missed("NCCL_P2P_DISABLE", "ranks on GPUs work in each other's memory: there is no other path yet"),
    missed("NCCL_P2P_LEVEL", "ranks on GPUs work in each other's memory, whatever lies between them"),
    harmless("NCCL_P2P_*", kPlanner),
    harmless("NCCL_IGNORE_DISABLED_P2P", "GPUs that cannot reach each other's memory are refused, and named"),
    missed("NCCL_SHM_DISABLE", "ranks in host memory have no other path yet"),
    harmless("NCCL_SHM_*", "shared memory has no name and needs no /dev/shm; ranks' own cores decide where it lies"),
    harmless("NCCL_MULTI_RANK_GPU_ENABLE", "several ranks may use one GPU without it"),
    harmless("NCCL_IPC_USE_ABSTRACT_SOCKET", "handles always go over sockets without a name in a file system"),
    harmless("NCCL_NVB_*", kPlanner),
    harmless("NCCL_NVLS*", kMulticast),
    harmless("NCCL_MNNVL_*", kFabric),
    harmless("NCCL_CUMEM_*", kDriver),
    harmless("NCCL_LSA_TEAM_SIZE", "communicators on the device's side are not served"),
    harmless("NCCL_DEV_API_JIT", "communicators on the device's side are not served"),
    honoured("NCCL_TOPO_FILE",
             "`STRETTO_TOPO_FILE`; one that cannot be opened is warned of, as NCCL does, and one that makes no sense "
             "fails the communicator"),
    honoured("NCCL_TOPO_DUMP_FILE",
             "`STRETTO_TOPO_DUMP`: rank 0 of each communicator that is not made of another one writes it"),
    harmless("NCCL_TOPO_DUMP_FILE_RANK", "rank 0 writes the file"),
    harmless("NCCL_TOPO_*", kPlanner),
    missed("NCCL_GRAPH_FILE", "plans are made, not read; `stretto plan` prints them"),
    missed("NCCL_GRAPH_DUMP_FILE", "no such file is written; `stretto plan` prints plans"),
    harmless("NCCL_GRAPH_DUMP_*", "no such file is written; `stretto plan` prints plans"),
    // Tuning.
    honoured("NCCL_ALGO",
             "`STRETTO_ALGORITHM`: Ring is ring, Tree is tree, where they can serve. Of other names, lists, "
             "exclusions and choices by function a warning says that the planner decides"),
    honoured("NCCL_PROTO",
             "`STRETTO_PROTOCOL`: LL is packets, LL128 wide packets, Simple slots, where they can serve. Of lists, "
             "exclusions and choices by function a warning says that the planner decides"),
    missed("NCCL_MAX_NCHANNELS", "set NCCL_MAX_CTAS, or in the program maxCTAs of ncclConfig_t"),
    honoured("NCCL_MAX_CTAS",
             "maxCTAs of ncclConfig_t, where the program leaves it open (NCCL's goes before the program): a channel "
             "has two, and rank 0's value counts"),
    missed("NCCL_MAX_NRINGS", "set NCCL_MAX_CTAS, or in the program maxCTAs of ncclConfig_t"),
    missed("NCCL_MAX_P2P_NCHANNELS", "set NCCL_MAX_CTAS, or in the program maxCTAs of ncclConfig_t"),
    missed("NCCL_CTA_POLICY", "it cannot be chosen: the planner takes as many blocks as pay off"),
    harmless("NCCL_MIN_CTAS", "blocks have an upper bound only: the planner takes no more than pay off"),
    harmless("NCCL_MIN_*", kPlanner),
    harmless("NCCL_NTHREADS", kPlanner),
    harmless("NCCL_BUFFSIZE", "slots have sizes of their own; of host memory's, `STRETTO_SHM_SLOT_BYTES`"),
    harmless("NCCL_CHUNK_SIZE", kPlanner),
    harmless("NCCL_LL_*", kPlanner),
    harmless("NCCL_LL128_*", kPlanner),
    harmless("NCCL_THREAD_THRESHOLDS", kPlanner),
    harmless("NCCL_TREE_THRESHOLD", kPlanner),
    harmless("NCCL_SINGLE_RING_THRESHOLD", kPlanner),
    harmless("NCCL_RINGS", kPlanner),
    harmless("NCCL_PAT_ENABLE", kPlanner),
    harmless("NCCL_ALLGATHERV_ENABLE", kPlanner),
    harmless("NCCL_NVLINK_UTIL_CENTRIC_SCHED_ENABLE", kPlanner),
    harmless("NCCL_CGA_CLUSTER_SIZE", "kernels are launched without clusters"),
    harmless("NCCL_L1_SHARED_MEMORY_CARVEOUT", "the driver's own choice is kept"),
    harmless("NCCL_MEM_SYNC_DOMAIN", "kernels are launched in the stream's own domain"),
    harmless("NCCL_WORK_*", "there is no such queue to size"),
    harmless("NCCL_SYM_*", kPlanner),
    // Launches, memory, threads.
    harmless("NCCL_LAUNCH_*", "each communicator launches its kernels itself; what does not fit beside others waits"),
    harmless("NCCL_GROUP_CUDA_STREAM", "groups launch in the streams that their calls name"),
    harmless("NCCL_GRAPH_*", kGraphs),
    honoured("NCCL_COMM_BLOCKING",
             "blocking of ncclConfig_t, 0 or 1, where the program leaves it open (NCCL's goes before the program)"),
    harmless("NCCL_COMM_*", "what communicators share cannot be chosen"),
    harmless("NCCL_RUNTIME_CONNECT", "connections are made during set-up"),
    harmless("NCCL_LOCAL_REGISTER", kRegister),
    harmless("NCCL_LEGACY_CUDA_REGISTER", kRegister),
    harmless("NCCL_ELASTIC_BUFFER_REGISTER", kRegister),
    harmless("NCCL_MULTI_SEGMENT_REGISTER", kRegister),
    harmless("NCCL_SINGLE_PROC_MEM_REG_ENABLE", kRegister),
    harmless("NCCL_WIN_*", kRegister),
    harmless("NCCL_DISABLE_MEM_MANAGER", kDriver),
    harmless("NCCL_SHADOW_MEMPOOL_MAX_SIZE", kDriver),
    harmless("NCCL_SET_STACK_SIZE", "the CUDA stack's size is left as it is"),
    harmless("NCCL_SET_CPU_STACK_SIZE", "threads have the system's stack size"),
    harmless("NCCL_SET_THREAD_NAME", "threads always have names: stretto-service and the like"),
    harmless("NCCL_IGNORE_CPU_AFFINITY", "threads keep the cores that the process has"),
    harmless("NCCL_PROXY_*", kProxy),
    harmless("NCCL_PROGRESS_APPENDOP_FREQ", kProxy),
    harmless("NCCL_NVTX_DISABLE", "no ranges are marked"),
    harmless("NCCL_RAS_*", kRas),
    // Checks.
    harmless("NCCL_CHECKS_DISABLE", kChecks),
    harmless("NCCL_CHECK_*", kChecks),
    harmless("NCCL_ENABLE_VERSION_CHECK", "ranks of different versions are always refused, and named"),
    harmless("NCCL_NO_CACHE", "variables are read once, where a communicator is made"),
    harmless("NCCL_PARAM_DUMP_ALL", "`stretto env` prints stretto's variables, `stretto env --nccl` these"),
    // Read by others.
    of_others("NCCL_TESTS_*", "nccl-tests read it"),
    of_others("NCCL_ASYNC_ERROR_HANDLING", "torch reads it (now TORCH_NCCL_ASYNC_ERROR_HANDLING)"),
    of_others("NCCL_BLOCKING_WAIT", "torch reads it (now TORCH_NCCL_BLOCKING_WAIT)"),
    of_others("NCCL_DESYNC_DEBUG", "torch reads it (now TORCH_NCCL_DESYNC_DEBUG)"),
    of_others("NCCL_ENABLE_TIMING", "torch reads it (now TORCH_NCCL_ENABLE_TIMING)"),
    of_others("NCCL_HOME", kBuild),
    of_others("NCCL_ROOT", kBuild),
    of_others("NCCL_ROOT_DIR", kBuild),
    of_others("NCCL_DIR", kBuild),
    of_others("NCCL_PATH", kBuild),
    of_others("NCCL_INSTALL_PATH", kBuild),
    of_others("NCCL_INCLUDE_*", kBuild),
    of_others("NCCL_LIB_*", kBuild),
    of_others("NCCL_LIBRARY*", kBuild),
    of_others("NCCL_VERSION", kBuild),
};

/// Letters that a name must share with a row to be one of it; 0: it is none.
std::size_t fit(const VariableRow& row, std::string_view name) noexcept {
  if (!row.name.ends_with('*')) return name == row.name ? row.name.size() + 1 : 0;
  const std::string_view beginning = row.name.substr(0, row.name.size() - 1);
  return name.starts_with(beginning) ? beginning.size() : 0;
}

}  // namespace

std::span<const VariableRow> variable_rows() noexcept { return kRows; }

const VariableRow* find_variable(std::string_view name) noexcept {
  const VariableRow* best = nullptr;
  for (const VariableRow& row : kRows) {
    if (const std::size_t n = fit(row, name); n > 0 && (best == nullptr || n > fit(*best, name))) best = &row;
  }
  return best;
}

}  // namespace stretto::nccl
