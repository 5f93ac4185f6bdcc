#include <cstdio>
#include <cstdlib>

#include "base/error.hpp"

namespace stretto {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "stretto: %s:%d: assertion failed: %s. This is a bug in stretto: please report it.\n", file,
               line, condition);
  std::abort();
}

}  // namespace stretto
