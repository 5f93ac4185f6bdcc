// Times and checks strettoSend and strettoRecv: each rank sends to the next and receives from the one before, around.
#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

constexpr int before(int rank, int n_ranks) { return (rank + n_ranks - 1) % n_ranks; }

constexpr Collective kCollective{
    .name = "sendrecv",
    .in_place = InPlace::none,
    .shape = whole_buffers,
    .origin = [](const Spot& spot) { return rest_from(before(spot.rank, spot.n_ranks), spot, spot.index); },
    .bus_factor = all_cross,
    .run =
        [](const Call& call) {
          return exchange(call, call.send, (call.rank + 1) % call.n_ranks, call.receive,
                          before(call.rank, call.n_ranks), call.count);
        },
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kCollective, argc, argv); }
