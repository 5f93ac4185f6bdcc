#include "support/processes.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace stretto {
namespace {

void need(bool condition, const char* what) {
  if (condition) return;
  std::perror(what);
  std::abort();
}

template <typename T>
bool read_all(int fd, T& value) {
  auto* to = reinterpret_cast<char*>(&value);
  for (std::size_t done = 0; done < sizeof value;) {
    const ssize_t got = read(fd, to + done, sizeof value - done);
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

RankReport report_of(strettoComm_t comm, strettoResult_t result) {
  RankReport report;
  report.at_ns = monotonic_ns();
  report.result = result;
  strettoErrorInfo_t info = STRETTO_ERROR_INFO_INITIALIZER;
  strettoGetErrorInfo(comm, &info);
  report.rank = info.rank;
  report.peer = info.peer;
  report.operation = info.operation;
  std::snprintf(report.field, sizeof report.field, "%s", info.field);
  std::snprintf(report.host, sizeof report.host, "%s", info.host);
  std::snprintf(report.text, sizeof report.text, "%.500s", info.text);
  return report;
}

Processes::Processes(int n, const Body& body) {
  std::vector<int> id_in;   // read ends, by rank
  std::vector<int> id_out;  // write ends: rank 0's
  for (int rank = 0; rank < n; ++rank) {
    int ends[2];
    need(pipe(ends) == 0, "pipe");
    id_in.push_back(ends[0]);
    id_out.push_back(ends[1]);
  }
  for (int rank = 0; rank < n; ++rank) {
    int ends[2];
    need(pipe(ends) == 0, "pipe");
    const pid_t process = fork();
    need(process >= 0, "fork");
    if (process == 0) {
      close(ends[0]);
      for (const Child& other : ranks_) close(other.report_pipe);
      std::vector<int> mine = rank == 0 ? id_out : std::vector<int>{id_in[static_cast<std::size_t>(rank)]};
      for (int other = 0; other < n; ++other) {
        const auto i = static_cast<std::size_t>(other);
        if (rank != 0) close(id_out[i]);
        if (rank == 0 || other != rank) close(id_in[i]);
      }
      child(rank, body, mine, ends[1]);
    }
    close(ends[1]);
    ranks_.push_back({process, ends[0], 0, {}});
  }
  for (int fd : id_in) close(fd);
  for (int fd : id_out) close(fd);
}

void Processes::child(int rank, const Body& body, const std::vector<int>& id_pipes, int report_pipe) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  strettoUniqueId id{};
  if (rank == 0) {
    need(strettoGetUniqueId(&id) == strettoSuccess, strettoGetLastError(nullptr));
    for (int fd : id_pipes) {
      [[maybe_unused]] const ssize_t sent = write(fd, &id, sizeof id);  // a rank that has died does not matter
    }
  } else if (!read_all(id_pipes.front(), id)) {
    _exit(3);
  }
  for (int fd : id_pipes) close(fd);
  const RankReport report = body(rank, id);
  need(write(report_pipe, &report, sizeof report) == sizeof report, "report");
  std::exit(0);  // with static destructors, as a program's end has
}

Processes::~Processes() {
  wait(std::chrono::milliseconds(0));
  for (Child& child : ranks_) close(child.report_pipe);
}

void Processes::kill(int rank, int signal) {
  const Child& child = ranks_[static_cast<std::size_t>(rank)];
  if (child.process > 0) ::kill(child.process, signal);
}

bool Processes::wait(std::chrono::milliseconds limit) {
  const std::int64_t deadline_ns = monotonic_ns() + limit.count() * 1'000'000;
  bool in_time = true;
  for (;;) {
    bool left = false;
    for (Child& child : ranks_) {
      if (child.process <= 0) continue;
      int status = 0;
      if (waitpid(child.process, &status, WNOHANG) == child.process) {
        child.process = -1;
        child.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        read_all(child.report_pipe, child.report);
      } else {
        left = true;
        if (monotonic_ns() > deadline_ns) {
          in_time = false;
          ::kill(child.process, SIGKILL);
        }
      }
    }
    if (!left) return in_time;
    usleep(500);
  }
}

}  // namespace stretto
