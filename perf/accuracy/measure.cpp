#include "perf/accuracy/measure.hpp"

#include <cstring>

#include "perf/common/data.hpp"
#include "perf/common/types.hpp"

namespace stretto::perf {
namespace {

constexpr int kPoison = 0x6b;

const Calls& calls_of(const Options& options, bool rival) {
  return rival ? Nccl::load(options.nccl).calls() : stretto_calls();
}

strettoComm_t comm_of(const Seat& seat, bool rival) { return rival ? seat.nccl.handle() : seat.comm.handle(); }

}  // namespace

AccuracyBench::AccuracyBench(const AccuracyOptions& options, Seats seats, Watchdog& watchdog)
    : options_(options), watchdog_(watchdog), seats_(std::move(seats.seats)), n_ranks_(seats.n_ranks) {
  if (options.common.on_gpus) figures_ = std::move(seats.figures);
  std::size_t element_bytes = 0;
  for (const strettoDataType_t type : options.types) element_bytes = std::max(element_bytes, row_of(type).bytes);
  for (Seat& seat : seats_) {
    if (seat.gpu) seat.gpu->make_current();
    seat.send = std::make_unique<RankBuffer>(options.elements * element_bytes, 0, seat.gpu.get());
    seat.receive = std::make_unique<RankBuffer>(options.elements * element_bytes, 0, seat.gpu.get());
  }
}

AccuracyInfo AccuracyBench::info() const {
  AccuracyInfo info;
  info.n_ranks = n_ranks_;
  const int version = stretto::version();
  for (const int part : {version / 10000, version / 100 % 100, version % 100}) {
    info.version += (info.version.empty() ? "" : ".") + std::to_string(part);
  }
  for (const Seat& seat : seats_) {
    if (seat.gpu) info.gpus.push_back(seat.gpu->facts().name);
  }
  if (!options_.common.nccl.empty()) {
    const Nccl& nccl = Nccl::load(options_.common.nccl);
    info.rival = "NCCL " + nccl.version();
    info.rival_path = nccl.path();
  }
  return info;
}

AccuracyRow AccuracyBench::measure(strettoDataType_t type, Numbers numbers, bool rival) {
  AccuracyRow row{type, numbers, rival ? "nccl" : "stretto"};
  const SummedNumbers inputs(type, numbers, n_ranks_, options_.seed);
  const std::size_t bytes = options_.elements * row_of(type).bytes;
  for (const Seat& seat : seats_) {
    seat.send->arm(bytes);
    inputs.fill(seat.send->image(), seat.rank, options_.elements);
    seat.send->push();
    watchdog_.feed();
  }
  const auto n_ranks = static_cast<std::size_t>(n_ranks_);
  std::vector<std::uint64_t> hashes(static_cast<std::size_t>(options_.runs) * n_ranks, 0);
  for (std::size_t run = 0; run < static_cast<std::size_t>(options_.runs); ++run) {
    if (!sum(type, rival)) return row;
    for (const Seat& seat : seats_) {
      hashes[run * n_ranks + static_cast<std::size_t>(seat.rank)] = hash_bytes(seat.receive->image(), bytes);
    }
  }
  figures().all_reduce(hashes.data(), hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    row.ranks_agree &= hashes[i] == hashes[i - i % n_ranks];
    row.runs_agree &= hashes[i] == hashes[i % n_ranks];
  }
  row.errors = Errors{};
  if (has_first_rank()) row.errors = errors_of(inputs, seats_.front().receive->image(), options_.elements);
  watchdog_.feed();
  return row;
}

bool AccuracyBench::sum(strettoDataType_t type, bool rival) {
  const std::size_t bytes = options_.elements * row_of(type).bytes;
  for (const Seat& seat : seats_) {
    seat.receive->arm(bytes);
    std::memset(seat.receive->image(), kPoison, bytes);
    seat.receive->push();
  }
  finish(rival);
  figures().barrier();  // no rank's kernels wait while another still copies
  const Calls& calls = calls_of(options_.common, rival);
  try {
    CallsGroup group(calls, seats_.size() > 1);
    for (const Seat& seat : seats_) {
      if (seat.gpu) seat.gpu->make_current();
      calls.check(calls.all_reduce(seat.send->address(), seat.receive->address(), options_.elements, type, strettoSum,
                                   comm_of(seat, rival), seat.gpu ? seat.gpu->stream() : nullptr),
                  comm_of(seat, rival));
    }
    group.end();
  } catch (const std::runtime_error&) {
    // NCCL before 2.24 refuses fp8, on all ranks alike.
    if (rival && row_of(type).bytes == 1) return false;
    throw;
  }
  finish(rival);
  for (const Seat& seat : seats_) seat.receive->pull();
  finish(rival);
  return true;
}

void AccuracyBench::finish(bool rival) {
  for (const Seat& seat : seats_) {
    if (!seat.gpu) continue;
    seat.gpu->make_current();
    seat.gpu->synchronize();
    const Calls& calls = calls_of(options_.common, rival);
    strettoResult_t fault = strettoSuccess;
    calls.check(calls.async_error(comm_of(seat, rival), &fault), comm_of(seat, rival));
    calls.check(fault, comm_of(seat, rival));
  }
  watchdog_.feed();
}

void AccuracyBench::close() {
  figures().barrier();  // memory is freed when nobody's operation may need its device any more
  for (Seat& seat : seats_) {
    seat.nccl.close();
    seat.comm.close();
  }
  if (figures_) figures_->close();
}

}  // namespace stretto::perf
