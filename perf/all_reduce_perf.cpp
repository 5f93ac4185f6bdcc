// Times and checks strettoAllReduce.
#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

constexpr Collective kCollective{
    .name = "all_reduce",
    .reduces = true,
    .same_on_every_rank = true,
    .shape = whole_buffers,
    .origin = [](const Spot& spot) { return rest_from(Origin::kEveryRank, spot, spot.index); },
    .bus_factor = [](int n_ranks) { return 2.0 * (n_ranks - 1) / n_ranks; },
    .run =
        [](const Call& call) {
          return call.calls.all_reduce(call.send, call.receive, call.count, call.type, call.op, call.comm, call.stream);
        },
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kCollective, argc, argv); }
