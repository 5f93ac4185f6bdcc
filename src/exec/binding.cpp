#include "exec/binding.hpp"

#include <algorithm>
#include <numeric>

#include "base/datatypes.hpp"
#include "base/text.hpp"
#include "exec/content_hash.hpp"

namespace stretto {
namespace {

/// The plan's scratch chunks, and one more for the product that a pre-multiplied sum is made with.
void size_scratch(Binding& binding) {
  auto chunks = static_cast<std::size_t>(binding.plan->plan.program.scratch_chunks);
  if (binding.pre_multiply.scale != nullptr) ++chunks;
  binding.scratch_stride_bytes = 0;
  if (chunks > 0) {
    for (const ChannelGeometry& channel : binding.channels) {
      binding.scratch_stride_bytes =
          std::max(binding.scratch_stride_bytes, channel.chunk_elements * binding.element_bytes);
    }
  }
  binding.scratch_bytes = binding.scratch_stride_bytes * chunks;
}

std::size_t extent_bytes(const Binding& binding, const Side& side, const std::vector<std::size_t>& offsets_bytes,
                         const std::vector<std::size_t>& counts) {
  const Plan& plan = binding.plan->plan;
  const BlockWindow window =
      window_of(row_of(plan.spec.collective), side, plan.rank, plan.spec.root, plan.spec.n_ranks);
  std::size_t end = 0;
  for (std::int32_t i = 0; i < window.count; ++i) {
    const auto position = static_cast<std::size_t>(i);
    const std::size_t begin =
        position < offsets_bytes.size() ? offsets_bytes[position] : position * binding.block_bytes;
    const std::size_t bytes = counts.empty()
                                  ? binding.block_bytes
                                  : counts[static_cast<std::size_t>(window.block(i))] * binding.element_bytes;
    if (bytes > 0) end = std::max(end, begin + bytes);
  }
  return end;
}

}  // namespace

Binding bind_request(const Request& request, const PreparedPlan& prepared, std::size_t slot_bytes) {
  const PlanSpec& spec = prepared.plan.spec;
  const CollectiveRow& row = row_of(spec.collective);
  Binding binding;
  binding.plan = &prepared;
  binding.tag.count = request.count;
  binding.tag.root = request.root;
  binding.tag.collective = static_cast<std::uint8_t>(request.collective);
  binding.tag.datatype = static_cast<std::uint8_t>(request.type);
  binding.tag.red_op = static_cast<std::uint8_t>(std::min<int>(request.op, kUserOpInTag));
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
  for (int channel = 0; channel < spec.channels; ++channel) {
    binding.channels.push_back(geometry.channel(channel));
    binding.rounds.push_back(binding.channels.back().rounds);
    binding.part_strides_bytes.push_back(binding.channels.back().part_stride() * binding.element_bytes);
  }
  size_scratch(binding);
  return binding;
}

void bind_sizes(Binding& binding, Collective collective, const BlockSizes& sizes, std::size_t slot_bytes) {
  const Plan& plan = binding.plan->plan;
  STRETTO_ASSERT(sizes.counts.size() == static_cast<std::size_t>(plan.spec.blocks()));
  binding.tag.collective = static_cast<std::uint8_t>(collective);
  binding.tag.count = std::accumulate(sizes.counts.begin(), sizes.counts.end(), std::uint64_t{0});
  // Counts are more than a tag can hold: their hash stands where rooted collectives have their root.
  binding.tag.root = static_cast<std::int32_t>(
      content_hash(sizes.counts.data(), sizes.counts.size() * sizeof(std::size_t), plan.hash) >> 32);
  binding.geometries_per_channel = sizes.counts.size();
  binding.channels.clear();
  binding.rounds.assign(static_cast<std::size_t>(plan.spec.channels), 1);
  binding.part_strides_bytes.assign(static_cast<std::size_t>(plan.spec.channels), 0);
  for (int channel = 0; channel < plan.spec.channels; ++channel) {
    for (const std::size_t count : sizes.counts) {
      const Geometry geometry({1, plan.chunks_per_block, plan.spec.channels, plan.parts_per_slot}, count,
                              binding.element_bytes, slot_bytes);
      const ChannelGeometry of_block = geometry.channel(channel);
      std::size_t& rounds = binding.rounds[static_cast<std::size_t>(channel)];
      rounds = std::max(rounds, of_block.rounds);
      std::size_t& stride = binding.part_strides_bytes[static_cast<std::size_t>(channel)];
      stride = std::max(stride, of_block.part_stride() * binding.element_bytes);
      binding.channels.push_back(of_block);
    }
  }
  binding.input_offsets_bytes = sizes.input_offsets_bytes;
  binding.output_offsets_bytes = sizes.output_offsets_bytes;
  size_scratch(binding);
}

void bind_pre_multiply(Binding& binding, PreMultiply pre_multiply) {
  binding.tag.red_op = kUserOpInTag;
  binding.pre_multiply = pre_multiply;
  size_scratch(binding);
}

BufferExtents extents_of(const Binding& binding, const std::vector<std::size_t>& counts) {
  const CollectiveRow& row = row_of(binding.plan->plan.spec.collective);
  return {extent_bytes(binding, row.input, binding.input_offsets_bytes, counts),
          extent_bytes(binding, row.output, binding.output_offsets_bytes, counts)};
}

bool overlap(const void* input, const void* output, const BufferExtents& extents) {
  if (extents.input_bytes == 0 || extents.output_bytes == 0) return false;
  const auto in = reinterpret_cast<std::uintptr_t>(input);
  const auto out = reinterpret_cast<std::uintptr_t>(output);
  return in < out + extents.output_bytes && out < in + extents.input_bytes;
}

std::string to_string(const OpTag& tag) {
  if (tag.flags == kCheckInTag) {
    OpTag checked = tag;
    checked.flags = 0;
    return "the debug check of " + to_string(checked);
  }
  if (tag.collective >= call_rows().size()) return format("an unknown collective ({})", tag.collective);
  const CollectiveRow& row = row_of(static_cast<Collective>(tag.collective));
  // A peer's byte: no value of the enumeration, perhaps.
  const auto type = static_cast<strettoDataType_t>(std::min<int>(tag.datatype, strettoNumDataTypes));
  if (is_pair_call(row.collective)) {
    return format("{}(count={}, {}) as message {} of the pair", row.name, tag.count, data_type_name(type),
                  tag.operation);
  }
  std::string text = format("{}(count={}, {}", row.name, tag.count, data_type_name(type));
  if (row.reduces) text += format(", {}", red_op_name(static_cast<strettoRedOp_t>(tag.red_op)));
  if (row.rooted) text += format(", root={}", tag.root);
  if (row.planned_as == Collective::all_to_all_v) return text + format(") as operation {}", tag.operation);
  if (row.sizes_differ) text += format(", counts' hash {:08x}", static_cast<std::uint32_t>(tag.root));
  return text + format(") as operation {} by plan {:08x}", tag.operation, tag.plan);
}

const char* differing_field(const OpTag& a, const OpTag& b) {
  const auto pair = [](const OpTag& tag) { return is_pair_call(static_cast<Collective>(tag.collective)); };
  if (pair(a) != pair(b)) return "collective";         // messages have numbers of their own
  if (a.operation != b.operation) return "operation";  // the calls parted earlier: the rest compares different calls
  if (a.collective != b.collective) return "collective";
  const bool listed = a.collective < call_rows().size() && row_of(static_cast<Collective>(a.collective)).sizes_differ;
  if (listed && (a.count != b.count || a.root != b.root)) return "recvcounts";
  if (a.count != b.count) return "count";
  if (a.datatype != b.datatype) return "datatype";
  if (a.red_op != b.red_op) return "op";
  if (a.root != b.root) return "root";
  return "plan";
}

std::string disagreement_text(Rank rank, const OpTag& tag, Rank peer, const OpTag& theirs) {
  return format(
      "the ranks disagree: rank {} calls {}, but rank {} calls {}. Every rank must make the same calls in the same "
      "order",
      rank, to_string(tag), peer, to_string(theirs));
}

}  // namespace stretto
