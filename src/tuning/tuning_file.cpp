#include "tuning/tuning_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>

#include "base/error.hpp"
#include "base/small_file.hpp"
#include "base/text.hpp"
#include "topology/probe/hardware.hpp"

namespace stretto {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view kFormat = "stretto tuning 2";
constexpr std::size_t kMembers = 5;
constexpr const char* kPair = "two_gpus";  ///< only where they were measured

[[noreturn]] void refuse(std::string why) {
  throw Error(strettoInvalidArgument, std::move(why), "STRETTO_TUNING_FILE");
}

const Json& member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) refuse(format("it has no \"{}\"", name));
  return *found;
}

/// The object's numbers, one for each row and no others.
template <typename Numbers, typename Row>
Numbers numbers_in(const Json& all, const char* name, std::span<const Row> rows) {
  const Json& object = member(all, name);
  if (!object.is_object()) refuse(format("its \"{}\" is no object", name));
  Numbers numbers;
  for (const Row& row : rows) {
    const Json& value = member(object, std::string(row.name).c_str());
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > row.most) {
      refuse(format("its \"{}\" is no whole number from 0 to {}", row.name, row.most));
    }
    numbers.*row.field = value.get<std::uint64_t>();
  }
  if (object.size() != rows.size()) refuse(format("its \"{}\" holds one that is unknown", name));
  return numbers;
}

template <typename Numbers, typename Row>
Json json_of(const Numbers& numbers, std::span<const Row> rows) {
  Json object;
  for (const Row& row : rows) object[std::string(row.name)] = numbers.*row.field;
  return object;
}

/// Nobody else may have a say in what all ranks of a job do.
void check_owner(const InputFile& file) {
  if (!file.is_regular()) refuse("it is no regular file");
  if (file.facts().st_uid != geteuid() && file.facts().st_uid != 0) {
    refuse("it belongs neither to this user nor to root");
  }
  if ((file.facts().st_mode & (S_IWGRP | S_IWOTH)) != 0) refuse("others than its owner may write it: chmod go-w");
}

/// Nothing if there is no such file.
std::optional<std::string> read_text(const std::string& path) {
  const InputFile file(path);
  if (file.error() == ENOENT || file.error() == ENOTDIR) return std::nullopt;
  if (file.error() != 0) refuse(format("it cannot be opened ({})", std::strerror(file.error())));
  check_owner(file);
  std::optional<std::string> text = file.read(kMostTuningBytes);
  if (!text) refuse(format("it cannot be read ({})", std::strerror(errno)));
  if (text->size() > kMostTuningBytes) refuse(format("it has more than {} bytes", kMostTuningBytes));
  return text;
}

[[noreturn]] void cannot_write(const std::string& path, int why) {
  throw Error(strettoSystemError,
              format("{} cannot be written ({}): name another file with --out", path, std::strerror(why)));
}

}  // namespace

void make_folders_of(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (mkdir(folder.c_str(), S_IRWXU) == 0 || errno == EEXIST) continue;
    // One that is there on a file system where nothing can be made gives other errors than EEXIST.
    struct stat facts {};
    const int why = errno;
    if (stat(folder.c_str(), &facts) != 0) cannot_write(path, why);
  }
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  if (access(folder.empty() ? "." : folder.c_str(), W_OK) != 0) cannot_write(path, errno);
}

std::string tuning_to_json(const Tuning& tuning) {
  Json all = {{"format", kFormat},
              {"hardware", tuning.hardware},
              {"ranks", tuning.n_ranks},
              {"error_percent", std::round(tuning.error_percent * 10) / 10},
              {"constants", json_of(tuning.constants, link_constant_rows())}};
  if (tuning.pair_times) all[kPair] = json_of(*tuning.pair_times, pair_time_rows());
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Tuning parse_tuning(std::string_view text) {
  const Json all = Json::parse(text, nullptr, false);
  if (all.is_discarded() || !all.is_object()) refuse("it is no JSON object");
  const Json& form = member(all, "format");
  if (!form.is_string() || form.get_ref<const std::string&>() != kFormat) {
    refuse(format("its \"format\" is not \"{}\"", kFormat));
  }
  Tuning tuning;
  const Json& hardware = member(all, "hardware");
  if (!hardware.is_string()) refuse("its \"hardware\" is no text");
  tuning.hardware = hardware.get<std::string>();
  const Json& n_ranks = member(all, "ranks");
  if (!n_ranks.is_number_unsigned() || n_ranks.get<std::uint64_t>() > 1 << 20)
    refuse("its \"ranks\" is no number of ranks");
  tuning.n_ranks = n_ranks.get<int>();
  const Json& error = member(all, "error_percent");
  if (!error.is_number() || !(error.get<double>() >= 0)) refuse("its \"error_percent\" is no number from 0 on");
  tuning.error_percent = error.get<double>();
  const bool has_pair = all.contains(kPair);
  if (all.size() != kMembers + (has_pair ? 1 : 0)) refuse("it holds more than is expected");
  tuning.constants = numbers_in<LinkConstants>(all, "constants", link_constant_rows());
  if (has_pair) tuning.pair_times = numbers_in<PairTimes>(all, kPair, pair_time_rows());
  return tuning;
}

namespace {

/// What it is does not change, and reading it takes time.
const std::string& hardware() {
  static const std::string facts = topology::hardware_facts();
  return facts;
}

/// The folder of the cache; "": there is no place for one.
std::string cache_folder() {
  const std::map<std::string, std::string> variables = process_variables();
  const auto folder = [&](const char* name) {
    const auto found = variables.find(name);
    return found != variables.end() && found->second.starts_with('/') ? found->second : std::string();
  };
  std::string base = folder("XDG_CACHE_HOME");
  if (base.empty()) {
    base = folder("HOME");
    if (base.empty()) return "";
    base += "/.cache";
  }
  return base + "/stretto";
}

bool has_cache() {
  const std::string folder = cache_folder();
  return !folder.empty() && access(folder.c_str(), R_OK | X_OK) == 0;
}

}  // namespace

std::optional<std::string> cached_tuning_path() {
  const std::string base = cache_folder();
  if (base.empty()) return std::nullopt;
  return format("{}/tuning-{}.json", base, topology::fingerprint_of(hardware()));
}

void write_tuning(const std::string& path, const Tuning& tuning) {
  make_folders_of(path);
  constexpr mode_t kMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
  if (const int why = replace_file(path, tuning_to_json(tuning), kMode); why != 0) cannot_write(path, why);
}

TuningInForce tuning_in_force(const Environment& environment) {
  const std::string& named = environment.text(Knob::tuning_file);
  TuningInForce result;
  if (named == "off") return result;
  // Where nobody has tuned, nothing is read and nothing is said.
  if (named.empty() && !has_cache()) return result;
  const std::optional<std::string> path = named.empty() ? cached_tuning_path() : named;
  if (!path) return result;
  try {
    const std::optional<std::string> text = read_text(*path);
    if (!text && named.empty()) return result;
    if (!text) refuse("there is no such file");
    const Tuning tuning = parse_tuning(*text);
    const std::string& here = hardware();
    if (tuning.hardware != here) refuse(format("it is of other hardware ({}), this is {}", tuning.hardware, here));
    result.constants = tuning.constants;
    result.pair_times = tuning.pair_times.value_or(PairTimes());
    result.source = *path;
  } catch (const Error& error) {
    result.warning = format("tuning file {} is not used: {}; the defaults are. `stretto tune` writes a new one", *path,
                            error.what());
  }
  return result;
}

}  // namespace stretto
