// NVIDIA's GPUs and their NVLinks, as the driver's library tells them.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "topology/probe/draft.hpp"
#include "topology/probe/nvml_functions.hpp"

namespace stretto::topology {
namespace {

constexpr std::uint16_t kNvidia = 0x10de;
constexpr unsigned kMostGpus = 1024;
constexpr unsigned kMostChipLinks = 64;
constexpr std::size_t kUuidBytes = 96;
// Class codes by which links name what they lead to, as in NCCL's files.
constexpr const char* kGpuClass = "0x030200";
constexpr const char* kSwitchClass = "0x068000";
constexpr const char* kProcessorClass = "0x068001";

/// A string of the library's that may lack its end.
template <std::size_t n>
std::string_view text_of(const std::array<char, n>& letters) {
  return {letters.data(), static_cast<std::size_t>(std::find(letters.begin(), letters.end(), '\0') - letters.begin())};
}

class Session {
 public:
  Session(const nvml::Functions& nvml, Draft& draft) : nvml_(nvml), draft_(draft) {}

  void run() {
    unsigned n_gpus = 0;
    if (nvml_.device_count(&n_gpus) != nvml::kSuccess) n_gpus = 0;
    std::vector<Gpu> gpus;
    for (unsigned index = 0; index < std::min(n_gpus, kMostGpus); ++index) add_gpu(index, gpus);
    remark_unlisted(gpus);
    for (const Gpu& gpu : gpus) {
      for (unsigned link = 0; link < nvml::kMostLinks; ++link) add_link(gpu, link);
      add_chip_links(gpu);
    }
    for (const std::string& bus_id : strangers_) {
      draft_.remark(RemarkKind::left_out, bus_id,
                    ": NVLinks lead to it, and it does not show here, so they are left out");
    }
  }

 private:
  struct Gpu {
    nvml::Device device = nullptr;
    std::string bus_id;
  };

  void add_gpu(unsigned index, std::vector<Gpu>& gpus) {
    Gpu gpu;
    nvml::PciInfo pci;
    if (nvml_.device(index, &gpu.device) == nvml::kSuccess && nvml_.pci_info(gpu.device, &pci) == nvml::kSuccess) {
      gpu.bus_id = canonical_bus_id(text_of(pci.bus_id));
    }
    if (gpu.bus_id.empty()) {
      draft_.remark(RemarkKind::unreadable, format("GPU {}", index),
                    ": NVML does not say where it is, so it is left out");
      return;
    }
    auto found = draft_.functions.find(gpu.bus_id);
    if (found == draft_.functions.end()) found = add_function(gpu.bus_id, pci);
    DraftFunction& function = found->second;
    if (function.kind != FunctionKind::gpu || function.ordinal) return;
    function.ordinal = static_cast<std::int32_t>(index);
    std::array<char, kUuidBytes> uuid{};
    if (nvml_.uuid(gpu.device, uuid.data(), kUuidBytes) == nvml::kSuccess) function.uuid = text_of(uuid);
    int major = 0;
    int minor = 0;
    if (nvml_.compute_capability(gpu.device, &major, &minor) == nvml::kSuccess) {
      function.compute_capability = major * 10 + minor;
    }
    gpus.push_back(std::move(gpu));
  }

  std::map<std::string, DraftFunction>::iterator add_function(const std::string& bus_id, const nvml::PciInfo& pci) {
    draft_.remark(RemarkKind::missing, bus_id, ": NVML lists it, and /sys does not, so its place is not known");
    DraftFunction function;
    function.kind = FunctionKind::gpu;
    function.pci.bus_id = bus_id;
    function.pci.vendor = static_cast<std::uint16_t>(pci.device_and_vendor & 0xffffU);
    function.pci.device = static_cast<std::uint16_t>(pci.device_and_vendor >> 16U);
    function.pci.subsystem_vendor = static_cast<std::uint16_t>(pci.subsystem & 0xffffU);
    function.pci.subsystem_device = static_cast<std::uint16_t>(pci.subsystem >> 16U);
    return draft_.functions.emplace(bus_id, std::move(function)).first;
  }

  void remark_unlisted(const std::vector<Gpu>& gpus) {
    for (const auto& [bus_id, function] : draft_.functions) {
      if (function.kind != FunctionKind::gpu || function.pci.vendor != kNvidia || function.is_virtual) continue;
      if (std::any_of(gpus.begin(), gpus.end(), [&id = bus_id](const Gpu& gpu) { return gpu.bus_id == id; })) continue;
      draft_.remark(RemarkKind::missing, bus_id,
                    ": NVML does not list it (not given to this container, or without driver): its links are not seen");
    }
  }

