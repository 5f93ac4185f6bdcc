// Collectives of the C API whose blocks have counts of their own.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "api/call.hpp"
#include "base/datatypes.hpp"
#include "base/text.hpp"
#include "comm/call_group.hpp"

using namespace stretto;
using namespace stretto::api;

namespace {

struct Interval {
  std::uintptr_t begin;
  std::uintptr_t end;
};

/// Pieces of one buffer.
struct Pieces {
  const void* buffer;
  std::span<const std::size_t> counts;
  std::span<const std::size_t> offsets_bytes;
  std::size_t element_bytes;

  Interval at(std::size_t i) const {
    const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(buffer) + offsets_bytes[i];
    return {begin, begin + counts[i] * element_bytes};
  }
  bool any() const {
    return std::ranges::any_of(counts, [](std::size_t count) { return count > 0; });
  }
  /// From the first to the last byte of any of them, if they ascend without overlapping.
  std::optional<Interval> whole() const {
    std::optional<Interval> all;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      const Interval piece = at(i);
      if (all && piece.begin < all->end) return std::nullopt;
      all = Interval{all ? all->begin : piece.begin, piece.end};
    }
    return all;
  }
  std::vector<Interval> sorted() const {
    std::vector<Interval> intervals;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] > 0) intervals.push_back(at(i));
    }
    std::ranges::sort(intervals, {}, &Interval::begin);
    return intervals;
  }
};

bool overlap_themselves(const std::vector<Interval>& sorted) {
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i].begin < sorted[i - 1].end) return true;
  }
  return false;
}

bool overlap(const std::vector<Interval>& a, const std::vector<Interval>& b) {
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i].begin < b[j].end && b[j].begin < a[i].end) return true;
    a[i].end < b[j].end ? ++i : ++j;
  }
  return false;
}

strettoResult_t refuse_argument(const Call& call, const char* field, std::string text) {
  return refuse(strettoInvalidArgument, call.function, field, std::move(text));
}

/// Reads n counts and n displacements; without a field of that name, the blocks lie one after the other.
strettoResult_t read_blocks(const Call& call, const char* counts_field, const std::size_t* from_counts,
                            const char* displs_field, const std::size_t* displs, strettoDataType_t type, int n_ranks,
                            std::vector<std::size_t>& counts, std::vector<std::size_t>& offsets_bytes) {
  if (from_counts == nullptr) return refuse_argument(call, counts_field, format("{} is NULL", counts_field));
  const bool packed = displs_field == nullptr;
  if (!packed && displs == nullptr) return refuse_argument(call, displs_field, format("{} is NULL", displs_field));
  const std::size_t most = static_cast<std::size_t>(PTRDIFF_MAX) / data_type_bytes(type);
  std::size_t total = 0;
  counts.assign(from_counts, from_counts + n_ranks);
  offsets_bytes.resize(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::size_t begin = packed ? total : displs[i];
    if (counts[i] == 0) {
      offsets_bytes[i] = 0;  // nothing lies there, wherever it is
      continue;
    }
    const bool fits = counts[i] <= most && counts[i] <= most - total;
    if (!fits || begin > most - counts[i]) {
      return refuse_argument(
          call, fits ? displs_field : counts_field,
          format("{}[{}] is {}, from element {} on: no memory can hold that", counts_field, i, counts[i], begin));
    }
    offsets_bytes[i] = begin * data_type_bytes(type);
    total += counts[i];
  }
  return strettoSuccess;
}

