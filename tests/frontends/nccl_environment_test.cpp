// What NCCL's variables come to: the table, and the pure function over it.
#include "frontends/nccl/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

namespace stretto::nccl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Surroundings example() {
  Surroundings surroundings;
  surroundings.host = "node7";
  surroundings.interfaces = {{"lo", "127.0.0.1", false, true},   {"docker0", "172.17.0.1", false, false},
                             {"eth0", "10.0.0.5", false, false}, {"eth1", "10.0.1.5", false, false},
                             {"lo", "::1", true, true},          {"eth0", "fe80::5%eth0", true, false}};
  return surroundings;
}

Translation of(const std::vector<std::string>& entries) { return translate(entries, example()); }

/// The only setting, or what stands in its place.
std::string setting_of(const std::vector<std::string>& entries) {
  const Translation translation = of(entries);
  return translation.settings.empty() ? "none" : translation.settings.size() == 1 ? translation.settings[0] : "many";
}

void expect_line(const std::vector<std::string>& entries, LogLevel level, const std::string& state,
                 const std::string& part) {
  const Translation translation = of(entries);
  ASSERT_EQ(translation.lines.size(), 1U) << entries[0];
  EXPECT_EQ(translation.lines[0].level, level) << translation.lines[0].text;
  EXPECT_THAT(translation.lines[0].text, AllOf(HasSubstr(" state=" + state + " "), HasSubstr(part)));
}

TEST(NcclEnvironment, NothingSet_SaysNothing) {
  const Translation translation = of({"HOME=/root", "NCCL=1", "MY_NCCL_DEBUG=INFO", "NCCL_DEBUG=", "NCCL_BOGUS", "x"});
  EXPECT_THAT(translation.settings, IsEmpty());
  EXPECT_THAT(translation.lines, IsEmpty());
}

TEST(NcclEnvironment, Debug_IsALogLevel) {
  EXPECT_EQ(setting_of({"NCCL_DEBUG=NONE"}), "STRETTO_LOG_LEVEL=error");
  EXPECT_EQ(setting_of({"NCCL_DEBUG=VERSION"}), "STRETTO_LOG_LEVEL=warn");
  EXPECT_EQ(setting_of({"NCCL_DEBUG=WARN"}), "STRETTO_LOG_LEVEL=warn");
  EXPECT_EQ(setting_of({"NCCL_DEBUG=info"}), "STRETTO_LOG_LEVEL=info");
  EXPECT_EQ(setting_of({"NCCL_DEBUG=ABORT"}), "STRETTO_LOG_LEVEL=info");
  EXPECT_EQ(setting_of({"NCCL_DEBUG=Trace"}), "STRETTO_LOG_LEVEL=trace");
}

TEST(NcclEnvironment, DebugVersion_IsSaidAtTheLevelThatShowsIt) {
  expect_line({"NCCL_DEBUG=VERSION"}, LogLevel::warn, "honoured", "stretto 0.");
  expect_line({"NCCL_DEBUG=INFO"}, LogLevel::info, "honoured", "as STRETTO_LOG_LEVEL=info; stretto 0.");
  EXPECT_THAT(of({"NCCL_DEBUG=WARN"}).lines[0].text, Not(HasSubstr("stretto 0.")));
}

TEST(NcclEnvironment, BadValues_AreWarnedOfWithTheChoices) {
  expect_line({"NCCL_DEBUG=foo"}, LogLevel::warn, "ignored", "NONE, VERSION, WARN, INFO, ABORT and TRACE");
  expect_line({"NCCL_SOCKET_FAMILY=IPv6"}, LogLevel::warn, "ignored", "AF_INET and AF_INET6");
  expect_line({"NCCL_SOCKET_IFNAME=ib"}, LogLevel::warn, "ignored", "there are: lo (127.0.0.1), docker0 (172.17.0.1)");
  expect_line({"NCCL_DEBUG_FILE=%p.%p"}, LogLevel::warn, "ignored", "leave one %p");
  for (const char* value : {"Ring,Tree", "^Ring", "NVLS", "allreduce:ring", "ring;broadcast:tree"}) {
    expect_line({std::string("NCCL_ALGO=") + value}, LogLevel::warn, "ignored", "only Ring or Tree");
    EXPECT_EQ(setting_of({std::string("NCCL_ALGO=") + value}), "none");
  }
}

