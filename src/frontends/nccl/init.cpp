// Making communicators from ids, or all in one process.
#include <memory>
#include <new>
#include <numeric>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "frontends/nccl/config.hpp"
#include "frontends/nccl/entry.hpp"
#include "frontends/nccl/groups.hpp"
#include "frontends/nccl/process.hpp"

using namespace stretto;
using namespace stretto::nccl;

namespace {

constexpr int kMostDevices = 1 << 16;

static_assert(sizeof(ncclUniqueId) == sizeof(strettoUniqueId));

/// Runs start(config), which makes `n` communicators, with what the caller's config comes to.
template <typename Start>
ncclResult_t with_config(const char* function, const ncclConfig_t* given, ncclComm_t* comms, int n,
                         Start&& start) noexcept {
  try {
    if (const ncclResult_t result = begin_process(); result != ncclSuccess) return result;
    ReadConfig read;
    std::string trouble;
    if (const ncclResult_t result = read_config(given, read, trouble, process_defaults()); result != ncclSuccess) {
      return spoil_group(with_device(refuse(result, format("{}: {}", function, trouble))));
    }
    say_once(read.without_effect);
    read.config.device = device_of_new();
    const strettoResult_t result = start(read.whole());
    for (int i = 0; result == strettoInProgress && i < n; ++i) note_non_blocking(comms[i]);
    return started(result);
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}

strettoUniqueId ours(const ncclUniqueId& id) {
  strettoUniqueId own;
  __builtin_memcpy(&own, &id, sizeof own);
  return own;
}

}  // namespace

STRETTO_NCCL_ENTRY(ncclResult_t, ncclGetUniqueId, (ncclUniqueId * uniqueId)) {
  if (const ncclResult_t result = begin_process(); result != ncclSuccess) return result;
  try {
    auto* const own = reinterpret_cast<strettoUniqueId*>(uniqueId);
    const std::string name = process_defaults().comm_id;
    return translate(name.empty() ? strettoGetUniqueId(own) : strettoGetNamedId(name.c_str(), own));
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommInitRankConfig,
                   (ncclComm_t * comm, int nranks, ncclUniqueId commId, int rank, ncclConfig_t* config)) {
  return with_config("ncclCommInitRankConfig", config, comm, 1, [&](const strettoConfig_t& own) {
    return strettoCommInitRankConfig(stretto::nccl::ours(comm), nranks, ours(commId), rank, &own);
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommInitRank, (ncclComm_t * comm, int nranks, ncclUniqueId commId, int rank)) {
  return pncclCommInitRankConfig(comm, nranks, commId, rank, nullptr);
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommInitRankScalable,
                   (ncclComm_t * newcomm, int nranks, int myrank, int nId, ncclUniqueId* commIds,
                    ncclConfig_t* config)) {
  return with_config("ncclCommInitRankScalable", config, newcomm, 1, [&](const strettoConfig_t& own) {
    return strettoCommInitRankScalable(stretto::nccl::ours(newcomm), nranks, myrank, nId,
                                       reinterpret_cast<const strettoUniqueId*>(commIds), &own);
  });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommInitAll, (ncclComm_t * comm, int ndev, const int* devlist)) {
  return with_config("ncclCommInitAll", nullptr, comm, ndev, [&](const strettoConfig_t& own) {
    if (ndev < 1 || ndev > kMostDevices) {  // refused there
      return strettoCommInitAllConfig(stretto::nccl::ours(comm), ndev, nullptr, &own);
    }
    std::vector<int> devices(static_cast<std::size_t>(ndev), STRETTO_DEVICE_HOST);
    if (devlist == nullptr && !on_host()) std::iota(devices.begin(), devices.end(), 0);
    if (devlist != nullptr && !on_host()) devices.assign(devlist, devlist + devices.size());
    return strettoCommInitAllConfig(stretto::nccl::ours(comm), ndev, devices.data(), &own);
  });
}
