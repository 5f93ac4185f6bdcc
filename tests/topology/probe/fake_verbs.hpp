// A made-up libibverbs.so.1: what it says is set through its one function that the real one does not have. Knows
// nothing of how topology/probe declares libibverbs.
#pragma once

#include <array>
#include <cstddef>

namespace stretto::test {

struct FakeRdmaDevice {
  const char* name = "";
  int open_errno = 0;      ///< 0: it can be opened; -1: it cannot, and no reason is given
  bool has_domain = true;  ///< of protection
  int buffer_errno = 9;    ///< why no DMA buffer is registered (EBADF: there is none); 0: one is
};

struct FakeVerbs {
  int list_errno = 0;  ///< 0: they can be listed
  std::size_t n_devices = 0;
  std::array<FakeRdmaDevice, 4> devices{};
  int n_held = 0;  ///< lists, contexts, domains and regions that have not been given back
};

}  // namespace stretto::test
