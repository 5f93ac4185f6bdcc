// What code has got from operator new and not given back, by account. The operators are replaced in
// allocation_account.cpp: for a program of its own, with one thread.
#pragma once

#include <cstdint>

namespace stretto::sim {

struct AllocationAccount {
  std::int64_t bytes = 0;
  std::int64_t most_bytes = 0;
};

/// What is allocated while it stands goes to that account (nullptr: none); what is freed leaves the one it came from.
class Charge {
 public:
  explicit Charge(AllocationAccount* account);
  ~Charge();
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;

 private:
  AllocationAccount* before_;
};

}  // namespace stretto::sim
