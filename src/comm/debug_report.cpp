#include "comm/debug_report.hpp"

#include <algorithm>
#include <cstring>

#include "base/datatypes.hpp"
#include "comm/debug_fold.hpp"

namespace stretto {
namespace {

constexpr std::size_t kHeadWords = sizeof(DebugReport::Head) / sizeof(std::uint64_t);
static_assert(sizeof(DebugReport::Head) % sizeof(std::uint64_t) == 0);

std::size_t words_of(const DebugCase& of, const Side& side) {
  const bool single = of.row->blocks == Blocks::one || side.holds == Holds::own_block;
  return single ? 1 : static_cast<std::size_t>(of.n_ranks);
}

/// Counts and offsets of unequal blocks; empty where all are equal.
struct Layout {
  std::span<const std::size_t> counts;
  std::span<const std::size_t> offsets_bytes;
  bool by_position = false;  ///< counts: else by block
};

std::vector<BlockView> blocks_in(const void* memory, const BlockWindow& window, const Request& request,
                                 const Layout& layout) {
  const std::size_t element_bytes = data_type_bytes(request.type);
  std::vector<BlockView> blocks;
  for (std::int32_t position = 0; position < window.count; ++position) {
    BlockView view;
    view.block = window.block(position);
    const auto at = static_cast<std::size_t>(position);
    view.count = layout.counts.empty() ? request.count
                                       : layout.counts[layout.by_position ? at : static_cast<std::size_t>(view.block)];
    view.bytes = view.count * element_bytes;
    const std::size_t offset_bytes = layout.counts.empty() ? at * view.bytes : layout.offsets_bytes[at];
    view.first = offset_bytes / element_bytes;
    if (view.bytes > 0) view.memory = static_cast<const std::byte*>(memory) + offset_bytes;
    blocks.push_back(view);
  }
  return blocks;
}

}  // namespace

DebugCase debug_case(const Operation& operation, int n_ranks) {
  const Request& request = operation.request;
  DebugCase of{&row_of(request.collective), request, n_ranks};
  const bool multiplied = operation.details && operation.details->user_op;
  of.folds = of.row->reduces && !multiplied && can_fold(request.type, request.op);
  return of;
}

std::vector<BlockView> input_blocks(const Operation& operation, Rank rank, int n_ranks) {
  const CollectiveRow& row = row_of(operation.request.collective);
  Layout layout;
  if (operation.details && !operation.details->sizes.empty()) {
    const BlockSizes& sizes = operation.details->sizes;
    layout = {sizes.counts, sizes.input_offsets_bytes, row.blocks == Blocks::per_pair};
  }
  return blocks_in(operation.input, window_of(row, row.input, rank, operation.request.root, n_ranks), operation.request,
                   layout);
}

std::vector<BlockView> output_blocks(const Operation& operation, Rank rank, int n_ranks) {
  const CollectiveRow& row = row_of(operation.request.collective);
  Layout layout;
  if (operation.details && !operation.details->sizes.empty()) {
    const CallDetails& details = *operation.details;
    const bool pairs = row.blocks == Blocks::per_pair;
    layout = {pairs ? details.receive_counts : details.sizes.counts, details.sizes.output_offsets_bytes, pairs};
  }
  return blocks_in(operation.output, window_of(row, row.output, rank, operation.request.root, n_ranks),
                   operation.request, layout);
}

SpecialValues special_values(strettoDataType_t type, std::span<const BlockView> blocks) {
  const ScanFunction scan = find_scan(type);
  SpecialValues total;
  if (scan == nullptr) return total;
  for (const BlockView& block : blocks) {
    const SpecialValues found = scan(block.memory, block.count);
    if (found.total() == 0) continue;
    if (total.total() == 0) total.first = block.first + found.first;
    total.nans += found.nans;
    total.infinities += found.infinities;
  }
  return total;
}

DebugReport::DebugReport(const DebugCase& of)
    : input(words_of(of, of.row->input), 0), output(words_of(of, of.row->output), 0) {}

std::size_t DebugReport::words(const DebugCase& of) {
  return kHeadWords + words_of(of, of.row->input) + words_of(of, of.row->output);
}

void DebugReport::write(std::uint64_t* to) const {
  std::memcpy(to, &head, sizeof head);
  std::ranges::copy(input, to + kHeadWords);
  std::ranges::copy(output, to + kHeadWords + input.size());
}

void DebugReport::read(const std::uint64_t* from) {
  std::memcpy(static_cast<void*>(&head), from, sizeof head);
  from += kHeadWords;
  std::copy_n(from, input.size(), input.begin());
  std::copy_n(from + input.size(), output.size(), output.begin());
}

}  // namespace stretto
