#include "operation.hpp"

#include <algorithm>
#include <numeric>

namespace stretto::bench {
namespace {

/// Of one and a half times, and half, of `count`, by turns.
std::size_t uneven(std::size_t count, int place) { return place % 2 == 0 ? count + count / 2 : count - count / 2; }

std::vector<std::size_t> counts_of(std::size_t count, int n_ranks, int first) {
  std::vector<std::size_t> counts;
  for (int peer = 0; peer < n_ranks; ++peer) counts.push_back(uneven(count, first + peer));
  return counts;
}

std::vector<std::size_t> offsets_of(const std::vector<std::size_t>& counts) {
  std::vector<std::size_t> offsets(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), offsets.begin(), std::size_t{0});
  return offsets;
}

std::size_t sum(const std::vector<std::size_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::size_t{0});
}

bool has_no_blocks(Collective collective) {
  return collective == Collective::all_reduce || collective == Collective::broadcast ||
         collective == Collective::reduce || collective == Collective::send_recv;
}

/// The counts, offsets and buffers of the v-forms. Pair (a, b) of all_to_all_v is as pair (b, a).
void make_uneven(Operation& operation) {
  const auto rank = static_cast<std::size_t>(operation.rank);
  const int first = operation.collective == Collective::all_to_all_v ? operation.rank : 0;
  const std::vector<std::size_t> counts = counts_of(operation.count, operation.n_ranks, first);
  operation.send_elements = operation.receive_elements = sum(counts);
  if (operation.collective != Collective::all_gather_v) {
    operation.send_counts = counts;
    operation.send_offsets = offsets_of(counts);
  }
  if (operation.collective != Collective::reduce_scatter_v) {
    operation.receive_counts = counts;
    operation.receive_offsets = offsets_of(counts);
  }
  if (operation.collective == Collective::all_gather_v) operation.send_elements = counts[rank];
  if (operation.collective == Collective::reduce_scatter_v) operation.receive_elements = counts[rank];
}

float sum_of_inputs(int n_ranks, std::size_t index) {
  float total = 0;
  for (int rank = 0; rank < n_ranks; ++rank) total += input(rank, index);
  return total;
}

/// Of all_to_all_v: `index` of the receive buffer.
float expected_of_pieces(const Operation& operation, std::size_t index) {
  int from = 0;
  while (from + 1 < operation.n_ranks && index >= operation.receive_offsets[static_cast<std::size_t>(from) + 1]) ++from;
  const std::size_t within = index - operation.receive_offsets[static_cast<std::size_t>(from)];
  if (operation.collective == Collective::all_gather_v) return input(from, within);
  const std::vector<std::size_t> theirs = offsets_of(counts_of(operation.count, operation.n_ranks, from));
  return input(from, theirs[static_cast<std::size_t>(operation.rank)] + within);
}

float expected(const Operation& operation, std::size_t index) {
  const std::size_t own_block = static_cast<std::size_t>(operation.rank) * operation.count;
  const auto from = [&] { return static_cast<int>(index / operation.count); };
  switch (operation.collective) {
    case Collective::all_reduce:
    case Collective::reduce:
      return sum_of_inputs(operation.n_ranks, index);
    case Collective::all_gather:
    case Collective::gather:
      return input(from(), index % operation.count);
    case Collective::reduce_scatter:
      return sum_of_inputs(operation.n_ranks, own_block + index);
    case Collective::reduce_scatter_v:
      return sum_of_inputs(operation.n_ranks, operation.send_offsets[static_cast<std::size_t>(operation.rank)] + index);
    case Collective::broadcast:
      return input(0, index);
    case Collective::all_to_all:
      return input(from(), own_block + index % operation.count);
    case Collective::all_gather_v:
    case Collective::all_to_all_v:
      return expected_of_pieces(operation, index);
    case Collective::scatter:
      return input(0, own_block + index);
    case Collective::send_recv:
      return input(operation.previous(), index);
    case Collective::barrier:
      break;
  }
  return 0;
}

}  // namespace

Operation make_operation(Collective collective, std::size_t bytes, int rank, int n_ranks) {
  Operation operation;
  operation.collective = collective;
  operation.rank = rank;
  operation.n_ranks = n_ranks;
  if (collective == Collective::barrier) return operation;
  const auto n = static_cast<std::size_t>(n_ranks);
  const std::size_t elements = bytes / sizeof(float);
  operation.count = std::max<std::size_t>(1, has_no_blocks(collective) ? elements : elements / n);
  const std::size_t all = has_no_blocks(collective) ? operation.count : operation.count * n;
  const bool gathers = collective == Collective::all_gather || collective == Collective::gather;
  const bool scatters = collective == Collective::reduce_scatter || collective == Collective::scatter;
  operation.send_elements = gathers ? operation.count : all;
  operation.receive_elements = scatters ? operation.count : all;
  if (collective == Collective::all_gather_v || collective == Collective::reduce_scatter_v ||
      collective == Collective::all_to_all_v) {
    make_uneven(operation);
  }
  return operation;
}

float input(int rank, std::size_t index) {
  return static_cast<float>((index * 7 + static_cast<std::size_t>(rank) * 13) % 101);
}

std::size_t first_wrong(const Operation& operation) {
  const bool only_root = operation.collective == Collective::reduce || operation.collective == Collective::gather;
  if (only_root && operation.rank != 0) return operation.receive_elements;
  std::size_t index = 0;
  while (index < operation.receive_elements && operation.receive[index] == expected(operation, index)) ++index;
  return index;
}

}  // namespace stretto::bench
