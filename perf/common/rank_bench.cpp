#include "perf/common/rank_bench.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "perf/common/machine.hpp"
#include "perf/common/types.hpp"

namespace stretto::perf {
namespace {

constexpr std::uint64_t kSeed = 20261121;

/// Bytes that the buffers of the largest row need.
std::size_t largest_buffer(const Collective& collective, const Options& options, int n_ranks) {
  std::size_t bytes = 0;
  for (const strettoDataType_t type : options.types) {
    const std::size_t element_bytes = row_of(type).bytes;
    const Shape shape = collective.shape(options.max_bytes / element_bytes, element_bytes, n_ranks);
    bytes = std::max(bytes, std::max(shape.send, shape.receive) * element_bytes);
  }
  return bytes;
}

std::size_t shift_of(const Options& options) {
  std::size_t bytes = 0;
  for (const strettoDataType_t type : options.types) bytes = std::max(bytes, row_of(type).bytes);
  return options.unalign * bytes;
}

/// The operation of a row's calls: `op`, or for kMulSum one made of a rank's scalar.
class RowOp {
 public:
  RowOp(const Calls& calls, strettoComm_t comm, strettoDataType_t type, strettoRedOp_t op, std::uint64_t scalar)
      : calls_(calls), comm_(comm), op_(op), made_(op == kMulSum) {
    if (!made_) return;
    calls_.check(calls_.make_pre_mul_sum(&op_, &scalar, type, strettoScalarHostImmediate, comm_), comm_);
  }
  RowOp(RowOp&& other) noexcept : calls_(other.calls_), comm_(other.comm_), op_(other.op_), made_(other.made_) {
    other.made_ = false;
  }
  RowOp& operator=(RowOp&&) = delete;
  ~RowOp() {
    if (made_) calls_.destroy_op(op_, comm_);
  }
  strettoRedOp_t get() const { return op_; }

 private:
  const Calls& calls_;
  strettoComm_t comm_;
  strettoRedOp_t op_;
  bool made_;
};

/// Texts of all ranks, gathered: every rank gives zeros but in its own place, and the sum is the gathering.
class GatheredTexts {
 public:
  explicit GatheredTexts(std::size_t n_ranks) : bytes_(n_ranks * kBytes, 0) {}
  void put(std::size_t rank, const std::string& text) {
    const std::string cut = text.substr(0, kBytes - 1);
    std::copy(cut.begin(), cut.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(rank * kBytes));
  }
  void gather(const Communicator& comm) { comm.all_reduce(bytes_.data(), bytes_.size()); }
  std::string get(std::size_t rank) const { return reinterpret_cast<const char*>(&bytes_[rank * kBytes]); }

