// What all collectives' entry points do with a call: check its arguments against the collective's row, then submit it.
#pragma once

#include "api/api.hpp"

namespace stretto::api {

/// A call as it came in, but for its request.
struct Call {
  const char* function;
  const void* input;
  void* output;
  strettoComm_t comm;
  strettoStream_t stream;
  const strettoCallConfig_t* config;
};

/// A collective whose blocks are of equal size.
strettoResult_t run_call(const Call& call, const Request& request);

// The pieces, for calls of other forms. Each returns strettoSuccess or what it has refused.
strettoResult_t check_type(const Call& call, strettoDataType_t type);
/// Whether memory can hold so many elements in so many blocks.
strettoResult_t check_count(const Call& call, const char* field, std::size_t count, std::size_t blocks,
                            strettoDataType_t type);
/// The operation; a user's one goes into `user_op`.
strettoResult_t check_operation(const Call& call, const Target& target, const Request& request,
                                std::optional<UserOp>& user_op);
/// Reads `call.config`.
strettoResult_t read_timeout(const Call& call, std::int64_t& timeout_ns);

}  // namespace stretto::api
