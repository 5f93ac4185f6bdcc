#include "tuning/tuning_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/probe/hardware.hpp"

namespace stretto {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view kFormat = "stretto tuning 1";
constexpr std::size_t kMembers = 5;

[[noreturn]] void refuse(std::string why) {
  throw Error(strettoInvalidArgument, std::move(why), "STRETTO_TUNING_FILE");
}

const Json& member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) refuse(format("it has no \"{}\"", name));
  return *found;
}

std::uint64_t constant_in(const Json& constants, const LinkConstantRow& row) {
  const Json& value = member(constants, std::string(row.name).c_str());
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > row.most) {
    refuse(format("its \"{}\" is no whole number from 0 to {}", row.name, row.most));
  }
  return value.get<std::uint64_t>();
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

/// Nobody else may have a say in what all ranks of a job do. Of the open file: its name may be another one's by now.
void check_owner(int descriptor) {
  struct stat facts {};
  if (fstat(descriptor, &facts) != 0) refuse(format("it cannot be looked at ({})", std::strerror(errno)));
  if (!S_ISREG(facts.st_mode)) refuse("it is no regular file");
  if (facts.st_uid != geteuid() && facts.st_uid != 0) refuse("it belongs neither to this user nor to root");
  if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) refuse("others than its owner may write it: chmod go-w");
}

/// Nothing if there is no such file.
std::optional<std::string> read_text(const std::string& path) {
  // Non-blocking: a pipe that nobody writes to must not hold up a program's start; it is refused below.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (file.number() < 0) refuse(format("it cannot be opened ({})", std::strerror(errno)));
  check_owner(file.number());
  std::string text(kMostTuningBytes + 1, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t n = read(file.number(), text.data() + length, text.size() - length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) refuse(format("it cannot be read ({})", std::strerror(errno)));
    if (n == 0) break;
    length += static_cast<std::size_t>(n);
  }
  if (length > kMostTuningBytes) refuse(format("it has more than {} bytes", kMostTuningBytes));
  text.resize(length);
  return text;
}

[[noreturn]] void cannot_write(const std::string& path, int why) {
  throw Error(strettoSystemError,
              format("{} cannot be written ({}): name another file with --out", path, std::strerror(why)));
}

void write_all(int descriptor, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = write(descriptor, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) cannot_write(path, errno);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
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
  Json constants;
  for (const LinkConstantRow& row : link_constant_rows())
    constants[std::string(row.name)] = tuning.constants.*row.field;
  const Json all = {{"format", kFormat},
                    {"hardware", tuning.hardware},
                    {"ranks", tuning.n_ranks},
                    {"error_percent", std::round(tuning.error_percent * 10) / 10},
                    {"constants", constants}};
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
  if (all.size() != kMembers) refuse("it holds more than is expected");
  const Json& constants = member(all, "constants");
  if (!constants.is_object()) refuse("its \"constants\" are no object");
  for (const LinkConstantRow& row : link_constant_rows()) tuning.constants.*row.field = constant_in(constants, row);
  if (constants.size() != link_constant_rows().size()) refuse("its \"constants\" hold one that is unknown");
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
  // Unique, so that two of them at once do not write into one another; beside it, so that rename() is one step.
  std::string draft = path + ".XXXXXX";
  const Descriptor file(mkostemp(draft.data(), O_CLOEXEC));
  if (file.number() < 0) cannot_write(path, errno);
  try {
    write_all(file.number(), tuning_to_json(tuning), path);
    constexpr mode_t kMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
    if (fchmod(file.number(), kMode) != 0 || fsync(file.number()) != 0) cannot_write(path, errno);
    if (rename(draft.c_str(), path.c_str()) != 0) cannot_write(path, errno);
  } catch (...) {
    unlink(draft.c_str());
    throw;
  }
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
    result.source = *path;
  } catch (const Error& error) {
    result.warning = format("tuning file {} is not used: {}; the defaults are. `stretto tune` writes a new one", *path,
                            error.what());
  }
  return result;
}

}  // namespace stretto
