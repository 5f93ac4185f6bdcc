// all_reduce_perf over a library that lies: what a tool says about a right result proves nothing unless it is known to
// say otherwise about a wrong one. STRETTO_TEST_LIE names the lie; rank 1 tells it.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

/// Rank 1's lies about a result of `bytes` bytes. The tool's own small operations (in place, of one element) are left
/// alone: they do not come this way.
void lie(const std::string& about, const Call& call, std::size_t bytes) {
  auto* receive = static_cast<unsigned char*>(call.receive);
  if (about == "changes_a_bit") receive[bytes / 2] ^= 0x40;
  if (about == "forgets_the_end") std::memset(receive + bytes - 4, 0, 4);
  if (about == "writes_behind") receive[bytes] = 1;
  if (about == "writes_before") *(receive - 1) = 1;
  if (about == "changes_the_input" && call.send != call.receive)
    *static_cast<unsigned char*>(const_cast<void*>(call.send)) ^= 1;
  if (about == "crashes") std::raise(SIGSEGV);
  if (about == "stops") std::raise(SIGSTOP);
  if (about == "leaves") _exit(9);
}

strettoResult_t lying_all_reduce(const Call& call) {
  const strettoResult_t result =
      strettoAllReduce(call.send, call.receive, call.count, call.type, call.op, call.comm, nullptr);
  const char* const about = std::getenv("STRETTO_TEST_LIE");
  int rank = -1;
  strettoCommUserRank(call.comm, &rank);
  if (result != strettoSuccess || about == nullptr || rank != 1) return result;
  if (std::string(about) == "fails") return strettoInternalError;
  lie(about, call, call.count * call.element_bytes);
  return result;
}

constexpr Collective kLyingAllReduce{
    .name = "lying",
    .reduces = true,
    .same_on_every_rank = true,
    .shape = whole_buffers,
    .origin = [](const Spot& spot) { return rest_from(Origin::kEveryRank, spot, spot.index); },
    .bus_factor = all_cross,
    .run = lying_all_reduce,
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kLyingAllReduce, argc, argv); }