TEST(NcclEnvironment, DebugFile_HasHostAndProcess) {
  EXPECT_EQ(setting_of({"NCCL_DEBUG_FILE=/tmp/nccl.%h.%p.log"}), "STRETTO_LOG_FILE=/tmp/nccl.node7.%p.log");
  EXPECT_EQ(setting_of({"NCCL_DEBUG_FILE=100%%%h%x%"}), "STRETTO_LOG_FILE=100%node7%x%");
  EXPECT_EQ(setting_of({"NCCL_DEBUG_FILE=%h/%h"}), "STRETTO_LOG_FILE=node7/node7");
}

TEST(NcclEnvironment, Algorithm_IsRingOrTree) {
  EXPECT_EQ(setting_of({"NCCL_ALGO=Ring"}), "STRETTO_ALGORITHM=ring");
  EXPECT_EQ(setting_of({"NCCL_ALGO=tree"}), "STRETTO_ALGORITHM=tree");
}

TEST(NcclEnvironment, Protocol_IsOneOfThree) {
  EXPECT_EQ(setting_of({"NCCL_PROTO=LL"}), "STRETTO_PROTOCOL=packets");
  EXPECT_EQ(setting_of({"NCCL_PROTO=ll128"}), "STRETTO_PROTOCOL=wide");
  EXPECT_EQ(setting_of({"NCCL_PROTO=Simple"}), "STRETTO_PROTOCOL=slots");
  for (const char* value : {"LL,LL128", "^LL", "allreduce:LL"}) {
    expect_line({std::string("NCCL_PROTO=") + value}, LogLevel::warn, "ignored", "only LL, LL128 or Simple");
  }
}

TEST(NcclEnvironment, SocketInterface_TakesTheFirstThatFits) {
  const auto address = [](const std::string& filter) { return setting_of({"NCCL_SOCKET_IFNAME=" + filter}); };
  const std::string set = "STRETTO_BOOTSTRAP_ADDRESS=";
  EXPECT_EQ(address("eth"), set + "10.0.0.5");
  EXPECT_EQ(address("eth1"), set + "10.0.1.5");
  EXPECT_EQ(address("ib,eth1,eth0"), set + "10.0.0.5") << "the system's order counts, as for NCCL";
  EXPECT_EQ(address("=eth1,eth2"), set + "10.0.1.5");
  EXPECT_EQ(address("=eth2,=eth1"), set + "10.0.1.5");
  EXPECT_EQ(address("=eth"), "none");
  EXPECT_EQ(address("^docker,lo"), set + "10.0.0.5");
  EXPECT_EQ(address("^docker"), set + "10.0.0.5") << "the loopback comes last";
  EXPECT_EQ(address("^=docker0,eth0"), set + "10.0.1.5");
  EXPECT_EQ(address("^=eth"), set + "172.17.0.1");
  EXPECT_EQ(address("^docker,eth"), set + "127.0.0.1");
  EXPECT_EQ(address("lo"), set + "127.0.0.1");
}

TEST(NcclEnvironment, SocketFamily_ChoosesTheAddress) {
  EXPECT_EQ(setting_of({"NCCL_SOCKET_IFNAME=eth", "NCCL_SOCKET_FAMILY=AF_INET6"}),
            "STRETTO_BOOTSTRAP_ADDRESS=fe80::5%eth0");
  EXPECT_EQ(setting_of({"NCCL_SOCKET_IFNAME=eth1", "NCCL_SOCKET_FAMILY=AF_INET6"}), "none");
  EXPECT_EQ(setting_of({"NCCL_SOCKET_FAMILY=af_inet6"}), "STRETTO_BOOTSTRAP_ADDRESS=::1") << "no further than before";
  EXPECT_EQ(setting_of({"NCCL_SOCKET_FAMILY=AF_INET"}), "STRETTO_BOOTSTRAP_ADDRESS=127.0.0.1");
  EXPECT_EQ(setting_of({"NCCL_SOCKET_IFNAME=eth", "NCCL_SOCKET_FAMILY=ipx"}), "STRETTO_BOOTSTRAP_ADDRESS=10.0.0.5");
}

