#include "perf/common/provenance.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "perf/common/data.hpp"
#include "perf/common/gpu.hpp"
#include "perf/common/nvml.hpp"

namespace stretto::perf {
namespace {

std::string hash_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (bytes.empty()) return "unknown";
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%016llx",
                static_cast<unsigned long long>(hash_bytes(bytes.data(), bytes.size())));
  return text.data();
}

std::string library_path() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&strettoGetVersion), &info) == 0 || info.dli_fname == nullptr) return {};
  return info.dli_fname;
}

/// Without what the launcher tells its processes.
std::vector<std::string> command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  std::string word;
  while (std::getline(file, word, '\0')) words.push_back(word);
  if (words.size() > 2 && words[words.size() - 2] == "--child") words.resize(words.size() - 2);
  return words;
}

/// No secrets: those that STRETTO_ variables hold are names of files.
std::vector<std::string> variables() {
  std::vector<std::string> found;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    for (const char* prefix : {"NCCL_", "STRETTO_", "CUDA_"}) {
      if (std::strncmp(*variable, prefix, std::strlen(prefix)) == 0) found.emplace_back(*variable);
    }
  }
  return found;
}

}  // namespace

Provenance provenance(bool with_gpus) {
  Provenance from;
  from.commit = kCommit;
  from.dirty = kCommitDirty;
  from.tool_hash = hash_of_file("/proc/self/exe");
  from.library_hash = hash_of_file(library_path());
  from.command = command_line();
  from.variables = variables();
  if (with_gpus) {
    from.cuda = gpus().versions();
    from.driver = gpu_driver_version();
  }
  return from;
}

}  // namespace stretto::perf
