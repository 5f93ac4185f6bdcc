#include "comm/settings.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "algorithms/catalogue.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "device/gpu.hpp"
#include "tuning/tuning_file.hpp"

namespace stretto {
namespace {

[[noreturn]] void refuse(strettoResult_t code, const char* field, std::string text) {
  ErrorInfo info;
  info.code = code;
  info.field = field;
  info.name = "config";
  info.text = std::move(text);
  throw Error(info);
}

/// The caller's struct, which may be older (shorter) or newer (longer) than ours.
strettoConfig_t sized_copy(const strettoConfig_t* config) {
  strettoConfig_t copy = STRETTO_CONFIG_INITIALIZER;
  if (config == nullptr) return copy;
  // No release's struct ends within a field: half a pointer must not be taken for one.
  if (config->size < offsetof(strettoConfig_t, device) || config->size > 4096 ||
      config->size % alignof(strettoConfig_t) != 0) {
    refuse(strettoInvalidArgument, "size",
           format("config.size is {}: start the struct from STRETTO_CONFIG_INITIALIZER", config->size));
  }
  std::memcpy(&copy, config, std::min(config->size, sizeof copy));
  return copy;
}

std::int64_t timeout_ns(int from_config, Knob knob, const char* field, const Environment& environment) {
  const std::int64_t ms = from_config == STRETTO_UNSET ? environment.integer(knob) : from_config;
  if (ms <= 0) refuse(strettoInvalidArgument, field, format("config.{} is {} ms: it must be positive", field, ms));
  return ms * 1'000'000;
}

void check_algorithm(const std::string& name, const char* field) {
  if (name.empty() || find_algorithm(name) != nullptr) return;
  std::string known;
  for (const AlgorithmRow& row : catalogue()) known += format("{}{}", known.empty() ? "" : ", ", row.name);
  refuse(strettoInvalidArgument, field, format("unknown algorithm \"{}\"; there are: {}", name, known));
}

std::optional<DeviceProtocol> protocol_of(const std::string& name) {
  if (name.empty()) return std::nullopt;
  std::string known;
  for (const DeviceProtocolRow& row : device_protocol_rows()) {
    if (row.knob == name) return row.protocol;
    known += format("{}{}", known.empty() ? "" : ", ", row.knob);
  }
  refuse(strettoInvalidArgument, "STRETTO_PROTOCOL", format("unknown protocol \"{}\"; there are: {}", name, known));
}

void check_slots(const Settings& settings) {
  if (settings.shm_slot_bytes % 64 != 0) {
    refuse(strettoInvalidArgument, "STRETTO_SHM_SLOT_BYTES",
           format("STRETTO_SHM_SLOT_BYTES={} must be a multiple of 64", settings.shm_slot_bytes));
  }
  if (settings.shm_slots != 0 && !std::has_single_bit(settings.shm_slots)) {
    refuse(strettoInvalidArgument, "STRETTO_SHM_SLOTS",
           format("STRETTO_SHM_SLOTS={} must be a power of two", settings.shm_slots));
  }
}

}  // namespace

int count_devices() {
  const int count = gpus().count();
  if (count > 0) return count;
  refuse(strettoUnsupported, "device", format("there is no device for a communicator: {}", gpus().obstacle()));
}

std::shared_ptr<Gpu> open_device(int given) {
  if (given == STRETTO_UNSET || given == STRETTO_DEVICE_HOST) return nullptr;
  if (given < STRETTO_DEVICE_CURRENT) {
    refuse(strettoInvalidArgument, "device", format("config.device is {}: not a device", given));
  }
  const int count = count_devices();
  const int device = given == STRETTO_DEVICE_CURRENT ? gpus().current() : given;
  if (device < 0 || device >= count) {
    refuse(strettoInvalidArgument, "device",
           format("config.device is {}: this process has CUDA devices 0 to {}", device, count - 1));
  }
  return gpus().open(device);
}

std::shared_ptr<Gpu> resolve_device(int given) {
  std::shared_ptr<Gpu> gpu = open_device(given);
  if (gpu) gpu->load_kernels();
  return gpu;
}

bool names_device(const strettoConfig_t& config) { return sized_copy(&config).device != STRETTO_UNSET; }

Settings resolve_settings(const strettoConfig_t* config, const Environment& environment) {
  const strettoConfig_t given = sized_copy(config);
  if (given.blocking != STRETTO_UNSET && given.blocking != 0 && given.blocking != 1) {
    refuse(strettoInvalidArgument, "blocking", format("config.blocking is {}: it must be 0 or 1", given.blocking));
  }
  if (given.max_channels != STRETTO_UNSET && (given.max_channels < 1 || given.max_channels > max_channels_most)) {
    refuse(strettoInvalidArgument, "max_channels",
           format("config.max_channels is {}: it must be from 1 to {}", given.max_channels, max_channels_most));
  }
  Settings result;
  result.gpu = resolve_device(given.device);
  result.setup_timeout_ns = timeout_ns(given.setup_timeout_ms, Knob::setup_timeout_ms, "setup_timeout_ms", environment);
  result.data_timeout_ns = timeout_ns(given.data_timeout_ms, Knob::data_timeout_ms, "data_timeout_ms", environment);
  result.heartbeat_interval_ns = environment.integer(Knob::heartbeat_interval_ms) * 1'000'000;
  result.heartbeat_timeout_ns = environment.integer(Knob::heartbeat_timeout_ms) * 1'000'000;
  result.test_sockets = environment.test_sockets();
  result.test_short_sum = environment.test_short_sum();
  result.spin_us = environment.integer(Knob::spin_us);
  result.blocking = given.blocking != 0;
  result.topology_file = environment.text(Knob::topo_file);
  result.topology_dump = environment.text(Knob::topo_dump);
  if (given.name != nullptr) result.name = given.name;
  result.algorithm_from_config = given.algorithm != nullptr;
  result.algorithm = given.algorithm != nullptr ? std::string(given.algorithm) : environment.text(Knob::algorithm);
  check_algorithm(result.algorithm, result.algorithm_from_config ? "algorithm" : "STRETTO_ALGORITHM");
  result.protocol = protocol_of(environment.text(Knob::protocol));
  if (given.max_channels != STRETTO_UNSET) result.max_channels = static_cast<std::uint32_t>(given.max_channels);
  result.shm_slot_bytes = static_cast<std::uint64_t>(environment.integer(Knob::shm_slot_bytes));
  result.shm_slots = static_cast<std::uint32_t>(environment.integer(Knob::shm_slots));
  check_slots(result);
  result.debug = parse_debug_mode(environment.text(Knob::debug));
  return result;
}

void adopt_tuning(Settings& settings, const Environment& environment) {
  TuningInForce tuning = tuning_in_force(environment);
  if (!tuning.warning.empty()) log(LogLevel::warn, "event=tuning comm={} text=\"{}\"", settings.name, tuning.warning);
  settings.constants = tuning.constants;
  settings.pair_times = tuning.pair_times;
  settings.constants_source = std::move(tuning.source);
}

}  // namespace stretto
