// Rooted collectives whose ranks name different roots, for tests by threads and by processes.
#pragma once

#include <vector>

#include "stretto/stretto.h"

namespace stretto {

enum class Rooted { broadcast, scatter, reduce, gather };
constexpr Rooted kRooted[] = {Rooted::broadcast, Rooted::scatter, Rooted::reduce, Rooted::gather};

inline const char* name_of(Rooted collective) {
  constexpr const char* names[] = {"broadcast", "scatter", "reduce", "gather"};
  return names[static_cast<int>(collective)];
}

/// Who takes whom for the root.
enum class Roots {
  last_differs,  ///< all say 0, the last rank says 1
  next,          ///< each says the rank after it
  itself,        ///< each says itself
  two_camps,     ///< the even ones say 0, the odd ones 1
};
constexpr Roots kRoots[] = {Roots::last_differs, Roots::next, Roots::itself, Roots::two_camps};

inline int root_of(Roots roots, int rank, int n) {
  switch (roots) {
    case Roots::last_differs:
      return rank == n - 1 ? 1 : 0;
    case Roots::next:
      return (rank + 1) % n;
    case Roots::itself:
      return rank;
    default:
      return rank % 2;
  }
}

inline strettoResult_t call_rooted(Rooted collective, int root, int n, strettoComm_t comm) {
  constexpr std::size_t count = 1000;
  std::vector<float> in(count * static_cast<std::size_t>(n), 1.0F);
  std::vector<float> out(in.size());
  switch (collective) {
    case Rooted::broadcast:
      return strettoBroadcast(in.data(), out.data(), count, strettoFloat32, root, comm, nullptr);
    case Rooted::scatter:
      return strettoScatter(in.data(), out.data(), count, strettoFloat32, root, comm, nullptr);
    case Rooted::reduce:
      return strettoReduce(in.data(), out.data(), count, strettoFloat32, strettoSum, root, comm, nullptr);
    default:
      return strettoGather(in.data(), out.data(), count, strettoFloat32, root, comm, nullptr);
  }
}

/// The call and, as long as this rank is not told, calls after it. `n_calls`: how many it took.
inline strettoResult_t call_until_told(Rooted collective, int root, int n, strettoComm_t comm, int* n_calls) {
  float value = 1.0F;
  strettoResult_t result = call_rooted(collective, root, n, comm);
  for (*n_calls = 1; result == strettoSuccess && *n_calls < 10; ++*n_calls) {
    result = strettoAllReduce(&value, &value, 1, strettoFloat32, strettoSum, comm, nullptr);
  }
  return result;
}

}  // namespace stretto
