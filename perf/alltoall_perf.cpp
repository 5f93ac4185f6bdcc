// Times and checks strettoAllToAll.
#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

constexpr Shape blocks_to_blocks(std::size_t elements, std::size_t element_bytes, int n_ranks) {
  const std::size_t block = block_of(elements, element_bytes, n_ranks);
  const std::size_t all = block * static_cast<std::size_t>(n_ranks);
  return {element_bytes, block, all, all, all};
}

constexpr Collective kCollective{
    .name = "alltoall",
    .in_place = InPlace::none,
    .shape = blocks_to_blocks,
    .origin = [](const Spot& spot) { return block_of_each(spot, own_block(spot)); },
    .bus_factor = all_but_own_block,
    .run =
        [](const Call& call) {
          return call.calls.all_to_all(call.send, call.receive, call.count, call.type, call.comm, call.stream);
        },
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kCollective, argc, argv); }
