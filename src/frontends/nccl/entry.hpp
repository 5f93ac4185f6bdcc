// What the entry points of libnccl.so.2 share: how they are exported, how results are translated. A communicator of
// NCCL's is one of stretto's, under another name; so are streams, and the numbers of types, operations and results. An
// entry point does nothing else than to call the one of stretto's that it stands for, wherever there is one.
#pragma once

#pragma GCC visibility push(default)
#include "frontends/nccl/include/nccl.h"
#pragma GCC visibility pop
#include "frontends/nccl/background.hpp"
#include "frontends/nccl/errors.hpp"
#include "frontends/nccl/inside.hpp"
#include "stretto/stretto.h"

/// Opens the definition of an entry point under both of its names: NCCL's, weak, for tools to replace, and the other.
#define STRETTO_NCCL_ENTRY(result, name, parameters)                                                \
  extern "C" __attribute__((weak, alias("p" #name), visibility("default"))) result name parameters; \
  extern "C" __attribute__((visibility("default"))) result p##name parameters

namespace stretto::nccl {

inline strettoComm_t ours(ncclComm_t comm) { return reinterpret_cast<strettoComm_t>(comm); }
inline strettoComm_t* ours(ncclComm_t* comm) { return reinterpret_cast<strettoComm_t*>(comm); }
inline strettoStream_t ours(cudaStream_t stream) { return stream; }
inline strettoDataType_t ours(ncclDataType_t type) { return static_cast<strettoDataType_t>(type); }
inline strettoRedOp_t ours(ncclRedOp_t op) { return static_cast<strettoRedOp_t>(op); }

/// A call on one communicator.
template <typename Body>
ncclResult_t call_on(ncclComm_t comm, Body&& body) noexcept {
  const Inside inside(comm);
  return translate(body(ours(comm)));
}

/// One that issues an operation, and is refused while anything else of the communicator is under way: by the library,
/// too, so that a group that the call is in is spoilt there.
template <typename Body>
ncclResult_t issue_on(ncclComm_t comm, Body&& body) noexcept {
  const Inside inside(comm);
  if (__builtin_expect(n_in_background.load(std::memory_order_relaxed) != 0, 0) && is_under_way(comm)) {
    body(nullptr);
    return refuse_under_way();
  }
  return translate(body(ours(comm)));
}

}  // namespace stretto::nccl
