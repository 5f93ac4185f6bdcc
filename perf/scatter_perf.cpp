// Times and checks strettoScatter.
#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

constexpr Collective kCollective{
    .name = "scatter",
    .rooted = true,
    .in_place = InPlace::receive_own_block,
    .shape = blocks_to_block,
    .origin = [](const Spot& spot) { return rest_from(spot.root, spot, own_block(spot) + spot.index); },
    .bus_factor = all_but_own_block,
    .run =
        [](const Call& call) {
          return call.calls.scatter(call.send, call.receive, call.count, call.type, call.root, call.comm, call.stream);
        },
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kCollective, argc, argv); }
