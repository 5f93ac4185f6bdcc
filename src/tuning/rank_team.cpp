#include "tuning/rank_team.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto {

TeamBuffers::TeamBuffers(int n_ranks, std::uint64_t most_bytes) {
  const auto n = static_cast<std::uint64_t>(n_ranks);
  const std::uint64_t needed = 2 * n * n * most_bytes;
  const auto free_bytes = static_cast<std::uint64_t>(std::max(0L, sysconf(_SC_AVPHYS_PAGES))) *
                          static_cast<std::uint64_t>(std::max(0L, sysconf(_SC_PAGESIZE)));
  if (needed > free_bytes / 2) {
    throw Error(
        strettoSystemError,
        format("{} ranks with blocks of {} bytes need {} MiB, and {} MiB are free: give smaller --most-bytes, or "
               "fewer --ranks",
               n_ranks, most_bytes, needed >> 20, free_bytes >> 20));
  }
  for (int rank = 0; rank < n_ranks; ++rank) {
    inputs.emplace_back(n * most_bytes);
    outputs.emplace_back(n * most_bytes);
  }
}

RankTeam::RankTeam(std::string_view algorithm, int n_ranks, TeamBuffers& buffers)
    : seats_(static_cast<std::size_t>(n_ranks)) {
  const std::string name(algorithm);
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.algorithm = name.c_str();
  config.name = "tune";
  config.device = STRETTO_DEVICE_HOST;
  std::vector<strettoComm_t> comms(seats_.size());
  const strettoResult_t result = strettoCommInitAllConfig(comms.data(), n_ranks, nullptr, &config);
  if (result != strettoSuccess) throw Error(result, strettoGetLastError(nullptr));
  for (std::size_t rank = 0; rank < seats_.size(); ++rank) {
    seats_[rank].comm = comms[rank];
    seats_[rank].input = buffers.inputs[rank].data();
    seats_[rank].output = buffers.outputs[rank].data();
  }
}

RankTeam::~RankTeam() { leave(); }

void RankTeam::leave() {
  for (Seat& seat : seats_) {
    if (seat.comm != nullptr) strettoCommDestroy(seat.comm);
    seat.comm = nullptr;
  }
}

strettoResult_t RankTeam::call(Seat& seat, Collective collective, std::uint64_t block_bytes, int root) {
  const bool as_floats = block_bytes % sizeof(float) == 0;
  const strettoDataType_t type = as_floats ? strettoFloat32 : strettoInt8;
  const std::size_t count = as_floats ? block_bytes / sizeof(float) : block_bytes;
  const void* const input = seat.input;
  void* const output = seat.output;
  switch (collective) {
    case Collective::all_reduce:
      return strettoAllReduce(input, output, count, type, strettoSum, seat.comm, nullptr);
    case Collective::all_gather:
      return strettoAllGather(input, output, count, type, seat.comm, nullptr);
    case Collective::reduce_scatter:
      return strettoReduceScatter(input, output, count, type, strettoSum, seat.comm, nullptr);
    case Collective::broadcast:
      return strettoBroadcast(input, output, count, type, root, seat.comm, nullptr);
    case Collective::all_to_all:
      return strettoAllToAll(input, output, count, type, seat.comm, nullptr);
    default:
      return strettoInvalidArgument;
  }
}

int RankTeam::root_of(std::uint64_t call) const {
  const std::uint64_t n = seats_.size();
  return static_cast<int>((n - call % n) % n);
}

void RankTeam::work(Seat& seat, Collective collective, std::uint64_t block_bytes, std::size_t per_batch) {
  using Clock = std::chrono::steady_clock;
  for (double& time_ps : seat.times_ps) {
    const Clock::time_point start = Clock::now();
    for (std::size_t i = 0; i < per_batch; ++i) {
      if (call(seat, collective, block_bytes, root_of(seat.calls++)) == strettoSuccess) continue;
      seat.error = strettoGetLastError(seat.comm);
      return;
    }
    const std::chrono::duration<double, std::pico> passed = Clock::now() - start;
    time_ps = passed.count() / static_cast<double>(per_batch);
  }
}

std::vector<double> RankTeam::run(Collective collective, std::uint64_t block_bytes, std::size_t per_batch,
                                  std::size_t batches) {
  for (Seat& seat : seats_) seat.times_ps.assign(batches, 0);
  std::vector<std::jthread> others;
  others.reserve(seats_.size());
  for (std::size_t rank = 1; rank < seats_.size(); ++rank) {
    others.emplace_back([&, rank] { work(seats_[rank], collective, block_bytes, per_batch); });
  }
  work(seats_[0], collective, block_bytes, per_batch);
  for (std::jthread& other : others) other.join();
  std::vector<double> slowest(batches, 0);
  for (const Seat& seat : seats_) {
    if (!seat.error.empty()) throw Error(strettoRemoteError, seat.error);
    for (std::size_t i = 0; i < batches; ++i) slowest[i] = std::max(slowest[i], seat.times_ps[i]);
  }
  return slowest;
}

}  // namespace stretto
