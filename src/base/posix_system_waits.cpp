// The real System: waiting, with epoll and an eventfd.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <vector>

#include "base/posix_system.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

class PosixWaitSet final : public WaitSet {
 public:
  PosixWaitSet(PosixSystem& system, Handle epoll, Handle bell)
      : system_(system), epoll_(std::move(epoll)), bell_(std::move(bell)) {}
  ~PosixWaitSet() override { system_.forget_wait_set(epoll_.id()); }
  PosixWaitSet(const PosixWaitSet&) = delete;
  PosixWaitSet& operator=(const PosixWaitSet&) = delete;

  // Holds no list of its own: descriptors are reused, and only the kernel knows which ones it still watches.
  void watch(int handle, std::uint8_t events) override {
    if (events == 0) {
      epoll_ctl(epoll_.id(), EPOLL_CTL_DEL, handle, nullptr);  // not watched, or closed already: nothing to forget
      return;
    }
    epoll_event event{};
    event.events = ((events & readable) != 0 ? EPOLLIN : 0U) | ((events & writable) != 0 ? EPOLLOUT : 0U);
    event.data.fd = handle;
    if (epoll_ctl(epoll_.id(), EPOLL_CTL_MOD, handle, &event) == 0) return;
    if (errno == ENOENT && epoll_ctl(epoll_.id(), EPOLL_CTL_ADD, handle, &event) == 0) return;
    throw_system_error("epoll_ctl", format("{}", handle), errno);
  }

  void wait(std::int64_t timeout_ns) override {
    // Rounded up, so that a deadline has passed when the wait for it returns.
    const std::int64_t timeout_ms = timeout_ns <= 0 ? 0 : (timeout_ns - 1) / 1'000'000 + 1;
    std::array<epoll_event, 256> events;  // levels, not edges: what does not fit is told next time
    const int n = epoll_wait(epoll_.id(), events.data(), static_cast<int>(events.size()),
                             static_cast<int>(std::min<std::int64_t>(timeout_ms, INT_MAX)));
    ready_.clear();
    for (int i = 0; i < n; ++i) {
      const int handle = events[static_cast<std::size_t>(i)].data.fd;
      if (handle == bell_.id()) {
        std::uint64_t rings = 0;
        [[maybe_unused]] const ssize_t taken = read(bell_.id(), &rings, sizeof(rings));
      } else {
        ready_.push_back(handle);
      }
    }
  }

  std::span<const int> ready_handles() const override { return ready_; }

  void wake() override {
    const std::uint64_t one = 1;
    // EAGAIN: the bell has been rung 2^64 - 2 times unheard, so it is ringing.
    [[maybe_unused]] const ssize_t written = write(bell_.id(), &one, sizeof(one));
  }

 private:
  PosixSystem& system_;
  Handle epoll_;
  Handle bell_;
  std::vector<int> ready_;
};

}  // namespace

std::unique_ptr<WaitSet> PosixSystem::make_wait_set() {
  Handle epoll = adopt(epoll_create1(EPOLL_CLOEXEC), "epoll_create1", "");
  Handle bell = adopt(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd", "");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = bell.id();
  if (epoll_ctl(epoll.id(), EPOLL_CTL_ADD, bell.id(), &event) != 0) throw_system_error("epoll_ctl", "eventfd", errno);
  const int epoll_descriptor = epoll.id();
  auto waits = std::make_unique<PosixWaitSet>(*this, std::move(epoll), std::move(bell));
  const std::lock_guard lock(mutex_);
  wait_sets_.insert(epoll_descriptor);
  return waits;
}

void PosixSystem::forget_wait_set(int epoll) {
  const std::lock_guard lock(mutex_);
  wait_sets_.erase(epoll);
}

}  // namespace stretto
