// The calls that are more than a request with two buffers: blocks of unequal sizes, inputs that are multiplied first,
// and what goes between pairs of ranks.
#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "base/datatypes.hpp"
#include "base/text.hpp"
#include "comm/engine.hpp"

namespace stretto {
namespace {

OpTag tag_of(Collective collective, const Request& request, std::size_t count, std::uint32_t number) {
  OpTag tag;
  tag.collective = static_cast<std::uint8_t>(collective);
  tag.count = count;
  tag.datatype = static_cast<std::uint8_t>(request.type);
  tag.operation = number;
  return tag;
}

/// Only read where the transfer sends.
std::byte* memory_of(const void* pointer) { return static_cast<std::byte*>(const_cast<void*>(pointer)); }

std::byte* moved(const void* pointer, std::size_t bytes) {
  return pointer == nullptr ? nullptr : memory_of(pointer) + bytes;
}

OpTag of_check(OpTag tag) {
  tag.flags = kCheckInTag;
  return tag;
}

[[noreturn]] void refuse_self(Rank rank, const char* field, std::string text) {
  ErrorInfo info;
  info.code = strettoInvalidUsage;
  info.field = field;
  info.rank = rank;
  info.peer = rank;
  info.text = std::move(text);
  throw Error(info);
}

}  // namespace

/// The binding whose plan serves a call with details. Of unequal blocks the mean decides, rounded up so that calls of
/// about the same size share a plan.
const Binding& Engine::base_of(const Operation& operation) {
  Request request = operation.request;
  request.collective = row_of(request.collective).planned_as;
  const CallDetails& details = *operation.details;
  if (details.user_op) request.op = strettoSum;
  if (!details.sizes.empty()) {
    request.count = count_to_plan(details.sizes);
  }
  return bind(request);
}

const Binding& Engine::bind_details(const Operation& operation) {
  const CallDetails& details = *operation.details;
  // Programs mostly repeat themselves.
  const bool again =
      one_off_.plan != nullptr && one_off_request_ == operation.request && one_off_sizes_ == details.sizes;
  if (!again) {
    one_off_ = base_of(operation);
    if (!details.sizes.empty()) {
      bind_sizes(one_off_, operation.request.collective, details.sizes, membership_.link.slot_bytes);
    }
    one_off_request_ = operation.request;
    one_off_sizes_ = details.sizes;
  }
  if (details.user_op) {
    bind_pre_multiply(one_off_, {find_scale(operation.request.type), details.user_op->read()});
  }
  return one_off_;
}

namespace {

std::vector<const Operation*> self_messages(std::span<const Operation> operations, Collective direction, Rank rank) {
  std::vector<const Operation*> found;
  for (const Operation& each : operations) {
    if (each.request.collective == direction && each.request.root == rank) found.push_back(&each);
  }
  return found;
}

bool has_self_messages(std::span<const Operation> operations, Rank rank) {
  return std::ranges::any_of(operations, [rank](const Operation& each) {
    return is_pair_call(each.request.collective) && each.request.root == rank;
  });
}

}  // namespace

void check_self_messages(Rank rank, std::span<const Operation> operations) {
  if (!has_self_messages(operations, rank)) return;
  const std::vector<const Operation*> sends = self_messages(operations, Collective::send, rank);
  const std::vector<const Operation*> receives = self_messages(operations, Collective::receive, rank);
  if (sends.size() != receives.size()) {
    refuse_self(
        rank, "peer",
        format("rank {} sends itself {} messages and receives {} in this group: each needs its counterpart in the "
               "same group",
               rank, sends.size(), receives.size()));
  }
  for (std::size_t i = 0; i < sends.size(); ++i) {
    const Request& sent = sends[i]->request;
    const Request& received = receives[i]->request;
    if (sent.count == received.count && sent.type == received.type) continue;
    refuse_self(rank, sent.count != received.count ? "count" : "datatype",
                format("rank {} sends itself {} elements of {}, but receives {} of {}", rank, sent.count,
                       data_type_name(sent.type), received.count, data_type_name(received.type)));
  }
}

/// Messages to this rank itself, in the order of their calls; they match.
void Engine::move_to_self(std::span<const Operation> operations) const {
  if (!has_self_messages(operations, rank())) return;
  const std::vector<const Operation*> sends = self_messages(operations, Collective::send, rank());
  const std::vector<const Operation*> receives = self_messages(operations, Collective::receive, rank());
  for (std::size_t i = 0; i < sends.size(); ++i) {
    const std::size_t bytes = sends[i]->request.count * data_type_bytes(sends[i]->request.type);
    if (bytes > 0) std::memmove(receives[i]->output, sends[i]->input, bytes);
  }
}

void Engine::start_pairs(std::span<const Operation> operations, std::uint64_t* riding) {
  move_to_self(operations);
  between_pairs_ = true;
  pairs_.begin(operations_);
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Operation& each = operations[i];
    const Request& request = each.request;
    const bool sends = request.collective == Collective::send;
    const auto peer = static_cast<std::size_t>(request.root);
    if (request.root == rank()) {
      tag_ = tag_of(Collective::send, request, request.count, 0);
      continue;
    }
    const std::uint32_t number = sends ? sent_[peer]++ : received_[peer]++;
    tag_ = tag_of(Collective::send, request, request.count, number);  // what both sides take it for
    pairs_.add({request.root, sends, memory_of(sends ? each.input : each.output),
                request.count * data_type_bytes(request.type), tag_});
    if (riding == nullptr) continue;
    pairs_.add({request.root, sends, memory_of(riding + i), sizeof *riding, of_check(tag_)});
  }
}

