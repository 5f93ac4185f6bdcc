// NICs, interfaces and RDMA devices of made-up systems.
#include <gtest/gtest.h>

#include "topology/probe/dump.hpp"
#include "topology/probe/fake_system.hpp"

namespace stretto::test {
namespace {

using topology::Probe;

TEST(ProbeNetworks, RdmaCardWithTwoPorts_HasBothNamesOfEachWire) {
  const FakeSystem system(R"(
    node 0 0-3
    pci 0000:00:01.0
    pci 0000:00:01.0/0000:3b:00.0 kind=nic speed=16.0 width=16
    pci 0000:00:01.0/0000:3b:00.1 kind=nic speed=16.0 width=16
    net ens3f0 at=0000:3b:00.0 speed=100000
    net ens3f1 at=0000:3b:00.1 speed=100000
    rdma mlx5_0 at=0000:3b:00.0 guid=506b:4b03:00cb:1234 node_guid=506b:4b03:00cb:1234
    port mlx5_0 1 rate=100 layer=Ethernet netdev=ens3f0
    rdma mlx5_1 at=0000:3b:00.1 guid=506b:4b03:00cb:1234 node_guid=506b:4b03:00cb:1235
    port mlx5_1 1 rate=100 layer=Ethernet netdev=ens3f1
  )");
  const Probe found = probe(system);
  EXPECT_EQ(dump(found.machine),
            "numa 0 of 4\n"
            "  nic 0000:3b:00.0 16x16\n"
            "    net ens3f0 100000 on mlx5_0\n"
            "    net mlx5_0 port 1 100000 Ethernet guid 506b4b0300cb1234\n"
            "  nic 0000:3b:00.1 16x16\n"
            "    net ens3f1 100000 on mlx5_1\n"
            "    net mlx5_1 port 1 100000 Ethernet guid 506b4b0300cb1234\n");
  EXPECT_EQ(dump(found.remarks), "");
}

TEST(ProbeNetworks, OneFunctionWithTwoPorts_InterfacesAreToldByTheirPort) {
  const FakeSystem system(R"(
    node 0 0-3
    pci 0000:3b:00.0 kind=nic
    net a at=0000:3b:00.0 speed=40000 dev_port=1
    net b at=0000:3b:00.0 speed=40000 dev_port=0
    rdma mlx4_0 at=0000:3b:00.0 node_guid=0002:c903:0000:0001
    port mlx4_0 1 rate=40 layer=Ethernet
    port mlx4_0 2 rate=2.5 layer=InfiniBand
    rdma mlx4_1 at=0000:3b:00.0
    port mlx4_1 1 state=1
  )");
  const Probe found = probe(system);
  EXPECT_EQ(dump(found.machine),
            "numa 0 of 4\n"
            "  nic 0000:3b:00.0\n"
            "    net a 40000 on mlx4_0\n"
            "    net b 40000 on mlx4_0\n"
            "    net mlx4_0 port 1 40000 Ethernet guid 2c90300000001\n"
            "    net mlx4_0 port 2 2500 InfiniBand guid 2c90300000001\n");
  EXPECT_EQ(dump(found.remarks), "mlx4_1 port 1: not active, so left out\n");
}

TEST(ProbeNetworks, RdmaInSoftware_IsWhereItsInterfaceIs) {
  const FakeSystem system(R"(
    node 0 0
    pci 0000:00:03.0 kind=nic vendor=1af4
    net eth0 at=0000:00:03.0
    rdma rxe0 parent=eth0 node_guid=0200:00ff:fe00:0001
    port rxe0 1 rate=2.5 layer=Ethernet
  )");
  EXPECT_EQ(dump(probe(system).machine),
            "numa 0 of 1\n"
            "  nic 0000:00:03.0\n"
            "    net eth0 on rxe0\n"
            "    net rxe0 port 1 2500 Ethernet guid 20000fffe000001\n");
}

TEST(ProbeNetworks, InterfacesNotOnPci_AreInACardWithoutBusId) {
  const FakeSystem system(R"(
    node 0 0
    node 1 1
    pci 0000:00:14.0 class=0x0c0330 vendor=8086
    net bond0 speed=50000
    net br0 state=unknown flags=0x1003
    net docker0 state=down
    net dummy0 state=unknown flags=0x1002
    net tun0 type=65534
    net usb0 at=0000:00:14.0 speed=480
    net veth1 master=br0
    file /sys/class/net/bonding_masters bond0
  )");
  const Probe found = probe(system);
  EXPECT_EQ(dump(found.machine),
            "numa 0 of 1\n"
            "  nic\n"
            "    net bond0 50000\n"
            "    net br0\n"
            "    net usb0 480\n"
            "numa 1 of 1\n");
  EXPECT_EQ(dump(found.remarks), "");
}

TEST(ProbeNetworks, PortsThatAreDown_AreLeftOutAndNamed) {
  const Probe found = probe(FakeSystem(R"(
    node 0 0
    pci 0000:01:00.0 kind=nic vendor=8086
    pci 0000:01:00.1 kind=nic vendor=8086
    net eno1 at=0000:01:00.0 state=down
    net eno2 at=0000:01:00.1 state=lowerlayerdown
  )"));
  EXPECT_EQ(dump(found.machine), "numa 0 of 1\n  nic 0000:01:00.0\n  nic 0000:01:00.1\n");
  EXPECT_EQ(dump(found.remarks), "eno1, eno2: not up, so left out\n");
}

TEST(ProbeNetworks, VirtualFunctions_CountIfThisSystemUsesThem) {
  const Probe found = probe(FakeSystem(R"(
    node 0 0
    pci 0000:01:00.0 kind=nic
    pci 0000:01:00.2 kind=nic physfn=0000:01:00.0
    pci 0000:01:00.3 kind=nic physfn=0000:01:00.0
    pci 0000:02:00.0 kind=gpu
    pci 0000:02:00.4 kind=gpu physfn=0000:02:00.0
    net vf1 at=0000:01:00.3
  )"));
  EXPECT_EQ(dump(found.machine),
            "numa 0 of 1\n"
            "  nic 0000:01:00.0\n"
            "  nic 0000:01:00.3\n"
            "    net vf1\n"
            "  gpu 0000:02:00.0\n");
}

}  // namespace
}  // namespace stretto::test
