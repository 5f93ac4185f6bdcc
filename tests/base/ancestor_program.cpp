// Prints the nearest ancestor that does not have the variable which the argument names.
#include <cstdio>

#include "base/ancestors.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::printf("%s\n", stretto::ancestor_without(argv[1]).c_str());
  return 0;
}
