#include "perf/accuracy/options.hpp"

#include <CLI/CLI.hpp>

#include "perf/common/types.hpp"

namespace stretto::perf {
namespace {

constexpr std::size_t kMostElements = std::size_t{1} << 28;

/// Options that mean what they mean to the other tools, which understand them: name, what --help says.
constexpr std::pair<const char*, const char*> kShared[] = {
    {"--ranks", "local processes to start; each has -t ranks"},
    {"-t,--nthreads", "ranks of each process, one thread each"},
    {"-g,--ngpus", "with --device: ranks of each thread, driven by groups"},
    {"--device", "host (default), gpu, or a list of CUDA devices (0,1 or 0,0), which may repeat one"},
    {"--compare", "with --device: nccl[=FILE], the library whose errors are shown beside"},
    {"--algorithm", "force an algorithm; default: the planner's choice"},
    {"-T,--timeout", "give up when nothing ends for so many seconds"},
    {"-J,--json", "also write the results here, as JSON"},
    {"--child", ""},
};

std::string last_name(const std::string& names) { return names.substr(names.find(',') + 1); }

std::vector<strettoDataType_t> types_from(const std::string& name) {
  std::vector<strettoDataType_t> types;
  std::string names;
  for (const TypeRow& row : kTypes) {
    if (row.kind != Kind::floating || row.bytes > 4) continue;
    names += std::string(row.name) + ", ";
    if (name == "all" || name == row.name || (!row.alias.empty() && name == row.alias)) types.push_back(row.type);
  }
  if (types.empty()) throw CLI::ValidationError("-d", "'" + name + "' is none of: " + names + "all");
  return types;
}

}  // namespace

std::variant<AccuracyOptions, Refusal> parse_accuracy_options(const std::vector<std::string>& arguments) {
  CLI::App app("Compares all-reduced sums of floats with sums in 64 bits.", "accuracy_perf");
  AccuracyOptions options;
  std::string elements = "1M";
  std::string type = "all";
  std::vector<std::string> values(std::size(kShared));
  app.add_option("-c,--elements", elements, "elements of a sum (K, M)");
  app.add_option("-n,--runs", options.runs, "operations on the same inputs, whose bits are compared");
  app.add_option("-d,--datatype", type, "element type, or all floats of up to 32 bits");
  app.add_option("--seed", options.seed, "of the inputs");
  for (std::size_t i = 0; i < std::size(kShared); ++i) {
    CLI::Option* const option = app.add_option(kShared[i].first, values[i], kShared[i].second);
    if (*kShared[i].second == '\0') option->group("");
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    const std::optional<std::size_t> count = parse_bytes(elements);
    if (!count || *count == 0 || *count > kMostElements) throw CLI::ValidationError("-c", "must be from 1 to 256M");
    if (options.runs < 1 || options.runs > 1000) throw CLI::ValidationError("-n", "must be from 1 to 1000");
    options.elements = *count;
    options.types = types_from(type);
  } catch (const CLI::CallForHelp&) {
    return Refusal{0, app.help()};
  } catch (const CLI::Error& error) {
    return Refusal{2, std::string("accuracy_perf: ") + error.what() + "\nTry accuracy_perf --help.\n"};
  }
  std::vector<std::string> shared;
  for (std::size_t i = 0; i < std::size(kShared); ++i) {
    if (values[i].empty()) continue;
    shared.push_back(last_name(kShared[i].first));
    shared.push_back(values[i]);
  }
  auto parsed = parse_options("accuracy_perf", shared);
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) return *refusal;
  options.common = std::get<Options>(parsed);
  return options;
}

}  // namespace stretto::perf
