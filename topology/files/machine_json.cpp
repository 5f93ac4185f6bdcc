#include <nlohmann/json.hpp>

#include "topology/files/machine_text.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/graph/paths.hpp"

namespace stretto::topology {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
void put(Json& json, const char* name, const std::optional<T>& value) {
  if (value) json[name] = *value;
}

void put(Json& json, const char* name, const std::string& value) {
  if (!value.empty()) json[name] = value;
}

void put_pci(Json& json, const PciFunction& pci) {
  put(json, "bus_id", pci.bus_id);
  if (pci.device_class != 0) json["class"] = pci.device_class;
  put(json, "vendor", pci.vendor);
  put(json, "device", pci.device);
  put(json, "subsystem_vendor", pci.subsystem_vendor);
  put(json, "subsystem_device", pci.subsystem_device);
  put(json, "gigatransfers_per_s", pci.gigatransfers_per_s);
  put(json, "lanes", pci.lanes);
  put(json, "gigabytes_per_s", pcie_gigabytes_per_s(pci));
}

void put_facts(Json& json, const NumaNode& numa) {
  json["kind"] = "numa";
  put(json, "numa_id", numa.numa_id);
  if (!numa.processors.empty()) json["processors"] = numa.processors;
  put(json, "architecture", numa.architecture);
  put(json, "vendor", numa.vendor);
  put(json, "family", numa.family);
  put(json, "model", numa.model);
  put(json, "package", numa.package);
}

void put_facts(Json& json, const PciBridge& bridge) {
  json["kind"] = "bridge";
  put_pci(json, bridge.pci);
}

void put_facts(Json& json, const GpuNode& gpu) {
  json["kind"] = "gpu";
  put_pci(json, gpu.pci);
  put(json, "ordinal", gpu.ordinal);
  put(json, "compute_capability", gpu.compute_capability);
  put(json, "rank", gpu.rank);
  put(json, "direct_rdma", gpu.direct_rdma);
  put(json, "gcn", gpu.gcn);
  put(json, "gcn_code", gpu.gcn_code);
  put(json, "uuid", gpu.uuid);
}

void put_facts(Json& json, const NicNode& nic) {
  json["kind"] = "nic";
  put_pci(json, nic.pci);
}

void put_facts(Json& json, const NetNode& net) {
  json["kind"] = "net";
  put(json, "name", net.name);
  put(json, "ordinal", net.ordinal);
  put(json, "megabits_per_s", net.megabits_per_s);
  put(json, "latency_us", net.latency_us);
  put(json, "port", net.port);
  put(json, "guid", net.guid);
  put(json, "max_connections", net.max_connections);
  put(json, "direct_rdma", net.direct_rdma);
  put(json, "dma_buffers", net.dma_buffers);
  put(json, "collectives", net.collectives);
  put(json, "link_layer", net.link_layer);
  for (const Gid& gid : net.gids) {
    Json each;
    each["index"] = gid.index;
    each["address"] = gid.address;
    put(each, "type", gid.type);
    json["gids"].push_back(each);
  }
  put(json, "rdma_device", net.rdma_device);
}

void put_facts(Json& json, const SwitchNode& nv_switch) {
  json["kind"] = "switch";
  put_pci(json, nv_switch.pci);
}

Json node_json(const Machine& machine, NodeId id) {
  const Node& node = machine.node(id);
  Json json{{"id", id}, {"parent", node.parent == kNoNode ? Json(nullptr) : Json(node.parent)}};
  std::visit([&](const auto& facts) { put_facts(json, facts); }, node.facts);
  return json;
}

Json link_json(const Link& link) {
  static constexpr const char* kKinds[] = {"nvlink", "xgmi", "c2c"};
  Json json{{"kind", kKinds[static_cast<std::size_t>(link.kind)]},
            {"from", link.from},
            {"to", link.to},
            {"count", link.count}};
  put(json, "gigabytes_per_s_of_each", link.gigabytes_per_s_of_each);
  put(json, "target_class", link.target_class);
  return json;
}

/// nullptr where there are too many to list.
Json paths_json(const Machine& machine) {
  const std::vector<NodeId> gpus = machine.gpus();
  const std::vector<NodeId> nets = network_ends(machine);
  if (gpus.size() > kMostInPaths || nets.size() > kMostInPaths) return nullptr;
  std::vector<NodeId> ends = gpus;
  ends.insert(ends.end(), nets.begin(), nets.end());
  Json classes = Json::array();
  for (const auto& row : paths_from_gpus(machine, ends)) {
    Json& words = classes.emplace_back(Json::array());
    for (const Path& path : row) words.push_back(to_string(path));
  }
  return {{"from", gpus}, {"to", ends}, {"classes", std::move(classes)}};
}

}  // namespace

std::string machine_to_json(const Machine& machine) {
  Json nodes = Json::array();
  for (std::size_t i = 0; i < machine.nodes().size(); ++i) {
    nodes.push_back(node_json(machine, static_cast<NodeId>(i)));
  }
  Json links = Json::array();
  for (const Link& link : machine.links()) links.push_back(link_json(link));
  Json json = Json::object();
  put(json, "host", machine.host());
  json["nodes"] = std::move(nodes);
  json["links"] = std::move(links);
  json["paths"] = paths_json(machine);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace stretto::topology
