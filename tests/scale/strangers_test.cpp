// A stranger on the same host connects to every port that the ranks listen on, while they set up, and sends garbage,
// half a greeting, or nothing: nobody is harmed. While they operate, they listen on none.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <new>
#include <random>
#include <set>
#include <sstream>

#include "scale/rank_body.hpp"

namespace stretto {
namespace {

namespace fs = std::filesystem;

constexpr int kRanks = 4;

/// What the test, the ranks and the stranger see of one another.
struct Shared {
  std::atomic<int> attacks{0};
  std::atomic<bool> operating{false};  ///< every rank has completed operations
  std::atomic<bool> looked{false};     ///< the test has looked at their ports
};

class SharedMemory {
 public:
  SharedMemory() {
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    shared_ = new (memory) Shared;
  }
  ~SharedMemory() { munmap(shared_, sizeof(Shared)); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  Shared* operator->() const { return shared_; }

 private:
  Shared* shared_;
};

template <typename Condition>
bool eventually(const Condition& condition) {
  for (int tries = 0; tries < 20'000 && !condition(); ++tries) usleep(1000);
  return condition();
}

/// Inodes of the sockets of all children of `parent`. Other processes' ports are none of our business.
std::set<std::string> sockets_of_children(pid_t parent) {
  std::set<std::string> inodes;
  std::error_code ignored;  // processes come and go
  std::ifstream children("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children");
  for (std::string child; children >> child;) {
    for (const auto& entry : fs::directory_iterator("/proc/" + child + "/fd", ignored)) {
      const std::string target = fs::read_symlink(entry.path(), ignored).native();
      if (target.starts_with("socket:[")) inodes.insert(target.substr(8, target.size() - 9));
    }
  }
  return inodes;
}

struct Ports {
  std::set<int> tcp;
  std::set<std::string> local;  ///< abstract names
};

Ports listening(pid_t parent) {
  const std::set<std::string> inodes = sockets_of_children(parent);
  Ports ports;
  std::string line;
  std::ifstream tcp("/proc/net/tcp");
  for (std::getline(tcp, line); std::getline(tcp, line);) {
    std::istringstream words(line);
    std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    words >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
    if (state == "0A" && inodes.contains(inode)) ports.tcp.insert(std::stoi(local.substr(9), nullptr, 16));
  }
  std::ifstream local("/proc/net/unix");
  for (std::getline(local, line); std::getline(local, line);) {
    std::istringstream words(line);
    std::string number, references, protocol, flags, type, state, inode, path;
    words >> number >> references >> protocol >> flags >> type >> state >> inode >> path;
    if (flags == "00010000" && inodes.contains(inode) && path.starts_with("@")) ports.local.insert(path.substr(1));
  }
  return ports;
}

int dial_tcp(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return socket;
}

int dial_local(const std::string& name) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), std::min(name.size(), sizeof address.sun_path - 1));
  connect(socket, reinterpret_cast<const sockaddr*>(&address),
          static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size()));
  return socket;
}

/// Never returns. Up to 40 of its connections stay open, silent after what they said.
[[noreturn]] void be_a_stranger(pid_t parent, std::uint64_t seed, const SharedMemory& shared) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::mt19937_64 random(seed);
  std::deque<int> open;
  for (;;) {
    const Ports ports = listening(parent);
    std::vector<int> sockets;
    for (const int port : ports.tcp) sockets.push_back(dial_tcp(port));
    for (const std::string& name : ports.local) sockets.push_back(dial_local(name));
    for (const int socket : sockets) {
      std::string garbage(random() % 4000, '\0');
      for (char& c : garbage) c = static_cast<char>(random());
      // Half of them announce a small frame, as a member would, so that what follows is looked into.
      if (random() % 2 == 0 && garbage.size() > 4) std::memcpy(garbage.data(), "\x40\0\0\0", 4);
      send(socket, garbage.data(), garbage.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      open.push_back(socket);
      ++shared->attacks;
    }
    while (open.size() > 40) {
      close(open.front());
      open.pop_front();
    }
    usleep(1000);
  }
}

TEST(Stranger, OnEveryPortDuringSetUp_HarmsNobody) {
  constexpr int kOperations = 20;
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed=" << seed);
  SharedMemory shared;
  const pid_t test = getpid();
  const pid_t stranger = fork();
  ASSERT_GE(stranger, 0);
  if (stranger == 0) be_a_stranger(test, seed, shared);
  RankPlan plan;
  plan.n = kRanks;
  plan.operations = kOperations;
  Processes ranks(kRanks, [&](int rank, const strettoUniqueId& id) {
    RankPlan mine = plan;
    // The last to come leaves the others, and the ports they listen on, waiting.
    if (rank == kRanks - 1) mine.before_init = [&] { eventually([&] { return shared->attacks > 200; }); };
    if (rank == 0) {
      mine.after_operation = [&](int operation) {
        if (operation != kOperations / 2) return;
        shared->operating = true;
        eventually([&] { return shared->looked.load(); });
      };
    }
    return run_rank(rank, id, mine);
  });
  const bool operating = eventually([&] { return shared->operating.load(); });
  // The rendezvous may still be taking leave of those that it turned away.
  const bool silent = eventually([&] { return listening(test).tcp.empty() && listening(test).local.empty(); });
  shared->looked = true;
  const bool in_time = ranks.wait(std::chrono::seconds(40));
  kill(stranger, SIGKILL);
  waitpid(stranger, nullptr, 0);
  EXPECT_TRUE(operating);
  EXPECT_TRUE(silent) << "ranks listen while they operate";
  EXPECT_GT(shared->attacks, 200);
  ASSERT_TRUE(in_time) << "a rank hung";
  expect_all_succeeded(ranks, kRanks);
}

}  // namespace
}  // namespace stretto
