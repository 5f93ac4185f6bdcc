#include "base/environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <mutex>

#include "base/error.hpp"
#include "base/fork.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

constexpr std::array kRows = {
    KnobRow{Knob::config_file, "STRETTO_CONFIG_FILE", KnobKind::text, "", 0, 0,
            "File of NAME=value lines, read for whatever the environment does not set."},
    KnobRow{Knob::setup_timeout_ms, "STRETTO_SETUP_TIMEOUT_MS", KnobKind::integer, "30000", 1, kDayMs,
            "Deadline of a communicator's set-up: all ranks must have come."},
    KnobRow{Knob::data_timeout_ms, "STRETTO_DATA_TIMEOUT_MS", KnobKind::integer, "600000", 1, kDayMs,
            "Deadline of one operation. Whom its error names may take a second more to find out."},
    KnobRow{Knob::heartbeat_interval_ms, "STRETTO_HEARTBEAT_INTERVAL_MS", KnobKind::integer, "1000", 1, kDayMs,
            "How often ranks tell their neighbours in the control tree that they live."},
    KnobRow{Knob::heartbeat_timeout_ms, "STRETTO_HEARTBEAT_TIMEOUT_MS", KnobKind::integer, "60000", 1, kDayMs,
            "Silence after which a neighbour counts as lost (stopped, or its host unreachable)."},
    KnobRow{Knob::bootstrap_address, "STRETTO_BOOTSTRAP_ADDRESS", KnobKind::text, "", 0, 0,
            "Address (and port) where the root listens, e.g. 10.0.0.1, [fd00::1]:4000. Default: loopback.",
            KnobOwner::listener},
    KnobRow{Knob::algorithm, "STRETTO_ALGORITHM", KnobKind::text, "", 0, 0,
            "Use this algorithm (a row of `stretto explain`) wherever it can serve. Default: the cheapest.",
            KnobOwner::rank_0},
    KnobRow{
        Knob::protocol, "STRETTO_PROTOCOL", KnobKind::text, "", 0, 0,
        "Between GPUs, use packets, wide (packets of 128 bytes) or slots wherever it can serve. Default: the cheapest.",
        KnobOwner::rank_0},
    KnobRow{Knob::shm_slot_bytes, "STRETTO_SHM_SLOT_BYTES", KnobKind::integer, "0", 0, 1 << 26,
            "Bytes of a shared-memory slot, a multiple of 64; 0: by number of ranks, 65536 for up to 8.",
            KnobOwner::rank_0},
    KnobRow{Knob::shm_slots, "STRETTO_SHM_SLOTS", KnobKind::integer, "0", 0, 1 << 10,
            "Slots per shared-memory connection, a power of two; 0: 4.", KnobOwner::rank_0},
    KnobRow{Knob::spin_us, "STRETTO_SPIN_US", KnobKind::integer, "-1", -1, 1'000'000,
            "How long a waiting rank spins before it yields its core; -1: by ranks and cores of the host."},
    KnobRow{Knob::debug, "STRETTO_DEBUG", KnobKind::text, "off", 0, 0,
            "Checks of every operation: off, or some of checksum, nan, nan-error and all, separated by commas.",
            KnobOwner::rank_0},
    KnobRow{Knob::log_level, "STRETTO_LOG_LEVEL", KnobKind::text, "warn", 0, 0,
            "trace, debug, info, warn, error or off."},
    KnobRow{Knob::log_file, "STRETTO_LOG_FILE", KnobKind::text, "", 0, 0,
            "Where log lines go instead of standard error; %p becomes the process number."},
    KnobRow{Knob::launcher, "STRETTO_LAUNCHER", KnobKind::text, "", 0, 0,
            "Whose variables strettoCommInitEnvironment reads: torchrun, open_mpi, mpich, env, slurm. Default: found."},
    KnobRow{Knob::secret_file, "STRETTO_SECRET_FILE", KnobKind::text, "", 0, 0,
            "File with a secret, readable by its owner alone, equal on all hosts: keys ranks that a launcher started."},
    KnobRow{
        Knob::tuning_file, "STRETTO_TUNING_FILE", KnobKind::text, "", 0, 0,
        "File of the machine's constants that `stretto tune` wrote; off: the defaults. Default: the one in the cache.",
        KnobOwner::rank_0},
    KnobRow{Knob::topo_file, "STRETTO_TOPO_FILE", KnobKind::text, "", 0, 0,
            "Topology file of this host, NCCL's or hwloc's: goes before what is found of the host itself."},
    KnobRow{Knob::topo_dump, "STRETTO_TOPO_DUMP", KnobKind::text, "", 0, 0,
            "Where rank 0 and `stretto topo` write what they take this host for, as a topology file of NCCL's form."},
};

const KnobRow* find_row(std::string_view name) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const KnobRow& r) { return r.name == name; });
  return row == kRows.end() ? nullptr : row;
}

const KnobRow& row_of(Knob knob) { return kRows[static_cast<std::size_t>(knob)]; }

std::string unknown_text(std::string_view name) {
  const auto* nearest = std::min_element(kRows.begin(), kRows.end(), [&](const KnobRow& a, const KnobRow& b) {
    return edit_distance(name, a.name) < edit_distance(name, b.name);
  });
  return format("unknown variable {} is ignored; did you mean {}?", name, nearest->name);
}

