// What a rank does in the tests of this room: it joins, reduces, checks the values, leaves, and then looks at what is
// left of it.
#pragma once

#include <functional>

#include "support/processes.hpp"

namespace stretto {

struct RankPlan {
  int n = 0;
  int operations = 1;  ///< all-reduces, of `count` elements each
  std::size_t count = 1000;
  std::function<void()> before_init = [] {};
  std::function<void(int operation)> after_operation = [](int) {};
};

/// The first error, or strettoSuccess. Wrong values are strettoInternalError with field "values". `at_ns` is when the
/// error was known, `value` 1 if descriptors, threads or mappings were left (the text says which).
RankReport run_rank(int rank, const strettoUniqueId& id, const RankPlan& plan);

/// Every rank ended by itself, reported success and left nothing behind.
void expect_all_succeeded(const Processes& ranks, int n);

}  // namespace stretto