  /// Links that a GPU does not have answer with errors.
  void add_link(const Gpu& gpu, unsigned link) {
    int state = 0;
    if (nvml_.link_state(gpu.device, link, &state) != nvml::kSuccess || state != nvml::kEnabled) return;
    int remote = static_cast<int>(nvml::Remote::unknown);
    if (nvml_.link_remote(gpu.device, link, &remote) != nvml::kSuccess)
      remote = static_cast<int>(nvml::Remote::unknown);
    nvml::PciInfo pci;
    std::string far_id;
    if (nvml_.link_pci_info(gpu.device, link, &pci) == nvml::kSuccess) far_id = canonical_bus_id(text_of(pci.bus_id));
    const auto found = draft_.functions.find(far_id);
    const bool shows = found != draft_.functions.end();
    switch (static_cast<nvml::Remote>(remote)) {
      case nvml::Remote::nv_switch:
        // In a virtual machine switches have no bus id, or one that means nothing here.
        if (shows && found->second.kind == FunctionKind::nv_switch) {
          return count(gpu, {DraftEnd::Kind::function, far_id}, kSwitchClass);
        }
        return count(gpu, {DraftEnd::Kind::switches, ""}, kSwitchClass);
      case nvml::Remote::processor:
        return count(gpu, {DraftEnd::Kind::processor, ""}, kProcessorClass);
      case nvml::Remote::gpu:
      case nvml::Remote::unknown:
        break;
    }
    if (shows && found->second.kind == FunctionKind::gpu && far_id != gpu.bus_id) {
      count(gpu, {DraftEnd::Kind::function, far_id}, kGpuClass);
    } else {
      strangers_.insert(far_id.empty() ? "a device without bus id" : far_id);
    }
  }

  void count(const Gpu& gpu, const DraftEnd& to, const char* target_class) {
    ++draft_.links[{gpu.bus_id, to, LinkKind::nvlink, target_class, std::nullopt}];
  }

  /// nothing: the GPU has no such field.
  std::optional<unsigned long long> field(const Gpu& gpu, unsigned field, unsigned scope) const {
    nvml::FieldValue question;
    question.field = field, question.scope = scope;
    if (nvml_.field_values(gpu.device, 1, &question) != nvml::kSuccess) return std::nullopt;
    return question.result == nvml::kSuccess ? std::optional(question.value) : std::nullopt;
  }

  /// To the processor of a superchip.
  void add_chip_links(const Gpu& gpu) {
    const auto n_links = field(gpu, nvml::kChipLinkCount, 0).value_or(0);
    for (unsigned link = 0; link < std::min<unsigned long long>(n_links, kMostChipLinks); ++link) {
      if (field(gpu, nvml::kChipLinkState, link) != 1) continue;
      const auto speed = field(gpu, nvml::kChipLinkMegabytes_per_s, link).value_or(0);
      const auto gigabytes = speed > 0 ? std::optional(static_cast<double>(speed) / 1000) : std::nullopt;
      ++draft_.links[{gpu.bus_id, {DraftEnd::Kind::processor, ""}, LinkKind::c2c, "", gigabytes}];
    }
  }

  const nvml::Functions& nvml_;
  Draft& draft_;
  std::set<std::string> strangers_;
};

constexpr const char* kUnseen = ": NVLinks and compute capabilities are not seen";

}  // namespace

void ask_nvml(const Sight& sight, Draft& draft) {
  const std::string& name = sight.options.nvml_library;
  // Not where /sys shows that there is none of NVIDIA's GPUs: loading takes time. Without /sys, NVML may know.
  const bool may_have_gpus = !sight.files.exists("/sys/bus/pci/devices") ||
                             std::any_of(draft.functions.begin(), draft.functions.end(), [](const auto& entry) {
                               return entry.second.kind == FunctionKind::gpu && entry.second.pci.vendor == kNvidia;
                             });
  if (name.empty() || !may_have_gpus) return;
  const SharedLibrary library(name);
  if (!library) return draft.remark(RemarkKind::missing, name, std::string(" was not found") + kUnseen);
  nvml::Functions functions;
  if (!functions.find(library)) {
    return draft.remark(RemarkKind::missing, name, std::string(" is of a driver older than 535") + kUnseen);
  }
  if (const nvml::Result result = functions.init(); result != nvml::kSuccess) {
    const char* const why = functions.error_string(result);
    return draft.remark(RemarkKind::missing, name,
                        format(" does not start ({}){}", why == nullptr ? "no reason given" : why, kUnseen));
  }
  Session(functions, draft).run();
  functions.shutdown();
}

}  // namespace stretto::topology