TEST(NcclEnvironment, TopologyFiles_AreOurs) {
  EXPECT_EQ(setting_of({"NCCL_TOPO_FILE=/x y.xml"}), "STRETTO_TOPO_FILE=/x y.xml");
  EXPECT_EQ(setting_of({"NCCL_TOPO_DUMP_FILE=dump.xml"}), "STRETTO_TOPO_DUMP=dump.xml");
  expect_line({"NCCL_TOPO_FILE=/x.xml"}, LogLevel::info, "honoured", "as STRETTO_TOPO_FILE=/x.xml");
  EXPECT_EQ(setting_of({"NCCL_TOPO_FILE=/x.xml", "STRETTO_TOPO_FILE=/y.xml"}), "none");
  Surroundings unread = example();
  unread.topology_file_read = false;
  const Translation without = translate(std::vector<std::string>{"NCCL_TOPO_FILE=/x.xml"}, unread);
  EXPECT_TRUE(without.settings.empty());
  ASSERT_EQ(without.lines.size(), 1U);
  EXPECT_EQ(without.lines[0].level, LogLevel::warn);
  expect_line({"NCCL_TOPO_DUMP_FILE_RANK=3"}, LogLevel::info, "ignored", "rank 0 writes");
}

TEST(NcclEnvironment, OwnVariable_GoesBeforeNccls) {
  EXPECT_EQ(setting_of({"NCCL_DEBUG=INFO", "STRETTO_LOG_LEVEL=off"}), "none");
  expect_line({"NCCL_DEBUG=INFO", "STRETTO_LOG_LEVEL=off"}, LogLevel::info, "overruled",
              "STRETTO_LOG_LEVEL=off goes before it");
  EXPECT_EQ(setting_of({"NCCL_DEBUG=INFO", "STRETTO_LOG_FILE=x"}), "STRETTO_LOG_LEVEL=info");
}

TEST(NcclEnvironment, Ignored_AreSaidByHowMuchTheyAreMissed) {
  expect_line({"NCCL_P2P_DISABLE=1"}, LogLevel::warn, "ignored", "no other path");
  expect_line({"NCCL_P2P_DISABLE=0"}, LogLevel::info, "honoured", "so anyway");
  expect_line({"NCCL_MIN_CTAS=4"}, LogLevel::info, "ignored", "upper bound only");
  expect_line({"NCCL_NET_PLUGIN=none"}, LogLevel::info, "honoured", "so anyway");
  expect_line({"NCCL_TOPO_SPLIT_MLOPART=1"}, LogLevel::info, "ignored", "planner");
  expect_line({"NCCL_NET_PLUGIN=aws"}, LogLevel::warn, "ignored", "not loaded");
  expect_line({"NCCL_IB_HCA=mlx5"}, LogLevel::info, "ignored", "one host");
  expect_line({"NCCL_NTHREADS=64"}, LogLevel::info, "ignored", "planner");
  expect_line({"NCCL_TESTS_SPLIT=MOD2"}, LogLevel::debug, "of_others", "nccl-tests");
  expect_line({"NCCL_VERSION=2.28"}, LogLevel::debug, "of_others", "builds");
}

