// The settings of one communicator, resolved once: config over environment over file over default.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "comm/debug_mode.hpp"
#include "device/gpu.hpp"
#include "plan/cost_model.hpp"
#include "planner/device_choice.hpp"
#include "stretto/stretto.h"

namespace stretto {

constexpr int max_channels_most = 64;

/// What a topology file says of where a rank runs, or why it cannot be taken.
struct MachineLook {
  std::optional<std::int32_t> socket;
  std::optional<ErrorInfo> error;
};

struct Settings {
  // Local: how this rank runs and waits.
  std::int64_t setup_timeout_ns = 0;
  std::int64_t data_timeout_ns = 0;
  std::int64_t heartbeat_interval_ns = 0;
  std::int64_t heartbeat_timeout_ns = 0;
  std::int64_t spin_us = -1;
  std::int32_t test_sockets = 0;    ///< pretended; 0: none
  std::int32_t test_short_sum = 1;  ///< as Environment has it
  std::shared_ptr<Gpu> gpu;         ///< nullptr: host memory
  std::string name;
  bool blocking = true;
  std::string topology_file;                   ///< of this rank's host; "": none
  std::string topology_dump;                   ///< that rank 0 writes; "": none
  std::shared_ptr<const MachineLook> machine;  ///< what the file says of this rank (adopt_machine); nullptr: nothing
  // Part of the plan: rank 0's count; a rank whose caller set another one in its config is told so.
  std::string algorithm;
  bool algorithm_from_config = false;
  std::optional<DeviceProtocol> protocol;  ///< nullopt: the cheapest
  std::uint32_t max_channels = 0;          ///< 0: the planner's choice
  std::uint64_t shm_slot_bytes = 0;        ///< 0: by number of ranks
  std::uint32_t shm_slots = 0;
  DebugMode debug;
  LinkConstants constants;
  PairTimes pair_times;                     ///< of device communicators of two
  std::string constants_source = "rank 0";  ///< for the log; rank 0 itself says more (adopt_tuning)
};

/// CUDA devices of this process, at least one. Throws Error where there is none.
int count_devices();
/// The GPU that a number of the C API means, for this thread now. nullptr: the host, also for STRETTO_UNSET. Throws
/// Error.
std::shared_ptr<Gpu> open_device(int given);
/// The same with its kernels loaded: in the calling thread, since that can take long.
std::shared_ptr<Gpu> resolve_device(int given);

/// Whether it leaves the device to nobody else.
bool names_device(const strettoConfig_t& config);

/// Throws Error(strettoInvalidArgument or strettoUnsupported) naming the field. `config` may be nullptr.
Settings resolve_settings(const strettoConfig_t* config, const Environment& environment);

/// The constants that were measured of this machine, if they were: for the settings of rank 0, whose count for all.
/// Reads a file; one that cannot be used is a warning in the log.
void adopt_tuning(Settings& settings, const Environment& environment);

}  // namespace stretto
