// `stretto run -- PROGRAM`: puts stretto's libnccl.so.2 in the place of NCCL's, by the loader's LD_PRELOAD, and becomes
// the program: its exit status, its signals, its process number are its own.
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "frontends/cli/commands.hpp"
#include "frontends/cli/program_file.hpp"
#include "frontends/cli/replaced_library.hpp"

namespace stretto::cli {
namespace {

/// Programs that load the path they find in these, and so would not see a preloaded one by its name.
constexpr std::array kPathVariables = {"VLLM_NCCL_SO_PATH", "SGLANG_NCCL_SO_PATH"};
/// What launchers call the rank within the host, the innermost first.
constexpr std::array kLocalRanks = {"LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "PMI_LOCAL_RANK",
                                    "SLURM_LOCALID"};

std::string value_of(const Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second;
}

[[noreturn]] void refuse(std::string text, const char* field) {
  throw Error(strettoInvalidArgument, "run: " + std::move(text), field);
}

/// The whole path of the library: LD_PRELOAD must hold wherever the program goes.
std::string library_path(const std::string& given) {
  std::vector<std::string> candidates{given};
  if (given.empty()) {
    const std::string folder = own_folder();
    candidates = {folder + "/" STRETTO_LIB_FROM_BIN "/stretto/nccl/libnccl.so.2", folder + "/../nccl/libnccl.so.2"};
  }
  for (const std::string& candidate : candidates) {
    std::array<char, PATH_MAX> resolved{};
    if (realpath(candidate.c_str(), resolved.data()) == nullptr) continue;
    std::string path = resolved.data();
    if (!is_shared_library(path)) refuse(format("{} is not a shared library of this machine", path), "library");
    if (path.find_first_of(": \t\n") != std::string::npos) {
      refuse(format("LD_PRELOAD cannot name a path with blanks or colons: {}", path), "library");
    }
    return path;
  }
  if (!given.empty()) refuse(format("there is no library {}: {}", given, std::strerror(errno)), "library");
  refuse(format("there is no libnccl.so.2 beside this program (neither {} nor {}): install it, build the target "
                "stretto_nccl, or name one with --library",
                candidates[0], candidates[1]),
         "library");
}

void check_program(const ProgramFile& program) {
  if (program.gains_privileges) {
    refuse(format("{} runs with other rights than its caller's (setuid, setgid or capabilities): the loader drops "
                  "LD_PRELOAD then. Run `stretto run` inside of it, as the user that it becomes",
                  program.executed),
           "program");
  }
}

/// Of a program that preloading does not reach itself: what it starts may be reached. "": none.
std::string limit_of(const ProgramFile& program) {
  if (program.kind == FileKind::fixed) {
    return format("; {} is statically linked, so this has no effect on it, only on what it starts", program.executed);
  }
  if (program.kind == FileKind::foreign) {
    return format("; {} is of another machine, so this has no effect on it, only on what it starts", program.executed);
  }
  return "";
}

std::string replaced_text(const std::vector<FoundLibrary>& found, const std::string& library, bool is_python) {
  std::string text;
  for (const FoundLibrary& other : found) {
    if (other.path == library) continue;
    text += format("{}{} ({})", text.empty() ? " in place of " : " or ", other.path, other.where);
  }
  if (!text.empty()) return text;
  return format("; no other libnccl.so.2 was found in LD_LIBRARY_PATH, the loader's cache{}",
                is_python ? " or the packages of this Python" : "");
}

/// Not once for each rank, where a launcher says which is which.
bool is_first_of_host(const Variables& variables) {
  for (const char* name : kLocalRanks) {
    if (const std::string rank = value_of(variables, name); !rank.empty()) return rank == "0";
  }
  return true;
}

void set(const char* name, const std::string& value) {
  if (setenv(name, value.c_str(), 1) != 0) throw Error(strettoSystemError, format("cannot set {}", name));
}

}  // namespace

void run_program(const RunOptions& options) {
  if (options.words.empty()) refuse("needs a program: stretto run -- PROGRAM ARGUMENTS", "program");
  const Variables variables = process_variables();
  const std::string path = variables.contains("PATH") ? value_of(variables, "PATH") : "/bin:/usr/bin";
  const std::string library = library_path(options.library);
  const ProgramFile program = examine_program(find_program(options.words.front(), path), path);
  check_program(program);

  std::string line =
      format("stretto: run: {} gets {}{}", options.words.front(), library,
             replaced_text(replaced_libraries(variables, program.python), library, !program.python.empty()));
  const std::string earlier = value_of(variables, "LD_PRELOAD");
  set("LD_PRELOAD", earlier.empty() ? library : library + ":" + earlier);
  for (const char* name : kPathVariables) {
    const std::string own = value_of(variables, name);
    if (own.empty()) set(name, library);
    if (!own.empty() && own != library) line += format("; {} stays {}", name, own);
  }
  line += limit_of(program) + "\n";
  if (is_first_of_host(variables)) std::fputs(line.c_str(), stderr);

  std::vector<char*> words;
  for (const std::string& word : options.words) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  // A script without #! is the shell's, as for whoever types its name; a program of another machine is not.
  program.kind == FileKind::other ? execvp(program.path.c_str(), words.data())
                                  : execv(program.path.c_str(), words.data());
  throw Error(strettoSystemError, format("run: cannot run {}: {}", program.path, std::strerror(errno)));
}

}  // namespace stretto::cli
