// Ranks as threads of one process, for tests of the C API.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

#include "stretto/stretto.h"

namespace stretto {

class ThreadRanks {
 public:
  explicit ThreadRanks(int n) : comms_(static_cast<std::size_t>(n), nullptr) {
    EXPECT_EQ(strettoCommInitAll(comms_.data(), n, nullptr), strettoSuccess) << strettoGetLastError(nullptr);
  }
  ~ThreadRanks() {
    for (strettoComm_t comm : comms_) strettoCommDestroy(comm);
  }
  ThreadRanks(const ThreadRanks&) = delete;
  ThreadRanks& operator=(const ThreadRanks&) = delete;

  /// Runs `body` on every rank at once, each in a thread, and joins them.
  void run(const std::function<void(int rank, strettoComm_t comm)>& body) {
    std::vector<std::thread> threads;
    for (int rank = 0; rank < n(); ++rank) threads.emplace_back([&, rank] { body(rank, comm(rank)); });
    for (std::thread& thread : threads) thread.join();
  }
  int n() const { return static_cast<int>(comms_.size()); }
  strettoComm_t comm(int rank) const { return comms_[static_cast<std::size_t>(rank)]; }
  /// Destroys one rank early.
  void destroy(int rank) {
    strettoCommDestroy(comm(rank));
    comms_[static_cast<std::size_t>(rank)] = nullptr;
  }

 private:
  std::vector<strettoComm_t> comms_;
};

/// The error of a call as fields.
inline strettoErrorInfo_t error_of(strettoComm_t comm) {
  strettoErrorInfo_t info = STRETTO_ERROR_INFO_INITIALIZER;
  strettoGetErrorInfo(comm, &info);
  return info;
}

}  // namespace stretto
