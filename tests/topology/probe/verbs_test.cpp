// RDMA devices' GIDs, and whether they take memory of GPUs: libibverbs there, not there, and odd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "topology/probe/dump.hpp"
#include "topology/probe/fake_library.hpp"
#include "topology/probe/fake_system.hpp"
#include "topology/probe/fake_verbs.hpp"
#include "topology/probe/probe.hpp"

namespace stretto::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using topology::Probe;
using topology::probe_machine;
using topology::ProbeOptions;

class ProbeVerbs : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(verbs().n_held, 0) << "something was not given back"; }

  static Probe probe(const FakeSystem& system, const char* library = STRETTO_TEST_VERBS) {
    ProbeOptions options;
    options.root = system.root();
    options.hwloc_library = "", options.nvml_library = "", options.verbs_library = library;
    return probe_machine(options);
  }

  FakeVerbs& verbs() { return library_.state(); }

 private:
  FakeLibrary<FakeVerbs> library_{STRETTO_TEST_VERBS, "fake_verbs_state"};
};

constexpr const char* kTwoDevices = R"(
  node 0 0
  pci 0000:00:14.0 class=0x0c0330 vendor=8086
  net eth0 speed=100000
  rdma mlx5_0
  port mlx5_0 1 rate=100 layer=Ethernet netdev=eth0
  rdma mlx5_1
  port mlx5_1 1 rate=200 layer=InfiniBand
)";

TEST_F(ProbeVerbs, DevicesThatTakeDmaBuffers_AreToldFromThoseThatDoNot) {
  verbs().n_devices = 3;
  verbs().devices[0] = {"mlx5_0"};
  verbs().devices[1] = {"mlx5_1", 0, true, EOPNOTSUPP};
  verbs().devices[2] = {"mlx5_2", EIO};  // its port is down: not in the machine
  const Probe found = probe(FakeSystem(kTwoDevices));
  EXPECT_EQ(dump(found.machine),
            "numa 0 of 1\n"
            "  nic\n"
            "    net eth0 100000 on mlx5_0\n"
            "    net mlx5_0 port 1 100000 Ethernet dma buffers\n"
            "    net mlx5_1 port 1 200000 InfiniBand no dma buffers\n");
  EXPECT_EQ(dump(found.remarks), "");
}

TEST_F(ProbeVerbs, BufferThatIsRegistered_IsGivenBack) {
  verbs().n_devices = 1;
  verbs().devices[0] = {"mlx5_0", 0, true, 0};
  EXPECT_THAT(dump(probe(FakeSystem(kTwoDevices)).machine), HasSubstr("mlx5_0 port 1 100000 Ethernet dma buffers"));
}

TEST_F(ProbeVerbs, RefusalsOfOtherKinds_LeaveItOpen) {
  for (const int why : {EOPNOTSUPP, EPROTONOSUPPORT, ENOSYS}) {
    verbs().n_devices = 2;
    verbs().devices[0] = {"mlx5_0", 0, true, why};
    verbs().devices[1] = {"mlx5_1", 0, true, ENOMEM};
    const Probe found = probe(FakeSystem(kTwoDevices));
    EXPECT_THAT(dump(found.machine), HasSubstr("mlx5_0 port 1 100000 Ethernet no dma buffers\n"));
    EXPECT_THAT(dump(found.machine), HasSubstr("mlx5_1 port 1 200000 InfiniBand\n"));
    EXPECT_EQ(dump(found.remarks),
              "mlx5_1: does not say whether it can register DMA buffers (Cannot allocate memory): whether RDMA devices "
              "can register memory of GPUs is not known\n");
  }
}

TEST_F(ProbeVerbs, DevicesThatCannotBeAsked_AreNamedWithTheReason) {
  verbs().n_devices = 2;
  verbs().devices[0] = {"mlx5_0", EACCES};
  verbs().devices[1] = {"mlx5_1", 0, false};
  const Probe found = probe(FakeSystem(kTwoDevices));
  EXPECT_THAT(dump(found.machine), Not(HasSubstr("dma")));
  EXPECT_EQ(dump(found.remarks),
            "mlx5_0: cannot be opened (Permission denied; its file in /dev/infiniband must be open to this user): "
            "whether RDMA devices can register memory of GPUs is not known\n"
            "mlx5_1: gives no protection domain (no reason given): whether RDMA devices can register memory of GPUs is "
            "not known\n");
  verbs().devices[0] = {"mlx5_0", -1};
  EXPECT_THAT(dump(probe(FakeSystem(kTwoDevices)).remarks), HasSubstr("(no reason given; "));
}

/// In containers: without the card's driver, or without the devices.
TEST_F(ProbeVerbs, DevicesThatTheLibraryDoesNotList_AreNamed) {
  verbs().n_devices = 1;
  verbs().devices[0] = {"mlx5_0"};
  EXPECT_EQ(dump(probe(FakeSystem(kTwoDevices)).remarks),
            "mlx5_1: libibverbs does not list it, which may lack its driver: whether RDMA devices can register memory "
            "of GPUs is not known\n");
  verbs().list_errno = ENOSYS;
  EXPECT_EQ(dump(probe(FakeSystem(kTwoDevices)).remarks),
            "libibverbs lists no devices (Function not implemented): whether RDMA devices can register memory of GPUs "
            "is not known\n");
}

