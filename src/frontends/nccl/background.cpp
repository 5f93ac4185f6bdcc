#include "frontends/nccl/background.hpp"

#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "base/fork.hpp"
#include "base/thread_start.hpp"
#include "frontends/nccl/errors.hpp"
#include "frontends/nccl/groups.hpp"

namespace stretto::nccl {

/// What is known of a communicator that does not block.
struct Record {
  std::mutex mutex;    ///< guards what follows
  std::mutex joining;  ///< held while the thread is joined, so that all who end the communicator return after that
  bool under_way = false;
  Goal goal = Goal::part;
  bool stopping = false;         ///< its work is to end, and nothing new begins
  bool gone = false;             ///< the communicator is freed: nothing begins any more
  strettoComm_t part = nullptr;  ///< whose set-up the work waits for
  Outcome last;
  std::thread thread;  ///< of the work that was begun last; whoever takes it away joins it

  ~Record() {
    if (thread.joinable()) thread.join();
  }
};

namespace {

/// Of all communicators that do not block. Never destroyed; a child has its own.
struct Records {
  std::mutex mutex;
  std::map<const void*, std::shared_ptr<Record>> by_comm;
};
PerProcess<Records> records_of_process;

std::shared_ptr<Record> find(ncclComm_t comm) {
  Records& records = records_of_process.get();
  const std::lock_guard lock(records.mutex);
  const auto found = records.by_comm.find(comm);
  return found == records.by_comm.end() ? nullptr : found->second;
}

void forget_record(ncclComm_t comm) {
  Records& records = records_of_process.get();
  const std::lock_guard lock(records.mutex);
  records.by_comm.erase(comm);
}

void run(Record& record, const Work& work) {
  Outcome outcome;
  Awaiter awaiter(record);
  try {
    outcome = work(awaiter);
  } catch (const std::exception& error) {
    outcome = {ncclSystemError, error.what()};
  }
  const std::lock_guard lock(record.mutex);
  record.last = std::move(outcome);
  record.under_way = false;
  n_in_background.fetch_sub(1, std::memory_order_relaxed);
}

/// Returns when nothing is under way, whoever else waits for that. The caller shares the record.
void finish(Record& record) {
  const std::lock_guard one(record.joining);
  std::thread done;
  {
    const std::lock_guard lock(record.mutex);
    done = std::move(record.thread);
  }
  if (done.joinable()) done.join();
}

/// The communicator itself has been aborted.
void stop(Record& record) {
  {
    const std::lock_guard lock(record.mutex);
    record.stopping = true;
    if (record.part != nullptr) strettoCommAbort(record.part);
  }
  finish(record);
}

}  // namespace

std::atomic<int> n_in_background{0};

ncclResult_t Awaiter::await(strettoComm_t part) {
  {
    const std::lock_guard lock(record_.mutex);
    record_.part = part;
    if (record_.stopping) strettoCommAbort(part);
  }
  const ncclResult_t result = translate(strettoCommWait(part));
  const std::lock_guard lock(record_.mutex);
  record_.part = nullptr;
  if (result != ncclSuccess || !record_.stopping) return result;
  return refuse(ncclInvalidUsage, "the communicator that it was made of has been aborted or destroyed");
}

void note_non_blocking(ncclComm_t comm) {
  Records& records = records_of_process.get();
  const std::lock_guard lock(records.mutex);
  records.by_comm.insert_or_assign(comm, std::make_shared<Record>());
}

bool blocks(ncclComm_t comm) { return find(comm) == nullptr; }

bool is_in_setup(ncclComm_t comm) noexcept {
  strettoResult_t state = strettoSuccess;
  return strettoCommGetAsyncError(reinterpret_cast<strettoComm_t>(comm), &state) == strettoSuccess &&
         state == strettoInProgress;
}

ncclResult_t run_in_background(ncclComm_t comm, Goal goal, Work work) {
  const std::shared_ptr<Record> record = find(comm);
  if (record == nullptr) return refuse(ncclInternalError, "a communicator that blocks has nothing in the background");
  std::thread done;  // it has left its outcome, and has nothing more to do
  std::unique_lock lock(record->mutex);
  if (record->under_way) return refuse_under_way();
  if (record->stopping || record->gone) {
    return refuse(ncclInvalidUsage, "the communicator is being aborted or destroyed: nothing begins on it");
  }
  done = std::move(record->thread);
  record->thread = start_thread("stretto-nccl", [own = record.get(), work = std::move(work)] { run(*own, work); });
  record->under_way = true;
  record->goal = goal;
  record->last = {};
  n_in_background.fetch_add(1, std::memory_order_relaxed);
  lock.unlock();
  if (done.joinable()) done.join();
  return ncclInProgress;
}

bool is_under_way(ncclComm_t comm) noexcept {
  try {
    const std::shared_ptr<Record> record = find(comm);
    if (record == nullptr) return false;
    const std::lock_guard lock(record->mutex);
    return record->under_way;
  } catch (const std::exception&) {
    return false;
  }
}

ncclResult_t refuse_under_way() noexcept {
  return spoil_group(refuse(ncclInvalidUsage,
                            "what was begun last on this communicator, which does not block, is still under way: call "
                            "ncclCommGetAsyncError until it gives something else than ncclInProgress"));
}

Outcome outcome_of_background(ncclComm_t comm) {
  const std::shared_ptr<Record> record = find(comm);
  if (record == nullptr) return {};
  const std::lock_guard lock(record->mutex);
  return record->under_way ? Outcome{ncclInProgress} : record->last;
}

void leave_background(ncclComm_t comm) noexcept {
  try {
    const std::shared_ptr<Record> record = find(comm);
    if (record == nullptr) return;
    forget_record(comm);
    bool is_end = false;
    {
      const std::lock_guard lock(record->mutex);
      record->gone = true;
      is_end = !record->under_way || record->goal == Goal::end;
    }
    if (is_end) return finish(*record);
    strettoCommAbort(reinterpret_cast<strettoComm_t>(comm));
    stop(*record);
  } catch (const std::exception&) {  // nothing was begun, then
  }
}

void abort_background(ncclComm_t comm, bool forget) noexcept {
  try {
    const std::shared_ptr<Record> record = find(comm);
    if (record == nullptr) return;
    if (forget) {
      forget_record(comm);
      const std::lock_guard lock(record->mutex);
      record->gone = true;
    }
    stop(*record);
    const std::lock_guard lock(record->mutex);
    record->stopping = false;
    record->last = {};
  } catch (const std::exception&) {  // nothing was begun, then
  }
}

}  // namespace stretto::nccl
