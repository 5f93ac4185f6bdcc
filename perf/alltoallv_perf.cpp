// Times and checks strettoAllToAllV, with the pattern that nccl-tests generates by default: the further a rank is (in
// ranks, upwards and around), the more it is sent; nothing stays. All ranks send, and receive, the same total.
#include "perf/common/parts.hpp"

namespace stretto::perf {
namespace {

std::size_t piece(const Shape& shape, int n_ranks, int from, int to) {
  const auto n = static_cast<std::size_t>(n_ranks);
  const std::size_t all_bytes = shape.count * n * shape.element_bytes;
  const auto distance = static_cast<std::size_t>((to - from + n_ranks) % n_ranks);
  const std::size_t bytes = n == 1 ? all_bytes : distance * all_bytes / (n * (n - 1) / 2);
  return bytes / 16 * 16 / shape.element_bytes;
}

/// Elements that `from` sends to the ranks below `to`.
std::size_t sent_before(const Shape& shape, int n_ranks, int from, int to) {
  std::size_t elements = 0;
  for (int rank = 0; rank < to; ++rank) elements += piece(shape, n_ranks, from, rank);
  return elements;
}

Shape pieces_of_all(std::size_t elements, std::size_t element_bytes, int n_ranks) {
  Shape shape{element_bytes, block_of(elements, element_bytes, n_ranks), 0, 0, 0};
  shape.send = shape.receive = shape.moved = sent_before(shape, n_ranks, 0, n_ranks);
  return shape;
}

Origin origin(const Spot& spot) {
  std::size_t begin = 0;
  for (int from = 0;; ++from) {
    const std::size_t length = piece(spot.shape, spot.n_ranks, from, spot.rank);
    const std::size_t within = spot.index - begin;
    if (within < length) {
      return {from, sent_before(spot.shape, spot.n_ranks, from, spot.rank) + within, length - within};
    }
    begin += length;
  }
}

constexpr Collective kCollective{
    .name = "alltoallv",
    .in_place = InPlace::none,
    .shape = pieces_of_all,
    .piece = piece,
    .origin = origin,
    .bus_factor = all_but_own_block,
    .run =
        [](const Call& call) {
          const Pieces& pieces = call.pieces;
          if (call.calls.all_to_all_v == nullptr) return exchange_pieces(call);
          return call.calls.all_to_all_v(call.send, pieces.send_counts.data(), pieces.send_offsets.data(), call.receive,
                                         pieces.receive_counts.data(), pieces.receive_offsets.data(), call.type,
                                         call.comm, call.stream);
        },
};

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_tool(stretto::perf::kCollective, argc, argv); }
