// RDMA devices' GIDs, and whether they take memory of GPUs: libibverbs there, not there, and odd.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>
#include <string>

#include "topology/probe/dump.hpp"
#include "topology/probe/fake_system.hpp"
#include "topology/probe/fake_verbs.hpp"
#include "topology/probe/probe.hpp"

namespace stretto::test {
namespace {

using topology::Probe;
using topology::probe_machine;
using topology::ProbeOptions;

/// libibverbs as made up, from where the probe loads it; as new at the start of each test.
class ProbeVerbs : public ::testing::Test {
 protected:
  ProbeVerbs() : library_(dlopen(STRETTO_TEST_VERBS, RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) throw std::runtime_error(dlerror());
    verbs_ = reinterpret_cast<FakeVerbs* (*)()>(dlsym(library_, "fake_verbs_state"))();
    *verbs_ = FakeVerbs{};
  }
  ~ProbeVerbs() override {
    EXPECT_EQ(verbs_->n_held, 0) << "something was not given back";
    dlclose(library_);
  }

  static Probe probe(const FakeSystem& system, const char* library = STRETTO_TEST_VERBS) {
    ProbeOptions options;
    options.root = system.root();
    options.hwloc_library = "", options.nvml_library = "", options.verbs_library = library;
    return probe_machine(options);
  }

  FakeVerbs& verbs() { return *verbs_; }

 private:
  void* library_;
  FakeVerbs* verbs_;
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
  EXPECT_NE(dump(probe(FakeSystem(kTwoDevices)).machine).find("mlx5_0 port 1 100000 Ethernet dma buffers"),
            std::string::npos);
}

TEST_F(ProbeVerbs, DevicesThatCannotBeOpened_AreNamedWithTheReason) {
  verbs().n_devices = 2;
  verbs().devices[0] = {"mlx5_0", EACCES};
  verbs().devices[1] = {"mlx5_1", 0, false};
  const Probe found = probe(FakeSystem(kTwoDevices));
  EXPECT_EQ(dump(found.machine).find("dma"), std::string::npos);
  EXPECT_EQ(dump(found.remarks),
            "mlx5_0: cannot be opened (Permission denied; its file in /dev/infiniband must be open to this user): "
            "whether RDMA devices can register memory of GPUs is not known\n");
  verbs().devices[0] = {"mlx5_0", -1};
  EXPECT_NE(dump(probe(FakeSystem(kTwoDevices)).remarks).find("(no reason given; "), std::string::npos);
}

TEST_F(ProbeVerbs, Library_IsMissedOnlyWhereThereAreDevices) {
  const Probe found = probe(FakeSystem(kTwoDevices), "libibverbs-that-is-not-there.so.1");
  EXPECT_EQ(dump(found.remarks),
            "libibverbs-that-is-not-there.so.1 was not found: whether RDMA devices can register memory of GPUs is not "
            "known\n");
  EXPECT_NE(dump(probe(FakeSystem(kTwoDevices), STRETTO_TEST_OLD_LIBRARY).remarks).find("lacks functions"),
            std::string::npos);
  EXPECT_EQ(dump(probe(FakeSystem("node 0 0\npci 0000:00:14.0 class=0x0c0330 vendor=8086\nnet eth0"),
                       "libibverbs-that-is-not-there.so.1")
                     .remarks),
            "");
}

TEST_F(ProbeVerbs, ModuleForPeerMemory_MakesPortsAble) {
  verbs().n_devices = 1;
  verbs().devices[0] = {"mlx5_0"};
  for (const char* module : {"/sys/module/nvidia_peermem/version", "/sys/kernel/mm/memory_peers/nv_mem/version"}) {
    const Probe found = probe(FakeSystem(std::string(kTwoDevices) + "file " + module + " 570.0\n"));
    EXPECT_EQ(dump(found.machine),
              "numa 0 of 1\n"
              "  nic\n"
              "    net eth0 100000 on mlx5_0\n"
              "    net mlx5_0 port 1 100000 Ethernet gpudirect dma buffers\n"
              "    net mlx5_1 port 1 200000 InfiniBand gpudirect\n");
  }
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
      gid("mlx5_1", 0, "fe80:0000:0000:0000:506b:4b03:00cb:1234", "") +
      gid("mlx5_1", 1, "fec0:0000:0000:0000:506b:4b03:00cb:1234", "")));
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
