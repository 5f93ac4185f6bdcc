#include "frontends/nccl/parts.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <utility>

#include "base/text.hpp"
#include "frontends/nccl/background.hpp"
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
Part read_part(const char* function, ncclComm_t parent, ncclComm_t* newcomm, const ncclConfig_t* given,
               std::string refusal) {
  Part part;
  part.parent = parent;
  part.newcomm = newcomm;
  part.inherits = given == nullptr;
  part.trouble = std::move(refusal);
  std::string trouble;
  if (read_config(given, part.read, trouble, process_defaults()) != ncclSuccess && part.trouble.empty()) {
    part.trouble = std::move(trouble);
  }
  if (newcomm == nullptr && part.trouble.empty()) part.trouble = "newcomm is NULL";
  if (!part.trouble.empty()) part.trouble = format("{}: {}", function, part.trouble);
  say_once(part.read.without_effect);
  return part;
}

bool part_blocks(const Part& part) { return part.inherits ? blocks(part.parent) : part.read.config.blocking != 0; }

/// Where the call is refused that counts, and not what its stand-in gets.
ncclResult_t refuse_part(const Part& part) { return with_device(refuse(ncclInvalidArgument, part.trouble)); }

strettoResult_t tell_others(const Part& part) {
  const strettoConfig_t config = refused_config();
  strettoComm_t none = nullptr;
  return part.make(&none, &config);
}

strettoResult_t make_with_config(const Part& part, strettoComm_t* made, bool waits) {
  strettoConfig_t config = part.read.whole();
  if (!waits) config.blocking = 0;
  return part.make(made, part.inherits ? nullptr : &config);
}

/// Of one that has been made, or whose set-up has failed.
ncclResult_t hand_out(ncclComm_t* newcomm, bool its_calls_block, ncclResult_t result) {
  if (result == ncclSuccess) {
    if (!its_calls_block && *newcomm != nullptr) note_non_blocking(*newcomm);
    return result;
  }
  const std::string text = last_text();
  strettoCommDestroy(ours(std::exchange(*newcomm, nullptr)));
  return with_device(refuse(result, text));
}

ncclResult_t finish(const StartedPart& part) {
  const bool is_made = part.newcomm != nullptr && *part.newcomm != nullptr;
  return is_made ? hand_out(part.newcomm, part.blocks, translate(strettoCommWait(ours(*part.newcomm)))) : ncclSuccess;
}

/// Of a communicator that blocks.
ncclResult_t make_now(const Part& part) {
  const Inside inside(part.parent);
  if (!part.trouble.empty()) {
    tell_others(part);
    return refuse_part(part);
  }
  const strettoResult_t result = make_with_config(part, ours(part.newcomm), true);
  if (result != strettoSuccess && result != strettoInProgress) return with_device(translate(result));
  const StartedPart started{part.newcomm, part_blocks(part)};
  Group& group = group_of_thread();
  if (group.depth == 0) return finish(started);
  group.started.push_back(started);
  return ncclSuccess;
}

Outcome outcome_of(ncclResult_t result) { return {result, result == ncclSuccess ? "" : last_text()}; }

/// Of one that does not, in a thread of its own. It is the awaiter that waits, whom an abort reaches; the handle is
/// given out last.
Outcome make_later(const Part& part, Awaiter& awaiter) {
  const Inside inside(part.parent);
  if (!part.trouble.empty()) {  // which the program has been told
    tell_others(part);
    return {};
  }
  strettoResult_t before = strettoSuccess;
  strettoCommGetAsyncError(ours(part.parent), &before);
  ncclComm_t made = nullptr;
  const strettoResult_t result = make_with_config(part, ours(&made), false);
  if (result != strettoSuccess && result != strettoInProgress) return outcome_of(with_device(translate(result)));
  if (made != nullptr) {
    const ncclResult_t ended = hand_out(&made, part_blocks(part), awaiter.await(ours(made)));
    if (ended != ncclSuccess) return outcome_of(ended);
  }
  // Atomic, for programs that look at it rather than ask.
  std::atomic_ref(*part.newcomm).store(made, std::memory_order_release);
  return {ncclSuccess, "", before != strettoSuccess};
}

