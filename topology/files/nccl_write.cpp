#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "topology/files/nccl_schema.hpp"
#include "topology/files/nccl_xml.hpp"
#include "topology/files/xml.hpp"

namespace stretto::topology {
namespace {

using namespace nccl;

void put(std::string& out, const char* name, const std::string& value) {
  out += format(" {}=\"{}\"", name, xml_escaped(value));
}

void put_text(std::string& out, const char* name, const std::string& value) {
  if (!value.empty()) put(out, name, value);
}

template <class T>
void put_number(std::string& out, const char* name, const std::optional<T>& value) {
  if (value) put(out, name, format("{}", static_cast<std::int64_t>(*value)));
}

void put_id(std::string& out, const char* name, const std::optional<std::uint16_t>& value) {
  if (value) put(out, name, format("0x{:04x}", *value));
}

/// The words of 32 bits that the kernel writes, the highest first.
std::string mask_of(const std::vector<std::int32_t>& processors) {
  constexpr std::int32_t kWordBits = 32;
  std::vector<std::uint32_t> words;
  for (const std::int32_t processor : processors) {
    words.resize(std::max(words.size(), static_cast<std::size_t>(processor / kWordBits) + 1));
    words[static_cast<std::size_t>(processor / kWordBits)] |= 1U << processor % kWordBits;
  }
  std::string text;
  for (auto word = words.rbegin(); word != words.rend(); ++word)
    text += format("{}{:08x}", text.empty() ? "" : ",", *word);
  return text;
}

/// As the kernel writes it: with a decimal point.
std::string rate_of(double gigatransfers) {
  const std::string number = format("{}", gigatransfers);
  return number + (number.find_first_of(".e") == number.npos ? ".0 GT/s PCIe" : " GT/s PCIe");
}

std::string indent(int depth) { return std::string(static_cast<std::size_t>(depth) * 2, ' '); }

class Writer {
 public:
  explicit Writer(const Machine& machine) : machine_(machine), links_from_(machine.nodes().size()) {
    for (const Link& link : machine.links()) links_from_[static_cast<std::size_t>(link.from)].push_back(&link);
  }

  std::string write() {
    const auto gpus = machine_.gpus();
    const bool amd = std::any_of(gpus.begin(), gpus.end(),
                                 [&](NodeId id) { return !std::get<GpuNode>(machine_.node(id).facts).gcn.empty(); });
    out_ = format("<system version=\"{}\">\n", amd ? 2 : 1);
    for (const NodeId root : machine_.roots()) {
      if (const auto* numa = std::get_if<NumaNode>(&machine_.node(root).facts)) write_cpu(root, *numa);
    }
    return out_ + "</system>\n";
  }

 private:
  void write_cpu(NodeId id, const NumaNode& numa) {
    out_ += "  <cpu";
    // NCCL reads a hash, in hexadecimal; a name is for who reads it with stretto.
    put_text(out_, machine_.host().starts_with("0x") ? "host_hash" : "host", machine_.host());
    put(out_, "numaid", format("{}", numa.numa_id.value_or(-1)));
    put_text(out_, "affinity", mask_of(numa.processors));
    put_text(out_, "arch", numa.architecture);
    put_text(out_, "vendor", numa.vendor);
    put_number(out_, "familyid", numa.family);
    put_number(out_, "modelid", numa.model);
    put_number(out_, "package", numa.package);
    begin_children(machine_.children(id).empty());
    write_children(id, 2);
    end_children("cpu", machine_.children(id).empty(), 1);
  }

  void write_children(NodeId id, int depth) {
    for (const NodeId child : machine_.children(id)) {
      const PciFunction* pci = pci_of(machine_.node(child));
      if (pci == nullptr) continue;  // a net, which its NIC has written
      pci->bus_id.empty() ? write_nic(child, depth) : write_pci(child, *pci, depth);
    }
  }

  void write_pci(NodeId id, const PciFunction& pci, int depth) {
    out_ += indent(depth) + "<pci";
    put(out_, "busid", pci.bus_id);
    if (pci.device_class != 0) put(out_, "class", format("0x{:06x}", pci.device_class));
    put_id(out_, "vendor", pci.vendor);
    put_id(out_, "device", pci.device);
    put_id(out_, "subsystem_vendor", pci.subsystem_vendor);
    put_id(out_, "subsystem_device", pci.subsystem_device);
    // NCCL asks for both; this is how it writes that they are not known.
    put(out_, "link_speed", pci.gigatransfers_per_s ? rate_of(*pci.gigatransfers_per_s) : "");
    put(out_, "link_width", format("{}", pci.lanes.value_or(0)));
    const NodeFacts& facts = machine_.node(id).facts;
    const auto* gpu = std::get_if<GpuNode>(&facts);
    const bool has_gpu = gpu != nullptr && has_facts(id, *gpu);
    const bool has_nic =
        std::holds_alternative<NicNode>(facts) && (has_nets(id) || kind_of_class(pci.device_class) != PciKind::nic);
    const bool empty = !has_gpu && !has_nic && machine_.children(id).empty();
    begin_children(empty);
    if (has_gpu) write_gpu(id, *gpu, depth + 1);
    if (has_nic) write_nic(id, depth + 1);
    write_children(id, depth + 1);
    end_children("pci", empty, depth);
  }