/// Null pointers, and pieces that overlap. `in_place`: they need not be compared with each other.
strettoResult_t check_pieces(const Call& call, const Pieces& input, const Pieces& output, bool in_place,
                             const char* displs_field) {
  if (input.any() && call.input == nullptr) return refuse_argument(call, "sendbuff", "sendbuff is NULL");
  if (output.any() && call.output == nullptr) return refuse_argument(call, "recvbuff", "recvbuff is NULL");
  const std::optional<Interval> in = input.whole();
  const std::optional<Interval> out = output.whole();
  if (out && (in_place || !input.any() || (in && (in->end <= out->begin || out->end <= in->begin)))) {
    return strettoSuccess;  // the common case, without a look at each
  }
  const std::vector<Interval> pieces = output.sorted();
  if (overlap_themselves(pieces)) return refuse_argument(call, displs_field, "blocks of recvbuff overlap one another");
  if (!in_place && overlap(input.sorted(), pieces)) {
    return refuse_argument(call, "recvbuff",
                           "sendbuff and recvbuff overlap, but not in place: see the function's comment");
  }
  return strettoSuccess;
}

/// What the three have in common: `fill` checks the arguments and fills in the details.
template <typename Fill>
strettoResult_t run_sizes(const Call& call, const Request& request, const Fill& fill) {
  return spoil_group(guarded(call.function, [&] {
    const Target target = target_of(call.comm, call.function);
    if (const strettoResult_t result = check_type(call, request.type); result != strettoSuccess) return result;
    static thread_local CallDetails details;  // keeps its memory from call to call
    details.user_op.reset();
    if (row_of(request.collective).reduces) {
      const strettoResult_t result = check_operation(call, target, request, details.user_op);
      if (result != strettoSuccess) return result;
    }
    if (const strettoResult_t result = fill(target, details); result != strettoSuccess) return result;
    Operation operation{request, call.input, call.output, 0};
    if (const strettoResult_t result = read_timeout(call, operation.timeout_ns); result != strettoSuccess)
      return result;
    const bool ends_here = call.stream == nullptr && !CallGroup::is_open();
    operation.details = ends_here ? std::shared_ptr<const CallDetails>(std::shared_ptr<void>(), &details)
                                  : std::make_shared<const CallDetails>(details);
    return submit(target, call.stream, operation, call.function);
  }));
}

constexpr std::size_t kAtBegin[] = {0};

}  // namespace