/// Those of one communicator that does not block, in their order: the first failure counts, and the rest go on, since
/// other ranks wait for them.
ncclResult_t begin_later(std::vector<Part> parts) {
  ncclComm_t const parent = parts.front().parent;
  if (is_under_way(parent)) return refuse_under_way();
  for (const Part& part : parts) {
    if (part.newcomm != nullptr) *part.newcomm = nullptr;
  }
  const auto bad = std::ranges::find_if(parts, [](const Part& part) { return !part.trouble.empty(); });
  const std::string trouble = bad == parts.end() ? "" : bad->trouble;
  const ncclResult_t result = run_in_background(parent, Goal::part, [parts = std::move(parts)](Awaiter& awaiter) {
    Outcome outcome;
    for (const Part& part : parts) {
      Outcome next = make_later(part, awaiter);
      if (outcome.result == ncclSuccess) outcome = std::move(next);
    }
    return outcome;
  });
  if (result != ncclInProgress || trouble.empty()) return result;
  return with_device(refuse(ncclInvalidArgument, trouble));
}

ncclResult_t begin(Part part) {
  if (blocks(part.parent) || is_in_setup(part.parent)) return make_now(part);
  const ncclResult_t result = begin_later({std::move(part)});
  if (result != ncclInProgress || group_of_thread().depth == 0) return result;
  group_of_thread().under_way = true;
  return ncclSuccess;
}

Outcome outcome_of(const Part& part) noexcept {
  try {
    return outcome_of(make_now(part));
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

std::vector<std::vector<Part>> by_parent(const std::vector<Part>& parts) {
  std::vector<std::vector<Part>> result;
  for (const Part& part : parts) {
    const auto same = std::ranges::find_if(
        result, [&](const std::vector<Part>& earlier) { return earlier.front().parent == part.parent; });
    same == result.end() ? result.push_back({part}) : same->push_back(part);
  }
  return result;
}

}  // namespace

ncclResult_t run_splits(const std::vector<Part>& splits) noexcept {
  try {
    std::vector<std::vector<Part>> waited_for;
    std::vector<Outcome> outcomes;
    for (std::vector<Part>& parts : by_parent(splits)) {
      if (blocks(parts.front().parent) || is_in_setup(parts.front().parent)) {
        waited_for.push_back(std::move(parts));
      } else {
        outcomes.push_back(outcome_of(begin_later(std::move(parts))));
      }
    }
    std::vector<std::vector<Outcome>> made(waited_for.size());
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < waited_for.size(); ++i) {
        const auto run = [&parts = waited_for[i], &ends = made[i]] {
          for (const Part& part : parts) ends.push_back(outcome_of(part));
        };
        if (i + 1 < waited_for.size()) {
          threads.emplace_back(run);
        } else {
          run();
        }
      }
    }
    for (const std::vector<Outcome>& more : made) outcomes.insert(outcomes.end(), more.begin(), more.end());
    return whole_of(outcomes);
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}

ncclResult_t finish_parts(const std::vector<StartedPart>& parts) noexcept {
  try {
    std::vector<Outcome> outcomes;
    for (const StartedPart& part : parts) outcomes.push_back(outcome_of(finish(part)));
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
    Part part =
        read_part("ncclCommSplit", comm, newcomm, config,
                  no_color ? format("color is {}: it must be 0 or more, or NCCL_SPLIT_NOCOLOR", color) : std::string());
    part.make = [comm, color, key](strettoComm_t* made, const strettoConfig_t* own) {
      return strettoCommSplit(ours(comm), color, key, made, own);
    };
    Group& group = group_of_thread();
    if (group.depth == 0 || comm == nullptr) return begin(std::move(part));
    if (is_under_way(comm)) return refuse_under_way();
    if (newcomm != nullptr && !blocks(comm)) *newcomm = nullptr;
    group.splits.push_back(std::move(part));
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
    Part part = read_part(
        "ncclCommShrink", comm, newcomm, config,
        known ? std::string()
              : format("shrinkFlags is {}: it must be NCCL_SHRINK_DEFAULT or NCCL_SHRINK_ABORT", shrinkFlags));
    // The list is the caller's, who may free it before the work is done.
    std::vector<int> exclude;
    if (excludeRanksList != nullptr && excludeRanksCount > 0) {
      exclude.assign(excludeRanksList, excludeRanksList + excludeRanksCount);
    }
    part.make = [=, exclude = std::move(exclude)](strettoComm_t* made, const strettoConfig_t* own) {
      const int* const list = exclude.empty() ? nullptr : exclude.data();
      return strettoCommShrink(ours(comm), list, excludeRanksCount, made, own);
    };
    if (known && shrinkFlags == NCCL_SHRINK_ABORT) {
      strettoCommAbort(ours(comm));
      abort_background(comm, false);
    }
    return begin(std::move(part));
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}
