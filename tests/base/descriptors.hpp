// Descriptors of the test's own process: counted, and made scarce.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>

namespace stretto::test {

inline int count_descriptors() {
  int n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
  return n;  // the iterator's own is counted each time
}

/// While it lives, `n_left` more descriptors can be opened (those below the highest in use count as in use).
class ScarceDescriptors {
 public:
  explicit ScarceDescriptors(int n_left) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest_free = fcntl(0, F_DUPFD_CLOEXEC, 0);
    close(lowest_free);
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(lowest_free + n_left);
    setrlimit(RLIMIT_NOFILE, &now);
  }
  ~ScarceDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  ScarceDescriptors(const ScarceDescriptors&) = delete;
  ScarceDescriptors& operator=(const ScarceDescriptors&) = delete;

 private:
  rlimit before_{};
};

/// Raises the soft limit to the hard one; returns it.
inline long allow_many_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<long>(limit.rlim_cur);
}

}  // namespace stretto::test
