#include "api/call.hpp"

#include <cstring>

#include "base/datatypes.hpp"
#include "base/text.hpp"

namespace stretto::api {
namespace {

strettoResult_t check_operation(const Call& call, Communicator& communicator, const Request& request) {
  if (request.op >= strettoSum && request.op < strettoNumRedOps) return strettoSuccess;
  const std::optional<UserOp> found = communicator.user_ops().find(request.op);
  if (!found) {
    return refuse(strettoInvalidArgument, call.function, "op",
                  format("op is {}: no reduction operation, nor one made for this communicator and not destroyed",
                         static_cast<int>(request.op)));
  }
  if (found->type != request.type) {
    return refuse(strettoInvalidArgument, call.function, "datatype",
                  format("datatype is {}, but this op was made for {}", data_type_name(request.type),
                         data_type_name(found->type)));
  }
  return refuse(strettoUnsupported, call.function, "op", "operations made by users cannot be run in this release");
}

strettoResult_t check_arguments(const Call& call, Communicator& communicator, const Request& request) {
  if (data_type_bytes(request.type) == 0) {
    return refuse(strettoInvalidArgument, call.function, "datatype",
                  format("{} is no data type", static_cast<int>(request.type)));
  }
  const CollectiveRow& row = row_of(request.collective);
  if (row.reduces) {
    if (const strettoResult_t result = check_operation(call, communicator, request); result != strettoSuccess)
      return result;
  }
  const int n_ranks = communicator.n_ranks();
  if (row.rooted && (request.root < 0 || request.root >= n_ranks)) {
    return refuse(strettoInvalidArgument, call.function, "root",
                  format("root is {}: it must be from 0 to {}", request.root, n_ranks - 1));
  }
  return strettoSuccess;
}

/// Null pointers, and overlaps other than in place. Only called for a count that the address space can hold.
strettoResult_t check_buffers(const Call& call, const Communicator& communicator, const Request& request) {
  if (request.count == 0) return strettoSuccess;
  const CollectiveRow& row = row_of(request.collective);
  const auto window = [&](const Side& side) {
    return window_of(row, side, communicator.rank(), request.root, communicator.n_ranks());
  };
  const BlockWindow input = window(row.input);
  const BlockWindow output = window(row.output);
  if (input.count > 0 && call.input == nullptr) {
    return refuse(strettoInvalidArgument, call.function, "sendbuff", "sendbuff is NULL");
  }
  if (output.count > 0 && call.output == nullptr) {
    return refuse(strettoInvalidArgument, call.function, "recvbuff", "recvbuff is NULL");
  }
  const std::size_t block_bytes = request.count * data_type_bytes(request.type);
  const auto bytes = [&](std::int32_t blocks) { return static_cast<std::size_t>(blocks) * block_bytes; };
  const auto in = reinterpret_cast<std::uintptr_t>(call.input);
  const auto out = reinterpret_cast<std::uintptr_t>(call.output);
  const bool in_place = can_be_in_place(row) && in - bytes(input.first) == out - bytes(output.first);
  if (!in_place && in < out + bytes(output.count) && out < in + bytes(input.count)) {
    return refuse(strettoInvalidArgument, call.function, "recvbuff",
                  "sendbuff and recvbuff overlap, but not in place: see the function's comment");
  }
  return strettoSuccess;
}

strettoResult_t call_timeout(const Call& call, std::int64_t& timeout_ns) {
  timeout_ns = 0;
  if (call.config == nullptr) return strettoSuccess;
  strettoCallConfig_t config = STRETTO_CALL_CONFIG_INITIALIZER;
  if (call.config->size < offsetof(strettoCallConfig_t, max_sms) ||
      call.config->size % alignof(strettoCallConfig_t) != 0) {  // half a pointer must not be taken for one
    return refuse(strettoInvalidArgument, call.function, "size",
                  "call->size is of no release: start from STRETTO_CALL_CONFIG_INITIALIZER");
  }
  std::memcpy(&config, call.config, std::min(call.config->size, sizeof config));
  if (config.mode < strettoModeDefault || config.mode > strettoModeZeroSm) {
    return refuse(strettoInvalidArgument, call.function, "mode",
                  format("{} is no strettoCallMode_t", static_cast<int>(config.mode)));
  }
  if (config.mode == strettoModeZeroSm) {
    return refuse(strettoUnsupported, call.function, "mode", "strettoModeZeroSm needs a device communicator");
  }
  if (config.deadline_ms == STRETTO_UNSET) return strettoSuccess;
  if (config.deadline_ms <= 0) {
    return refuse(strettoInvalidArgument, call.function, "deadline_ms",
                  format("deadline_ms is {}: it must be positive", config.deadline_ms));
  }
  timeout_ns = static_cast<std::int64_t>(config.deadline_ms) * 1'000'000;
  return strettoSuccess;
}

}  // namespace

strettoResult_t run_call(const Call& call, const Request& request) {
  return spoil_group(guarded(call.function, [&] {
    Communicator& communicator = communicator_of(call.comm, call.function);
    strettoResult_t result = check_arguments(call, communicator, request);
    if (result != strettoSuccess) return result;
    const std::size_t most = static_cast<std::size_t>(PTRDIFF_MAX) / data_type_bytes(request.type) /
                             static_cast<std::size_t>(communicator.n_ranks());
    if (request.count > most) {
      return refuse(strettoInvalidArgument, call.function, "count",
                    format("count is {}: no memory can hold that", request.count));
    }
    if (result = check_buffers(call, communicator, request); result != strettoSuccess) return result;
    std::int64_t timeout_ns = 0;
    if (result = call_timeout(call, timeout_ns); result != strettoSuccess) return result;
    return submit(communicator, call.stream, {request, call.input, call.output, timeout_ns}, call.function);
  }));
}

}  // namespace stretto::api
