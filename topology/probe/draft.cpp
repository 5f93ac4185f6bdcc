#include "topology/probe/draft.hpp"

namespace stretto::topology {

void Draft::remark(RemarkKind kind, std::string_view subject, std::string_view clause) {
  remarks.push_back({kind, std::string(subject), std::string(subject) + std::string(clause)});
}

std::string nic_above(const SystemFiles& files, const std::string& path, const Draft& draft) {
  const std::vector<std::string> chain = bus_ids_of(files.real_path(path));
  if (chain.empty()) return "";
  const auto found = draft.functions.find(chain.back());
  return found != draft.functions.end() && found->second.kind == FunctionKind::nic ? chain.back() : "";
}

}  // namespace stretto::topology
