// One rank of a device communicator at work: binds requests to programs and launches them. Asynchronous and for one
// thread at a time; who may issue, faults and the order of streams are device_communicator.hpp's.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "comm/batch.hpp"
#include "comm/lane.hpp"
#include "comm/pair_cache.hpp"
#include "comm/requests.hpp"
#include "comm/residency.hpp"
#include "comm/setup.hpp"
#include "exec/device_exchange.hpp"
#include "exec/device_pairs.hpp"
#include "exec/device_program.hpp"
#include "planner/device_choice.hpp"

namespace stretto {

/// Memory from `take`, given back by `give` with it.
template <std::byte* (Gpu::*take)(std::size_t), void (Gpu::*give)(std::byte*) noexcept>
class GpuMemory {
 public:
  GpuMemory() = default;
  GpuMemory(Gpu& gpu, std::size_t bytes) : gpu_(&gpu), data_((gpu.*take)(bytes)), bytes_(bytes) {}
  ~GpuMemory() {
    if (data_ != nullptr) (gpu_->*give)(data_);
  }
  GpuMemory(GpuMemory&& other) noexcept { *this = std::move(other); }
  GpuMemory& operator=(GpuMemory&& other) noexcept {
    std::swap(gpu_, other.gpu_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  std::byte* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  Gpu* gpu_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};
using DeviceMemory = GpuMemory<&Gpu::allocate, &Gpu::free>;
using PinnedMemory = GpuMemory<&Gpu::allocate_pinned, &Gpu::free_pinned>;

/// What kernels read once, each free again when its kernel has run. As many as are in flight.
struct ImageSlot {
  PinnedMemory memory;
  Gpu::Event has_run = nullptr;  ///< recorded behind the kernel that reads it
  bool taken = false;            ///< but not launched yet

  struct GiveBack {
    void operator()(ImageSlot* slot) const noexcept { slot->taken = false; }
  };
  using Taken = std::unique_ptr<ImageSlot, GiveBack>;
};

/// An operation ready to be launched.
struct DeviceLaunch {
  Request request;
  Binding binding;
  KernelLaunch launch;
  device::KernelArguments arguments;   ///< of a program,
  device::ExchangeArguments exchange;  ///< or of an exchange of packets
  std::uint32_t strands = 0;           ///< of it, each of which counts when it ends
  std::size_t scratch_bytes = 0;
  BufferExtents extents;
  ImageSlot::Taken used_once;    ///< where its image is, if it is used once
  DeviceMemory image;            ///< or if it lives as long as this
  Gpu::Event has_run = nullptr;  ///< to be recorded behind each launch in the eager lane; whose it is outlives this
};

/// Sends and receives, ready to be launched.
struct DevicePairs {
  std::vector<std::shared_ptr<DeviceLaunch>> launches;
  std::vector<DeviceTransfer> to_self;
  std::vector<DeviceTransfer> from_self;  ///< by index the counterparts
};

/// What kernels and the host share in pinned memory.
struct DeviceMailbox {
  static constexpr std::uint32_t kReports = 256;  ///< the most strands of a program
  std::uint32_t abort = 0;
  device::KernelReport reports[kReports];
};

class DeviceEngine {
 public:
  explicit DeviceEngine(Membership membership);
  ~DeviceEngine();
  DeviceEngine(const DeviceEngine&) = delete;
  DeviceEngine& operator=(const DeviceEngine&) = delete;

  Rank rank() const { return membership_.rank; }
  int n_ranks() const { return membership_.n_ranks; }
  const Topology& topology() const { return *membership_.topology; }
  const Settings& settings() const { return membership_.settings; }
  Gpu& gpu() const { return *membership_.gpu; }
  const std::shared_ptr<Gpu>& shared_gpu() const { return membership_.gpu; }
  /// The same on all ranks of the communicator, and of no other.
  std::uint64_t group() const;
  /// Of the eager lane.
  const PeerWindows& windows() const { return *membership_.windows; }
  /// Of the lanes of captures; once.
  std::unique_ptr<PeerWindows> take_graph_windows() { return std::move(membership_.graph_windows); }
  DeviceMailbox& mailbox() const { return *mailbox_; }
  /// Of STRETTO_PROTOCOL of rank 0.
  std::optional<DeviceProtocol> forced_protocol() const { return settings().protocol; }
  /// What plans of the eager lane are chosen by.
  const DeviceModel& model() const { return models_[0]; }

  Lane eager_lane() const { return {0, membership_.windows.get(), 0}; }
  /// A capture begins in a lane. Whatever used it before does not run any more, and its memory is used again.
  void begin(const Lane& lane);
  /// The launch for an operation in a lane, made at its first use. Throws Error for what no plan can serve.
  std::shared_ptr<DeviceLaunch> bind(const Operation& operation, const Lane& lane);
  /// Sends and receives, all at once; those of this rank with itself match. Throws Error.
  DevicePairs bind_pairs(std::span<const DeviceTransfer> transfers, const Lane& lane);
  /// How and where an operation is launched.
  struct Ticket {
    Lane lane;
    std::int64_t timeout_ns = 0;
    std::uint64_t number = 0;
    strettoStream_t stream = nullptr;
    bool waits = false;               ///< on the device, for what was launched before into the eager lane
    Residency::Turn* turn = nullptr;  ///< on the GPU; nullptr: the launch is not counted
  };
  /// What ranks must agree on, of an operation that bind() gave.
  static OpTag tag_of(const DeviceLaunch& bound) { return bound.binding.tag; }
  /// Launches it; does not wait. Throws Error.
  void launch(DeviceLaunch& bound, const Operation& operation, const Ticket& ticket);
  void launch(DevicePairs& pairs, Ticket ticket);
  /// Strands launched outside of captures so far, modulo 2^32.
  std::uint32_t strands_launched() const { return strands_launched_; }
  /// Of those, ended.
  std::uint32_t strands_ended() const;
  /// The most blocks of one operation.
  std::uint32_t most_blocks() const;

 private:
  using PlanKey = std::tuple<Collective, std::string, Rank, int>;

  /// How long an image is read.
  enum class Kept : std::uint8_t { for_ever, with_the_graph, with_the_launch, until_it_has_run };

  const PreparedPlan& plan_for(const PlanSpec& spec);
  std::shared_ptr<DeviceLaunch> make_launch(const Request& request, const CallDetails* details, const Lane& lane,
                                            Kept kept);
  void launched(DeviceLaunch& bound, strettoStream_t stream);
  void place_image(DeviceLaunch& bound, const DeviceProgram& program, const Lane& lane, Kept kept);
  const std::byte* image_of(const DeviceProgram& program, const Lane& lane, Kept kept);
  ImageSlot::Taken image_used_once(const DeviceProgram& program);
  std::shared_ptr<DeviceLaunch> make_pair_launch(const PairLaunch& pair, const Lane& lane, Kept kept);
  std::vector<std::shared_ptr<DeviceLaunch>> pair_launches(std::span<const DeviceTransfer> others, const Lane& lane);
  /// False: the plan is no exchange that a kernel for these messages serves.
  bool make_exchange(DeviceLaunch& bound, device::Protocol protocol, const Lane& lane);
  void prepare_exchange(DeviceLaunch& bound, const device::Exchange& exchange, const Lane& lane);
  bool runs_short_sums() const {
    return settings().test_short_sum == 1 || (settings().test_short_sum == 2 && rank() % 2 == 1);
  }
  void launch_exchange(DeviceLaunch& bound, strettoStream_t stream);
  device::FaultWords faults_of(const Ticket& ticket) const;
  void address(device::KernelArguments& arguments, const Ticket& ticket);
  void address(device::ExchangeArguments& arguments, const Ticket& ticket);
  std::byte* scratch_of(const Lane& lane, std::size_t bytes);

  /// What a capture's kernels may read as long as its graph lives.
  struct LaneMemory {
    DeviceMemory scratch;
    std::vector<DeviceMemory> kept;
  };
  using Cache = std::array<std::shared_ptr<DeviceLaunch>, kBoundMost>;

  Membership membership_;
  std::array<DeviceModel, 2> models_;  ///< of the eager lane, and of the others
  DeviceMailbox* mailbox_ = nullptr;
  std::map<PlanKey, std::unique_ptr<PreparedPlan>> plans_;
  std::array<Cache, 2> caches_;  ///< likewise: slots, and so chunks, are of other sizes
  std::deque<ImageSlot> once_;
  std::map<int, LaneMemory> lane_memory_;  ///< by number
  std::vector<DeviceMemory> spare_;        ///< what graphs have left
  std::size_t next_once_ = 0;
  /// Images that cached launches share, by their content: of a launch that was made anew, the same is found again.
  std::map<std::string, DeviceMemory> images_;
  PairCache pair_cache_;
  std::uint32_t strands_launched_ = 0;
};

}  // namespace stretto
