#include "library.hpp"

#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace stretto::nccl_test {

void* Library::find(const std::string& name) const { return dlsym(handle, name.c_str()); }

const Library& nccl() {
  static const Library library = [] {
    Library opened;
    opened.handle = dlopen(STRETTO_TEST_NCCL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (opened.handle == nullptr) {
      std::fprintf(stderr, "%s\n", dlerror());
      std::abort();
    }
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(opened.find(name));
      if (function != nullptr) return;
      std::fprintf(stderr, "%s has no %s\n", STRETTO_TEST_NCCL_LIBRARY, name);
      std::abort();
    };
#define STRETTO_TEST_FIND(name) find(opened.name, "nccl" #name);
    STRETTO_TEST_OF_NCCL(STRETTO_TEST_FIND)
#undef STRETTO_TEST_FIND
#define STRETTO_TEST_FIND(name) find(opened.name, "stretto" #name);
    STRETTO_TEST_OF_STREAMS(STRETTO_TEST_FIND)
#undef STRETTO_TEST_FIND
    return opened;
  }();
  return library;
}

testing::AssertionResult succeeded(ncclResult_t result) {
  if (result == ncclSuccess) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result << " (" << nccl().GetErrorString(result)
                                     << "): " << nccl().GetLastError(nullptr);
}

Ranks::Ranks(int n, ncclConfig_t* config) : comms_(static_cast<std::size_t>(n), nullptr) {
  ncclUniqueId id;
  EXPECT_NCCL(nccl().GetUniqueId(&id));
  EXPECT_NCCL(nccl().GroupStart());
  for (int rank = 0; rank < n; ++rank) {
    EXPECT_NCCL(nccl().CommInitRankConfig(&comms_[static_cast<std::size_t>(rank)], n, id, rank, config));
  }
  const ncclResult_t end = nccl().GroupEnd();
  if (config == nullptr || config->blocking != 0) {
    EXPECT_NCCL(end);
    return;
  }
  EXPECT_EQ(end, ncclInProgress);
  for (ncclComm_t const comm : comms_) EXPECT_EQ(settle(comm), ncclSuccess);
}

Ranks::~Ranks() {
  for (ncclComm_t const comm : comms_) nccl().CommDestroy(comm);
}

void Ranks::run(const std::function<void(int rank, ncclComm_t comm)>& body) const {
  in_threads(n(), [&](int rank) { body(rank, comm(rank)); });
}

ncclComm_t Ranks::release(int rank) { return std::exchange(comms_[static_cast<std::size_t>(rank)], nullptr); }

ncclResult_t settle(ncclComm_t comm) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  ncclResult_t state = ncclInProgress;
  while (state == ncclInProgress && std::chrono::steady_clock::now() < deadline) {
    EXPECT_NCCL(nccl().CommGetAsyncError(comm, &state));
    std::this_thread::yield();
  }
  return state;
}

void expect_sum(ncclComm_t comm, std::int64_t mine, std::int64_t sum) {
  EXPECT_NCCL(nccl().AllReduce(&mine, &mine, 1, ncclInt64, ncclSum, comm, nullptr));
  EXPECT_EQ(mine, sum);
}

void in_threads(int n, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace stretto::nccl_test
