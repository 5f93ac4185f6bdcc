// Teams: numbers about which ranks belong together. They are right, and of little use without the device API.
#include "frontends/nccl/entry.hpp"
#pragma GCC visibility push(default)
#include "frontends/nccl/include/nccl_device.h"
#pragma GCC visibility pop

using namespace stretto::nccl;

STRETTO_NCCL_ENTRY(ncclTeam_t, ncclTeamWorld, (ncclComm_t comm)) {
  ncclTeam_t world{0, 0, 1};
  if (pncclCommCount(comm, &world.nRanks) == ncclSuccess) pncclCommUserRank(comm, &world.rank);
  return world;
}

/// The ranks whose windows a kernel can reach by load and store: only its own.
STRETTO_NCCL_ENTRY(ncclTeam_t, ncclTeamLsa, (ncclComm_t)) { return {1, 0, 1}; }

/// One of each such team: all.
STRETTO_NCCL_ENTRY(ncclTeam_t, ncclTeamRail, (ncclComm_t comm)) { return pncclTeamWorld(comm); }

STRETTO_NCCL_ENTRY(int, ncclTeamRankToWorld, (ncclComm_t comm, ncclTeam_t team, int rank)) {
  return pncclTeamWorld(comm).rank + (rank - team.rank) * team.stride;
}

STRETTO_NCCL_ENTRY(int, ncclTeamRankToLsa, (ncclComm_t, ncclTeam_t team, int rank)) {
  return (rank - team.rank) * team.stride;
}
