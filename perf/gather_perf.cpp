// Times and checks strettoGather.
#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

constexpr Collective kCollective{
    .name = "gather",
    .rooted = true,
    .in_place = InPlace::send_own_block,
    .shape = block_to_blocks,
    .origin =
        [](const Spot& spot) {
          return spot.rank == spot.root ? block_of_each(spot, 0) : rest_from(Origin::kUntouched, spot, 0);
        },
    .bus_factor = all_but_own_block,
    .run =
        [](const Call& call) {
          return call.calls.gather(call.send, call.receive, call.count, call.type, call.root, call.comm, call.stream);
        },
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kCollective, argc, argv); }
