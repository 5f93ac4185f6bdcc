// Collectives of the C API whose blocks have counts of their own.
#include <algorithm>
#include <cstdint>
#include <numeric>

#include "api/call.hpp"
#include "base/datatypes.hpp"
#include "base/text.hpp"

using namespace stretto;
using namespace stretto::api;

namespace {

struct Interval {
  std::uintptr_t begin;
  std::uintptr_t end;
};

/// Pieces of one buffer, in bytes from its begin.
struct Pieces {
  std::vector<std::size_t> counts;
  std::vector<std::size_t> offsets_bytes;

  std::vector<Interval> in(const void* buffer, std::size_t element_bytes) const {
    std::vector<Interval> intervals;
    const auto base = reinterpret_cast<std::uintptr_t>(buffer);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      intervals.push_back({base + offsets_bytes[i], base + offsets_bytes[i] + counts[i] * element_bytes});
    }
    std::ranges::sort(intervals, {}, &Interval::begin);
    return intervals;
  }
  bool any() const {
    return std::ranges::any_of(counts, [](std::size_t count) { return count > 0; });
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

/// n counts and n displacements; without a field of that name, the blocks lie one after the other.
strettoResult_t read_pieces(const Call& call, const char* counts_field, const std::size_t* counts,
                            const char* displs_field, const std::size_t* displs, strettoDataType_t type, int n_ranks,
                            Pieces& pieces) {
  if (counts == nullptr) return refuse_argument(call, counts_field, format("{} is NULL", counts_field));
  const bool packed = displs_field == nullptr;
  if (!packed && displs == nullptr) return refuse_argument(call, displs_field, format("{} is NULL", displs_field));
  const std::size_t most = static_cast<std::size_t>(PTRDIFF_MAX) / data_type_bytes(type);
  std::size_t total = 0;
  pieces.counts.assign(counts, counts + n_ranks);
  for (std::size_t i = 0; i < pieces.counts.size(); ++i) {
    const std::size_t begin = packed ? total : displs[i];
    if (counts[i] > most || begin > most - counts[i] || counts[i] > most - total) {
      return refuse_argument(
          call, counts_field,
          format("{}[{}] is {}, from element {} on: no memory can hold that", counts_field, i, counts[i], begin));
    }
    pieces.offsets_bytes.push_back(begin * data_type_bytes(type));
    total += counts[i];
  }
  return strettoSuccess;
}

strettoResult_t check_pointers(const Call& call, bool reads, bool writes) {
  if (reads && call.input == nullptr) return refuse_argument(call, "sendbuff", "sendbuff is NULL");
  if (writes && call.output == nullptr) return refuse_argument(call, "recvbuff", "recvbuff is NULL");
  return strettoSuccess;
}

strettoResult_t check_overlaps(const Call& call, const std::vector<Interval>& in, const std::vector<Interval>& out,
                               const char* displs_field) {
  if (overlap_themselves(out)) return refuse_argument(call, displs_field, "blocks of recvbuff overlap one another");
  if (overlap(in, out)) {
    return refuse_argument(call, "recvbuff",
                           "sendbuff and recvbuff overlap, but not in place: see the function's comment");
  }
  return strettoSuccess;
}

/// What the three have in common: `body` checks and fills in the details.
template <typename Body>
strettoResult_t run_sizes(const Call& call, const Request& request, const Body& body) {
  return spoil_group(guarded(call.function, [&] {
    Communicator& communicator = communicator_of(call.comm, call.function);
    if (const strettoResult_t result = check_type(call, request.type); result != strettoSuccess) return result;
    CallDetails details;
    if (row_of(request.collective).reduces) {
      const strettoResult_t result = check_operation(call, communicator, request, details.user_op);
      if (result != strettoSuccess) return result;
    }
    if (const strettoResult_t result = body(communicator, details); result != strettoSuccess) return result;
    Operation operation{request, call.input, call.output, 0};
    if (const strettoResult_t result = read_timeout(call, operation.timeout_ns); result != strettoSuccess)
      return result;
    operation.details = std::make_shared<const CallDetails>(std::move(details));
    return submit(communicator, call.stream, operation, call.function);
  }));
}

}  // namespace

extern "C" {

strettoResult_t strettoAllGatherVConfig(const void* sendbuff, void* recvbuff, const size_t* recvcounts,
                                        const size_t* displs, strettoDataType_t datatype, strettoComm_t comm,
                                        strettoStream_t stream, const strettoCallConfig_t* config) {
  const Call call{"strettoAllGatherV", sendbuff, recvbuff, comm, stream, config};
  const auto fill = [&](const Communicator& communicator, CallDetails& details) {
    Pieces output;
    strettoResult_t result =
        read_pieces(call, "recvcounts", recvcounts, "displs", displs, datatype, communicator.n_ranks(), output);
    if (result != strettoSuccess) return result;
    const auto own = static_cast<std::size_t>(communicator.rank());
    const Pieces input{{output.counts[own]}, {0}};
    if (result = check_pointers(call, input.any(), output.any()); result != strettoSuccess) return result;
    const std::size_t element_bytes = data_type_bytes(datatype);
    std::vector<Interval> in = input.in(sendbuff, element_bytes);
    const bool in_place =
        !in.empty() && in.front().begin == reinterpret_cast<std::uintptr_t>(recvbuff) + output.offsets_bytes[own];
    if (in_place) in.clear();
    if (result = check_overlaps(call, in, output.in(recvbuff, element_bytes), "displs"); result != strettoSuccess)
      return result;
    details.sizes = {std::move(output.counts), {0}, std::move(output.offsets_bytes)};
    return strettoSuccess;
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
  const auto fill = [&](const Communicator& communicator, CallDetails& details) {
    Pieces input;
    strettoResult_t result =
        read_pieces(call, "recvcounts", recvcounts, nullptr, nullptr, datatype, communicator.n_ranks(), input);
    if (result != strettoSuccess) return result;
    const auto own = static_cast<std::size_t>(communicator.rank());
    const Pieces output{{input.counts[own]}, {0}};
    if (result = check_pointers(call, input.any(), output.any()); result != strettoSuccess) return result;
    const std::size_t element_bytes = data_type_bytes(datatype);
    std::vector<Interval> out = output.in(recvbuff, element_bytes);
    const bool in_place =
        !out.empty() && out.front().begin == reinterpret_cast<std::uintptr_t>(sendbuff) + input.offsets_bytes[own];
    if (in_place) out.clear();
    if (result = check_overlaps(call, input.in(sendbuff, element_bytes), out, "recvbuff"); result != strettoSuccess)
      return result;
    details.sizes = {std::move(input.counts), std::move(input.offsets_bytes), {0}};
    return strettoSuccess;
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
  const auto fill = [&](const Communicator& communicator, CallDetails& details) {
    Pieces input;
    Pieces output;
    const int n = communicator.n_ranks();
    strettoResult_t result = read_pieces(call, "sendcounts", sendcounts, "sdispls", sdispls, datatype, n, input);
    if (result != strettoSuccess) return result;
    result = read_pieces(call, "recvcounts", recvcounts, "rdispls", rdispls, datatype, n, output);
    if (result != strettoSuccess) return result;
    const auto own = static_cast<std::size_t>(communicator.rank());
    if (input.counts[own] != output.counts[own]) {
      return refuse_argument(call, "recvcounts",
                             format("rank {} sends itself {} elements, but expects {} of itself", own,
                                    input.counts[own], output.counts[own]));
    }
    if (result = check_pointers(call, input.any(), output.any()); result != strettoSuccess) return result;
    const std::size_t element_bytes = data_type_bytes(datatype);
    result = check_overlaps(call, input.in(sendbuff, element_bytes), output.in(recvbuff, element_bytes), "rdispls");
    if (result != strettoSuccess) return result;
    details.sizes = {std::move(input.counts), std::move(input.offsets_bytes), std::move(output.offsets_bytes)};
    details.receive_counts = std::move(output.counts);
    return strettoSuccess;
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