TEST(NcclEnvironment, Defaults_AreOfConfigsAndIds) {
  const Translation translation = of({"NCCL_COMM_BLOCKING=0", "NCCL_MAX_CTAS=16", "NCCL_COMM_ID=10.0.0.1:4000"});
  EXPECT_EQ(translation.defaults.blocking, 0);
  EXPECT_EQ(translation.defaults.max_ctas, 16);
  EXPECT_EQ(translation.defaults.comm_id, "10.0.0.1:4000");
  EXPECT_THAT(translation.settings, IsEmpty());
  expect_line({"NCCL_COMM_BLOCKING=1"}, LogLevel::info, "honoured", "as blocking=1 of ncclConfig_t");
  expect_line({"NCCL_MAX_CTAS=16"}, LogLevel::info, "honoured", "as maxCTAs=16 of ncclConfig_t");
  expect_line({"NCCL_COMM_ID=host:1"}, LogLevel::info, "honoured", "on this host");
  const Defaults none = of({"NCCL_DEBUG=INFO"}).defaults;
  EXPECT_FALSE(none.blocking || none.max_ctas || !none.comm_id.empty());
}

TEST(NcclEnvironment, DefaultsThatAreNone_AreWarnedOf) {
  for (const char* value : {"2", "-1", "yes", "0x1", "1 "}) {
    expect_line({std::string("NCCL_COMM_BLOCKING=") + value}, LogLevel::warn, "ignored", "takes 0 or 1");
    EXPECT_FALSE(of({std::string("NCCL_COMM_BLOCKING=") + value}).defaults.blocking);
  }
  for (const char* value : {"0", "-4", "many", "99999999999"}) {
    expect_line({std::string("NCCL_MAX_CTAS=") + value}, LogLevel::warn, "ignored", "takes a number from 1");
    EXPECT_FALSE(of({std::string("NCCL_MAX_CTAS=") + value}).defaults.max_ctas);
  }
}

TEST(NcclEnvironment, UnknownName_IsSaidWithTheNearest) {
  expect_line({"NCCL_DEBGU=INFO"}, LogLevel::warn, "unknown", "nearest is NCCL_DEBUG\"");
  expect_line({"NCCL_SOKET_IFNAME=eth0"}, LogLevel::warn, "unknown", "nearest is NCCL_SOCKET_IFNAME\"");
}

TEST(NcclEnvironment, EachVariable_HasOneLineAndTheFirstOfANameCounts) {
  const Translation translation = of({"NCCL_NTHREADS=64", "NCCL_ALGO=Ring", "NCCL_ALGO=Tree", "NCCL_IB_HCA=a"});
  ASSERT_EQ(translation.lines.size(), 3U);
  EXPECT_THAT(translation.lines[0].text, HasSubstr("variable=NCCL_ALGO value=\"Ring\""));
  EXPECT_THAT(translation.settings, ElementsAre("STRETTO_ALGORITHM=ring"));
}

TEST(NcclEnvironment, WildValue_StaysOnOneLine) {
  const Translation translation = of({"NCCL_PROTO=a\nb\"c\x7f" + std::string(1000, 'x')});
  EXPECT_THAT(translation.lines[0].text, HasSubstr("value=\"a?b?c?xx"));
  EXPECT_LT(translation.lines[0].text.size(), 400U);
}

TEST(NcclEnvironment, ConfigurationFile_StandsBehindTheEnvironment) {
  Surroundings surroundings = example();
  surroundings.file_entries =
      conf_entries("# NCCL_PROTO=LL\nNCCL_ALGO=Tree\r\n\nNCCL_DEBUG=WARN\nSTRETTO_SPIN_US=1\nNCCL_X");
  EXPECT_THAT(surroundings.file_entries, ElementsAre("NCCL_ALGO=Tree", "NCCL_DEBUG=WARN"));
  const std::vector<std::string> entries = {"NCCL_DEBUG=INFO", "NCCL_CONF_FILE=/x"};
  EXPECT_THAT(translate(entries, surroundings).settings,
              ElementsAre("STRETTO_ALGORITHM=tree", "STRETTO_LOG_LEVEL=info"));
  surroundings.conf_file_read = false;
  EXPECT_THAT(translate(entries, surroundings).lines[1].text, HasSubstr("cannot be read"));
}

