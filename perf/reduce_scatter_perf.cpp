// Times and checks strettoReduceScatter.
#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

constexpr Collective kCollective{
    .name = "reduce_scatter",
    .reduces = true,
    .in_place = InPlace::receive_own_block,
    .shape = blocks_to_block,
    .origin = [](const Spot& spot) { return rest_from(Origin::kEveryRank, spot, own_block(spot) + spot.index); },
    .bus_factor = all_but_own_block,
    .run =
        [](const Call& call) {
          return call.calls.reduce_scatter(call.send, call.receive, call.count, call.type, call.op, call.comm,
                                           call.stream);
        },
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kCollective, argc, argv); }