  bool has_nets(NodeId id) const {
    const auto& children = machine_.children(id);
    return std::any_of(children.begin(), children.end(),
                       [&](NodeId child) { return std::holds_alternative<NetNode>(machine_.node(child).facts); });
  }

  /// Whether there is more to say than that its function is a GPU, which its class says.
  bool has_facts(NodeId id, const GpuNode& gpu) const {
    GpuNode bare;
    bare.pci = gpu.pci;
    return kind_of_class(gpu.pci.device_class) != PciKind::gpu || gpu != bare ||
           !links_from_[static_cast<std::size_t>(id)].empty();
  }

  void write_gpu(NodeId id, const GpuNode& gpu, int depth) {
    out_ += indent(depth) + "<gpu";
    put_number(out_, "dev", gpu.ordinal);
    put_number(out_, "sm", gpu.compute_capability);
    put_text(out_, "gcn", gpu.gcn);
    put_number(out_, "arch", gpu.gcn_code);
    put_number(out_, "rank", gpu.rank);
    put_number(out_, "gdr", gpu.direct_rdma);
    put_text(out_, "uuid", gpu.uuid);
    const auto& links = links_from_[static_cast<std::size_t>(id)];
    begin_children(links.empty());
    for (const Link* link : links) write_link(*link, depth + 1);
    end_children("gpu", links.empty(), depth);
  }

  void write_link(const Link& link, int depth) {
    const Node& target = machine_.node(link.to);
    const PciFunction* pci = pci_of(target);
    out_ +=
        indent(depth) + (link.kind == LinkKind::nvlink ? "<nvlink" : (link.kind == LinkKind::xgmi ? "<xgmi" : "<c2c"));
    if (link.kind != LinkKind::c2c) {
      put(out_, "target", pci == nullptr || pci->bus_id.empty() ? std::string(kHiddenTarget) : pci->bus_id);
    }
    if (link.gigabytes_per_s_of_each) {
      put(out_, "bw", format("{}", std::max(1LL, std::llround(*link.gigabytes_per_s_of_each * 1000))));
    }
    put(out_, "count", format("{}", link.count));
    if (link.kind != LinkKind::c2c) {
      put(out_, "tclass", link.target_class.empty() ? usual_class(target) : link.target_class);
    }
    out_ += "/>\n";
  }

  void write_nic(NodeId id, int depth) {
    out_ += indent(depth) + "<nic";
    begin_children(!has_nets(id));
    for (const NodeId child : machine_.children(id)) {
      if (const auto* net = std::get_if<NetNode>(&machine_.node(child).facts)) write_net(*net, depth + 1);
    }
    end_children("nic", !has_nets(id), depth);
  }

  void write_net(const NetNode& net, int depth) {
    out_ += indent(depth) + "<net";
    put_text(out_, "name", net.name);
    put_number(out_, "dev", net.ordinal);
    put_number(out_, "speed", net.megabits_per_s);
    put_number(out_, "port", net.port);
    if (net.latency_us) put(out_, "latency", format("{}", *net.latency_us));
    if (net.guid) put(out_, "guid", format("0x{:x}", *net.guid));
    put_number(out_, "maxconn", net.max_connections);
    put_number(out_, "gdr", net.direct_rdma);
    put_number(out_, "dmabuf", net.dma_buffers);
    put_number(out_, "coll", net.collectives);
    put_text(out_, "link_layer", net.link_layer);
    put_text(out_, "rdma_device", net.rdma_device);
    out_ += "/>\n";
  }

  void begin_children(bool none) { out_ += none ? "/>\n" : ">\n"; }
  void end_children(const char* name, bool none, int depth) {
    if (!none) out_ += format("{}</{}>\n", indent(depth), name);
  }

  const Machine& machine_;
  std::vector<std::vector<const Link*>> links_from_;  ///< by node
  std::string out_;
};

}  // namespace

std::string write_nccl_xml(const Machine& machine) { return Writer(machine).write(); }

}  // namespace stretto::topology
