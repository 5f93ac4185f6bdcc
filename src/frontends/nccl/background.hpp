// What goes on for communicators that do not block (ncclConfig_t.blocking 0) while their program does other things:
// splits, shrinks and finalizing run in a thread of their own, one at a time for each communicator, and
// ncclCommGetAsyncError of that communicator says how it stands. Its set-up needs none of this: the library does that.
//
// Memory order: a piece of work leaves its outcome under the lock of the communicator's record, under which it is also
// asked for. So who has been told that it has ended sees what it has done, the new communicator's handle too.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "frontends/nccl/include/nccl.h"
#include "stretto/stretto.h"

namespace stretto::nccl {

struct Outcome {
  ncclResult_t result = ncclSuccess;
  std::string text{};
  bool settles_fault = false;  ///< the communicator's own fault has been dealt with: it is not to be told of any more
};

struct Record;

/// The work's way to wait, which ends when its communicator is ended.
class Awaiter {
 public:
  explicit Awaiter(Record& record) : record_(record) {}
  /// Returns when the set-up of `part` has ended; aborts it if the communicator that it is made of is being ended.
  ncclResult_t await(strettoComm_t part);

 private:
  Record& record_;
};

using Work = std::function<Outcome(Awaiter&)>;

enum class Goal : bool { part, end };  ///< a communicator is made of it, or it is finalized

/// A new communicator that does not block.
void note_non_blocking(ncclComm_t comm);
bool blocks(ncclComm_t comm);
/// Its own set-up has not ended.
bool is_in_setup(ncclComm_t comm) noexcept;

/// Begins work of a communicator that does not block. ncclInProgress, or why not: it has something under way already.
ncclResult_t run_in_background(ncclComm_t comm, Goal goal, Work work);

/// Finalizes a communicator that does not block.
ncclResult_t begin_finalize(ncclComm_t comm);

/// How many communicators have work under way: calls look no further where there is none.
extern std::atomic<int> n_in_background;
bool is_under_way(ncclComm_t comm) noexcept;
/// Of a call on a communicator with work under way; within a group the group is spoilt, too.
ncclResult_t refuse_under_way() noexcept;

/// ncclInProgress, or the outcome of the work that was begun last.
Outcome outcome_of_background(ncclComm_t comm);

/// The communicator is destroyed: what is under way ends first. Finalizing is waited for, all else is aborted.
void leave_background(ncclComm_t comm) noexcept;
/// It has been aborted: returns when what is under way has ended. `forget`: it will be freed.
void abort_background(ncclComm_t comm, bool forget) noexcept;

}  // namespace stretto::nccl