TEST_F(ProbeVerbs, Library_IsMissedOnlyWhereThereAreDevices) {
  const Probe found = probe(FakeSystem(kTwoDevices), "libibverbs-that-is-not-there.so.1");
  EXPECT_EQ(dump(found.remarks),
            "libibverbs-that-is-not-there.so.1 was not found: whether RDMA devices can register memory of GPUs is not "
            "known\n");
  EXPECT_THAT(dump(probe(FakeSystem(kTwoDevices), STRETTO_TEST_OLD_LIBRARY).remarks), HasSubstr("older than 34"));
  EXPECT_EQ(dump(probe(FakeSystem("node 0 0\npci 0000:00:14.0 class=0x0c0330 vendor=8086\nnet eth0"),
                       "libibverbs-that-is-not-there.so.1")
                     .remarks),
            "");
}

constexpr const char* kCardAndSoftware = R"(
  node 0 0
  pci 0000:3b:00.0 kind=nic
  net eth0 at=0000:3b:00.0 speed=100000
  rdma mlx5_0 at=0000:3b:00.0
  port mlx5_0 1 rate=100 layer=Ethernet netdev=eth0
  rdma rxe0 parent=eth0
  port rxe0 1 rate=100 layer=Ethernet
)";

TEST_F(ProbeVerbs, ModuleForPeerMemory_MakesCardsAble) {
  verbs().n_devices = 2;
  verbs().devices[0] = {"mlx5_0", 0, true, EOPNOTSUPP};
  verbs().devices[1] = {"rxe0", 0, true, EOPNOTSUPP};
  for (const char* module : {"/sys/module/nvidia_peermem/version", "/sys/kernel/mm/memory_peers/nv_mem_nc/version"}) {
    const Probe found = probe(FakeSystem(std::string(kCardAndSoftware) + "file " + module + " 570.0\n"));
    EXPECT_THAT(dump(found.machine), HasSubstr("mlx5_0 port 1 100000 Ethernet gpudirect no dma buffers\n"));
    EXPECT_THAT(dump(found.machine), HasSubstr("rxe0 port 1 100000 Ethernet no dma buffers\n"));
  }
}

TEST_F(ProbeVerbs, DmaBuffers_AreGpusMemoryWithTheOpenDriver) {
  verbs().n_devices = 2;
  verbs().devices[0] = {"mlx5_0"};
  verbs().devices[1] = {"rxe0", 0, true, EOPNOTSUPP};
  const auto with_driver = [&](const std::string& version) {
    return dump(probe(FakeSystem(std::string(kCardAndSoftware) +
                                 "file /proc/driver/nvidia/version NVRM version: " + version + "\n"))
                    .machine);
  };
  const std::string open = with_driver("NVIDIA UNIX Open Kernel Module for x86_64  580.65.06");
  EXPECT_THAT(open, HasSubstr("mlx5_0 port 1 100000 Ethernet gpudirect dma buffers\n"));
  EXPECT_THAT(open, HasSubstr("rxe0 port 1 100000 Ethernet no dma buffers\n"));
  EXPECT_THAT(with_driver("NVIDIA UNIX x86_64 Kernel Module  535.183.01"),
              HasSubstr("mlx5_0 port 1 100000 Ethernet dma buffers\n"));
}

TEST_F(ProbeVerbs, Gids_BeginWithTheOneToUse) {
  const auto gid = [](const char* device, int index, const char* address, const char* type) {
    const std::string at = std::string("file /sys/class/infiniband/") + device + "/ports/1/";
    const std::string number = std::to_string(index);
    return at + "gids/" + number + " " + address + "\n" +
           (*type == '\0' ? "" : at + "gid_attrs/types/" + number + " " + type + "\n");
  };
  const std::string link_local = "fe80:0000:0000:0000:0a00:27ff:fe00:0001";
  const std::string ipv4 = "0000:0000:0000:0000:0000:ffff:0a00:0102";
  const Probe found = probe(FakeSystem(
      kTwoDevices + gid("mlx5_0", 0, link_local.c_str(), "IB/RoCE v1") +
      gid("mlx5_0", 1, link_local.c_str(), "RoCE v2") + gid("mlx5_0", 2, ipv4.c_str(), "IB/RoCE v1") +
      gid("mlx5_0", 10, ipv4.c_str(), "RoCE v2") +
      gid("mlx5_0", 11, "2001:0db8:0000:0000:0000:0000:0000:0007", "RoCE v2") +
      gid("mlx5_0", 12, "0000:0000:0000:0000:0000:0000:0000:0000", "") + gid("mlx5_0", 13, "nonsense", "RoCE v2") +
      gid("mlx5_1", 0, "fe80:0000:0000:0000:506b:4b03:00cb:1234", "IB/RoCE v1") +
      gid("mlx5_1", 1, "fec0:0000:0000:0000:506b:4b03:00cb:1234", "IB/RoCE v1")));
  EXPECT_EQ(dump(found.machine),
            "numa 0 of 1\n"
            "  nic\n"
            "    net eth0 100000 on mlx5_0\n"
            "    net mlx5_0 port 1 100000 Ethernet gid 10 10.0.1.2 [RoCE v2] gid 11 2001:db8::7 [RoCE v2] gid 1 "
            "fe80::a00:27ff:fe00:1 [RoCE v2] gid 2 10.0.1.2 [IB/RoCE v1] gid 0 fe80::a00:27ff:fe00:1 [IB/RoCE v1]\n"
            "    net mlx5_1 port 1 200000 InfiniBand gid 0 fe80::506b:4b03:cb:1234 [] gid 1 "
            "fec0::506b:4b03:cb:1234 []\n");
}

}  // namespace
}  // namespace stretto::test
