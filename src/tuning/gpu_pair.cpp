#include "tuning/gpu_pair.hpp"

#include <algorithm>
#include <array>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <thread>

#include "base/error.hpp"
#include "base/text.hpp"
#include "device/gpu.hpp"
#include "device/window_shapes.hpp"
#include "planner/link_fit.hpp"

namespace stretto {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRanks = 2;
constexpr int kMostChannels = 64;
constexpr std::uint64_t kLeastSpan = 8;  ///< largest by smallest size, of what a line is fitted to
constexpr std::array kCollectives = {Collective::all_reduce, Collective::all_gather, Collective::reduce_scatter,
                                     Collective::broadcast, Collective::all_to_all};
/// Every other one is held back.
constexpr std::array<std::uint64_t, 14> kBlockBytes = {8,         256,     4'096,      16'384,       65'536,
                                                       131'072,   262'144, 524'288,    900'000,      1 << 21,
                                                       4'000'000, 1 << 23, 20'000'000, kMostGpuBytes};
/// The blocks that a protocol is measured with: beyond where the next one takes over.
struct Range {
  DeviceProtocol protocol;
  std::uint64_t least_bytes;
  std::uint64_t most_bytes;
};
constexpr std::array kRanges = {
    Range{DeviceProtocol::packets, 8, 900'000},
    Range{DeviceProtocol::wide, 16'384, kMostGpuBytes},
    Range{DeviceProtocol::slots, 1 << 23, kMostGpuBytes},
};
constexpr double kBatchPs = 2e9;  ///< of a batch: the first launch and the look at the end must not count
constexpr std::size_t kLeastOperations = 3;
constexpr std::size_t kMostOperations = 300;
constexpr std::size_t kLeastBatches = 3;
constexpr std::size_t kMostBatches = 15;
constexpr int kDataTimeoutMs = 20'000;
constexpr std::chrono::seconds kDeadline{30};  ///< of a batch, if the communicator's does not say more before

/// One rank: its GPU, with what it gives and gets there.
class Seat {
 public:
  Seat(int ordinal, std::uint64_t most_bytes)
      : gpu_(gpus().open(ordinal)),
        input_(gpu_->allocate(kRanks * most_bytes), Freed{gpu_}),
        output_(gpu_->allocate(kRanks * most_bytes), Freed{gpu_}),
        event_(gpu_->make_event()) {}
  ~Seat() {
    if (comm_ != nullptr) strettoCommDestroy(comm_);
    gpu_->destroy_event(event_);
  }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  void take(strettoComm_t comm) { comm_ = comm; }
  const std::string& name() const { return gpu_->facts().name; }
  bool stores_lines_whole_at(const Seat& other) const { return gpu_->stores_lines_whole(other.gpu_->facts().uuid); }
  std::uint32_t resident_blocks() const { return gpu_->resident_blocks(); }

  void issue(Collective collective, std::uint64_t block_bytes) {
    if (call(collective, block_bytes / sizeof(float)) != strettoSuccess) {
      throw Error(strettoRemoteError, strettoGetLastError(comm_));
    }
  }
  /// Until all that was issued is done.
  void wait() {
    constexpr unsigned kPollsPerLook = 1024;
    gpu_->record(event_, nullptr);
    const Clock::time_point limit = Clock::now() + kDeadline;
    for (unsigned polls = 1; !gpu_->is_done(event_); ++polls) {
      if (polls % kPollsPerLook != 0) continue;
      strettoResult_t fault = strettoSuccess;
      strettoCommGetAsyncError(comm_, &fault);
      if (fault != strettoSuccess) throw Error(fault, strettoGetLastError(comm_));
      if (Clock::now() > limit)
        throw Error(strettoTimeout, format("an operation on {} did not end in {} s", name(), kDeadline.count()));
    }
  }

 private:
  /// The root of a broadcast stays: the report of a tool is of such ones, too, and so are most programs'.
  strettoResult_t call(Collective collective, std::size_t count) {
    switch (collective) {
      case Collective::all_reduce:
        return strettoAllReduce(input_.get(), output_.get(), count, strettoFloat32, strettoSum, comm_, nullptr);
      case Collective::all_gather:
        return strettoAllGather(input_.get(), output_.get(), count, strettoFloat32, comm_, nullptr);
      case Collective::reduce_scatter:
        return strettoReduceScatter(input_.get(), output_.get(), count, strettoFloat32, strettoSum, comm_, nullptr);
      case Collective::broadcast:
        return strettoBroadcast(input_.get(), output_.get(), count, strettoFloat32, 0, comm_, nullptr);
      case Collective::all_to_all:
        return strettoAllToAll(input_.get(), output_.get(), count, strettoFloat32, comm_, nullptr);
      default:
        return strettoInvalidArgument;
    }
  }

  struct Freed {
    std::shared_ptr<Gpu> gpu;
    void operator()(std::byte* memory) const { gpu->free(memory); }
  };

  std::shared_ptr<Gpu> gpu_;
  std::unique_ptr<std::byte, Freed> input_;
  std::unique_ptr<std::byte, Freed> output_;
  Gpu::Event event_;
  strettoComm_t comm_ = nullptr;
};

/// Of communicators that are made while it lives, whatever the environment says.
class ForcedProtocol {
 public:
  explicit ForcedProtocol(DeviceProtocol protocol) {
    const auto& row = device_protocol_rows()[static_cast<std::size_t>(protocol)];
    ::setenv("STRETTO_PROTOCOL", std::string(row.knob).c_str(), 1);
  }
  ~ForcedProtocol() { ::unsetenv("STRETTO_PROTOCOL"); }
  ForcedProtocol(const ForcedProtocol&) = delete;
  ForcedProtocol& operator=(const ForcedProtocol&) = delete;
};

class Pair {
 public:
  Pair(std::uint64_t most_bytes, DeviceProtocol protocol)
      : seats_{std::make_unique<Seat>(0, most_bytes), std::make_unique<Seat>(1, most_bytes)} {
    constexpr std::array<int, kRanks> kDevices = {0, 1};
    std::array<strettoComm_t, kRanks> comms{};
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.name = "tune";
    config.algorithm = "one_shot";  // what is chosen for two, whatever the environment says
    config.data_timeout_ms = kDataTimeoutMs;
    const ForcedProtocol forced(protocol);
    const strettoResult_t result = strettoCommInitAllConfig(comms.data(), kRanks, kDevices.data(), &config);
    if (result != strettoSuccess) throw Error(result, strettoGetLastError(nullptr));
    for (std::size_t rank = 0; rank < kRanks; ++rank) seats_[rank]->take(comms[rank]);
  }

  std::string names() const { return seats_[0]->name() + ", " + seats_[1]->name(); }
  /// Whether wide packets serve.
  bool is_joined() const {
    return seats_[0]->stores_lines_whole_at(*seats_[1]) && seats_[1]->stores_lines_whole_at(*seats_[0]);
  }
  /// As communicators of two have them.
  int channels() const {
    const std::uint32_t blocks = std::min(seats_[0]->resident_blocks(), seats_[1]->resident_blocks());
    return std::clamp(static_cast<int>(blocks / 2), 1, kMostChannels);
  }

  /// The time of one of so many operations that follow one another, in picoseconds, of the slower rank.
  double run(Collective collective, std::uint64_t block_bytes, std::size_t operations) {
    std::array<double, kRanks> times_ps{};
    std::array<std::exception_ptr, kRanks> errors;
    std::barrier both(kRanks);
    const auto work = [&](std::size_t rank) {
      Seat& seat = *seats_[rank];
      bool has_met = false;
      try {
        seat.issue(collective, block_bytes);
        seat.wait();
        has_met = true;
        both.arrive_and_wait();
        const Clock::time_point start = Clock::now();
        for (std::size_t i = 0; i < operations; ++i) seat.issue(collective, block_bytes);
        seat.wait();
        const std::chrono::duration<double, std::pico> passed = Clock::now() - start;
        times_ps[rank] = passed.count() / static_cast<double>(operations);
      } catch (...) {
        errors[rank] = std::current_exception();
        if (!has_met) both.arrive_and_drop();
      }
    };
    std::jthread other(work, 1);
    work(0);
    other.join();
    for (const std::exception_ptr& error : errors) {
      if (error) std::rethrow_exception(error);
    }
    return std::max(times_ps[0], times_ps[1]);
  }

 private:
  std::array<std::unique_ptr<Seat>, kRanks> seats_;
};

/// With a protocol where it is one that serves.
std::vector<GpuMeasurement> operations_to_measure(std::uint64_t most_bytes, const Pair& pair, const Range& range) {
  const device::WindowShape shape = window_shape(kRanks, pair.channels());
  DeviceModel model = default_device_model(device_slots(shape), pair.channels());
  if (!pair.is_joined()) model.wide_channels = 0;
  std::vector<GpuMeasurement> operations;
  for (const Collective collective : kCollectives) {
    std::size_t n = 0;
    for (const std::uint64_t bytes : kBlockBytes) {
      if (bytes < range.least_bytes || bytes > std::min(range.most_bytes, most_bytes)) continue;
      const Rank root = row_of(collective).rooted ? 0 : -1;
      const DeviceChoice choice = choose_device_plan(collective, bytes, kRanks, root, model, {"", range.protocol});
      const bool is_short = bytes <= model.packets.slot_bytes;  // what packets are chosen for
      if (choice.protocol != range.protocol || (range.protocol == DeviceProtocol::packets && !is_short)) continue;
      operations.push_back({collective, bytes, range.protocol, n++ % 2 != 0});
    }
  }
  return operations;
}

/// As many batches as fill the time, of as many operations as make the clock's own cost small.
double time_of(Pair& pair, const GpuMeasurement& what, double slice_ps) {
  const double expected_ps = std::max(1.0, pair.run(what.collective, what.block_bytes, kLeastOperations));
  const auto operations =
      std::clamp(static_cast<std::size_t>(kBatchPs / expected_ps), kLeastOperations, kMostOperations);
  const double batch_ps = expected_ps * static_cast<double>(operations);
  const auto batches = std::clamp(static_cast<std::size_t>(slice_ps / batch_ps), kLeastBatches, kMostBatches);
  std::vector<double> times_ps;
  for (std::size_t i = 0; i < batches; ++i) times_ps.push_back(pair.run(what.collective, what.block_bytes, operations));
  return median(std::move(times_ps));
}

/// The constants of a protocol.
struct Constants {
  DeviceProtocol protocol;
  std::uint64_t PairTimes::*start;
  std::uint64_t PairTimes::*byte_fs;
};
constexpr std::array kConstants = {
    Constants{DeviceProtocol::packets, &PairTimes::packets_start, &PairTimes::packets_byte_fs},
    Constants{DeviceProtocol::wide, &PairTimes::wide_start, &PairTimes::wide_byte_fs},
    Constants{DeviceProtocol::slots, &PairTimes::slots_start, &PairTimes::slots_byte_fs},
};

/// Where too few sizes were measured to tell a start from bytes, the defaults stay.
void fit(const std::vector<GpuMeasurement>& measured, const Constants& of, PairTimes& times) {
  constexpr double kFsOfPs = 1000;
  std::vector<LinePoint> points;
  for (const GpuMeasurement& each : measured) {
    if (each.protocol == of.protocol && !each.held_back) points.push_back({each.block_bytes, each.time_ps});
  }
  if (points.empty()) return;
  const auto [least, most_of_them] =
      std::minmax_element(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
  if (most_of_them->bytes < kLeastSpan * least->bytes) return;
  const Line line = fit_line(points);
  for (const PairTimeRow& row : pair_time_rows()) {
    const auto most = static_cast<double>(row.most);
    const auto whole = [&](double value) { return static_cast<std::uint64_t>(std::clamp(value + 0.5, 0.0, most)); };
    if (row.field == of.start) times.*of.start = whole(line.start_ps);
    if (row.field == of.byte_fs) times.*of.byte_fs = whole(line.byte_ps * kFsOfPs);
  }
}

}  // namespace

double predicted_ps(const GpuMeasurement& operation, const PairTimes& times) {
  constexpr double kPsOfFs = 1e-3;
  const auto* const of = std::ranges::find(kConstants, operation.protocol, &Constants::protocol);
  const auto start = static_cast<double>(times.*of->start);
  const auto byte_fs = static_cast<double>(times.*of->byte_fs);
  return start + static_cast<double>(operation.block_bytes) * byte_fs * kPsOfFs;
}

GpuPairReport measure_gpu_pair(const GpuPairOptions& options, const std::function<void(double)>& progress) {
  GpuPairReport report;
  if (gpus().count() < kRanks) return report;
  constexpr double kShares = kRanges.size();
  double shares_done = 0;
  for (const Range& range : kRanges) {
    Pair pair(options.most_bytes, range.protocol);
    report.names = pair.names();
    std::vector<GpuMeasurement> operations = operations_to_measure(options.most_bytes, pair, range);
    const auto count = static_cast<double>(operations.size());
    const double slice_ps = 1e12 * options.seconds / kShares / std::max(1.0, count);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      operations[i].time_ps = time_of(pair, operations[i], slice_ps);
      progress((shares_done + static_cast<double>(i + 1) / count) / kShares);
    }
    report.measured.insert(report.measured.end(), operations.begin(), operations.end());
    ++shares_done;
  }
  for (const Constants& each : kConstants) fit(report.measured, each, report.times);
  return report;
}

}  // namespace stretto
