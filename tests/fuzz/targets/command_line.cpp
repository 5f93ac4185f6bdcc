// Command lines, one argument to a line: of `stretto` (first line "stretto") and of a perf tool (anything else). They
// run, or are refused by a status and a text; nothing else comes of any of them.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <streambuf>

#include "frontends/cli/commands.hpp"
#include "fuzz.hpp"
#include "perf/common/options.hpp"
#include "topology/files/cluster_line.hpp"

namespace stretto::cli {

// In place of src/frontends/cli/perf_command.cpp and run_command.cpp, which become another program.
void run_perf(const std::string& name, const std::vector<std::string>& arguments) {
  throw Error(strettoInvalidArgument, name + std::to_string(arguments.size()));
}

void run_program(const RunOptions& options) {
  throw Error(strettoInvalidArgument, options.library + std::to_string(options.words.size()));
}

// In place of tune_command.cpp, which measures.
void tune(const TuneOptions&) {}

// In place of simulate_command.cpp, which takes as long as what is asked for: the target cluster_line has the line.
void print_simulation(const SimulateOptions& options) {
  throw Error(strettoInvalidArgument,
              options.collective + topology::to_string(topology::parse_cluster_line(options.cluster.value_or(""))));
}

}  // namespace stretto::cli

namespace stretto::fuzz {
namespace {

/// Takes everything and keeps nothing.
class Nowhere : public std::streambuf {
 protected:
  int overflow(int c) override { return c == EOF ? 0 : c; }
  std::streamsize xsputn(const char*, std::streamsize count) override { return count; }
};

void silence() {
  static Nowhere nowhere;
  std::cout.rdbuf(&nowhere);
  std::cerr.rdbuf(&nowhere);
  STRETTO_ASSERT(std::freopen("/dev/null", "w", stdout) != nullptr);
}

void run_cli(const std::vector<std::string>& arguments) {
  // Without a file it looks at this machine, which is slow, and the same each time.
  const bool names_a_file = std::any_of(arguments.begin(), arguments.end(), [](const std::string& word) {
    return word != "topo" && !word.empty() && word.front() != '-';
  });
  if (!arguments.empty() && arguments.front() == "topo" && !names_a_file) return;
  std::vector<const char*> words{"stretto"};
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  try {
    const int status = cli::run(static_cast<int>(words.size()), words.data());
    STRETTO_ASSERT(status == 0 || status == cli::kBadArguments);
  } catch (const Error& error) {
    STRETTO_ASSERT(error.info().code == strettoInvalidArgument && !error.info().text.empty());
  }
}

void run_tool(const std::vector<std::string>& arguments) {
  const auto parsed = perf::parse_options("fuzz_perf", arguments);
  if (const auto* refusal = std::get_if<perf::Refusal>(&parsed)) {
    STRETTO_ASSERT((refusal->code == 0 || refusal->code == 2) && !refusal->text.empty());
    return;
  }
  const auto& options = std::get<perf::Options>(parsed);
  STRETTO_ASSERT(options.threads >= 1 && options.processes >= 0 && options.iterations >= 0);
  STRETTO_ASSERT(!options.ops.empty() && !options.types.empty());
  std::size_t previous = 0;
  for (const std::size_t bytes : perf::sweep(options)) {
    STRETTO_ASSERT(bytes >= options.min_bytes && bytes <= options.max_bytes && bytes >= previous);
    previous = bytes;
  }
}

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  stretto::fuzz::silence();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] == '\n') {
      words.emplace_back();
    } else if (data[i] != 0) {  // which no argument holds
      words.back() += static_cast<char>(data[i]);
    }
  }
  if (words.size() > 1 && words.back().empty()) words.pop_back();  // the end of a text file is no argument
  const std::string program = words.front();
  words.erase(words.begin());
  if (program == "stretto") {
    stretto::fuzz::run_cli(words);
  } else {
    stretto::fuzz::run_tool(words);
  }
  return 0;
}
