// Communicators made of others, and the ends of communicators.
#include <algorithm>
#include <exception>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "frontends/nccl/config.hpp"
#include "frontends/nccl/entry.hpp"
#include "frontends/nccl/groups.hpp"
#include "frontends/nccl/process.hpp"

namespace stretto::nccl {
namespace {

/// What the other ranks would wait for in vain is called all the same where this rank's own arguments are refused: with
/// a config that the library refuses in its turn, and tells them so.
strettoConfig_t refused_config() {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.size = 0;
  return config;
}

/// `refusal`: what else is wrong with the call, if anything.
PartConfig read_part(const char* function, const ncclConfig_t* given, std::string refusal) {
  PartConfig part;
  part.inherits = given == nullptr;
  part.trouble = std::move(refusal);
  std::string trouble;
  if (read_config(given, part.read, trouble) != ncclSuccess && part.trouble.empty()) part.trouble = std::move(trouble);
  if (!part.trouble.empty()) part.trouble = format("{}: {}", function, part.trouble);
  say_once(part.read.without_effect);
  return part;
}

/// call(config) makes the communicator. Where the call is refused that counts, and not what its stand-in gets.
template <typename Call>
ncclResult_t make_part(ncclComm_t parent, const PartConfig& part, Call&& call) {
  const Inside inside(parent);
  if (part.trouble.empty()) {
    const strettoConfig_t config = part.read.whole();
    return started(call(part.inherits ? nullptr : &config));
  }
  const strettoConfig_t config = refused_config();
  call(&config);
  return with_device(refuse(ncclInvalidArgument, part.trouble));
}

ncclResult_t split_now(const PendingSplit& split) {
  return make_part(split.comm, split.config, [&](const strettoConfig_t* config) {
    return strettoCommSplit(ours(split.comm), split.color, split.key, ours(split.newcomm), config);
  });
}

struct Outcome {
  ncclResult_t result = ncclSuccess;
  std::string text;
};

Outcome outcome_of(const PendingSplit& split) noexcept {
  try {
    Outcome outcome{split_now(split), {}};
    if (outcome.result != ncclSuccess) outcome.text = last_text();
    return outcome;
  } catch (const std::exception&) {
    return {ncclSystemError, {}};
  }
}

/// The first error, or what is still under way.
ncclResult_t whole_of(const std::vector<Outcome>& outcomes) {
  bool under_way = false;
  for (const Outcome& outcome : outcomes) {
    if (outcome.result == ncclInProgress) under_way = true;
    if (outcome.result != ncclInProgress && outcome.result != ncclSuccess) return refuse(outcome.result, outcome.text);
  }
  return under_way ? ncclInProgress : ncclSuccess;
}

}  // namespace

ncclResult_t run_splits(const std::vector<PendingSplit>& splits) noexcept {
  try {
    // Splits of one communicator go in the order of their calls, as on its other ranks.
    std::vector<std::vector<std::size_t>> by_comm;
    for (std::size_t i = 0; i < splits.size(); ++i) {
      const auto same = std::ranges::find_if(by_comm, [&](const std::vector<std::size_t>& earlier) {
        return splits[earlier.front()].comm == splits[i].comm;
      });
      same == by_comm.end() ? by_comm.push_back({i}) : same->push_back(i);
    }
    std::vector<Outcome> outcomes(splits.size());
    const auto run = [&](const std::vector<std::size_t>& mine) {
      for (const std::size_t i : mine) outcomes[i] = outcome_of(splits[i]);
    };
    {
      std::vector<std::jthread> others;
      for (std::size_t c = 1; c < by_comm.size(); ++c) others.emplace_back(run, std::cref(by_comm[c]));
      run(by_comm.front());
    }
    return whole_of(outcomes);
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}

}  // namespace stretto::nccl

using namespace stretto;
using namespace stretto::nccl;

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommSplit,
                   (ncclComm_t comm, int color, int key, ncclComm_t* newcomm, ncclConfig_t* config)) {
  try {
    const bool no_color = color < 0 && color != NCCL_SPLIT_NOCOLOR;
    PendingSplit split{comm, color, key, newcomm,
                       read_part("ncclCommSplit", config,
                                 no_color ? format("color is {}: it must be 0 or more, or NCCL_SPLIT_NOCOLOR", color)
                                          : std::string())};
    Group& group = group_of_thread();
    if (group.depth == 0 || comm == nullptr) return split_now(split);
    group.splits.push_back(std::move(split));
    return ncclSuccess;
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommShrink,
                   (ncclComm_t comm, int* excludeRanksList, int excludeRanksCount, ncclComm_t* newcomm,
                    ncclConfig_t* config, int shrinkFlags)) {
  try {
    const bool known = shrinkFlags == NCCL_SHRINK_DEFAULT || shrinkFlags == NCCL_SHRINK_ABORT;
    const PartConfig part = read_part("ncclCommShrink", config,
                                      known ? std::string()
                                            : format("shrinkFlags is {}: it must be NCCL_SHRINK_DEFAULT or "
                                                     "NCCL_SHRINK_ABORT",
                                                     shrinkFlags));
    if (known && shrinkFlags == NCCL_SHRINK_ABORT) strettoCommAbort(ours(comm));
    return make_part(comm, part, [&](const strettoConfig_t* own) {
      return strettoCommShrink(ours(comm), excludeRanksList, excludeRanksCount, ours(newcomm), own);
    });
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommFinalize, (ncclComm_t comm)) {
  if (comm == nullptr) return ncclSuccess;
  return call_on(comm, [](strettoComm_t own) { return strettoCommFinalize(own); });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommDestroy, (ncclComm_t comm)) {
  return translate(strettoCommDestroy(ours(comm)));
}

/// Frees the communicator too: at once, or when the thread that is inside a call on it leaves.
STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommAbort, (ncclComm_t comm)) {
  if (comm == nullptr) return ncclSuccess;
  const ncclResult_t result = translate(strettoCommAbort(ours(comm)));
  if (result != ncclSuccess) return result;
  try {
    retire(comm);
    return ncclSuccess;
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}

/// What is under way ends; the communicator is then quiet, and to be destroyed, split or shrunk.
STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommRevoke, (ncclComm_t comm, int revokeFlags)) {
  if (comm == nullptr) return ncclSuccess;
  if (revokeFlags != NCCL_REVOKE_DEFAULT) {
    return refuse(ncclInvalidArgument,
                  format("ncclCommRevoke: revokeFlags is {}: it must be NCCL_REVOKE_DEFAULT", revokeFlags));
  }
  return translate(strettoCommAbort(ours(comm)));
}
