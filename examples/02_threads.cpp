// Four ranks as threads of one process, in C++: stretto.hpp adds ownership and exceptions to the C interface.
// Build: c++ -std=c++17 02_threads.cpp $(pkg-config --cflags --libs stretto) -pthread -o 02_threads
#include <atomic>
#include <cstdio>
#include <exception>
#include <stretto/stretto.hpp>
#include <thread>
#include <vector>

namespace {

constexpr int kRanks = 4;
constexpr std::size_t kCount = 1 << 16;

/// The greatest of what the ranks bring, and then, in place again, the sum of what they all now hold.
bool work(const stretto::Communicator& comm) {
  std::vector<double> values(kCount, comm.rank() + 1);
  comm.all_reduce(values.data(), kCount, strettoMax);
  bool right = values.front() == kRanks && values.back() == kRanks;
  comm.all_reduce(values.data(), kCount);
  for (const double value : values) right = right && value == kRanks * kRanks;
  return right;
}

}  // namespace

int main() {
  std::atomic<int> failures{0};
  try {
    // All ranks of a new communicator; each is then used by a thread of its own.
    std::vector<stretto::Communicator> comms = stretto::Communicator::all(kRanks);
    std::vector<std::thread> threads;
    for (stretto::Communicator& comm : comms) {
      threads.emplace_back([&comm, &failures] {
        try {
          if (!work(comm)) ++failures;
          comm.close();
        } catch (const std::exception& error) {
          std::fprintf(stderr, "%s\n", error.what());
          ++failures;
          strettoCommAbort(comm.handle());  // the other ranks need not wait for this one until their deadline
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "set-up: %s\n", error.what());
    ++failures;
  }
  std::printf("%d ranks, %d failures\n", kRanks, failures.load());
  return failures == 0 ? 0 : 1;
}
