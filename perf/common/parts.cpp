#include "perf/common/parts.hpp"

namespace stretto::perf {

strettoResult_t exchange(const Call& call, const void* send, int to, void* receive, int from, std::size_t count) {
  if (const strettoResult_t started = strettoGroupStart(); started != strettoSuccess) return started;
  const strettoResult_t sent = strettoSend(send, count, call.type, to, call.comm, nullptr);
  const strettoResult_t received = strettoRecv(receive, count, call.type, from, call.comm, nullptr);
  const strettoResult_t ended = strettoGroupEnd();
  if (sent != strettoSuccess) return sent;
  return received != strettoSuccess ? received : ended;
}

}  // namespace stretto::perf
