// Times and checks strettoAllGather.
#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

constexpr Collective kCollective{
    .name = "all_gather",
    .same_on_every_rank = true,
    .in_place = InPlace::send_own_block,
    .shape = block_to_blocks,
    .origin = [](const Spot& spot) { return block_of_each(spot, 0); },
    .bus_factor = all_but_own_block,
    .run =
        [](const Call& call) {
          return call.calls.all_gather(call.send, call.receive, call.count, call.type, call.comm, call.stream);
        },
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kCollective, argc, argv); }
