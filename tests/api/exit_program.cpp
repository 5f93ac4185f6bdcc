// A process that ends with work in its streams: an operation whose peer never comes, more behind it, and a host
// function that never returns. It must end soon, and no thread may touch what static objects own. Exit status 0: it
// did.
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <vector>

#include "stretto/stretto.h"

namespace {

/// Destroyed at exit, after the streams have been stopped: its communicators still have operations then.
struct Program {
  ~Program() {
    for (strettoComm_t comm : comms) strettoCommDestroy(comm);
  }
  std::vector<std::int64_t> buffer = std::vector<std::int64_t>(100'000, 1);
  strettoComm_t comms[2] = {};
  strettoStream_t stuck = nullptr;
  strettoStream_t held = nullptr;
};

Program program;

std::mutex& mutex = *new std::mutex;
std::condition_variable& changed = *new std::condition_variable;
int begun = 0;

void begin(void*) {
  const std::lock_guard lock(mutex);
  ++begun;
  changed.notify_all();
}

void hold_for_ever(void* context) {
  begin(context);
  std::unique_lock lock(mutex);
  changed.wait(lock, [] { return false; });
}

void must_not_run(void*) {
  std::fprintf(stderr, "a host function ran while the process ended\n");
  _exit(1);
}

bool is_success(strettoResult_t result) {
  if (result != strettoSuccess) std::fprintf(stderr, "%s\n", strettoGetLastError(nullptr));
  return result == strettoSuccess;
}

}  // namespace

int main() {
  if (!is_success(strettoCommInitAll(program.comms, 2, nullptr))) return 1;
  if (!is_success(strettoStreamCreate(&program.stuck)) || !is_success(strettoStreamCreate(&program.held))) return 1;
  if (!is_success(strettoStreamLaunchHostFunc(program.held, hold_for_ever, nullptr))) return 1;
  if (!is_success(strettoStreamLaunchHostFunc(program.stuck, begin, nullptr))) return 1;
  for (int i = 0; i < 3; ++i) {
    if (!is_success(strettoAllReduce(program.buffer.data(), program.buffer.data(), program.buffer.size(), strettoInt64,
                                     strettoSum, program.comms[0], program.stuck))) {
      return 1;
    }
  }
  if (!is_success(strettoStreamLaunchHostFunc(program.stuck, must_not_run, nullptr))) return 1;
  std::unique_lock lock(mutex);
  changed.wait(lock, [] { return begun == 2; });
  return 0;
}
