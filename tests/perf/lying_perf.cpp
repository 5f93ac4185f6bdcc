// all_reduce_perf over a library that lies: what a tool says about a right result proves nothing unless it is known to
// say otherwise about a wrong one. STRETTO_TEST_LIE names the lie; rank 1 tells it.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

#include "perf/common/collective.hpp"
#include "perf/common/types.hpp"

namespace {

using stretto::perf::Call;
using stretto::perf::Collective;
using stretto::perf::Origin;
using stretto::perf::Shape;

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
  lie(about, call, call.count * stretto::perf::row_of(call.type).bytes);
  return result;
}

std::size_t at_start(const Shape&, int, int) { return 0; }

const Collective kLyingAllReduce{
    .name = "lying",
    .reduces = true,
    .rooted = false,
    .same_on_every_rank = true,
    .shape =
        [](std::size_t elements, int) {
          return Shape{elements, elements, elements, elements};
        },
    .in_place_send = at_start,
    .in_place_receive = at_start,
    .origin =
        [](const Shape& shape, int, int, int, std::size_t index) {
          return Origin{Origin::kEveryRank, index, shape.count - index};
        },
    .bus_factor = [](int) { return 1.0; },
    .run = lying_all_reduce,
};

}  // namespace

int main(int argc, char** argv) { return stretto::perf::run_tool(kLyingAllReduce, argc, argv); }
