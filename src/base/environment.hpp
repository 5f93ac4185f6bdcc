// Every environment variable of stretto, in one table, and the only code that reads the environment.
// Precedence of a value: the caller's config, then the environment, then the configuration file (STRETTO_CONFIG_FILE,
// lines of NAME=value), then what another interface's variables mean (set_fallbacks), then the default of the table.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stretto {

enum class Knob : std::uint8_t {
  config_file,
  setup_timeout_ms,
  data_timeout_ms,
  heartbeat_interval_ms,
  heartbeat_timeout_ms,
  bootstrap_address,
  algorithm,
  protocol,
  shm_slot_bytes,
  shm_slots,
  spin_us,
  debug,
  log_level,
  log_file,
  launcher,
  secret_file,
  tuning_file,
  topo_file,
  topo_dump,
};

enum class KnobKind : std::uint8_t { integer, text };

/// Whose value counts: each process's own; rank 0's, for all ranks; that of the process that makes the id.
enum class KnobOwner : std::uint8_t { each, rank_0, listener };

struct KnobRow {
  Knob knob;
  std::string_view name;
  KnobKind kind;
  std::string_view default_value;
  std::int64_t least;  ///< of integers
  std::int64_t most;
  std::string_view help;
  KnobOwner owner = KnobOwner::each;
};

std::span<const KnobRow> knob_rows() noexcept;

/// All variables of this process, by name: what launchers say in theirs is not the table's.
std::map<std::string, std::string> process_variables();

/// STRETTO_TEST_NCCL_HOST=1: libnccl.so.2 makes communicators of host memory. For tests.
bool test_nccl_host();

/// A snapshot of all knobs, read once where a communicator is made. Immutable.
class Environment {
 public:
  /// Reads the process's environment and the configuration file. Throws Error(strettoInvalidArgument) naming the
  /// variable if a value is no number or out of range, or the file cannot be read.
  static Environment read();
  /// The same from given NAME=value entries: for tests.
  static Environment from(const std::vector<std::string>& entries, const std::vector<std::string>& fallbacks = {});
  /// NAME=value entries that count, from the next read() of this process on, where neither the environment nor the file
  /// gives a value. Not by setenv: that races with every getenv of the program's other threads, and children inherit it
  /// as if their user had set it. They replace those of an earlier call; a forked child has none. Throws
  /// Error(strettoInvalidArgument) for what could not stand in the environment, and for STRETTO_CONFIG_FILE.
  static void set_fallbacks(std::vector<std::string> entries);

  std::int64_t integer(Knob knob) const;
  const std::string& text(Knob knob) const;
  /// Whether the environment or the file has it.
  bool is_given(Knob knob) const { return given_.contains(knob); }
  /// STRETTO_TEST_SOCKETS: as if the ranks were bound to so many sockets, in equal shares; 0: the truth.
  std::int32_t test_sockets() const { return test_sockets_; }
  /// STRETTO_TEST_SHORT_SUM: 1, the default: small all-reduces run in a kernel of their own (device/short_sum.hpp); 2:
  /// on ranks of odd number only; 0: in the one for exchanges. Each rank's own affair.
  std::int32_t test_short_sum() const { return test_short_sum_; }
  /// One line per STRETTO_* variable that no row knows, with the nearest name. STRETTO_TEST_* are exempt.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::map<Knob, std::string> values_;
  std::set<Knob> given_;
  std::int32_t test_sockets_ = 0;
  std::int32_t test_short_sum_ = 1;
  std::vector<std::string> warnings_;
};

}  // namespace stretto
