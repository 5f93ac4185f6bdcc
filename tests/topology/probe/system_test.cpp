// What /sys shows, of made-up systems and of this one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/affinity.hpp"
#include "topology/probe/dump.hpp"
#include "topology/probe/fake_system.hpp"
#include "topology/probe/probe.hpp"

namespace stretto::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using topology::Machine;
using topology::NumaNode;
using topology::Probe;
using topology::probe_machine;
using topology::ProbeOptions;
using topology::RemarkKind;

bool has(const Probe& found, RemarkKind kind) {
  return std::any_of(found.remarks.begin(), found.remarks.end(), [&](const auto& r) { return r.kind == kind; });
}

TEST(ProbeSystem, PlainVirtualMachine_IsItsProcessorsAndItsInterface) {
  const FakeSystem system(R"(
    cpuinfo x86 hypervisor
    node 0 0-1 package=0
    pci 0000:00:00.0 class=0x060000 vendor=8086
    pci 0000:00:01.0 class=0x030000 vendor=1234
    pci 0000:00:03.0 kind=nic vendor=1af4
    net eth0 at=0000:00:03.0 speed=-1
    net lo type=772 state=unknown
    net ifb0 state=down
    file /proc/sys/kernel/hostname box
  )");
  const Probe found = probe(system);
  EXPECT_EQ(dump(found.machine),
            "numa 0 package 0 of 2\n"
            "  nic 0000:00:03.0\n"
            "    net eth0\n");
  EXPECT_EQ(dump(found.remarks), "") << "there is nothing to remark";
  EXPECT_EQ(found.machine.host(), "box");
  const auto& numa = std::get<NumaNode>(found.machine.node(0).facts);
  EXPECT_EQ(numa.processors, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(numa.vendor, "GenuineIntel");
  EXPECT_EQ(numa.family, 6);
  EXPECT_EQ(numa.model, 143);
  EXPECT_FALSE(numa.architecture.empty());
}

constexpr const char* kTwoSockets = R"(
  cpuinfo x86
  node 0 0-3,8-11 package=0
  node 1 4-7,12-15 package=1
  pci 0000:00:1f.0 class=0x060100 vendor=8086
  pci 0000:00:1c.0 speed=8.0 width=1
  pci 0000:00:1c.0/0000:02:00.0 class=0x030000 vendor=1a03
  pci 0000:10:01.0 numa=0 speed=32.0 width=16
  pci 0000:10:01.0/0000:11:00.0 numa=0 speed=16.0 width=16
  pci 0000:10:01.0/0000:11:00.0/0000:12:00.0 numa=0 speed=16.0 width=16
  pci 0000:10:01.0/0000:11:00.0/0000:12:00.0/0000:13:00.0 kind=gpu numa=0 speed=16.0 width=16 now=2.5
  pci 0000:10:01.0/0000:11:00.0/0000:12:01.0 numa=0 speed=16.0 width=16
  pci 0000:10:01.0/0000:11:00.0/0000:12:01.0/0000:14:00.0 kind=gpu numa=0 speed=32.0 width=16
  pci 0000:10:01.0/0000:11:00.0/0000:12:01.0/0000:14:00.1 class=0x040300 vendor=10de numa=0
  pci 0000:10:01.0/0000:11:00.0/0000:12:02.0 numa=0 speed=16.0 width=16
  pci 0000:10:01.0/0000:11:00.0/0000:12:02.0/0000:15:00.0 kind=nic numa=0 speed=16.0 width=16 lanes=8 vendor=8086
  pci 0000:90:01.0 numa=1 speed=32.0 width=16
  pci 0000:90:01.0/0000:91:00.0 numa=1 speed=16.0 width=16
  pci 0000:90:01.0/0000:91:00.0/0000:92:00.0 numa=1 speed=16.0 width=16
  pci 0000:90:01.0/0000:91:00.0/0000:92:00.0/0000:93:00.0 kind=gpu numa=1 speed=16.0 width=16
  pci 0000:90:01.0/0000:91:00.0/0000:92:01.0 numa=1 speed=16.0 width=16
  pci 0000:90:01.0/0000:91:00.0/0000:92:01.0/0000:94:00.0 kind=gpu numa=1 speed=16.0 width=16
  pci 0000:a0:01.0 numa=1 speed=8.0 width=8
  pci 0000:a0:01.0/0000:a1:00.0 kind=nic numa=1 speed=16.0 width=16 now=8.0 vendor=8086
  net ens1 at=0000:15:00.0 speed=100000
  net ens2 at=0000:a1:00.0 speed=25000
  net lo type=772
)";

