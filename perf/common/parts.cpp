#include "perf/common/parts.hpp"

#include <cstring>

#include "perf/common/gpu.hpp"

namespace stretto::perf {

strettoResult_t exchange(const Call& call, const void* send, int to, void* receive, int from, std::size_t count) {
  const Calls& calls = call.calls;
  if (const strettoResult_t started = calls.group_start(); started != strettoSuccess) return started;
  const strettoResult_t sent = calls.send(send, count, call.type, to, call.comm, call.stream);
  const strettoResult_t received = calls.receive(receive, count, call.type, from, call.comm, call.stream);
  const strettoResult_t ended = calls.group_end();
  if (sent != strettoSuccess) return sent;
  return received != strettoSuccess ? received : ended;
}

strettoResult_t exchange_pieces(const Call& call) {
  const Calls& calls = call.calls;
  const Pieces& pieces = call.pieces;
  strettoResult_t first = calls.group_start();
  if (first != strettoSuccess) return first;
  const auto note = [&](strettoResult_t result) {
    if (first == strettoSuccess) first = result;
  };
  for (int peer = 0; peer < call.n_ranks; ++peer) {
    const auto at = static_cast<std::size_t>(peer);
    const auto* send = static_cast<const unsigned char*>(call.send) + pieces.send_offsets[at] * call.element_bytes;
    auto* receive = static_cast<unsigned char*>(call.receive) + pieces.receive_offsets[at] * call.element_bytes;
    if (pieces.send_counts[at] != 0) {
      note(calls.send(send, pieces.send_counts[at], call.type, peer, call.comm, call.stream));
    }
    if (pieces.receive_counts[at] != 0) {
      note(calls.receive(receive, pieces.receive_counts[at], call.type, peer, call.comm, call.stream));
    }
  }
  note(calls.group_end());
  return first;
}

void copy(const Call& call, void* to, const void* from, std::size_t bytes) {
  if (call.gpu == nullptr) {
    std::memcpy(to, from, bytes);
  } else {
    call.gpu->copy(to, from, bytes);
  }
}

}  // namespace stretto::perf
