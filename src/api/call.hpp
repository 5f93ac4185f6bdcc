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

strettoResult_t run_call(const Call& call, const Request& request);

}  // namespace stretto::api
