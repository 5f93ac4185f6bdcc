// Files that are not there, cannot be read, or say what they never should: the probe sees less, and goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "topology/probe/dump.hpp"
#include "topology/probe/fake_system.hpp"
#include "topology/probe/probe.hpp"
#include "topology/probe/system_files.hpp"

namespace stretto::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using topology::Probe;
using topology::SystemFiles;

constexpr const char* kSmall = R"(
  cpuinfo x86
  node 0 0-1 package=0
  pci 0000:00:01.0
  pci 0000:00:01.0/0000:01:00.0 kind=gpu numa=0 speed=16.0 width=16
  pci 0000:00:02.0
  pci 0000:00:02.0/0000:02:00.0 kind=nic numa=0 speed=16.0 width=16 group=3
  net eth0 at=0000:02:00.0 speed=100000
  rdma mlx5_0 at=0000:02:00.0 guid=0002:c903:0000:0001
  port mlx5_0 1 rate=100 layer=Ethernet netdev=eth0
)";

TEST(SystemFiles, WhatIsNoSmallFile_SaysNothing) {
  const FakeSystem system("file /good 12\nfile /empty\nfile /hexadecimal 0x1F\nfile /minus -1\nfile /trailing 12 x\n");
  fs::create_directories(system.path("/folder"));
  fs::create_symlink("nowhere", system.path("/dangling"));
  fs::create_symlink("loop", system.path("/loop"));
  ASSERT_EQ(::mkfifo(system.path("/pipe").c_str(), 0600), 0);
  system.file("/huge", std::string(SystemFiles::kMostBytes, 'x'));  // and a newline
  system.file("/large", std::string(SystemFiles::kMostBytes - 1, '1'));
  const SystemFiles files(system.root());
  EXPECT_EQ(files.text("/good"), "12");
  for (const char* path : {"/empty", "/folder", "/dangling", "/loop", "/pipe", "/huge", "/none", ""}) {
    EXPECT_FALSE(files.text(path)) << path;
  }
  EXPECT_EQ(files.text("/large")->size(), SystemFiles::kMostBytes - 1);
  EXPECT_EQ(files.head("/huge").size(), SystemFiles::kMostBytes);
  EXPECT_EQ(files.number("/hexadecimal"), 31);
  EXPECT_EQ(files.number("/minus"), -1);
  EXPECT_FALSE(files.count("/minus"));
  EXPECT_FALSE(files.number("/trailing"));
  EXPECT_FALSE(files.number("/large"));
  EXPECT_TRUE(files.names("/good").empty());
  EXPECT_EQ(files.real_path("/loop"), "");
  EXPECT_EQ(files.real_path("/folder"), "/folder");
}

TEST(SystemFiles, BusIdsOfAPath_AreInTheOrderOfTheTree) {
  using Ids = std::vector<std::string>;
  EXPECT_EQ(topology::bus_ids_of("/sys/devices/pci0000:00/0000:00:03.0/virtio2/net/eth0"), Ids{"0000:00:03.0"});
  EXPECT_EQ(topology::bus_ids_of("/sys/devices/pci0000:e0/0000:e0:05.5/pci10000:e0/10000:e0:02.0/10000:e1:00.0"),
            (Ids{"0000:e0:05.5", "10000:e0:02.0", "10000:e1:00.0"}));
  EXPECT_EQ(topology::bus_ids_of("/sys/devices/virtual/net/lo"), Ids{});
  EXPECT_EQ(topology::bus_ids_of(""), Ids{});
}

TEST(ProbeOddFiles, FunctionUnpluggedWhileItIsRead_IsLeftOut) {
  const FakeSystem system(kSmall);
  system.remove("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0");  // the link to it is still there
  const Probe found = probe(system);
  EXPECT_EQ(found.machine.gpus().size(), 0U);
  EXPECT_EQ(found.machine.nets().size(), 2U);
  EXPECT_THAT(dump(found.remarks), HasSubstr("0000:01:00.0: its class cannot be read, so it is left out"));
}

TEST(ProbeOddFiles, LinkWithoutTree_IsStillAFunction) {
  const FakeSystem system("node 0 0\n");
  system.file("/sys/bus/pci/devices/0000:01:00.0/class", "0x030200");
  system.file("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de");
  system.file("/sys/bus/pci/devices/garbage/class", "0x030200");
  system.file("/sys/bus/pci/devices/0000:1:0.0/class", "0x030200");
  EXPECT_EQ(dump(probe(system).machine), "numa 0 of 1\n  gpu 0000:01:00.0\n");
}