TEST(ProbeSystem, TwoSocketsWithSwitches_EachSwitchIsOneBridge) {
  const Probe found = probe(FakeSystem(kTwoSockets));
  EXPECT_EQ(dump(found.machine),
            "numa 0 package 0 of 8\n"
            "  bridge 0000:11:00.0 16x16\n"
            "    gpu 0000:13:00.0 16x16\n"
            "    gpu 0000:14:00.0 16x16\n"
            "    nic 0000:15:00.0 16x8\n"
            "      net ens1 100000\n"
            "numa 1 package 1 of 8\n"
            "  bridge 0000:91:00.0 16x16\n"
            "    gpu 0000:93:00.0 16x16\n"
            "    gpu 0000:94:00.0 16x16\n"
            "  nic 0000:a1:00.0 8x8\n"
            "    net ens2 25000\n");
  EXPECT_EQ(dump(found.remarks), "0000:15:00.0: its link runs on 8 of 16 lanes\n");
  EXPECT_FALSE(has(found, RemarkKind::flattened));
}

TEST(ProbeSystem, AllBridges_EachPortIsThere) {
  const Probe found = probe(FakeSystem(kTwoSockets), true);
  const std::string text = dump(found.machine);
  EXPECT_THAT(text, HasSubstr("  bridge 0000:00:1c.0\n")) << "nothing below it that counts";
  EXPECT_THAT(text, HasSubstr("  bridge 0000:10:01.0\n"
                              "    bridge 0000:11:00.0 16x16\n"
                              "      bridge 0000:12:00.0\n"
                              "        gpu 0000:13:00.0 16x16\n"))
      << "above a root port, and a port that leads down, there is no link";
  EXPECT_THAT(text, Not(HasSubstr("0000:02:00.0"))) << "a server's VGA adapter";
}

TEST(ProbeSystem, OnlyGpusForComputing_Count) {
  const Probe found = probe(FakeSystem(R"(
    node 0 0
    pci 0000:00:02.0 class=0x030000 vendor=8086
    pci 0000:01:00.0 class=0x030000 vendor=10de
    pci 0000:02:00.0 class=0x038000 vendor=1002
    pci 0000:03:00.0 class=0x120000 vendor=1002
    pci 0000:04:00.0 class=0x038000 vendor=8086
    pci 0000:05:00.0 class=0x030000 vendor=1234
    pci 0000:06:00.0 class=0x030000 vendor=1013
    pci 0000:07:00.0 class=0x030000 vendor=1a03
    pci 0000:08:00.0 class=0x120000 vendor=1da3
    pci 0000:09:00.0 class=0x040300 vendor=1002
    pci 0000:0a:00.0 kind=nvswitch
    pci 0000:0b:00.0 class=0x0c0600 vendor=1077
  )"));
  EXPECT_EQ(dump(found.machine),
            "numa 0 of 1\n"
            "  gpu 0000:01:00.0\n"
            "  gpu 0000:02:00.0\n"
            "  gpu 0000:03:00.0\n"
            "  gpu 0000:04:00.0\n"
            "  nvswitch 0000:0a:00.0\n"
            "  nic 0000:0b:00.0\n");
}

constexpr const char* kFlat = R"(
  node 0 0-3
  pci 0000:00:04.0 kind=gpu
  pci 0000:00:05.0 kind=gpu
  pci 0000:00:06.0 speed=16.0
  pci 0000:00:06.0/0000:01:00.0 kind=nic speed=16.0 vendor=1af4
  net eth0 at=0000:01:00.0
)";

