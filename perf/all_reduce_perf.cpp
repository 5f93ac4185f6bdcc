// Times and checks strettoAllReduce.
#include "perf/common/collective.hpp"

namespace {

using stretto::perf::Call;
using stretto::perf::Collective;
using stretto::perf::Origin;
using stretto::perf::Shape;

std::size_t at_start(const Shape&, int, int) { return 0; }

const Collective kAllReduce{
    .name = "all_reduce",
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
    .bus_factor = [](int n_ranks) { return 2.0 * (n_ranks - 1) / n_ranks; },
    .run =
        [](const Call& call) {
          return strettoAllReduce(call.send, call.receive, call.count, call.type, call.op, call.comm, nullptr);
        },
};

}  // namespace

int main(int argc, char** argv) { return stretto::perf::run_tool(kAllReduce, argc, argv); }