TEST(NcclEnvironment, EveryHonouredRow_DoesWhatItSays) {
  const std::map<std::string_view, std::string> values = {
      {"NCCL_DEBUG", "INFO"},      {"NCCL_DEBUG_FILE", "x"},         {"NCCL_ALGO", "Ring"},
      {"NCCL_PROTO", "Simple"},    {"NCCL_SOCKET_IFNAME", "eth"},    {"NCCL_SOCKET_FAMILY", "AF_INET6"},
      {"NCCL_TOPO_FILE", "x.xml"}, {"NCCL_TOPO_DUMP_FILE", "x.xml"},
  };
  for (const VariableRow& row : variable_rows()) {
    if (row.meaning != Meaning::honoured || row.name == "NCCL_CONF_FILE") continue;
    Defaults defaults;
    if (take_default(row.name, "1", defaults)) {  // which has a test of its own
      EXPECT_TRUE(defaults.blocking || defaults.max_ctas || defaults.comm_id == "1") << row.name;
      continue;
    }
    ASSERT_TRUE(values.contains(row.name)) << row.name;
    const std::string setting = setting_of({std::string(row.name) + "=" + values.at(row.name)});
    const std::string name = setting.substr(0, setting.find('='));
    EXPECT_THAT(row.means, testing::StartsWith("`" + name + "`")) << setting;
  }
}

TEST(NcclEnvironment, Rows_AreDistinctAndReached) {
  std::set<std::string_view> names;
  for (const VariableRow& row : variable_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(row.name.starts_with("NCCL_")) << row.name;
    EXPECT_FALSE(row.means.empty()) << row.name;
    EXPECT_EQ(row.means.find('|'), row.means.npos) << row.name << ": it goes into a table of the documents";
    std::string example(row.name);
    if (example.ends_with('*')) example.replace(example.size() - 1, 1, "ZZZ");
    EXPECT_EQ(find_variable(example), &row) << row.name;
  }
  EXPECT_EQ(find_variable("NCCL_"), nullptr);
  EXPECT_EQ(find_variable("NCCL_NOTHING"), nullptr);
}