 private:
  static constexpr std::size_t kBytes = 64;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

RankBench::RankBench(const Collective& collective, const Options& options, Seats seats, Watchdog& watchdog)
    : collective_(collective),
      options_(options),
      nccl_(options.nccl.empty() ? nullptr : &Nccl::load(options.nccl, whose_nccl(options))),
      figures_(std::move(seats.figures)),
      seats_(std::move(seats.seats)),
      watchdog_(watchdog),
      n_ranks_(seats.n_ranks),
      communicator_bytes_(seats.communicator_bytes) {
  const std::size_t bytes = largest_buffer(collective, options, n_ranks_);
  for (Seat& seat : seats_) {
    if (seat.gpu) seat.gpu->make_current();
    seat.send = std::make_unique<RankBuffer>(bytes, shift_of(options), seat.gpu.get());
    seat.receive = std::make_unique<RankBuffer>(bytes, shift_of(options), seat.gpu.get());
  }
  if (options.register_buffers != 0) register_buffers();
}

void RankBench::register_buffers() {
  for (Seat& seat : seats_) {
    for (const RankBuffer* buffer : {seat.send.get(), seat.receive.get()}) {
      for (const Library library : {kStretto, kNccl}) {
        const strettoComm_t comm = library == kStretto ? seat.comm.handle() : seat.nccl.handle();
        if (comm == nullptr) continue;
        void* handle = nullptr;
        const Calls& calls = calls_of(library);
        calls.check(calls.register_buffer(comm, buffer->address(), buffer->max_bytes(), &handle), comm);
      }
    }
  }
}

void RankBench::close() {
  if (on_gpus()) barrier();  // memory is freed when nobody's operation may need its device any more
  for (Seat& seat : seats_) {
    if (seat.gpu) seat.gpu->drop_graphs();
    seat.nccl.close();
    seat.comm.close();
  }
  figures_.close();
}

RunInfo RankBench::gather_info() {
  const auto n = static_cast<std::size_t>(n_ranks_);
  std::vector<std::int64_t> pids(n, 0);
  std::vector<std::int32_t> devices(n, 0);
  GatheredTexts hosts(n);
  std::array<GatheredTexts, 3> gpu_texts{GatheredTexts(n), GatheredTexts(n), GatheredTexts(n)};
  for (const Seat& seat : seats_) {
    const auto rank = static_cast<std::size_t>(seat.rank);
    pids[rank] = getpid();
    hosts.put(rank, host_name());
    if (!seat.gpu) continue;
    const GpuFacts& gpu = seat.gpu->facts();
    devices[rank] = gpu.ordinal;
    gpu_texts[0].put(rank, gpu.name);
    gpu_texts[1].put(rank, gpu.uuid);
    gpu_texts[2].put(rank, gpu.bus_id);
  }
  figures().all_reduce(pids.data(), n);
  hosts.gather(figures());
  if (on_gpus()) {
    figures().all_reduce(devices.data(), n);
    for (GatheredTexts& texts : gpu_texts) texts.gather(figures());
  }
  RunInfo info;
  info.tool = std::string(collective_.name) + "_perf";
  const int version = stretto::version();
  info.version =
      std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." + std::to_string(version % 100);
  info.cpu = cpu_model();
  info.cores = core_count();
  info.seed = kSeed;
  for (std::size_t rank = 0; rank < n; ++rank) {
    RankInfo& each = info.ranks.emplace_back();
    each.pid = pids[rank];
    each.host = hosts.get(rank);
    if (!on_gpus()) continue;
    each.device = devices[rank];
    each.gpu = gpu_texts[0].get(rank);
    each.gpu_uuid = gpu_texts[1].get(rank);
    each.gpu_bus_id = gpu_texts[2].get(rank);
  }
  if (compares()) {
    info.rival = nccl_->name();
    info.rival_path = nccl_->path();
  }
  return info;
}

std::uint64_t RankBench::largest(std::uint64_t value) { return reduce(value, strettoMax); }

Row RankBench::measure(std::size_t bytes, strettoDataType_t type, strettoRedOp_t op, int root) {
  const std::size_t element_bytes = row_of(type).bytes;
  const Shape shape = collective_.shape(bytes / element_bytes, element_bytes, n_ranks_);
  Row row;
  row.bytes = shape.bytes();
  row.count = shape.count;
  row.type = type;
  row.op = op;
  row.reduces = collective_.reduces;
  row.root = collective_.rooted ? root : -1;
  ++rows_;
  std::vector<std::array<RowOp, 2>> ops;
  for (Seat& seat : seats_) {
    const std::uint64_t scalar = Data(type, op, n_ranks_, kSeed).scalar(seat.rank);
    const Library other = compares() ? kNccl : kStretto;
    ops.push_back({RowOp(stretto_calls(), seat.comm.handle(), type, op, scalar),
                   RowOp(calls_of(other), seat.nccl.handle(), type, compares() ? op : strettoSum, scalar)});
  }
  for (const bool in_place : {false, true}) {
    if (in_place && collective_.in_place == InPlace::none) break;
    Jobs jobs;
    for (std::size_t i = 0; i < seats_.size(); ++i) {
      jobs.push_back(job_of(seats_[i], shape, type, {ops[i][0].get(), ops[i][1].get()}, root, in_place));
    }
    Measurement& result = row.placements.at(in_place ? 1 : 0).emplace();
    measure_placement(jobs, op, row.bytes <= options_.check_most_bytes ? options_.check : 0, result);
    const auto moved_bytes = static_cast<double>(shape.moved * element_bytes);
    if (result.time_us > 0) result.algbw_gbps = moved_bytes / result.time_us / 1e3;
    result.busbw_gbps = result.algbw_gbps * collective_.bus_factor(n_ranks_);
    if (options_.ceiling_gbps > 0) result.ceiling_percent = 100 * result.busbw_gbps / options_.ceiling_gbps;
  }
  if (on_gpus()) note_clocks(row);
  if (options_.timestamps) row.time_of_day = time_of_day();
  return row;
}

void RankBench::measure_placement(Jobs& jobs, strettoRedOp_t op, int checks, Measurement& result) {
  const strettoDataType_t type = jobs.front().type;
  const std::uint64_t seed = kSeed + rows_ * 2 + (jobs.front().in_place ? 1 : 0);
  std::uint64_t wrong = 0;
  std::uint64_t rival_wrong = 0;
  if (checks > 0) {
    const Data data = collective_.reduces ? Data(type, op, n_ranks_, seed) : Data::of_bits(type, n_ranks_, seed);
    for (int i = 0; i < checks; ++i) wrong += check(jobs, data, kStretto);
    if (compares()) rival_wrong = check(jobs, data, kNccl);
    saw_fault_ = saw_fault_ || wrong != 0;
    result.wrong = reduce(wrong, strettoSum);
  }
  time(jobs, result);
  if (checks > 0 && result.rival) result.rival->wrong = reduce(rival_wrong, strettoSum);
}

/// For and from each rank, where the collective has pieces of several sizes; both buffers are in the order of the
/// ranks.
Pieces RankBench::pieces_of(const Shape& shape, int rank) const {
  Pieces pieces;
  if (collective_.piece == nullptr) return pieces;
  const auto append = [](std::vector<std::size_t>& counts, std::vector<std::size_t>& offsets, std::size_t count) {
    offsets.push_back(counts.empty() ? 0 : offsets.back() + counts.back());
    counts.push_back(count);
  };
  for (int peer = 0; peer < n_ranks_; ++peer) {
    append(pieces.send_counts, pieces.send_offsets, collective_.piece(shape, n_ranks_, rank, peer));
    append(pieces.receive_counts, pieces.receive_offsets, collective_.piece(shape, n_ranks_, peer, rank));
  }
  return pieces;
}

RankBench::Job RankBench::job_of(Seat& seat, const Shape& shape, strettoDataType_t type,
                                 const std::array<strettoRedOp_t, 2>& op, int root, bool in_place) const {
  Job job{seat, shape, pieces_of(shape, seat.rank), type, op, root, in_place, nullptr, nullptr, nullptr, nullptr};
  const RankBuffer& sends = in_place ? *seat.receive : *seat.send;
  const std::size_t own_block_bytes = static_cast<std::size_t>(seat.rank) * shape.count * shape.element_bytes;
  const bool sends_block = in_place && collective_.in_place == InPlace::send_own_block;
  const bool receives_block = in_place && collective_.in_place == InPlace::receive_own_block;
  const std::size_t send_offset = sends_block ? own_block_bytes : 0;
  const std::size_t receive_offset = receives_block ? own_block_bytes : 0;
  job.send = sends.address() + send_offset;
  job.sent = sends.image() + send_offset;
  job.receive = seat.receive->address() + receive_offset;
  job.received = seat.receive->image() + receive_offset;
  return job;
}

void RankBench::issue(const Jobs& jobs, Library library) {
  const Calls& calls = calls_of(library);
  CallsGroup group(calls, jobs.size() > 1);
  for (const Job& job : jobs) {
    Seat& seat = job.seat;
    const strettoComm_t comm = library == kStretto ? seat.comm.handle() : seat.nccl.handle();
    if (jobs.size() > 1) seat.gpu->make_current();
    const Call call{job.send,
                    job.receive,
                    job.shape.count,
                    job.type,
                    job.op.at(library),
                    job.root,
                    seat.rank,
                    n_ranks_,
                    job.shape.element_bytes,
                    job.pieces,
                    calls,
                    comm,
                    seat.gpu ? seat.gpu->stream() : nullptr,
                    seat.gpu.get()};
    calls.check(collective_.run(call), comm);
  }
  group.end();
  watchdog_.feed();
}

void RankBench::finish(Library library) {
  const Calls& calls = calls_of(library);
  for (const Seat& seat : seats_) {
    if (!seat.gpu) continue;
    seat.gpu->synchronize();
    const strettoComm_t comm = library == kStretto ? seat.comm.handle() : seat.nccl.handle();
    strettoResult_t fault = strettoSuccess;
    calls.check(calls.async_error(comm, &fault), comm);
    calls.check(fault, comm);
    watchdog_.feed();
  }
}

}  // namespace stretto::perf
