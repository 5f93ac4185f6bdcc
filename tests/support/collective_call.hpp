// A case of a collective as a call of the C API: int64, sums.
#pragma once

#include "stretto/stretto.h"
#include "support/collective_oracle.hpp"

namespace stretto {

inline strettoResult_t call(const CollectiveCase& c, const void* in, void* out, strettoComm_t comm,
                            strettoStream_t stream) {
  switch (c.collective) {
    case Collective::all_reduce:
      return strettoAllReduce(in, out, c.count, strettoInt64, strettoSum, comm, stream);
    case Collective::all_gather:
      return strettoAllGather(in, out, c.count, strettoInt64, comm, stream);
    case Collective::reduce_scatter:
      return strettoReduceScatter(in, out, c.count, strettoInt64, strettoSum, comm, stream);
    case Collective::broadcast:
      return strettoBroadcast(in, out, c.count, strettoInt64, c.root, comm, stream);
    case Collective::reduce:
      return strettoReduce(in, out, c.count, strettoInt64, strettoSum, c.root, comm, stream);
    case Collective::gather:
      return strettoGather(in, out, c.count, strettoInt64, c.root, comm, stream);
    case Collective::scatter:
      return strettoScatter(in, out, c.count, strettoInt64, c.root, comm, stream);
    case Collective::all_to_all:
      return strettoAllToAll(in, out, c.count, strettoInt64, comm, stream);
    default:
      return strettoInternalError;
  }
}

}  // namespace stretto
