// Whether operations do what they should: one on fresh data into poisoned memory, every value of which is looked at.
#include <algorithm>
#include <cstring>

#include "perf/common/rank_bench.hpp"

namespace stretto::perf {
namespace {

constexpr int kPoison = 0x6b;

}  // namespace

/// The number of wrong elements of this thread's ranks.
std::uint64_t RankBench::check(const Jobs& jobs, const Data& data, Library library) {
  std::vector<std::uint64_t> untouched_before;
  std::vector<std::uint64_t> send_before;
  for (const Job& job : jobs) {
    Seat& seat = job.seat;
    seat.send->arm(job.send_bytes());
    seat.receive->arm(job.used_bytes());
    std::memset(seat.receive->image(), kPoison, job.used_bytes());
    data.fill(job.sent, seat.rank, job.shape.send);
    send_before.push_back(job.in_place ? 0 : hash_bytes(job.sent, job.send_bytes()));
    untouched_before.push_back(hash_untouched(job));
    seat.send->push();
    seat.receive->push();
  }
  if (on_gpus()) {
    finish(library);
    barrier();  // no rank's kernels wait while another still copies
  }
  issue(jobs, library);
  finish(library);
  for (const Job& job : jobs) {
    job.seat.send->pull();
    job.seat.receive->pull();
  }
  finish(library);

  std::uint64_t wrong = 0;
  std::uint64_t changed = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const Job& job = jobs[i];
    wrong += count_wrong(job, data);
    const bool send_changed = !job.in_place && send_before[i] != hash_bytes(job.sent, job.send_bytes());
    changed += (send_changed ? 1U : 0U) + (untouched_before[i] != hash_untouched(job) ? 1U : 0U);
  }
  if (library == kStretto) note_faults(jobs, changed);
  return wrong;
}

std::uint64_t RankBench::count_wrong(const Job& job, const Data& data) {
  std::uint64_t wrong = 0;
  for_each_run(job, [&](std::size_t index, const Origin& origin) {
    wrong += data.count_wrong(job.received + index * job.shape.element_bytes, origin);
    watchdog_.feed();
  });
  return wrong;
}

template <typename Body>
void RankBench::for_each_run(const Job& job, Body&& body) const {
  for (std::size_t index = 0; index < job.shape.receive;) {
    const Origin origin = collective_.origin({job.shape, n_ranks_, job.seat.rank, job.root, index});
    body(index, origin);
    index += origin.length;
  }
}

/// Of the elements of the receive buffer that the collective is not to write.
std::uint64_t RankBench::hash_untouched(const Job& job) const {
  const std::size_t element_bytes = job.shape.element_bytes;
  std::uint64_t hash = 0;
  for_each_run(job, [&](std::size_t index, const Origin& origin) {
    if (origin.rank != Origin::kUntouched) return;
    hash = hash * 31 + hash_bytes(job.received + index * element_bytes, origin.length * element_bytes);
  });
  return hash;
}

/// @param changed buffers that the operation was to leave alone, and did not
void RankBench::note_faults(const Jobs& jobs, std::uint64_t changed) {
  std::uint64_t broken = changed;
  std::uint64_t lowest_hash = ~std::uint64_t{0};
  std::uint64_t highest_hash = 0;
  for (const Job& job : jobs) {
    broken += job.seat.send->count_broken() + job.seat.receive->count_broken();
    const std::uint64_t hash = collective_.same_on_every_rank ? hash_bytes(job.received, job.receive_bytes()) : 0;
    lowest_hash = std::min(lowest_hash, hash);
    highest_hash = std::max(highest_hash, hash);
  }
  saw_fault_ = saw_fault_ || broken != 0;
  out_of_bounds_ += reduce(broken, strettoSum);
  if (!collective_.same_on_every_rank) return;
  if (reduce(lowest_hash, strettoMin) != reduce(highest_hash, strettoMax)) ranks_agree_ = false;
}

}  // namespace stretto::perf
