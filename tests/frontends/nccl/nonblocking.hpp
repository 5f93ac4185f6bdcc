// What tests of communicators that do not block share.
#pragma once

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "library.hpp"

namespace stretto::nccl_test {

inline ncclConfig_t with_blocking(int blocking) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = blocking;
  return config;
}

/// Ranks that do not block.
class NonBlockingRanks {
 public:
  explicit NonBlockingRanks(int n) : config_(with_blocking(0)), ranks_(n, &config_) {}
  Ranks* operator->() { return &ranks_; }
  ncclComm_t operator[](int rank) const { return ranks_.comm(rank); }

 private:
  ncclConfig_t config_;
  Ranks ranks_;
};

/// One variable while communicators are made.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

inline ncclResult_t state_of(ncclComm_t comm) {
  ncclResult_t state = ncclInternalError;
  EXPECT_NCCL(nccl().CommGetAsyncError(comm, &state));
  return state;
}

/// Of a handle that a call under way may give out at any time.
inline ncclComm_t look_at(ncclComm_t& handle) { return std::atomic_ref(handle).load(std::memory_order_acquire); }

inline bool last_text_has(const char* part) { return std::strstr(nccl().GetLastError(nullptr), part) != nullptr; }

}  // namespace stretto::nccl_test
