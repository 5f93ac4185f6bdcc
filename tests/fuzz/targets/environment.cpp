// The environment: lines NAME=value, then a line "--", then what is in the configuration file. What is refused is
// refused naming a variable; what is accepted is within the ranges of the table, and good for settings.
#include "base/environment.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/system.hpp"
#include "bootstrap/job_key.hpp"
#include "bootstrap/launcher.hpp"
#include "comm/settings.hpp"
#include "fuzz.hpp"

namespace stretto::fuzz {
namespace {

/// The one configuration file there is: memory, so that nothing is left behind.
int config_file() {
  static const int file = memfd_create("stretto-fuzz", MFD_CLOEXEC);
  STRETTO_ASSERT(file >= 0);
  return file;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  return lines;
}

bool is_variable(const std::string& field) {
  return std::any_of(knob_rows().begin(), knob_rows().end(), [&](const KnobRow& row) { return row.name == field; });
}

void judge(const Environment& environment) {
  for (const KnobRow& row : knob_rows()) {
    if (row.kind != KnobKind::integer) continue;
    const std::int64_t value = environment.integer(row.knob);
    STRETTO_ASSERT(value >= row.least && value <= row.most);
  }
  if (const auto endpoint = parse_endpoint(environment.text(Knob::bootstrap_address))) {
    STRETTO_ASSERT(to_string(*parse_endpoint(to_string(*endpoint))) == to_string(*endpoint));
  }
  const Settings settings = resolve_settings(nullptr, environment);
  STRETTO_ASSERT(settings.setup_timeout_ns > 0 && settings.data_timeout_ns > 0);
  STRETTO_ASSERT(settings.shm_slot_bytes % 64 == 0);
}

/// What a launcher says, whichever it is.
void read_launcher(const std::vector<std::string>& entries) {
  Variables variables;
  for (const std::string& entry : entries) {
    const std::size_t equals = std::min(entry.find('='), entry.size());
    variables[entry.substr(0, equals)] = entry.substr(std::min(equals + 1, entry.size()));
  }
  const auto wanted = variables.find("STRETTO_LAUNCHER");
  try {
    const Launch launch = read_launch(variables, wanted == variables.end() ? "" : wanted->second);
    STRETTO_ASSERT(launch.n_ranks >= 1 && launch.rank >= 0 && launch.rank < launch.n_ranks);
    STRETTO_ASSERT(!launch.rank_variable.empty() && !launch.size_variable.empty() && !job_text(launch).empty());
    STRETTO_ASSERT(meeting_name(launch, 0, "", 0, {}) != meeting_name(launch, 1, "", 0, {}));
  } catch (const Error& error) {
    STRETTO_ASSERT(!error.info().field.empty() && !error.info().text.empty());
    STRETTO_ASSERT(error.info().code == strettoInvalidArgument || error.info().code == strettoInvalidUsage);
  }
}

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stretto::fuzz;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = std::min(text.find("\n--\n"), text.size());
  const std::string file = text.substr(std::min(cut + 4, text.size()));
  STRETTO_ASSERT(ftruncate(config_file(), 0) == 0);
  STRETTO_ASSERT(pwrite(config_file(), file.data(), file.size(), 0) == static_cast<ssize_t>(file.size()));
  std::vector<std::string> entries = lines_of(text.substr(0, cut));
  for (std::string& entry : entries) {  // no other file may be read: it might have no end
    constexpr std::string_view kFile = "STRETTO_CONFIG_FILE=";
    if (entry.starts_with(kFile)) entry = std::string(kFile) + "/proc/self/fd/" + std::to_string(config_file());
  }
  stretto::require_crypto();
  read_launcher(entries);
  try {
    judge(stretto::Environment::from(entries));
  } catch (const stretto::Error& error) {
    STRETTO_ASSERT(error.info().code == strettoInvalidArgument && is_variable(error.info().field));
    STRETTO_ASSERT(!error.info().text.empty());
  }
  return 0;
}
