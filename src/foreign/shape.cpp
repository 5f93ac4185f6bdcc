#include "foreign/shape.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace stretto::foreign {
namespace {

// The checker holds some words for each chunk of each rank, and a bit for each rank that may have contributed to it.
constexpr std::int64_t kMostWords = std::int64_t{1} << 20;

}  // namespace

void refuse(std::string why) { throw Error(strettoInvalidArgument, std::move(why), "file"); }

Buffer buffer_of(std::string_view letter) {
  if (letter == "i") return Buffer::input;
  if (letter == "o") return Buffer::output;
  if (letter == "s") return Buffer::scratch;
  refuse(format("\"{}\" is no buffer: i, o or s is needed (input, output, scratch)", letter));
}

Collective collective_by(std::string_view name) {
  static constexpr std::pair<std::string_view, Collective> kNames[] = {{"allreduce", Collective::all_reduce},
                                                                       {"allgather", Collective::all_gather},
                                                                       {"reducescatter", Collective::reduce_scatter},
                                                                       {"reduce_scatter", Collective::reduce_scatter},
                                                                       {"alltoall", Collective::all_to_all}};
  for (const auto& [foreign, collective] : kNames) {
    if (foreign == name) return collective;
  }
  refuse(format(
      "collective \"{}\" cannot be taken: nothing says what its outputs must hold, so no checker can tell whether "
      "they do; allreduce, allgather, reducescatter and alltoall can",
      name.substr(0, 64)));
}

BlockWindow Shape::window(Rank rank, Buffer buffer) const {
  const CollectiveRow& row = row_of(collective);
  return window_of(row, buffer == Buffer::input ? row.input : row.output, rank, -1, n_ranks);
}

std::int32_t Shape::held(Buffer buffer) const { return window(0, buffer).count * chunks_per_block; }

std::int32_t Shape::chunk_at(Rank rank, Buffer buffer, std::int32_t offset) const {
  return window(rank, buffer).block(offset / chunks_per_block) * chunks_per_block + offset % chunks_per_block;
}

std::int32_t Shape::shared_place(Rank rank, Buffer buffer, std::int32_t offset) const {
  const bool is_narrow = held(buffer) < std::max(held(Buffer::input), held(Buffer::output));
  return is_narrow ? rank * chunks_per_block + offset : offset;
}

Shape shape_of(Collective collective, std::int32_t n_ranks, std::int32_t chunks, bool in_place) {
  Shape shape{collective, n_ranks, 1, in_place};
  const std::int32_t blocks = std::max(shape.held(Buffer::input), shape.held(Buffer::output));
  if (chunks < 1 || chunks % blocks != 0) {
    refuse(format("{} chunks are no multiple of the {} blocks that {} of {} ranks has in its larger buffer", chunks,
                  blocks, row_of(collective).name, n_ranks));
  }
  shape.chunks_per_block = chunks / blocks;
  if (std::int64_t{n_ranks} * chunks * ((n_ranks + 63) / 64) > kMostWords) {
    refuse(format("{} chunks on each of {} ranks are more than is checked, and unchecked plans are not taken", chunks,
                  n_ranks));
  }
  return shape;
}

}  // namespace stretto::foreign
