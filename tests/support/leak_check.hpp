// Every test binary holds this check (stretto_test links it in): a test that ends with more descriptors, threads,
// memfd mappings or children than it began with fails, and the failure says which.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace stretto::testing {

/// What this process holds, as /proc shows it.
struct Holdings {
  std::vector<std::string> descriptors;  ///< "7 -> socket:[1234]"
  std::vector<std::string> mappings;     ///< "/memfd:label (deleted)", one per mapping
  std::size_t n_threads = 0;
  bool has_children = false;  ///< zombies included
};

Holdings take_holdings();

/// What `after` holds beyond `before`, one item per line; empty if nothing.
std::string describe_leaks(const Holdings& before, const Holdings& after);

/// Turns the check off for the running test, which says why it cannot be clean.
void allow_leaks_in_this_test(const char* why);

}  // namespace stretto::testing
