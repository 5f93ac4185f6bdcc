// hwloc and NVML: there, not there, and odd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "topology/probe/dump.hpp"
#include "topology/probe/fake_library.hpp"
#include "topology/probe/fake_nvml.hpp"
#include "topology/probe/fake_system.hpp"
#include "topology/probe/probe.hpp"

namespace stretto::test {
namespace {

using ::testing::HasSubstr;
using topology::NumaNode;
using topology::Probe;
using topology::probe_machine;
using topology::ProbeOptions;

class ProbeNvml : public ::testing::Test {
 protected:
  static Probe probe(const FakeSystem& system, const char* library = STRETTO_TEST_NVML) {
    ProbeOptions options;
    options.root = system.root();
    options.hwloc_library = "", options.nvml_library = library, options.verbs_library = "";
    return probe_machine(options);
  }

  FakeNvml& nvml() { return library_.state(); }
  /// Makes the links `first` to `last` of a GPU alike.
  void connect(std::size_t gpu, std::size_t first, std::size_t last, FakeLink link) {
    for (std::size_t i = first; i <= last; ++i) nvml().gpus.at(gpu).links.at(i) = link;
  }

 private:
  FakeLibrary<FakeNvml> library_{STRETTO_TEST_NVML, "fake_nvml_state"};
};

constexpr const char* kTwoGpus = R"(
  node 0 0-3
  node 1 4-7
  pci 0000:1a:00.0 kind=gpu numa=0
  pci 0000:3b:00.0 kind=gpu numa=1
  net eth0
)";

TEST_F(ProbeNvml, GpusWithABridge_HaveLinksBothWays) {
  nvml().n_gpus = 2;
  nvml().gpus[0] = {"00000000:1A:00.0", "GPU-a", 8, 6, {}, 0, 0};
  nvml().gpus[1] = {"00000000:3B:00.0", "GPU-b", 8, 6, {}, 0, 0};
  connect(0, 0, 3, {1, 0, "00000000:3B:00.0"});
  connect(1, 0, 2, {1, 0, "00000000:1A:00.0"});  // one is broken on this side
  connect(0, 12, 17, {-1, 0, nullptr});
  const Probe found = probe(FakeSystem(kTwoGpus));
  EXPECT_EQ(dump(found.machine),
            "numa 0 of 4\n"
            "  gpu 0000:1a:00.0 ordinal 0 sm 86 GPU-a\n"
            "  nic\n"
            "    net eth0\n"
            "numa 1 of 4\n"
            "  gpu 0000:3b:00.0 ordinal 1 sm 86 GPU-b\n"
            "link 0000:1a:00.0 -> 0000:3b:00.0 x4 0x030200\n"
            "link 0000:3b:00.0 -> 0000:1a:00.0 x3 0x030200\n");
  EXPECT_EQ(dump(found.remarks), "");
  EXPECT_EQ(nvml().n_starts, 1);
  EXPECT_EQ(nvml().n_stops, 1);
}

TEST_F(ProbeNvml, SwitchesThatDoNotShow_AreOne) {
  nvml().n_gpus = 2;
  nvml().gpus[0] = {"00000000:1A:00.0", nullptr, 9, 0, {}, 0, 0};
  nvml().gpus[1] = {"00000000:3B:00.0", nullptr, 9, 0, {}, 0, 0};
  connect(0, 0, 8, {1, 2, "00000000:00:00.0"});
  connect(0, 9, 17, {1, 2, nullptr});
  connect(1, 0, 17, {1, 2, "00000001:00:00.0"});
  EXPECT_THAT(dump(probe(FakeSystem(kTwoGpus)).machine), HasSubstr("nvswitch\n"
                                                                   "link 0000:1a:00.0 -> the NVSwitch x18 0x068000\n"
                                                                   "link the NVSwitch -> 0000:1a:00.0 x18\n"
                                                                   "link 0000:3b:00.0 -> the NVSwitch x18 0x068000\n"
                                                                   "link the NVSwitch -> 0000:3b:00.0 x18\n"));
}

TEST_F(ProbeNvml, SwitchesOnPci_AreEachThere) {
  nvml().n_gpus = 1;
  nvml().gpus[0] = {"00000000:1A:00.0", nullptr, 9, 0, {}, 0, 0};
  connect(0, 0, 4, {1, 2, "00000000:05:00.0"});
  connect(0, 5, 8, {1, 2, "00000000:06:00.0"});
  const Probe found = probe(FakeSystem(R"(
    node 0 0-3
    pci 0000:05:00.0 kind=nvswitch
    pci 0000:06:00.0 kind=nvswitch
    pci 0000:1a:00.0 kind=gpu
    net eth0
  )"));
  EXPECT_EQ(dump(found.machine),
            "numa 0 of 4\n"
            "  nvswitch 0000:05:00.0\n"
            "  nvswitch 0000:06:00.0\n"
            "  gpu 0000:1a:00.0 ordinal 0 sm 90\n"
            "  nic\n"
            "    net eth0\n"
            "link 0000:1a:00.0 -> 0000:05:00.0 x5 0x068000\n"
            "link 0000:05:00.0 -> 0000:1a:00.0 x5\n"
            "link 0000:1a:00.0 -> 0000:06:00.0 x4 0x068000\n"
            "link 0000:06:00.0 -> 0000:1a:00.0 x4\n");
}

TEST_F(ProbeNvml, LinksToProcessors_LeadToTheirNumaNode) {
  nvml().n_gpus = 1;
  nvml().gpus[0] = {"00000000:3B:00.0", nullptr, 7, 0, {}, 0, 0};
  connect(0, 0, 2, {1, 1, nullptr});
  EXPECT_THAT(dump(probe(FakeSystem(kTwoGpus)).machine), HasSubstr("link 0000:3b:00.0 -> NUMA node 1 x3 0x068001\n"
                                                                   "link NUMA node 1 -> 0000:3b:00.0 x3\n"));
}

TEST_F(ProbeNvml, Superchip_HasLinksToItsProcessor) {
  nvml().n_gpus = 1;
  nvml().gpus[0] = {"00000000:3B:00.0", nullptr, 9, 0, {}, 11, 44712};
  EXPECT_THAT(dump(probe(FakeSystem(kTwoGpus)).machine),
              HasSubstr("c2c 0000:3b:00.0 -> NUMA node 1 x10 of GB/s 44.712\n"
                        "c2c NUMA node 1 -> 0000:3b:00.0 x10 of GB/s 44.712\n"))
      << "one of eleven is down";
  nvml().gpus[0].n_chip_links = 4'000'000'000;
  EXPECT_THAT(dump(probe(FakeSystem(kTwoGpus)).machine), HasSubstr("x64 of"));
}

TEST_F(ProbeNvml, LinksToWhatDoesNotShow_AreLeftOutAndNamed) {
  nvml().n_gpus = 1;
  nvml().gpus[0] = {"00000000:1A:00.0", nullptr, 8, 0, {}, 0, 0};
  connect(0, 0, 1, {1, 0, "00000000:99:00.0"});
  connect(0, 2, 2, {1, 255, nullptr});
  connect(0, 3, 3, {1, 0, "00000000:1A:00.0"});
  const Probe found = probe(FakeSystem(kTwoGpus));
  EXPECT_TRUE(found.machine.links().empty());
  EXPECT_EQ(
      dump(found.remarks),
      "0000:3b:00.0: NVML does not list it (not given to this container, or without driver): its links are not seen\n"
      "0000:1a:00.0: NVLinks lead to it, and it does not show here, so they are left out\n"
      "0000:99:00.0: NVLinks lead to it, and it does not show here, so they are left out\n"
      "a device without bus id: NVLinks lead to it, and it does not show here, so they are left out\n");
}

TEST_F(ProbeNvml, GpusThatSysDoesNotShow_AreThere) {
  nvml().n_gpus = 3;
  nvml().gpus[0] = {"00000000:1A:00.0", nullptr, 9, 0, {}, 0, 0};
  nvml().gpus[1] = {"no bus id", nullptr, 9, 0, {}, 0, 0};
  nvml().gpus[2] = {"0000:1a:00.0", nullptr, 9, 0, {}, 0, 0};  // again
  const FakeSystem system("");
  const Probe found = probe(system);
  EXPECT_THAT(dump(found.machine), HasSubstr("  gpu 0000:1a:00.0 ordinal 0 sm 90\n"));
  EXPECT_EQ(found.machine.gpus().size(), 1U);
  EXPECT_EQ(std::get<topology::GpuNode>(found.machine.node(found.machine.gpus()[0]).facts).pci.device, 0x2330);
  EXPECT_THAT(dump(found.remarks),
              HasSubstr("0000:1a:00.0: NVML lists it, and /sys does not, so its place is not known"));
  EXPECT_THAT(dump(found.remarks), HasSubstr("GPU 1: NVML does not say where it is, so it is left out"));
}

TEST_F(ProbeNvml, MoreGpusThanThereCanBe_AreNotAskedFor) {
  nvml().n_gpus = 1'000'000'000;
  for (FakeGpu& gpu : nvml().gpus) gpu.bus_id = "";
  EXPECT_EQ(probe(FakeSystem(kTwoGpus)).machine.gpus().size(), 2U);
}

TEST_F(ProbeNvml, DriverNotLoaded_IsSaid) {
  nvml().init_result = 9;
  const Probe found = probe(FakeSystem(kTwoGpus));
  EXPECT_EQ(found.machine.gpus().size(), 2U);
  EXPECT_EQ(dump(found.remarks), std::string(STRETTO_TEST_NVML) +
                                     " does not start (Driver Not Loaded): NVLinks and compute "
                                     "capabilities are not seen\n");
  EXPECT_EQ(nvml().n_stops, 0);
}

TEST_F(ProbeNvml, LibraryNotThereOrOld_IsSaidWhereItMatters) {
  const FakeSystem with_gpus(kTwoGpus);
  EXPECT_EQ(dump(probe(with_gpus, "libnone.so.1").remarks),
            "libnone.so.1 was not found: NVLinks and compute capabilities are not seen\n");
  EXPECT_EQ(dump(probe(with_gpus, STRETTO_TEST_OLD_LIBRARY).remarks),
            std::string(STRETTO_TEST_OLD_LIBRARY) +
                " is of a driver older than 535: NVLinks and compute capabilities are not seen\n");
  const FakeSystem without("node 0 0\npci 0000:1a:00.0 kind=gpu vendor=1002\nnet eth0\n");
  EXPECT_EQ(dump(probe(without, "libnone.so.1").remarks), "");
  EXPECT_EQ(nvml().n_starts, 0);
}

#if STRETTO_TEST_HAS_HWLOC

/// The real library, told of a made-up machine by its own variables.
class ProbeHwloc : public ::testing::Test {
 protected:
  ~ProbeHwloc() override {
    unsetenv("HWLOC_SYNTHETIC");
    unsetenv("HWLOC_THISSYSTEM");
  }

  static Probe probe(const FakeSystem& system, const char* library = "libhwloc.so.15") {
    ProbeOptions options;
    options.root = system.root();
    options.hwloc_library = library, options.nvml_library = "", options.verbs_library = "";
    return probe_machine(options);
  }
};

constexpr const char* kOneNode = "cpuinfo x86\nnode 0 0-7 package=0\npci 0000:1a:00.0 kind=gpu numa=1\nnet eth0\n";

TEST_F(ProbeHwloc, PackagesAndNodes_AreAsHwlocHasThem) {
  setenv("HWLOC_SYNTHETIC", "pack:2 numa:2 core:1 pu:2", 1);
  setenv("HWLOC_THISSYSTEM", "1", 1);
  const Probe found = probe(FakeSystem(kOneNode));
  EXPECT_EQ(dump(found.machine),
            "numa 0 package 0 of 2\n"
            "  nic\n"
            "    net eth0\n"
            "numa 1 package 0 of 2\n"
            "  gpu 0000:1a:00.0\n"
            "numa 2 package 1 of 2\n"
            "numa 3 package 1 of 2\n")
      << "hwloc is the authority where both speak";
  const auto& numa = std::get<NumaNode>(found.machine.node(0).facts);
  EXPECT_EQ(numa.processors, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(numa.model, 143) << "what hwloc does not say comes from /proc";
  EXPECT_EQ(dump(found.remarks), "");
}

TEST_F(ProbeHwloc, AnotherMachine_IsNotTakenForThisOne) {
  setenv("HWLOC_SYNTHETIC", "pack:2 numa:2 core:1 pu:2", 1);
  const Probe found = probe(FakeSystem(kOneNode));
  EXPECT_THAT(dump(found.machine), HasSubstr("numa 0 package 0 of 8\n"));
  EXPECT_THAT(dump(found.remarks), HasSubstr("libhwloc.so.15 was told of another machine"));
}

TEST_F(ProbeHwloc, ThisMachine_IsTheSameWithAndWithout) {
  ProbeOptions options;
  const Probe with = probe_machine(options);
  options.hwloc_library = "";
  const Probe without = probe_machine(options);
  // hwloc may know better where firmware is wrong: of a machine with one NUMA node there is nothing to know better.
  if (with.machine.roots().size() != 1 || without.machine.roots().size() != 1) GTEST_SKIP() << "several NUMA nodes";
  EXPECT_EQ(with.machine.node(0), without.machine.node(0));
}

TEST_F(ProbeHwloc, LibraryNotThereOrOld_IsSaid) {
  const FakeSystem system(kOneNode);
  EXPECT_EQ(dump(probe(system, "libnone.so.15").remarks),
            "libnone.so.15 was not found: packages and NUMA nodes are seen as /sys has them\n");
  EXPECT_EQ(dump(probe(system, STRETTO_TEST_OLD_LIBRARY).remarks),
            std::string(STRETTO_TEST_OLD_LIBRARY) +
                " is not of version 2 of hwloc: packages and NUMA nodes are seen as /sys has them\n");
}

#else

TEST(ProbeHwloc, BuiltWithoutItsHeaders_IsSaid) {
  const FakeSystem system("node 0 0\nnet eth0\n");
  ProbeOptions options;
  options.root = system.root();
  options.nvml_library = "", options.verbs_library = "";
  EXPECT_THAT(dump(probe_machine(options).remarks), HasSubstr("hwloc's headers were not there when stretto was built"));
}

#endif

}  // namespace
}  // namespace stretto::test
