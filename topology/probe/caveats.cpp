// What the tree that was found cannot be trusted in: virtual machines that flatten it, and IOMMUs that send traffic a
// longer way than it shows. Comes last, and adds remarks only.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "topology/probe/draft.hpp"

namespace stretto::topology {
namespace {

/// What the firmware of virtual machines calls its vendor, for processors that do not say themselves.
constexpr std::array<std::string_view, 7> kHypervisors = {"QEMU",   "KVM",     "VMware, Inc.",        "Xen",
                                                          "Google", "Nutanix", "OpenStack Foundation"};

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || text[at - 1] == ' ' || text[at - 1] == '\t';
    const std::size_t end = at + word.size();
    if (begins && (end == text.size() || text[end] == ' ' || text[end] == '\n')) return true;
  }
  return false;
}

/// x86 has a bit of CPUID for it; elsewhere the firmware's names tell.
bool is_virtual_machine(const SystemFiles& files) {
  const std::string cpuinfo = files.head("/proc/cpuinfo");
  if (const std::size_t flags = cpuinfo.find("\nflags"); flags != cpuinfo.npos) {
    const std::string_view line = std::string_view(cpuinfo).substr(flags + 1);
    return has_word(line.substr(0, line.find('\n')), "hypervisor");
  }
  if (files.exists("/sys/hypervisor/type")) return true;
  const std::string vendor = files.text("/sys/class/dmi/id/sys_vendor").value_or("");
  const std::string product = files.text("/sys/class/dmi/id/product_name").value_or("");
  if (vendor == "Microsoft Corporation") return product == "Virtual Machine";
  if (vendor == "Amazon EC2") return product.find(".metal") == product.npos;
  return std::find(kHypervisors.begin(), kHypervisors.end(), vendor) != kHypervisors.end();
}

using Functions = std::vector<const DraftFunction*>;

Functions endpoints(const Draft& draft) {
  Functions found;
  for (const auto& [bus_id, function] : draft.functions) {
    if (function.kind == FunctionKind::gpu || function.kind == FunctionKind::nic) found.push_back(&function);
  }
  return found;
}

/// Each card directly below a host bridge, or alone below a root port: no switches, and nothing that two of them share.
bool is_flat(const Functions& cards) {
  std::map<std::string, std::string> card_below;  // by root port, without the function's number
  for (const DraftFunction* card : cards) {
    if (card->depth > 1) return false;
    if (card->depth == 0) continue;
    const std::string device = card->pci.bus_id.substr(0, card->pci.bus_id.rfind('.'));
    if (card_below.emplace(card->parent, device).first->second != device) return false;
  }
  return true;
}

/// The switch that a card is below: its upstream port, on the second level of the tree; "": none.
std::string first_switch(const Draft& draft, const DraftFunction& card) {
  const DraftFunction* at = &card;
  while (at->depth > 1) at = &draft.functions.at(at->parent);
  return at == &card ? "" : at->pci.bus_id;
}

/// Functions are in groups of their own below a switch only if its ports send their requests up for checking (ACS).
/// Their registers need root; the groups do not.
void remark_acs(Draft& draft, const Functions& cards) {
  std::map<std::string, std::set<std::string>> groups;
  std::map<std::string, int> members;
  for (const DraftFunction* card : cards) {
    const std::string above = first_switch(draft, *card);
    if (above.empty() || card->iommu_group.empty()) continue;
    groups[above].insert(card->iommu_group);
    ++members[above];
  }
  for (const auto& [above, ids] : groups) {
    if (members[above] < 2 || ids.size() < 2) continue;
    draft.remark(
        RemarkKind::slow_path, above,
        ": what is below this switch is in several IOMMU groups, so ACS sends its traffic up to the host bridge");
  }
}

void remark_translation(const SystemFiles& files, Draft& draft, const Functions& cards) {
  for (const DraftFunction* card : cards) {
    if (card->kind != FunctionKind::gpu || card->iommu_group.empty()) continue;
    const std::string type = files.text("/sys/kernel/iommu_groups/" + card->iommu_group + "/type").value_or("");
    if (type.substr(0, 3) != "DMA") continue;
    draft.remark(
        RemarkKind::slow_path, card->pci.bus_id,
        format(": the IOMMU translates its addresses (type {}): between PCI devices traffic may be slow or fail",
               type));
    return;
  }
}

}  // namespace

void read_caveats(const Sight& sight, Draft& draft) {
  const Functions cards = endpoints(draft);
  if (cards.size() > 1 && is_flat(cards) && is_virtual_machine(sight.files)) {
    draft.remark(RemarkKind::flattened, "PCI tree", " is flattened by a virtual machine; distances are not known");
  }
  remark_acs(draft, cards);
  remark_translation(sight.files, draft, cards);
}

}  // namespace stretto::topology