OpTag Engine::common_tag() const {
  OpTag tag = tag_;
  tag.operation = static_cast<std::uint32_t>(operations_ - 1);
  if (tag.collective == static_cast<std::uint8_t>(Collective::all_to_all_v)) tag.count = 0;
  return tag;
}

/// Under the collective's own tag, so that ranks that disagree about the call are still told so.
void Engine::start_exchange(std::span<const std::uint64_t> own, std::span<std::uint64_t> all) {
  const OpTag tag = of_check(common_tag());
  between_pairs_ = true;
  pairs_.begin(operations_ - 1);
  for (Rank distance = 1; distance < n_ranks(); ++distance) {
    const Rank to = (rank() + distance) % n_ranks();
    const Rank from = (rank() + n_ranks() - distance) % n_ranks();
    pairs_.add({to, true, memory_of(own.data()), own.size_bytes(), tag});
    pairs_.add({from, false, memory_of(&all[static_cast<std::size_t>(from) * own.size()]), own.size_bytes(), tag});
  }
}

/// In every round each rank sends to the one at that distance and receives from the one at that distance before it.
void Engine::start_all_to_all_v(const Operation& operation) {
  const BlockSizes& sizes = operation.details->sizes;
  const std::vector<std::size_t>& receive_counts = operation.details->receive_counts;
  const std::size_t element_bytes = data_type_bytes(operation.request.type);
  const auto number = static_cast<std::uint32_t>(operations_);
  const auto own = static_cast<std::size_t>(rank());
  const auto n = static_cast<std::size_t>(n_ranks());
  const auto tag = [&](std::size_t count) {
    return tag_of(Collective::all_to_all_v, operation.request, count, number);
  };
  between_pairs_ = true;
  tag_ = tag(std::accumulate(sizes.counts.begin(), sizes.counts.end(), std::size_t{0}));
  pairs_.begin(operations_++);
  if (const std::size_t bytes = sizes.counts[own] * element_bytes; bytes > 0) {
    std::memmove(moved(operation.output, sizes.output_offsets_bytes[own]),
                 moved(operation.input, sizes.input_offsets_bytes[own]), bytes);
  }
  for (std::size_t distance = 1; distance < n; ++distance) {
    const std::size_t to = (own + distance) % n;
    const std::size_t from = (own + n - distance) % n;
    pairs_.add({static_cast<Rank>(to), true, moved(operation.input, sizes.input_offsets_bytes[to]),
                sizes.counts[to] * element_bytes, tag(sizes.counts[to])});
    pairs_.add({static_cast<Rank>(from), false, moved(operation.output, sizes.output_offsets_bytes[from]),
                receive_counts[from] * element_bytes, tag(receive_counts[from])});
  }
}

}  // namespace stretto
