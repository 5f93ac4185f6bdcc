// Times and checks an all-gather made of sends and receives: in round k a rank exchanges the 2^k blocks that it has
// with the rank whose number differs in bit k. For powers of two.
#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

Shape all_but_own_move(std::size_t elements, std::size_t element_bytes, int n_ranks) {
  Shape shape = block_to_blocks(elements, element_bytes, n_ranks);
  shape.moved -= shape.count;
  return shape;
}

strettoResult_t run(const Call& call) {
  const std::size_t block_bytes = call.count * call.element_bytes;
  const auto block = [&](int rank) {
    return static_cast<unsigned char*>(call.receive) + static_cast<std::size_t>(rank) * block_bytes;
  };
  if (call.send != block(call.rank)) copy(call, block(call.rank), call.send, block_bytes);
  for (int bit = 1; bit < call.n_ranks; bit <<= 1) {
    const int partner = call.rank ^ bit;
    // Where the 2^k blocks of this rank, and of its partner, begin.
    const int ours = call.rank & ~(bit - 1);
    const int theirs = partner & ~(bit - 1);
    const strettoResult_t result =
        exchange(call, block(ours), partner, block(theirs), partner, call.count * static_cast<std::size_t>(bit));
    if (result != strettoSuccess) return result;
  }
  return strettoSuccess;
}

constexpr Collective kCollective{
    .name = "hypercube",
    .same_on_every_rank = true,
    .power_of_two = true,
    .in_rounds = true,
    .in_place = InPlace::send_own_block,
    .shape = all_but_own_move,
    .origin = [](const Spot& spot) { return block_of_each(spot, 0); },
    .bus_factor = all_cross,
    .run = run,
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kCollective, argc, argv); }