TEST(ProbeSystem, FlatTree_OfAVirtualMachineIsRemarked) {
  const FakeSystem system(kFlat);
  system.file("/proc/cpuinfo", "processor : 0\nflags : fpu hypervisor\n");
  const Probe found = probe(system);
  EXPECT_EQ(dump(found.remarks), "PCI tree is flattened by a virtual machine; distances are not known\n");
  EXPECT_TRUE(has(found, RemarkKind::flattened));
  EXPECT_EQ(dump(found.machine),
            "numa 0 of 4\n"
            "  gpu 0000:00:04.0\n"
            "  gpu 0000:00:05.0\n"
            "  nic 0000:01:00.0 16\n"
            "    net eth0\n");
}

TEST(ProbeSystem, FlatTree_OfARealMachineIsNot) {
  const FakeSystem system(kFlat);
  system.file("/proc/cpuinfo", "processor : 0\nflags : fpu nohypervisor hypervisors\n");
  system.file("/sys/class/dmi/id/sys_vendor", "QEMU");
  EXPECT_FALSE(has(probe(system), RemarkKind::flattened)) << "the processor says that it is real";
  system.file("/proc/cpuinfo", "processor : 0\nCPU implementer : 0x41\n");
  EXPECT_TRUE(has(probe(system), RemarkKind::flattened)) << "Arm's processors do not say, the firmware does";
  system.file("/sys/class/dmi/id/sys_vendor", "Amazon EC2");
  system.file("/sys/class/dmi/id/product_name", "c7g.metal");
  EXPECT_FALSE(has(probe(system), RemarkKind::flattened));
  system.file("/sys/class/dmi/id/product_name", "g5g.xlarge");
  EXPECT_TRUE(has(probe(system), RemarkKind::flattened));
}

TEST(ProbeSystem, TreeOfAVirtualMachineWithSwitches_IsTrusted) {
  const FakeSystem system(kTwoSockets);
  system.file("/proc/cpuinfo", "processor : 0\nflags : fpu hypervisor\n");
  EXPECT_FALSE(has(probe(system), RemarkKind::flattened));
}

