// What NCCL's environment variables mean here: one table of them, and what those that are set come to. A variable is
// honoured (it gives a value to one of stretto's own, which goes before it wherever it is set), ignored (and said to
// be, once), or read by another program. Pure but for the functions at the end, which look at this process.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"

namespace stretto::nccl {

enum class Meaning : std::uint8_t { honoured, ignored, of_others };

struct VariableRow {
  std::string_view name;  ///< with a * at its end: all names that begin so and have no row of their own
  Meaning meaning;
  LogLevel level;  ///< of the line that says so: warn where programs rely on what is not done
  std::string_view
      means;  ///< of an honoured one: which of stretto's variables; of another: why, and what to do instead
};

std::span<const VariableRow> variable_rows() noexcept;

/// The row of its name, or the longest one with a * that fits; nullptr: unknown.
const VariableRow* find_variable(std::string_view name) noexcept;

struct NetworkInterface {
  std::string name;
  std::string address;  ///< as STRETTO_BOOTSTRAP_ADDRESS has it, without port
  bool ipv6 = false;
  bool loopback = false;
};

/// What the variables are held against.
struct Surroundings {
  std::string host;
  std::vector<NetworkInterface> interfaces;  ///< those that are up, in the system's order
  std::vector<std::string> file_entries;     ///< of NCCL's configuration files: they count where no variable is set
  bool topology_file_read = true;            ///< false: NCCL_TOPO_FILE names a file that cannot be read
  bool conf_file_read = true;                ///< false: NCCL_CONF_FILE names a file that cannot be read
};

struct Line {
  LogLevel level;
  std::string text;
};

/// What stretto has no variable for: values of ncclConfig_t where the program leaves them open, and a unique id.
struct Defaults {
  std::optional<int> blocking{};
  std::optional<int> max_ctas{};
  std::string comm_id{};  ///< the name that ids are made of; "": they are made as ever
};

/// Takes one of the variables that Defaults are made of. What the log says of it; nothing: the name is another's.
std::optional<Line> take_default(std::string_view name, std::string_view value, Defaults& defaults);

struct Translation {
  std::vector<std::string> settings;  ///< STRETTO_NAME=value
  Defaults defaults;
  std::vector<Line> lines;  ///< one for each NCCL_ variable that is set, in the order of names
};

/// @param entries NAME=value, of which those count that begin with NCCL_ or STRETTO_
Translation translate(std::span<const std::string> entries, const Surroundings& surroundings);

/// The interfaces that a value of NCCL_SOCKET_IFNAME admits, best first: prefixes separated by commas; a leading =
/// makes them whole names, a leading ^ those that are not admitted; ^= both. The loopback comes last.
std::vector<NetworkInterface> admitted_interfaces(std::string_view filter, std::span<const NetworkInterface> all);

/// The lines NAME=value of a configuration file, without comments, as far as they are NCCL's.
std::vector<std::string> conf_entries(std::string_view text);

/// The variables of this process that translate() looks at: the environment's, and stretto's that its file has.
std::vector<std::string> process_entries();
Surroundings process_surroundings(std::span<const std::string> entries);

/// Has the library work with what NCCL's variables mean, and logs the lines, once in a process. To be called before
/// anything else that reads stretto's environment: first thing in all that makes an id or a communicator. Threads may
/// call it at once; all return when it is done. Throws Error as Environment::read does, and may be called again.
void report_environment();
/// After that; before it none.
Defaults process_defaults();

}  // namespace stretto::nccl
