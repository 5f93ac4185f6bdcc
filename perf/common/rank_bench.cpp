#include "perf/common/rank_bench.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "perf/common/machine.hpp"
#include "perf/common/types.hpp"

namespace stretto::perf {
namespace {

constexpr std::uint64_t kSeed = 20261121;
constexpr int kPoison = 0x6b;

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

/// The operation of a row's calls: `op`, or for kMulSum one made of this rank's scalar.
class RowOp {
 public:
  RowOp(const Communicator& comm, strettoDataType_t type, strettoRedOp_t op, std::uint64_t scalar)
      : comm_(comm), op_(op), made_(op == kMulSum) {
    if (!made_) return;
    stretto::check(strettoRedOpCreatePreMulSum(&op_, &scalar, type, strettoScalarHostImmediate, comm_.handle()));
  }
  RowOp(const RowOp&) = delete;
  RowOp& operator=(const RowOp&) = delete;
  ~RowOp() {
    if (made_) strettoRedOpDestroy(op_, comm_.handle());
  }
  strettoRedOp_t get() const { return op_; }

 private:
  const Communicator& comm_;
  strettoRedOp_t op_;
  bool made_;
};

double seconds(bool cpu_time) {
  timespec now{};
  clock_gettime(cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

RankBench::RankBench(const Collective& collective, const Options& options, Communicator comm, Watchdog& watchdog)
    : collective_(collective),
      options_(options),
      comm_(std::move(comm)),
      watchdog_(watchdog),
      rank_(comm_.rank()),
      n_ranks_(comm_.size()),
      send_(largest_buffer(collective, options, n_ranks_), shift_of(options)),
      receive_(largest_buffer(collective, options, n_ranks_), shift_of(options)) {
  if (options.register_buffers == 0) return;
  for (const GuardedBuffer* buffer : {&send_, &receive_}) {
    void* handle = nullptr;
    stretto::check(strettoCommRegister(comm_.handle(), buffer->data(), buffer->max_bytes(), &handle));
  }
}

RunInfo RankBench::gather_info() {
  constexpr std::size_t kHostBytes = 64;
  const auto n = static_cast<std::size_t>(n_ranks_);
  const auto mine = static_cast<std::size_t>(rank_);
  // Every rank gives zeros but in its own place: the sum is the gathering.
  std::vector<std::int64_t> pids(n, 0);
  std::vector<std::uint8_t> hosts(n * kHostBytes, 0);
  pids[mine] = getpid();
  const std::string host = host_name().substr(0, kHostBytes - 1);
  std::copy(host.begin(), host.end(), hosts.begin() + static_cast<std::ptrdiff_t>(mine * kHostBytes));
  comm_.all_reduce(pids.data(), n);
  comm_.all_reduce(hosts.data(), hosts.size());
  RunInfo info;
  info.tool = std::string(collective_.name) + "_perf";
  const int version = stretto::version();
  info.version =
      std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." + std::to_string(version % 100);
  info.cpu = cpu_model();
  info.cores = core_count();
  for (std::size_t rank = 0; rank < n; ++rank) {
    info.ranks.push_back({pids[rank], reinterpret_cast<const char*>(&hosts[rank * kHostBytes])});
  }
  return info;
}

std::uint64_t RankBench::largest(std::uint64_t value) { return reduce(value, strettoMax); }

Row RankBench::measure(std::size_t bytes, strettoDataType_t type, strettoRedOp_t op, int root) {
  const std::size_t element_bytes = row_of(type).bytes;
  const Shape shape = collective_.shape(bytes / element_bytes, element_bytes, n_ranks_);
  const Pieces pieces = pieces_of(shape);
  Row row;
  row.bytes = shape.bytes();
  row.count = shape.count;
  row.type = type;
  row.op = op;
  row.reduces = collective_.reduces;
  row.root = collective_.rooted ? root : -1;
  ++rows_;
  const RowOp row_op(comm_, type, op, Data(type, op, n_ranks_, kSeed).scalar(rank_));
  for (const bool in_place : {false, true}) {
    if (in_place && collective_.in_place == InPlace::none) break;
    const Job job = job_of(shape, pieces, type, row_op.get(), root, in_place);
    Measurement& result = row.placements.at(in_place ? 1 : 0).emplace();
    if (options_.check > 0) {
      const std::uint64_t seed = kSeed + rows_ * 2 + (in_place ? 1 : 0);
      const Data data = collective_.reduces ? Data(type, op, n_ranks_, seed) : Data::of_bits(type, n_ranks_, seed);
      std::uint64_t wrong = 0;
      for (int i = 0; i < options_.check; ++i) wrong += check(job, data);
      saw_fault_ = saw_fault_ || wrong != 0;
      result.wrong = reduce(wrong, strettoSum);
    }
    time(job, result);
    const auto moved_bytes = static_cast<double>(shape.moved * element_bytes);
    if (result.time_us > 0) result.algbw_gbps = moved_bytes / result.time_us / 1e3;
    result.busbw_gbps = result.algbw_gbps * collective_.bus_factor(n_ranks_);
  }
  if (options_.timestamps) row.time_of_day = time_of_day();
  return row;
}

/// For and from each rank, where the collective has pieces of several sizes; both buffers are in the order of the
/// ranks.
Pieces RankBench::pieces_of(const Shape& shape) const {
  Pieces pieces;
  if (collective_.piece == nullptr) return pieces;
  const auto append = [](std::vector<std::size_t>& counts, std::vector<std::size_t>& offsets, std::size_t count) {
    offsets.push_back(counts.empty() ? 0 : offsets.back() + counts.back());
    counts.push_back(count);
  };
  for (int peer = 0; peer < n_ranks_; ++peer) {
    append(pieces.send_counts, pieces.send_offsets, collective_.piece(shape, n_ranks_, rank_, peer));
    append(pieces.receive_counts, pieces.receive_offsets, collective_.piece(shape, n_ranks_, peer, rank_));
  }
  return pieces;
}

RankBench::Job RankBench::job_of(const Shape& shape, const Pieces& pieces, strettoDataType_t type, strettoRedOp_t op,
                                 int root, bool in_place) const {
  Job job{shape, pieces, type, op, root, in_place, shape.element_bytes, send_.data(), receive_.data()};
  const std::size_t own_block_bytes = static_cast<std::size_t>(rank_) * shape.count * shape.element_bytes;
  if (in_place) job.send = receive_.data();
  if (in_place && collective_.in_place == InPlace::send_own_block) job.send += own_block_bytes;
  if (in_place && collective_.in_place == InPlace::receive_own_block) job.receive += own_block_bytes;
  return job;
}

void RankBench::run_once(const Job& job) {
  const Call call{job.send, job.receive, job.shape.count,   job.type,   job.op,        job.root,
                  rank_,    n_ranks_,    job.element_bytes, job.pieces, comm_.handle()};
  stretto::check(collective_.run(call), comm_.handle());
  watchdog_.feed();
}

void RankBench::barrier() { reduce(std::int32_t{0}, strettoSum); }

/// One operation on fresh data into poisoned memory; the number of wrong elements of this rank.
std::uint64_t RankBench::check(const Job& job, const Data& data) {
  const std::size_t send_bytes = job.shape.send * job.element_bytes;
  const std::size_t receive_bytes = job.shape.receive * job.element_bytes;
  send_.arm(send_bytes);
  receive_.arm(job.in_place ? std::max(send_bytes, receive_bytes) : receive_bytes);
  std::memset(receive_.data(), kPoison, job.in_place ? std::max(send_bytes, receive_bytes) : receive_bytes);
  data.fill(job.send, rank_, job.shape.send);
  const std::uint64_t send_before = job.in_place ? 0 : hash_bytes(job.send, send_bytes);
  const std::uint64_t untouched_before = hash_untouched(job);
  run_once(job);

  std::uint64_t wrong = 0;
  for_each_run(job, [&](std::size_t index, const Origin& origin) {
    wrong += data.count_wrong(job.receive + index * job.element_bytes, origin);
    watchdog_.feed();
  });
  const bool send_changed = !job.in_place && send_before != hash_bytes(job.send, send_bytes);
  note_faults(job, (send_changed ? 1U : 0U) + (untouched_before != hash_untouched(job) ? 1U : 0U));
  return wrong;
}

template <typename Body>
void RankBench::for_each_run(const Job& job, Body&& body) const {
  for (std::size_t index = 0; index < job.shape.receive;) {
    const Origin origin = collective_.origin({job.shape, n_ranks_, rank_, job.root, index});
    body(index, origin);
    index += origin.length;
  }
}

/// Of the elements of the receive buffer that the collective is not to write.
std::uint64_t RankBench::hash_untouched(const Job& job) const {
  std::uint64_t hash = 0;
  for_each_run(job, [&](std::size_t index, const Origin& origin) {
    if (origin.rank != Origin::kUntouched) return;
    hash = hash * 31 + hash_bytes(job.receive + index * job.element_bytes, origin.length * job.element_bytes);
  });
  return hash;
}

/// @param changed buffers that the operation was to leave alone, and did not
void RankBench::note_faults(const Job& job, std::uint64_t changed) {
  const std::uint64_t broken = send_.count_broken() + receive_.count_broken() + changed;
  saw_fault_ = saw_fault_ || broken != 0;
  out_of_bounds_ += reduce(broken, strettoSum);
  if (!collective_.same_on_every_rank) return;
  const std::uint64_t hash = hash_bytes(job.receive, job.shape.receive * job.element_bytes);
  if (reduce(hash, strettoMin) != reduce(hash, strettoMax)) ranks_agree_ = false;
}

double RankBench::over_ranks(double local) {
  switch (options_.average) {
    case Average::rank_0:
      return reduce(rank_ == 0 ? local : 0.0, strettoSum);
    case Average::mean:
      return reduce(local, strettoSum) / n_ranks_;
    case Average::fastest:
      return reduce(local, strettoMin);
    case Average::slowest:
      break;
  }
  return reduce(local, strettoMax);
}

void RankBench::time(const Job& job, Measurement& result) {
  // Zeros stay zeros whatever is done to them: repeated in place, other values would grow out of the type or become
  // subnormal, which is slow.
  std::memset(send_.data(), 0, job.shape.send * job.element_bytes);
  std::memset(receive_.data(), 0, std::max(job.shape.send, job.shape.receive) * job.element_bytes);
  for (int i = 0; i < options_.warmup * options_.aggregate; ++i) run_once(job);
  std::vector<double> iterations;
  if (options_.iteration_times) iterations.reserve(static_cast<std::size_t>(options_.iterations));
  barrier();
  const double start = seconds(options_.cpu_time);
  double last = start;
  for (int i = 0; i < options_.iterations; ++i) {
    for (int j = 0; j < options_.aggregate; ++j) run_once(job);
    if (!options_.iteration_times) continue;
    const double now = seconds(options_.cpu_time);
    iterations.push_back((now - last) / options_.aggregate * 1e6);
    last = now;
  }
  const double elapsed = seconds(options_.cpu_time) - start;
  const int operations = std::max(1, options_.iterations * options_.aggregate);
  result.time_us = over_ranks(elapsed / operations * 1e6);
  if (!options_.iteration_times) return;
  // The slowest rank of each iteration.
  if (!iterations.empty()) comm_.all_reduce(iterations.data(), iterations.size(), strettoMax);
  const std::size_t skipped = std::min(iterations.size(), static_cast<std::size_t>(options_.skipped_iterations));
  iterations.erase(iterations.begin(), iterations.begin() + static_cast<std::ptrdiff_t>(skipped));
  result.median_us = percentile(iterations, 0.5);
  result.p95_us = percentile(iterations, 0.95);
}

}  // namespace stretto::perf