TEST(ProbeSystem, NumaNodeNotSaid_IsNotGuessed) {
  const Probe found = probe(FakeSystem(R"(
    node 0 0-1
    node 1 2-3
    node 2 
    pci 0000:01:00.0 kind=gpu numa=-1
    pci 0000:02:00.0 numa=-1
    pci 0000:02:00.0/0000:03:00.0 numa=-1
    pci 0000:02:00.0/0000:03:00.0/0000:04:00.0 numa=-1
    pci 0000:02:00.0/0000:03:00.0/0000:04:00.0/0000:05:00.0 kind=gpu numa=1
    pci 0000:06:00.0 numa=1
    pci 0000:06:00.0/0000:07:00.0 kind=gpu numa=-1
    pci 0000:08:00.0 kind=gpu numa=7
  )"));
  EXPECT_EQ(dump(found.machine),
            "numa 0 of 2\n"
            "numa 1 of 2\n"
            "  bridge 0000:03:00.0\n"
            "    gpu 0000:05:00.0\n"
            "  gpu 0000:07:00.0\n"
            "numa of 0\n"
            "  gpu 0000:01:00.0\n"
            "  gpu 0000:08:00.0\n")
      << "a switch is near where its cards are, a card where its port is; of two it is not known; one has no "
         "processors";
  EXPECT_THAT(dump(found.remarks), HasSubstr("0000:01:00.0, 0000:08:00.0: near which NUMA node is not said"));
}

TEST(ProbeSystem, NumaNodeNotSaidWhereThereIsOne_IsThatOne) {
  const Probe found = probe(FakeSystem("node 3 0-1\npci 0000:01:00.0 kind=gpu numa=-1\n"));
  EXPECT_THAT(dump(found.machine), HasSubstr("numa 3 of 2\n  gpu 0000:01:00.0\n"));
}

TEST(ProbeSystem, NoNodes_AllProcessorsAreOne) {
  const FakeSystem system("file /sys/devices/system/cpu/online 0-2,5\npci 0000:01:00.0 kind=gpu numa=0\n");
  const Probe found = probe(system);
  EXPECT_EQ(dump(found.machine), "numa of 4\n  gpu 0000:01:00.0\n");
  EXPECT_THAT(dump(found.remarks), HasSubstr("/sys/devices/system/node does not say which processors"));
}

TEST(ProbeSystem, NoSysAtAll_ProcessorsAreThoseOfThisThread) {
  const FakeSystem system("");
  const Probe found = probe(system);
  ASSERT_EQ(found.machine.nodes().size(), 1U);
  EXPECT_EQ(std::get<NumaNode>(found.machine.node(0).facts).processors.size(), allowed_cpus().size());
  EXPECT_TRUE(has(found, RemarkKind::missing));
  EXPECT_THAT(dump(found.remarks), HasSubstr("/sys was not found"));
}

TEST(ProbeSystem, ArmProcessor_HasAVendorAndAModel) {
  const FakeSystem system("node 0 0\n");
  system.file("/proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 2000.00\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n");
  const Probe found = probe(system);
  const auto& numa = std::get<NumaNode>(found.machine.node(0).facts);
  EXPECT_EQ(numa.vendor, "ARM");
  EXPECT_EQ(numa.model, 0xd4f);
  EXPECT_FALSE(numa.family);
}

TEST(ProbeSystem, IommuGroupsBelowASwitch_TellOfAcs) {
  const auto groups = [](const std::string& first, const std::string& second) {
    return "node 0 0\npci 0000:00:01.0\npci 0000:00:01.0/0000:01:00.0\npci 0000:00:01.0/0000:01:00.0/0000:02:00.0\n"
           "pci 0000:00:01.0/0000:01:00.0/0000:02:00.0/0000:03:00.0 kind=gpu group=" +
           first +
           "\npci 0000:00:01.0/0000:01:00.0/0000:02:01.0\n"
           "pci 0000:00:01.0/0000:01:00.0/0000:02:01.0/0000:04:00.0 kind=nic group=" +
           second + "\n";
  };
  EXPECT_EQ(
      dump(probe(FakeSystem(groups("7", "8"))).remarks),
      "/sys/class/net shows nothing: network interfaces are not seen\n"
      "/sys/class/infiniband was not found: whether 0000:04:00.0 and others can do RDMA is not known\n"
      "0000:01:00.0: what is below this switch is in several IOMMU groups, so ACS sends its traffic up to the host "
      "bridge\n");
  EXPECT_THAT(dump(probe(FakeSystem(groups("7", "7"))).remarks), Not(HasSubstr("ACS")));
  const FakeSystem translated(groups("7", "7") + "file /sys/kernel/iommu_groups/7/type DMA-FQ\n");
  EXPECT_THAT(dump(probe(translated).remarks),
              HasSubstr("0000:03:00.0: the IOMMU translates its addresses (type DMA-FQ)"));
  const FakeSystem identity(groups("7", "7") + "file /sys/kernel/iommu_groups/7/type identity\n");
  EXPECT_THAT(dump(probe(identity).remarks), Not(HasSubstr("translates")));
}

TEST(ProbeSystem, ThisMachine_IsSeenAsItIs) {
  const Probe found = probe_machine();
  std::vector<std::int32_t> processors;
  for (const auto& node : found.machine.nodes()) {
    const auto* numa = std::get_if<NumaNode>(&node.facts);
    if (numa == nullptr) continue;
    EXPECT_TRUE(std::is_sorted(numa->processors.begin(), numa->processors.end()));
    EXPECT_FALSE(numa->architecture.empty());
    processors.insert(processors.end(), numa->processors.begin(), numa->processors.end());
  }
  std::sort(processors.begin(), processors.end());
  EXPECT_EQ(std::adjacent_find(processors.begin(), processors.end()), processors.end()) << "one is in two nodes";
  for (const std::size_t allowed : allowed_cpus()) {
    EXPECT_TRUE(std::binary_search(processors.begin(), processors.end(), static_cast<std::int32_t>(allowed)));
  }
  EXPECT_EQ(static_cast<long>(processors.size()), ::sysconf(_SC_NPROCESSORS_ONLN));
  std::array<char, 256> host{};
  ASSERT_EQ(::gethostname(host.data(), host.size() - 1), 0);
  EXPECT_EQ(found.machine.host(), host.data());
  RecordProperty("machine", dump(found.machine));
  RecordProperty("remarks", dump(found.remarks));
}

}  // namespace
}  // namespace stretto::test
