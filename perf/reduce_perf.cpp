// Times and checks strettoReduce.
#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

constexpr Collective kCollective{
    .name = "reduce",
    .reduces = true,
    .rooted = true,
    .shape = whole_buffers,
    .origin =
        [](const Spot& spot) {
          return rest_from(spot.rank == spot.root ? Origin::kEveryRank : Origin::kUntouched, spot, spot.index);
        },
    .bus_factor = all_cross,
    .run =
        [](const Call& call) {
          return call.calls.reduce(call.send, call.receive, call.count, call.type, call.op, call.root, call.comm,
                                   call.stream);
        },
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kCollective, argc, argv); }