/// Names of NCCL 2.30 (its user guide, and what its sources read), without the NCCL_ before them.
constexpr const char* kNames =
    "ALGO ALLGATHERV_ENABLE ALLOC_P2P_NET_LL_BUFFERS BUFFSIZE CGA_CLUSTER_SIZE CHECKS_DISABLE CHECK_MODE "
    "CHECK_POINTERS CHUNK_SIZE COLLNET_ENABLE COLLNET_NODE_THRESHOLD COMM_BLOCKING COMM_ID "
    "COMM_SHRINK_SHARE_RESOURCES COMM_SPLIT_SHARE_RESOURCES CONF_FILE CONNECT_ROUND_MAX_PEERS CROSS_NIC "
    "CTA_POLICY CUMEM_ENABLE CUMEM_HOST_ENABLE DEBUG DEBUG_FILE DEBUG_SUBSYS DEBUG_TIMESTAMP_FORMAT "
    "DEBUG_TIMESTAMP_LEVELS DEV_API_JIT DISABLE_MEM_MANAGER DMABUF_ENABLE ELASTIC_BUFFER_REGISTER "
    "ENABLE_VERSION_CHECK ENV_PLUGIN GDAKI_USE_RELIABLE_DB GDRCOPY_ENABLE GDRCOPY_FIFO_ENABLE "
    "GDRCOPY_FLUSH_ENABLE GDRCOPY_SYNC_ENABLE GDR_FLUSH_DISABLE GIN_ENABLE GIN_ERROR_QUERY_SEC "
    "GIN_GDAKI_MAX_DEST_RD_ATOMIC GIN_GDAKI_MAX_QP_RD_ATOMIC GIN_GDAKI_NIC_HANDLER GIN_GDAKI_QP_DEPTH GIN_IB_TC "
    "GIN_NCONNECTIONS GIN_PLUGIN GIN_PLUGIN_REF_COUNT GIN_PROXY_QUEUE_SIZE GIN_TYPE GRAPH_DUMP_FILE "
    "GRAPH_DUMP_FILE_RANK GRAPH_FILE GRAPH_HELPER_DISABLE GRAPH_MIXING_SUPPORT GRAPH_REGISTER "
    "GRAPH_STREAM_ORDERING GROUP_CUDA_STREAM HOSTID IBVERBS_LIB IB_ADAPTIVE_ROUTING IB_ADDR_FAMILY IB_ADDR_RANGE "
    "IB_AR_THRESHOLD IB_CUDA_SUPPORT IB_DATA_DIRECT IB_DEVICE_PCI_ORDER IB_DISABLE IB_ECE_ENABLE IB_FIFO_TC "
    "IB_GID_INDEX IB_HCA IB_MERGE_NICS IB_MERGE_VFS IB_MQP_RETRY_ALL IB_MQP_RETRY_CNT IB_MQP_RETRY_SLEEP_MSEC "
    "IB_OOO_RQ IB_PCI_RELAXED_ORDERING IB_PKEY IB_PREPOST_RECEIVE_WORK_REQUESTS IB_QPS_PER_CONNECTION "
    "IB_QUERY_PORT_SPEED IB_RECEIVER_SIDE_MATCHING_SCHEME IB_RESILIENCY_PORT_FAILOVER "
    "IB_RESILIENCY_PORT_FAILOVER_MAX_ATTEMPTS IB_RESILIENCY_PORT_FAILOVER_PROBE_DELAY IB_RESILIENCY_PORT_RECOVERY "
    "IB_RESILIENCY_PORT_RECOVERY_ACK_TIMEOUT IB_RESILIENCY_PORT_RECOVERY_ALIVE_MSG_BATCH_INTERVAL "
    "IB_RESILIENCY_PORT_RECOVERY_ALIVE_MSG_BATCH_SIZE IB_RESILIENCY_PORT_RECOVERY_ALIVE_MSG_SEQUENCE_SIZE "
    "IB_RESILIENCY_PORT_RECOVERY_ALIVE_MSG_TIMEOUT IB_RESILIENCY_PORT_RECOVERY_ATTEMPTS_MAX "
    "IB_RESILIENCY_PORT_RECOVERY_START_DELAY IB_RETRY_CNT IB_RETURN_ASYNC_EVENTS IB_ROCE_VERSION_NUM "
    "IB_ROUTABLE_FLID_GID_INDEX IB_SL IB_SPLIT_DATA_ON_QPS IB_SUBNET_AWARE_ROUTING IB_SUBNET_PREFIX_LEN IB_TC "
    "IB_TIMEOUT IB_USE_INLINE IB_WARN_RAIL_LOCAL IGNORE_COLLNET_MISMATCH IGNORE_CPU_AFFINITY IGNORE_DISABLED_P2P "
    "IGNORE_NET_MISMATCH IPC_USE_ABSTRACT_SOCKET L1_SHARED_MEMORY_CARVEOUT LAUNCH_MODE LAUNCH_ORDER_IMPLICIT "
    "LAUNCH_RACE_FATAL LEGACY_CUDA_REGISTER LL128_BUFFSIZE LL128_C2C LL128_NTHREADS LL_BUFFSIZE LL_THRESHOLD "
    "LOCAL_REGISTER LSA_TEAM_SIZE MAX_CTAS MAX_NCHANNELS MAX_NRINGS MAX_P2P_NCHANNELS MEM_SYNC_DOMAIN MIN_CTAS "
    "MIN_NCHANNELS MIN_NRINGS MIN_P2P_NCHANNELS MLOPART_RDMA_ENABLE MNNVL_CLIQUE_ID MNNVL_CROSS_CLIQUE "
    "MNNVL_ENABLE MNNVL_RAIL_PER_HOST MNNVL_SCATTER_NETS_ENABLE MNNVL_UUID MULTI_RANK_GPU_ENABLE "
    "MULTI_SEGMENT_REGISTER NCHANNELS_PER_NET_PEER NET NETDEVS_POLICY NET_DISABLE_INTRA NET_FORCE_FLUSH "
    "NET_FORCE_MERGE NET_GDR_C2C NET_GDR_LEVEL NET_GDR_MLOPART NET_GDR_READ NET_MERGE_LEVEL NET_MERGE_POLICY "
    "NET_OPTIONAL_RECV_COMPLETION NET_OVERHEAD NET_PLUGIN NET_PLUGIN_REF_COUNT NET_SHARED_BUFFERS "
    "NET_SHARED_COMMS NO_CACHE NSOCKS_PERTHREAD NTHREADS NUM_RMA_CTX NVB_DISABLE NVB_PRECONNECT "
    "NVLINK_UTIL_CENTRIC_SCHED_ENABLE NVLSTREE_MAX_CHUNKSIZE NVLS_CHUNKSIZE NVLS_ENABLE NVLS_NCHANNELS "
    "NVTX_DISABLE OOB_NET_ENABLE OOB_NET_IFNAME P2P_DIRECT_DISABLE P2P_DISABLE P2P_EPOCH_ENABLE P2P_LEVEL "
    "P2P_LL_THRESHOLD P2P_MAX_PEERS P2P_NET_CHUNKSIZE P2P_NVL_CHUNKSIZE P2P_PCI_CHUNKSIZE P2P_PER_CHANNEL_NET_BW "
    "P2P_PXN_LEVEL P2P_READ_ENABLE P2P_SCHEDULE_GROUP_SIZE P2P_USE_CUDA_MEMCPY PARAM_DUMP_ALL PAT_ENABLE "
    "PROFILER_PLUGIN PROGRESS_APPENDOP_FREQ PROTO PROXY_APPEND_BATCH_SIZE PROXY_CPUSET PROXY_DUMP_SIGNAL PXN_C2C "
    "PXN_DISABLE RAS_ADDR RAS_ENABLE RAS_TIMEOUT_FACTOR REPORT_CONNECT_PROGRESS RMA_DISABLE RMA_PLUGIN "
    "RMA_PLUGIN_REF_COUNT RMA_PROXY_DUMP_SIGNAL RMA_PROXY_QUEUE_SIZE RUNTIME_CONNECT SET_CPU_STACK_SIZE "
    "SET_STACK_SIZE SET_THREAD_NAME SHADOW_MEMPOOL_MAX_SIZE SHM_DISABLE SHM_LOCALITY SINGLE_PROC_MEM_REG_ENABLE "
    "SINGLE_RING_THRESHOLD SOCKET_FAMILY SOCKET_IFNAME SOCKET_INLINE SOCKET_MAGIC SOCKET_MIN_TASKSIZE "
    "SOCKET_NTHREADS SOCKET_POLL_TIMEOUT_MSEC SOCKET_RCVBUF SOCKET_RETRY_CNT SOCKET_RETRY_SLEEP_MSEC "
    "SOCKET_SNDBUF SYM_CE_THRESHOLD SYM_CTAS SYM_GIN_KERNELS_ENABLE SYM_KERNEL SYM_NOWIN_ENABLE "
    "SYM_REUSE_SYSMEM_HANDLES SYM_RS_GIN_CHUNK_SIZE SYM_TMA_ENABLE THREAD_THRESHOLDS TOPO_DUMP_FILE "
    "TOPO_DUMP_FILE_RANK TOPO_FILE TOPO_SPLIT_MLOPART TREE_THRESHOLD TUNER_PLUGIN UID_STAGGER_RATE "
    "UID_STAGGER_THRESHOLD UNPACK_DOUBLE_NCHANNELS WARN_ENABLE_DEBUG_INFO WIN_ENABLE WIN_STRIDE WORK_ARGS_BYTES "
    "WORK_FIFO_BYTES ";

TEST(NcclEnvironment, EveryNameOfNccls_IsKnown) {
  std::istringstream names(kNames);
  int n = 0;
  for (std::string name; names >> name; ++n) {
    EXPECT_NE(find_variable("NCCL_" + name), nullptr) << name;
  }
  EXPECT_GT(n, 200);
}

}  // namespace
}  // namespace stretto::nccl
