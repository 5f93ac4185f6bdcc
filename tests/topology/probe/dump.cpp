#include "topology/probe/dump.hpp"

#include <sstream>

namespace stretto::test {
namespace {

using namespace topology;  // NOLINT: the whole file is about it

class Dump {
 public:
  explicit Dump(const Machine& machine) : machine_(machine) {}

  std::string text() {
    for (const NodeId root : machine_.roots()) add(root, 0);
    for (const Link& link : machine_.links()) {
      out_ << (link.kind == LinkKind::c2c ? "c2c " : "link ") << place(link.from) << " -> " << place(link.to) << " x"
           << link.count;
      add_if(" ", link.target_class);
      add_if(" of GB/s ", link.gigabytes_per_s_of_each);
      out_ << '\n';
    }
    return out_.str();
  }

 private:
  void add(NodeId id, int depth) {
    out_ << std::string(static_cast<std::size_t>(depth) * 2, ' ');
    std::visit([&](const auto& facts) { add_facts(facts); }, machine_.node(id).facts);
    out_ << '\n';
    for (const NodeId child : machine_.children(id)) add(child, depth + 1);
  }

  template <class Value>
  void add_if(const char* label, const std::optional<Value>& value) {
    if (value) out_ << label << *value;
  }
  void add_if(const char* label, const std::string& value) {
    if (!value.empty()) out_ << label << value;
  }

  void add_pci(const PciFunction& pci) {
    add_if(" ", pci.bus_id);
    add_if(" ", pci.gigatransfers_per_s);
    add_if("x", pci.lanes);
  }

  void add_facts(const NumaNode& numa) {
    out_ << "numa";
    add_if(" ", numa.numa_id);
    add_if(" package ", numa.package);
    out_ << " of " << numa.processors.size();
  }
  void add_facts(const PciBridge& bridge) { out_ << "bridge", add_pci(bridge.pci); }
  void add_facts(const NicNode& nic) { out_ << "nic", add_pci(nic.pci); }
  void add_facts(const SwitchNode& nv_switch) { out_ << "nvswitch", add_pci(nv_switch.pci); }
  void add_facts(const GpuNode& gpu) {
    out_ << "gpu";
    add_pci(gpu.pci);
    add_if(" ordinal ", gpu.ordinal);
    add_if(" sm ", gpu.compute_capability);
    add_if(" ", gpu.uuid);
  }
  void add_facts(const NetNode& net) {
    out_ << "net " << net.name;
    add_if(" port ", net.port);
    add_if(" ", net.megabits_per_s);
    add_if(" ", net.link_layer);
    if (net.guid) out_ << " guid " << std::hex << *net.guid << std::dec;
    if (net.direct_rdma) out_ << (*net.direct_rdma ? " gpudirect" : " no gpudirect");
    if (net.dma_buffers) out_ << (*net.dma_buffers ? " dma buffers" : " no dma buffers");
    for (const Gid& gid : net.gids) out_ << " gid " << gid.index << ' ' << gid.address << " [" << gid.type << ']';
    add_if(" on ", net.rdma_device);
  }

  std::string place(NodeId id) const {
    const PciFunction* pci = pci_of(machine_.node(id));
    return pci == nullptr || pci->bus_id.empty() ? name_of(machine_.node(id)) : pci->bus_id;
  }

  const Machine& machine_;
  std::ostringstream out_;
};

}  // namespace

std::string dump(const topology::Machine& machine) { return Dump(machine).text(); }

std::string dump(const std::vector<topology::Remark>& remarks) {
  std::string text;
  for (const topology::Remark& remark : remarks) text += remark.text + "\n";
  return text;
}

}  // namespace stretto::test
