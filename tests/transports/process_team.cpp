#include "process_team.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>

namespace stretto {
namespace {

constexpr std::size_t kMaxRanks = 8;
constexpr std::size_t kMaxBlobBytes = 256;

/// What the control plane does for a communicator: blobs and a barrier.
struct Meeting {
  std::array<std::array<std::byte, kMaxBlobBytes>, kMaxRanks> blobs;
  std::array<std::size_t, kMaxRanks> blob_bytes;
  std::atomic<int> described;
  std::atomic<int> ready;
};

bool run_rank(const TransportFactory& factory, const TeamConfig& config, Rank rank, Meeting& meeting,
              const std::function<bool(Transport&, Rank)>& body) {
  const std::vector<std::byte> key = test_key();
  const std::unique_ptr<Transport> transport =
      factory.make(factory.system(), transport_config(factory.system(), config, rank, key));
  const std::vector<std::byte> mine = transport->describe();
  const auto index = static_cast<std::size_t>(rank);
  if (mine.size() > kMaxBlobBytes) return false;
  std::memcpy(meeting.blobs[index].data(), mine.data(), mine.size());
  meeting.blob_bytes[index] = mine.size();
  ++meeting.described;
  if (!wait_for([&] { return meeting.described == config.n_ranks; })) return false;
  std::vector<std::vector<std::byte>> blobs;
  for (std::size_t i = 0; i < static_cast<std::size_t>(config.n_ranks); ++i) {
    const std::byte* const data = meeting.blobs[i].data();
    blobs.emplace_back(data, data + meeting.blob_bytes[i]);
  }
  transport->start(blobs, peers_of(config.n_ranks, rank));
  if (!wait_for([&] { return transport->poll_setup(); })) return false;
  ++meeting.ready;
  if (!wait_for([&] { return meeting.ready == config.n_ranks; })) return false;
  transport->finish_setup();
  return body(*transport, rank);
}

[[noreturn]] void run_child(const TransportFactory& factory, const TeamConfig& config, Rank rank, Meeting& meeting,
                            const std::function<bool(Transport&, Rank)>& body) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a killed test leaves no children
  bool passed = false;
  try {
    passed = run_rank(factory, config, rank, meeting, body);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rank %d: %s\n", rank, error.what());
  }
  std::fflush(nullptr);
  _exit(passed ? 0 : 1);
}

int reap(pid_t child) {
  int status = 0;
  const bool ended = wait_for([&] { return waitpid(child, &status, WNOHANG) == child; });
  if (!ended) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  if (WIFSIGNALED(status)) return WTERMSIG(status);
  return WEXITSTATUS(status) == 0 ? 0 : 1000 + WEXITSTATUS(status);
}

}  // namespace

std::vector<int> run_processes(const TransportFactory& factory, const TeamConfig& config,
                               const std::function<bool(Transport& transport, Rank rank)>& body) {
  void* const page = mmap(nullptr, sizeof(Meeting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return {};
  Meeting& meeting = *new (page) Meeting{};
  std::fflush(nullptr);  // or each child would print it again
  std::vector<pid_t> children;
  for (Rank rank = 0; rank < config.n_ranks; ++rank) {
    const pid_t child = fork();
    if (child == 0) run_child(factory, config, rank, meeting, body);
    children.push_back(child);
  }
  std::vector<int> results;
  for (const pid_t child : children) results.push_back(child > 0 ? reap(child) : -1);
  munmap(page, sizeof(Meeting));
  return results;
}

}  // namespace stretto