[[noreturn]] void bad_value(const KnobRow& row, std::string_view value, std::string_view why) {
  ErrorInfo info;
  info.code = strettoInvalidArgument;
  info.field = std::string(row.name);
  info.name = "environment";
  info.text = format("{}={}: {}", row.name, value, why);
  throw Error(info);
}

void check_value(const KnobRow& row, const std::string& value) {
  static constexpr std::array<std::string_view, 6> kLevels = {"trace", "debug", "info", "warn", "error", "off"};
  if (row.knob == Knob::log_level && std::find(kLevels.begin(), kLevels.end(), value) == kLevels.end()) {
    bad_value(row, value, "must be trace, debug, info, warn, error or off");
  }
  if (row.kind != KnobKind::integer) return;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size()) bad_value(row, value, "not a whole number");
  if (number < row.least || number > row.most) {
    bad_value(row, value, format("must be from {} to {}", row.least, row.most));
  }
}

/// What set_fallbacks was given.
struct Fallbacks {
  std::mutex mutex;
  std::vector<std::string> entries;
};

PerProcess<Fallbacks> process_fallbacks;

/// Whoever reads them later could not say whose mistake it was.
void check_fallback(const std::string& entry) {
  const std::size_t equals = entry.find('=');
  const KnobRow* row = equals == std::string::npos ? nullptr : find_row(entry.substr(0, equals));
  if (row == nullptr || row->knob == Knob::config_file) {
    throw Error(strettoInvalidArgument,
                format("\"{}\" is not STRETTO_NAME=value of a variable that can be given a default", entry), "entries");
  }
  check_value(*row, entry.substr(equals + 1));
}

std::vector<std::string> fallback_entries() {
  Fallbacks* const made = process_fallbacks.get_if_made();
  if (made == nullptr) return {};
  const std::lock_guard lock(made->mutex);
  return made->entries;
}

std::vector<std::string> file_entries(const std::string& path) {
  std::ifstream file(path);
  if (!file) bad_value(row_of(Knob::config_file), path, "cannot be read; check the path and its permissions");
  std::vector<std::string> entries;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] == '#') continue;
    const std::size_t last = line.find_last_not_of(" \t\r");
    if (!line.substr(first).starts_with("STRETTO_") || line.find('=') == std::string::npos) {
      bad_value(row_of(Knob::config_file), path, format("its line \"{}\" is not STRETTO_NAME=value", line));
    }
    entries.push_back(line.substr(first, last - first + 1));
  }
  return entries;
}

}  // namespace

std::span<const KnobRow> knob_rows() noexcept { return kRows; }

std::map<std::string, std::string> process_variables() {
  std::map<std::string, std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    // The first of a name counts, as for getenv.
    if (equals != text.npos) result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

bool test_nccl_host() {
  const std::map<std::string, std::string> variables = process_variables();
  const auto found = variables.find("STRETTO_TEST_NCCL_HOST");
  return found != variables.end() && found->second == "1";
}

Environment Environment::read() {
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) entries.emplace_back(*entry);
  return from(entries, fallback_entries());
}

void Environment::set_fallbacks(std::vector<std::string> entries) {
  for (const std::string& entry : entries) check_fallback(entry);
  Fallbacks& made = process_fallbacks.get();
  const std::lock_guard lock(made.mutex);
  made.entries = std::move(entries);
}

Environment Environment::from(const std::vector<std::string>& entries, const std::vector<std::string>& fallbacks) {
  Environment result;
  const auto take = [&](const std::vector<std::string>& source) {
    for (const std::string& entry : source) {
      const std::size_t equals = entry.find('=');
      if (equals == std::string::npos) continue;  // an environment may hold such entries
      const std::string name = entry.substr(0, equals);
      if (name == "STRETTO_TEST_SOCKETS") {
        std::from_chars(entry.data() + equals + 1, entry.data() + entry.size(), result.test_sockets_);
      }
      if (name == "STRETTO_TEST_SHORT_SUM") {
        std::from_chars(entry.data() + equals + 1, entry.data() + entry.size(), result.test_short_sum_);
      }
      if (!name.starts_with("STRETTO_") || name.starts_with("STRETTO_TEST_")) continue;
      if (const KnobRow* row = find_row(name); row != nullptr) {
        const std::string value = entry.substr(equals + 1);
        check_value(*row, value);
        result.values_.try_emplace(row->knob, value);
      } else {
        result.warnings_.push_back(unknown_text(name));
      }
    }
  };
  take(entries);
  if (!result.text(Knob::config_file).empty()) take(file_entries(result.text(Knob::config_file)));
  for (const auto& [knob, value] : result.values_) result.given_.insert(knob);
  take(fallbacks);
  for (const KnobRow& row : kRows) result.values_.try_emplace(row.knob, std::string(row.default_value));
  return result;
}

std::int64_t Environment::integer(Knob knob) const {
  const std::string& value = values_.at(knob);
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

const std::string& Environment::text(Knob knob) const {
  static const std::string empty;
  const auto found = values_.find(knob);
  return found == values_.end() ? empty : found->second;
}

}  // namespace stretto
