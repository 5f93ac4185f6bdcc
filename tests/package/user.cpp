// The same from C++.
#include <stretto/stretto.h>
#if __has_include(<stretto/stretto.hpp>)
#include <stretto/stretto.hpp>
#endif

int main() {
  int version = 0;
  return strettoGetVersion(&version) == strettoSuccess && version == STRETTO_VERSION ? 0 : 1;
}
