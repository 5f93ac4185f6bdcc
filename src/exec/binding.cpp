#include "exec/binding.hpp"

#include <algorithm>

#include "base/datatypes.hpp"
#include "base/text.hpp"

namespace stretto {
Binding bind_request(const Request& request, const PreparedPlan& prepared, std::size_t slot_bytes) {
  const PlanSpec& spec = prepared.plan.spec;
  const CollectiveRow& row = row_of(request.collective);
  Binding binding;
  binding.plan = &prepared;
  binding.tag.count = request.count;
  binding.tag.root = request.root;
  binding.tag.collective = static_cast<std::uint8_t>(request.collective);
  binding.tag.datatype = static_cast<std::uint8_t>(request.type);
  binding.tag.red_op = static_cast<std::uint8_t>(std::min<int>(request.op, 255));
  binding.tag.plan = static_cast<std::uint32_t>(prepared.plan.hash);
  if (row.reduces) {
    binding.reduce = find_reduce(request.type, request.op);
    STRETTO_ASSERT(binding.reduce != nullptr);
    binding.divisor = request.op == strettoAvg ? spec.n_ranks : 1;
  }
  binding.element_bytes = data_type_bytes(request.type);
  binding.block_bytes = request.count * binding.element_bytes;
  const Shape shape{spec.blocks(), prepared.plan.chunks_per_block, spec.channels, prepared.plan.parts_per_slot};
  const Geometry geometry(shape, request.count, binding.element_bytes, slot_bytes);
  for (int channel = 0; channel < spec.channels; ++channel) binding.channels.push_back(geometry.channel(channel));
  return binding;
}

std::string to_string(const OpTag& tag) {
  if (tag.collective >= collective_rows().size()) return format("an unknown collective ({})", tag.collective);
  const CollectiveRow& row = row_of(static_cast<Collective>(tag.collective));
  std::string text =
      format("{}(count={}, {}", row.name, tag.count, data_type_name(static_cast<strettoDataType_t>(tag.datatype)));
  if (row.reduces) text += format(", {}", red_op_name(static_cast<strettoRedOp_t>(tag.red_op)));
  if (row.rooted) text += format(", root={}", tag.root);
  return text + format(") as operation {} by plan {:08x}", tag.operation, tag.plan);
}

const char* differing_field(const OpTag& a, const OpTag& b) {
  if (a.operation != b.operation) return "operation";  // the calls parted earlier: the rest compares different calls
  if (a.collective != b.collective) return "collective";
  if (a.count != b.count) return "count";
  if (a.datatype != b.datatype) return "datatype";
  if (a.red_op != b.red_op) return "op";
  if (a.root != b.root) return "root";
  return "plan";
}

}  // namespace stretto
