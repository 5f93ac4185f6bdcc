#include "comm/fuse.hpp"

#include <algorithm>
#include <cstring>

#include "base/datatypes.hpp"
#include "plan/collective.hpp"

namespace stretto {
namespace {

std::size_t bytes_of(const Operation& operation) {
  return operation.request.count * data_type_bytes(operation.request.type);
}

/// One block, in which every element is on its own, and every rank gets all of it. User-made operations are told apart
/// by numbers of one rank, so that they are left alone.
bool is_fusible(const Operation& operation) {
  const Request& request = operation.request;
  if (request.collective != Collective::all_reduce && request.collective != Collective::broadcast) return false;
  if (operation.details || request.op >= strettoNumRedOps) return false;
  return bytes_of(operation) <= kLargestFusedPartBytes;
}

bool same_kind(const Operation& a, const Operation& b) {
  const bool reduces = a.request.collective == Collective::all_reduce;
  return a.request.collective == b.request.collective && a.request.type == b.request.type &&
         a.request.root == b.request.root && (!reduces || a.request.op == b.request.op);
}

}  // namespace

Batch pairs_first(Batch batch) {
  std::stable_partition(batch.begin(), batch.end(),
                        [](const Operation& each) { return is_pair_call(each.request.collective); });
  return batch;
}

std::vector<Unit> fuse(const Batch& batch) {
  std::vector<Unit> units;
  std::size_t fused_bytes = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const bool pair = is_pair_call(batch[i].request.collective);
    if (pair && !units.empty()) {
      ++units.back().count;
      continue;
    }
    const bool joins = !units.empty() && is_fusible(batch[i]) && is_fusible(batch[i - 1]) &&
                       same_kind(batch[i], batch[i - 1]) && fused_bytes + bytes_of(batch[i]) <= kLargestFusedBytes;
    if (joins) {
      ++units.back().count;
      fused_bytes += bytes_of(batch[i]);
    } else {
      units.push_back({i, 1});
      fused_bytes = bytes_of(batch[i]);
    }
  }
  return units;
}

FusedOperation::FusedOperation(const Batch& batch, Unit unit, Rank rank)
    : parts_(batch.begin() + static_cast<std::ptrdiff_t>(unit.first),
             batch.begin() + static_cast<std::ptrdiff_t>(unit.first + unit.count)),
      request_(parts_.front().request) {
  request_.count = 0;
  std::size_t total_bytes = 0;
  for (const Operation& part : parts_) {
    request_.count += part.request.count;
    total_bytes += bytes_of(part);
    timeout_ns_ = std::max(timeout_ns_, part.timeout_ns);
  }
  buffer_.resize(total_bytes);
  const bool reads = request_.collective != Collective::broadcast || request_.root == rank;
  std::byte* to = buffer_.data();
  for (const Operation& part : parts_) {
    if (reads && bytes_of(part) > 0) std::memcpy(to, part.input, bytes_of(part));
    to += bytes_of(part);
  }
}

Operation FusedOperation::operation() { return {request_, buffer_.data(), buffer_.data(), timeout_ns_}; }

void FusedOperation::unpack() const {
  const std::byte* from = buffer_.data();
  for (const Operation& part : parts_) {
    if (bytes_of(part) > 0) std::memcpy(part.output, from, bytes_of(part));
    from += bytes_of(part);
  }
}

}  // namespace stretto