TEST(ProbeOddFiles, TwoFunctionsEachAboveTheOther_AreATree) {
  const FakeSystem system("node 0 0\n");
  for (const char* path :
       {"/sys/devices/pci0000:00/0000:01:00.0/0000:02:00.0", "/sys/devices/pci0000:01/0000:02:00.0/0000:01:00.0"}) {
    system.file(std::string(path) + "/class", "0x030200");
    system.file(std::string(path) + "/vendor", "0x10de");
    system.link("/sys/bus/pci/devices/" + std::string(path).substr(std::string(path).rfind('/') + 1), path);
  }
  EXPECT_EQ(probe(system, true).machine.with_bus_id("0000:02:00.0") == topology::kNoNode, false);
}

TEST(ProbeOddFiles, DeepTree_IsCut) {
  const FakeSystem system("node 0 0\n");
  std::string chain;
  std::string above;
  // Paths have 4 KiB at most, so a deep tree is one of several paths, each of which goes on from the last one.
  for (int bus = 1; bus < 600; ++bus) {
    const std::string id =
        topology::canonical_bus_id(std::to_string(bus / 100) + ":" + std::to_string(bus % 100) + ":0.0");
    const std::string at = "/sys/devices/" + (above.empty() ? "" : above + "/") + id;
    system.file(at + "/class", "0x030200");
    system.file(at + "/vendor", "0x10de");
    system.link("/sys/bus/pci/devices/" + id, at);
    above = id;
  }
  const topology::Machine machine = probe(system).machine;
  EXPECT_EQ(machine.gpus().size(), 599U);
  int deepest = 0;
  std::vector<int> depths;
  for (const topology::Node& node : machine.nodes()) {
    depths.push_back(node.parent == topology::kNoNode ? 0 : depths[static_cast<std::size_t>(node.parent)] + 1);
    deepest = std::max(deepest, depths.back());
  }
  EXPECT_EQ(deepest, 256) << "a PCI domain has 256 buses";
}

std::vector<fs::path> files_below(const fs::path& root) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file() || entry.is_symlink()) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string odd_text(std::mt19937& random) {
  static const std::vector<std::string> kTexts = {"",
                                                  "\n",
                                                  "-1",
                                                  "0",
                                                  "0x",
                                                  "0xffffff",
                                                  "0x030200",
                                                  "99999999999999999999",
                                                  "0-",
                                                  "0-1048575,0-1048575",
                                                  "5-2",
                                                  "1e308",
                                                  "nan GT/s",
                                                  "-8 GT/s",
                                                  "inf",
                                                  "Unknown",
                                                  "4: ACTIVE",
                                                  "0000:0000:0000:0000",
                                                  "up",
                                                  "eth0",
                                                  "\xff\xfe\x00",
                                                  ":\n:\n"};
  if (random() % 4 != 0) return kTexts[random() % kTexts.size()];
  std::string bytes(random() % 2 == 0 ? random() % 32 : 10'000, ' ');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

void bend(const fs::path& path, const std::vector<fs::path>& others, std::mt19937& random) {
  std::error_code ignored;
  switch (random() % 5) {
    case 0:
      fs::remove(path, ignored);
      break;
    case 1:
      fs::remove(path, ignored);
      fs::create_directory(path, ignored);
      break;
    case 2:
      fs::remove(path, ignored);
      fs::create_symlink(others[random() % others.size()], path, ignored);
      break;
    default:
      if (!fs::is_directory(path, ignored)) std::ofstream(path) << odd_text(random);
  }
}

TEST(ProbeOddFiles, RandomlyBentSystems_GiveAMachine) {
  const auto base = std::random_device{}();
  for (unsigned round = 0; round < 60; ++round) {
    const unsigned seed = base + round;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const FakeSystem system(kSmall);
    const std::vector<fs::path> files = files_below(system.root());
    for (std::size_t n = 1 + random() % 12; n > 0; --n) bend(files[random() % files.size()], files, random);
    ASSERT_NO_THROW({
      const Probe found = probe(system, random() % 2 == 0);
      EXPECT_FALSE(found.machine.roots().empty());
    });
  }
}

}  // namespace
}  // namespace stretto::test
