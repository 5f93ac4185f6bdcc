// How the library's own threads begin: named, with all signals blocked, and with an error that says what to do.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <system_error>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto {

/// The application's signal handlers must not run on our threads: they hold locks that they know nothing of. A thread
/// inherits the mask of the one that starts it.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &old_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t old_{};
};

/// @param name at most 15 characters
template <typename Body>
std::thread start_thread(const char* name, Body&& body) {
  const BlockedSignals blocked;
  try {
    std::thread thread(std::forward<Body>(body));
    pthread_setname_np(thread.native_handle(), name);
    return thread;
  } catch (const std::system_error& error) {
    throw Error(strettoSystemError,
                format("the thread {} cannot be started ({}): raise the limit of processes and threads (ulimit -u, or "
                       "the pids limit of the container)",
                       name, error.what()));
  }
}

}  // namespace stretto
