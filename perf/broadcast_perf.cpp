// Times and checks strettoBroadcast.
#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

constexpr Collective kCollective{
    .name = "broadcast",
    .rooted = true,
    .same_on_every_rank = true,
    .shape = whole_buffers,
    .origin = [](const Spot& spot) { return rest_from(spot.root, spot, spot.index); },
    .bus_factor = all_cross,
    .run =
        [](const Call& call) {
          return call.calls.broadcast(call.send, call.receive, call.count, call.type, call.root, call.comm,
                                      call.stream);
        },
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kCollective, argc, argv); }
