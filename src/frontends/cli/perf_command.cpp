// `stretto perf NAME`: the tools lie beside the installed program, or in the build tree.
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "frontends/cli/commands.hpp"

namespace stretto::cli {
namespace {

constexpr const char* kSuffix = "_perf";

/// Where the tools may be, from the folder of this program: installed (bin/), and built (src/frontends/cli/).
std::array<std::string, 2> tool_folders() {
  const std::string folder = own_folder();
  return {folder + "/../libexec/stretto", folder + "/../../../perf"};
}

std::string names_found() {
  std::set<std::string> names;
  for (const std::string& folder : tool_folders()) {
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(folder.c_str()), closedir);
    while (const dirent* entry = listing ? readdir(listing.get()) : nullptr) {
      const std::string file = entry->d_name;
      const std::size_t end = file.rfind(kSuffix);
      if (end != std::string::npos && end > 0 && end + std::strlen(kSuffix) == file.size()) {
        names.insert(file.substr(0, end));
      }
    }
  }
  std::string text;
  for (const std::string& name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text.empty() ? "none" : text;
}

}  // namespace

void run_perf(const std::string& name, const std::vector<std::string>& arguments) {
  if (name.empty()) {
    throw Error(strettoInvalidArgument, "perf needs the name of a tool; these are here: " + names_found(), "name");
  }
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  for (const std::string& folder : tool_folders()) {
    std::string program = folder;
    program.append("/").append(name).append(kSuffix);
    if (!plain || access(program.c_str(), X_OK) != 0) continue;
    std::vector<char*> words{program.data()};
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    execv(program.c_str(), words.data());
    throw Error(strettoSystemError, format("cannot run {}: {}", program, std::strerror(errno)));
  }
  throw Error(strettoInvalidArgument, format("no tool \"{}\"; these are here: {}", name, names_found()), "name");
}

}  // namespace stretto::cli
