#include "perf/common/launcher.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>

#include "perf/common/world.hpp"

namespace stretto::perf {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

struct Child {
  pid_t pid;
  Descriptor socket;
  bool running = true;
};

/// All or nothing; the messages are far smaller than a socket's buffer, so a send never waits.
bool write_all(int socket, const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t sent = send(socket, bytes, count, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    count -= static_cast<std::size_t>(sent);
  }
  return true;
}

/// The new process: dies with the launcher, whatever way that goes. Only async-signal-safe calls, up to exec.
[[noreturn]] void become_child(pid_t launcher, int socket, char* const* argv, const sigset_t& mask) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != launcher) _exit(127);
  if (fcntl(socket, F_SETFD, 0) != 0 || sigprocmask(SIG_SETMASK, &mask, nullptr) != 0) _exit(127);
  execv("/proc/self/exe", argv);
  constexpr std::string_view kText = "cannot start a process: exec of /proc/self/exe failed\n";
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, kText.data(), kText.size());
  _exit(127);
}

class Supervisor {
 public:
  Supervisor(const sigset_t& signals, int grace_ms)
      : signals_(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)), grace_(grace_ms) {
    if (signals_.get() < 0) fail("signalfd");
  }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor() {
    kill_all();
    for (Child& child : children_) {
      if (child.running) waitpid(child.pid, nullptr, 0);
    }
  }

  void start(int index, const std::vector<std::string>& arguments, const sigset_t& mask) {
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) fail("socketpair");
    Descriptor ours(pair[0]);
    const Descriptor theirs(pair[1]);
    std::vector<std::string> all(arguments);
    all.insert(all.begin(), program_invocation_name);
    all.insert(all.end(), {"--child", std::to_string(index) + ":" + std::to_string(theirs.get())});
    std::vector<char*> argv;
    for (std::string& argument : all) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t launcher = getpid();
    const pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) become_child(launcher, theirs.get(), argv.data(), mask);
    children_.push_back({pid, std::move(ours)});
    ++running_;
  }

  int supervise() {
    while (running_ > 0) {
      std::array<pollfd, 2> wanted{{{signals_.get(), POLLIN, 0}, {children_[0].socket.get(), POLLIN, 0}}};
      // The second is of no more interest once the message has come, or never will.
      const nfds_t count = relayed_ ? 1 : 2;
      if (poll(wanted.data(), count, wait_ms()) < 0 && errno != EINTR) fail("poll");
      if ((wanted[0].revents & POLLIN) != 0) read_signals();
      if (count == 2 && wanted[1].revents != 0) relay();
      if (failing_ && Clock::now() >= deadline_) kill_all();
    }
    return code_;
  }

 private:
  int wait_ms() const {
    if (!failing_ || killed_) return -1;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
    return std::max(0, static_cast<int>(left.count()) + 1);
  }

  void read_signals() {
    signalfd_siginfo signal{};
    while (read(signals_.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
      if (signal.ssi_signo != SIGCHLD) {
        begin_to_fail(128 + static_cast<int>(signal.ssi_signo));
        kill_all();
      }
    }
    // Signals merge: look at every child each time.
    for (std::size_t index = 0; index < children_.size(); ++index) reap(index);
  }

  void reap(std::size_t index) {
    Child& child = children_[index];
    int status = 0;
    if (!child.running || waitpid(child.pid, &status, WNOHANG) != child.pid) return;
    child.running = false;
    --running_;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    if (!killed_ && WIFSIGNALED(status)) {
      std::fprintf(stderr, "process %zu (pid %d) was killed by signal %d (%s)\n", index, static_cast<int>(child.pid),
                   WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
    const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    // Ranks that only heard of a death may end before the one that died has been seen to: its status is the cause.
    if (failing_ && !killed_ && code_ == kExitFailure) code_ = code;
    begin_to_fail(code);
  }

  void begin_to_fail(int code) {
    if (failing_) return;
    failing_ = true;
    code_ = code;
    deadline_ = Clock::now() + grace_;
  }

  void kill_all() {
    killed_ = true;
    for (const Child& child : children_) {
      if (child.running) kill(child.pid, SIGKILL);
    }
  }

  /// Passes the message of process 0 on, when all of it has come.
  void relay() {
    const ssize_t got = recv(children_[0].socket.get(), message_.data() + filled_, message_.size() - filled_, 0);
    if (got < 0 && errno == EINTR) return;
    if (got > 0) filled_ += static_cast<std::size_t>(got);
    relayed_ = got <= 0 || filled_ == message_.size();
    if (filled_ != message_.size()) return;
    for (std::size_t index = 1; index < children_.size(); ++index) {
      // Whoever cannot be written to has ended: its status tells.
      write_all(children_[index].socket.get(), message_.data(), message_.size());
    }
    message_.fill(0);
  }

  Descriptor signals_;
  std::chrono::milliseconds grace_;
  std::vector<Child> children_;
  int running_ = 0;
  int code_ = 0;
  bool failing_ = false;
  bool killed_ = false;
  Clock::time_point deadline_;
  std::array<char, kMessageBytes> message_{};
  std::size_t filled_ = 0;
  bool relayed_ = false;
};

}  // namespace

int launch(int processes, const std::vector<std::string>& arguments, int grace_ms) {
  sigset_t signals;
  sigset_t before;
  sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  if (sigprocmask(SIG_BLOCK, &signals, &before) != 0) fail("sigprocmask");
  int code = 0;
  {
    Supervisor supervisor(signals, grace_ms);
    for (int index = 0; index < processes; ++index) supervisor.start(index, arguments, before);
    code = supervisor.supervise();
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return code;
}

void send_message(const ChildSlot& child, const char* message) {
  if (!write_all(child.socket, message, kMessageBytes)) fail("passing the unique id to the launcher");
}

void receive_message(const ChildSlot& child, char* message) {
  std::size_t filled = 0;
  while (filled < kMessageBytes) {
    const ssize_t got = recv(child.socket, message + filled, kMessageBytes - filled, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = ECONNRESET;
    if (got <= 0) fail("waiting for the unique id from the launcher");
    filled += static_cast<std::size_t>(got);
  }
}

}  // namespace stretto::perf
