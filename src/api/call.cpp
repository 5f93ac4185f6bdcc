#include "api/call.hpp"

#include <cstring>

#include "base/datatypes.hpp"
#include "base/text.hpp"

namespace stretto::api {
namespace {

/// Null pointers, and overlaps other than in place. Only called for a count that the address space can hold.
strettoResult_t check_buffers(const Call& call, const Target& target, const Request& request) {
  if (request.count == 0) return strettoSuccess;
  const std::size_t block_bytes = request.count * data_type_bytes(request.type);
  const auto in = reinterpret_cast<std::uintptr_t>(call.input);
  const auto out = reinterpret_cast<std::uintptr_t>(call.output);
  // The common case: two buffers that are further apart than the largest is long.
  const std::size_t most_bytes = block_bytes * static_cast<std::size_t>(target.n_ranks);
  if (in != 0 && out != 0 && (in < out ? out - in : in - out) >= most_bytes) return strettoSuccess;
  const CollectiveRow& row = row_of(request.collective);
  const auto window = [&](const Side& side) { return window_of(row, side, target.rank, request.root, target.n_ranks); };
  const BlockWindow input = window(row.input);
  const BlockWindow output = window(row.output);
  if (input.count > 0 && call.input == nullptr) {
    return refuse(strettoInvalidArgument, call.function, "sendbuff", "sendbuff is NULL");
  }
  if (output.count > 0 && call.output == nullptr) {
    return refuse(strettoInvalidArgument, call.function, "recvbuff", "recvbuff is NULL");
  }
  const auto bytes = [&](std::int32_t blocks) { return static_cast<std::size_t>(blocks) * block_bytes; };
  const bool swaps = target.device != nullptr && can_swap_in_place(row) && in == out;
  const bool in_place = swaps || (can_be_in_place(row) && in - bytes(input.first) == out - bytes(output.first));
  if (input.count > 0 && output.count > 0 && !in_place && in < out + bytes(output.count) &&
      out < in + bytes(input.count)) {
    return refuse(strettoInvalidArgument, call.function, "recvbuff",
                  "sendbuff and recvbuff overlap, but not in place: see the function's comment");
  }
  return strettoSuccess;
}

}  // namespace

strettoResult_t check_type(const Call& call, strettoDataType_t type) {
  if (data_type_bytes(type) != 0) return strettoSuccess;
  return refuse(strettoInvalidArgument, call.function, "datatype",
                format("{} is no data type", static_cast<int>(type)));
}

strettoResult_t check_count(const Call& call, const char* field, std::size_t count, std::size_t blocks,
                            strettoDataType_t type) {
  std::size_t bytes = 0;  // a product costs less than the division that it saves
  const bool overflows = __builtin_mul_overflow(count, data_type_bytes(type) * blocks, &bytes);
  if (!overflows && bytes <= static_cast<std::size_t>(PTRDIFF_MAX)) return strettoSuccess;
  return refuse(strettoInvalidArgument, call.function, field,
                format("{} is {}: no memory can hold that", field, count));
}

strettoResult_t check_operation(const Call& call, const Target& target, const Request& request,
                                std::optional<UserOp>& user_op) {
  if (request.op >= strettoSum && request.op < strettoNumRedOps) return strettoSuccess;
  user_op = target.user_ops->find(request.op);
  if (!user_op) {
    return refuse(strettoInvalidArgument, call.function, "op",
                  format("op is {}: no reduction operation, nor one made for this communicator and not destroyed",
                         static_cast<int>(request.op)));
  }
  if (user_op->type != request.type) {
    return refuse(strettoInvalidArgument, call.function, "datatype",
                  format("datatype is {}, but this op was made for {}", data_type_name(request.type),
                         data_type_name(user_op->type)));
  }
  return strettoSuccess;
}

strettoResult_t read_timeout(const Call& call, std::int64_t& timeout_ns) {
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
    return refuse(strettoUnsupported, call.function, "mode", "strettoModeZeroSm is not served in this release");
  }
  if (config.deadline_ms == STRETTO_UNSET) return strettoSuccess;
  if (config.deadline_ms <= 0) {
    return refuse(strettoInvalidArgument, call.function, "deadline_ms",
                  format("deadline_ms is {}: it must be positive", config.deadline_ms));
  }
  timeout_ns = static_cast<std::int64_t>(config.deadline_ms) * 1'000'000;
  return strettoSuccess;
}

strettoResult_t run_call(const Call& call, const Request& request) {
  return spoil_group(guarded(call.function, [&] {
    const Target target = target_of(call.comm, call.function);
    if (const strettoResult_t result = check_type(call, request.type); result != strettoSuccess) return result;
    const CollectiveRow& row = row_of(request.collective);
    std::optional<UserOp> user_op;
    if (row.reduces) {
      const strettoResult_t result = check_operation(call, target, request, user_op);
      if (result != strettoSuccess) return result;
    }
    const int n_ranks = target.n_ranks;
    if (row.rooted && (request.root < 0 || request.root >= n_ranks)) {
      return refuse(strettoInvalidArgument, call.function, "root",
                    format("root is {}: it must be from 0 to {}", request.root, n_ranks - 1));
    }
    strettoResult_t result = check_count(call, "count", request.count, static_cast<std::size_t>(n_ranks), request.type);
    if (result != strettoSuccess) return result;
    if (result = check_buffers(call, target, request); result != strettoSuccess) return result;
    Operation operation{request, call.input, call.output, 0};
    if (result = read_timeout(call, operation.timeout_ns); result != strettoSuccess) return result;
    if (user_op) {
      CallDetails details;
      details.user_op = user_op;
      operation.details = std::make_shared<const CallDetails>(std::move(details));
    }
    return submit(target, call.stream, operation, call.function);
  }));
}

}  // namespace stretto::api
