// run_tool for a tool that starts its own local processes, or that a launcher started whose environment the library
// can read.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "perf/common/launcher.hpp"
#include "perf/common/world.hpp"

namespace stretto::perf {
namespace {

/// How many processes the launcher's environment speaks of; 0: none does.
int launched_processes() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE", "WORLD_SIZE"}) {
    const char* const value = std::getenv(name);
    if (value != nullptr) return std::max(0, std::atoi(value));
  }
  return 0;
}

/// A variable of nccl-tests' that would change what is measured, and here would not: better said than ignored.
const char* unknown_variable() {
  constexpr const char* kPrefix = "NCCL_TESTS_";
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::strncmp(*variable, kPrefix, std::strlen(kPrefix)) == 0) return *variable;
  }
  return nullptr;
}

int run(const Collective& collective, const Options& options, const std::vector<std::string>& arguments) {
  if (options.child.index >= 0) {
    const ChildSlot slot = options.child;
    return run_process(collective, options, {slot.index, options.processes, false, [slot](char* message) {
                                               slot.index == 0 ? send_message(slot, message)
                                                               : receive_message(slot, message);
                                             }});
  }
  if (options.processes > 1) return launch(options.processes, arguments);
  if (options.processes == 0 && launched_processes() > 1) {
    if (options.threads != 1) {
      std::fprintf(stderr, "%s_perf: -t: a launcher's environment gives one rank to each process\n", collective.name);
      return kExitUsage;
    }
    return run_process(collective, options, {0, launched_processes(), true, {}});
  }
  return run_process(collective, options, {});
}

}  // namespace

int run_tool(const Collective& collective, int argc, char** argv) {
  int code = kExitOk;
  const std::optional<Options> options = options_of_main(collective, argc, argv, code);
  if (!options) return code;
  if (const char* const variable = unknown_variable()) {
    std::fprintf(stderr, "%s_perf: %s is set in the environment; this tool has none of these variables: unset it\n",
                 collective.name, variable);
    return kExitUsage;
  }
  try {
    return run(collective, *options, std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s_perf: %s\n", collective.name, error.what());
    return kExitFailure;
  }
}

}  // namespace stretto::perf
