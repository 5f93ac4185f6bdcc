#include "comm/device_memory_check.hpp"

#include <algorithm>

#include "base/datatypes.hpp"
#include "base/text.hpp"
#include "plan/collective.hpp"

namespace stretto {

/// Kernels read and write where the pointers say: memory of another kind would be a fault of the whole context.
void DeviceMemoryCheck::check_buffer(const void* buffer, std::size_t bytes, const char* field) const {
  if (bytes == 0) return;
  const int device = gpu.facts().ordinal;
  const PointerFacts facts = gpu.pointer_facts(buffer);
  if (facts.kind == PointerFacts::Kind::host) {
    throw Error(strettoInvalidArgument,
                format("{} is host memory, but the communicator is of CUDA device {}: give it memory of that device, "
                       "or use a communicator of STRETTO_DEVICE_HOST",
                       field, device),
                field);
  }
  if (facts.kind == PointerFacts::Kind::device && facts.device != device) {
    throw Error(
        strettoInvalidArgument,
        format("{} is memory of CUDA device {}, but the communicator is of device {}", field, facts.device, device),
        field);
  }
}

/// Of unequal blocks: the pointers, where any block is not empty.
void DeviceMemoryCheck::check_vectors(const Operation& operation) const {
  const CallDetails& details = *operation.details;
  const auto some = [](const std::vector<std::size_t>& counts) {
    return std::ranges::any_of(counts, [](std::size_t count) { return count > 0; });
  };
  const bool received =
      some(operation.request.collective == Collective::all_to_all_v ? details.receive_counts : details.sizes.counts);
  if (operation.input != nullptr && some(details.sizes.counts)) check_buffer(operation.input, 1, "sendbuff");
  if (operation.output != nullptr && received) check_buffer(operation.output, 1, "recvbuff");
}

void DeviceMemoryCheck::check(const Operation& operation) const {
  const Request& request = operation.request;
  if (operation.details != nullptr && operation.details->user_op) {
    const UserOp& op = *operation.details->user_op;
    if (op.residence != nullptr) check_buffer(op.residence, data_type_bytes(op.type), "scalar");
  }
  if (operation.details != nullptr && !operation.details->sizes.empty()) return check_vectors(operation);
  if (is_pair_call(request.collective)) {
    const bool sends = request.collective == Collective::send;
    return check_buffer(sends ? operation.input : operation.output, request.count * data_type_bytes(request.type),
                        sends ? "sendbuff" : "recvbuff");
  }
  const CollectiveRow& row = row_of(request.collective);
  const std::size_t block_bytes = request.count * data_type_bytes(request.type);
  const auto blocks = [&](const Side& side) {
    return static_cast<std::size_t>(window_of(row, side, rank, request.root, n_ranks).count);
  };
  check_buffer(operation.input, blocks(row.input) * block_bytes, "sendbuff");
  check_buffer(operation.output, blocks(row.output) * block_bytes, "recvbuff");
}

}  // namespace stretto
