// A made-up /sys and /proc in a temporary folder, laid out from lines of text:
//
//   cpuinfo x86 [hypervisor]                    the first processor's entry (GenuineIntel, family 6, model 143)
//   node ID LIST [package=P]                    a NUMA node with processors, "0-3,8"; package: of each of these
//   pci CHAIN [KEY=VALUE ...]                   0000:00:01.0/0000:01:00.0: a function below its bridges. Keys: class
//                                               (or kind=gpu|nic|bridge|nvswitch), vendor, device, numa, speed, width
//                                               (the most), now (GT/s), lanes (now), group, physfn
//   net NAME [at=BUSID] [KEY=VALUE ...]         an interface; keys: speed, state, type, flags, dev_port, master
//   rdma NAME [at=BUSID] [KEY=VALUE ...]        a device; keys: guid, node_guid, parent
//   port DEVICE NUMBER [KEY=VALUE ...]          keys: state, rate, layer, netdev
//   file PATH TEXT...                           anything else; an empty TEXT makes an empty file
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "topology/probe/probe.hpp"

namespace stretto::test {

class FakeSystem {
 public:
  explicit FakeSystem(std::string_view description);
  FakeSystem(const FakeSystem&) = delete;
  FakeSystem& operator=(const FakeSystem&) = delete;
  ~FakeSystem();

  std::string root() const { return root_.string(); }
  std::filesystem::path path(std::string_view inside) const { return root_.string() + std::string(inside); }

  void file(std::string_view inside, std::string_view text) const;
  void remove(std::string_view inside) const;
  void link(std::string_view inside, std::string_view target) const;  ///< target: likewise inside; the link is relative

 private:
  using Keys = std::map<std::string, std::string>;

  void lay_out(const std::string& line);
  void add_node(const std::string& id, const std::string& list, const Keys& keys) const;
  void add_function(const std::string& chain, const Keys& keys);
  void add_interface(const std::string& name, const Keys& keys);
  void add_rdma(const std::string& name, const Keys& keys);
  void add_port(const std::string& device, const std::string& number, const Keys& keys) const;
  /// The path in /sys/devices of something that is part of a function, or virtual.
  std::string device_path(const Keys& keys, const std::string& class_name, const std::string& name) const;

  std::filesystem::path root_;
  std::map<std::string, std::string> path_of_;  ///< of functions, by bus id
};

/// What its files say, without the libraries.
topology::Probe probe(const FakeSystem& system, bool all_bridges = false);

}  // namespace stretto::test