extern "C" {

strettoResult_t strettoAllGatherVConfig(const void* sendbuff, void* recvbuff, const size_t* recvcounts,
                                        const size_t* displs, strettoDataType_t datatype, strettoComm_t comm,
                                        strettoStream_t stream, const strettoCallConfig_t* config) {
  const Call call{"strettoAllGatherV", sendbuff, recvbuff, comm, stream, config};
  const auto fill = [&](const Target& target, CallDetails& details) {
    BlockSizes& sizes = details.sizes;
    const strettoResult_t result = read_blocks(call, "recvcounts", recvcounts, "displs", displs, datatype,
                                               target.n_ranks, sizes.counts, sizes.output_offsets_bytes);
    if (result != strettoSuccess) return result;
    sizes.input_offsets_bytes.assign(1, 0);
    const auto own = static_cast<std::size_t>(target.rank);
    const std::size_t element_bytes = data_type_bytes(datatype);
    const Pieces input{sendbuff, std::span(sizes.counts).subspan(own, 1), kAtBegin, element_bytes};
    const Pieces output{recvbuff, sizes.counts, sizes.output_offsets_bytes, element_bytes};
    return check_pieces(call, input, output, input.at(0).begin == output.at(own).begin, "displs");
  };
  return run_sizes(call, {Collective::all_gather_v, 0, datatype, strettoSum, -1}, fill);
}

strettoResult_t strettoAllGatherV(const void* sendbuff, void* recvbuff, const size_t* recvcounts, const size_t* displs,
                                  strettoDataType_t datatype, strettoComm_t comm, strettoStream_t stream) {
  return strettoAllGatherVConfig(sendbuff, recvbuff, recvcounts, displs, datatype, comm, stream, nullptr);
}

strettoResult_t strettoReduceScatterVConfig(const void* sendbuff, void* recvbuff, const size_t* recvcounts,
                                            strettoDataType_t datatype, strettoRedOp_t op, strettoComm_t comm,
                                            strettoStream_t stream, const strettoCallConfig_t* config) {
  const Call call{"strettoReduceScatterV", sendbuff, recvbuff, comm, stream, config};
  const auto fill = [&](const Target& target, CallDetails& details) {
    BlockSizes& sizes = details.sizes;
    const strettoResult_t result = read_blocks(call, "recvcounts", recvcounts, nullptr, nullptr, datatype,
                                               target.n_ranks, sizes.counts, sizes.input_offsets_bytes);
    if (result != strettoSuccess) return result;
    sizes.output_offsets_bytes.assign(1, 0);
    const auto own = static_cast<std::size_t>(target.rank);
    const std::size_t element_bytes = data_type_bytes(datatype);
    const Pieces input{sendbuff, sizes.counts, sizes.input_offsets_bytes, element_bytes};
    const Pieces output{recvbuff, std::span(sizes.counts).subspan(own, 1), kAtBegin, element_bytes};
    return check_pieces(call, input, output, output.at(0).begin == input.at(own).begin, "recvbuff");
  };
  return run_sizes(call, {Collective::reduce_scatter_v, 0, datatype, op, -1}, fill);
}

strettoResult_t strettoReduceScatterV(const void* sendbuff, void* recvbuff, const size_t* recvcounts,
                                      strettoDataType_t datatype, strettoRedOp_t op, strettoComm_t comm,
                                      strettoStream_t stream) {
  return strettoReduceScatterVConfig(sendbuff, recvbuff, recvcounts, datatype, op, comm, stream, nullptr);
}

strettoResult_t strettoAllToAllVConfig(const void* sendbuff, const size_t* sendcounts, const size_t* sdispls,
                                       void* recvbuff, const size_t* recvcounts, const size_t* rdispls,
                                       strettoDataType_t datatype, strettoComm_t comm, strettoStream_t stream,
                                       const strettoCallConfig_t* config) {
  const Call call{"strettoAllToAllV", sendbuff, recvbuff, comm, stream, config};
  const auto fill = [&](const Target& target, CallDetails& details) {
    BlockSizes& sizes = details.sizes;
    const int n = target.n_ranks;
    strettoResult_t result = read_blocks(call, "sendcounts", sendcounts, "sdispls", sdispls, datatype, n, sizes.counts,
                                         sizes.input_offsets_bytes);
    if (result != strettoSuccess) return result;
    result = read_blocks(call, "recvcounts", recvcounts, "rdispls", rdispls, datatype, n, details.receive_counts,
                         sizes.output_offsets_bytes);
    if (result != strettoSuccess) return result;
    const auto own = static_cast<std::size_t>(target.rank);
    if (sizes.counts[own] != details.receive_counts[own]) {
      return refuse_argument(call, "recvcounts",
                             format("rank {} sends itself {} elements, but expects {} of itself", own,
                                    sizes.counts[own], details.receive_counts[own]));
    }
    const std::size_t element_bytes = data_type_bytes(datatype);
    return check_pieces(call, {sendbuff, sizes.counts, sizes.input_offsets_bytes, element_bytes},
                        {recvbuff, details.receive_counts, sizes.output_offsets_bytes, element_bytes}, false,
                        "rdispls");
  };
  return run_sizes(call, {Collective::all_to_all_v, 0, datatype, strettoSum, -1}, fill);
}

strettoResult_t strettoAllToAllV(const void* sendbuff, const size_t* sendcounts, const size_t* sdispls, void* recvbuff,
                                 const size_t* recvcounts, const size_t* rdispls, strettoDataType_t datatype,
                                 strettoComm_t comm, strettoStream_t stream) {
  return strettoAllToAllVConfig(sendbuff, sendcounts, sdispls, recvbuff, recvcounts, rdispls, datatype, comm, stream,
                                nullptr);
}

}  // extern "C"
