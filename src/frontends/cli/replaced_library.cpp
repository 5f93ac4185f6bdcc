#include "frontends/cli/replaced_library.hpp"

#include <glob.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

#include "base/text.hpp"

namespace stretto::cli {
namespace {

constexpr std::string_view kName = "libnccl.so.2";

std::string real_path(const std::string& path) {
  std::array<char, PATH_MAX> resolved{};
  return realpath(path.c_str(), resolved.data()) == nullptr ? path : resolved.data();
}

std::vector<std::string> split(const std::string& text, const char* separators) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find_first_of(separators, start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return paths;
}

/// Its packages lie beside it, without following the links of a virtual environment, or beside what it links to.
std::vector<std::string> in_packages_of(const std::string& python, const std::string& home) {
  const std::string real = real_path(python);
  const std::string name = real.substr(real.rfind('/') + 1);
  // python3.11 has its packages in lib/python3.11, and other versions may be beside it.
  const bool has_version = name.starts_with("python3.") && std::isdigit(static_cast<unsigned char>(name.back())) != 0;
  const std::string version = has_version ? name : "python3*";
  std::vector<std::string> bases;
  for (const std::string& program : {python, real}) bases.push_back(program.substr(0, program.rfind('/')) + "/..");
  bases.emplace_back("/usr/local");
  if (!home.empty()) bases.push_back(home + "/.local");
  std::vector<std::string> found;
  for (const std::string& base : bases) {
    for (const char* lib : {"/lib/", "/lib64/"}) {
      for (const char* packages : {"/site-packages", "/dist-packages"}) {
        for (std::string& path : matches(format("{}{}{}{}/nvidia/nccl/lib/{}", base, lib, version, packages, kName))) {
          found.push_back(std::move(path));
        }
      }
    }
  }
  return found;
}

// The loader's cache: this header, entries, strings; offsets count from the header. An older cache may stand before it.
struct CacheHeader {
  std::array<char, 20> magic;
  std::uint32_t n_entries;
  std::uint32_t string_bytes;
  std::array<std::uint32_t, 5> unused;
};
struct CacheEntry {
  std::int32_t flags;
  std::uint32_t key;
  std::uint32_t value;
  std::uint32_t os_version;
  std::uint64_t hardware;
};
constexpr std::string_view kCacheMagic = "glibc-ld.so.cache1.1";

std::string_view text_at(std::string_view cache, std::uint32_t offset) {
  if (offset >= cache.size()) return "";
  const std::string_view rest = cache.substr(offset);
  return rest.substr(0, rest.find('\0'));
}

std::string loader_cache() {
  std::ifstream file("/etc/ld.so.cache", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

std::string path_in_loader_cache(std::string_view cache, std::string_view name) {
  const std::size_t start = cache.find(kCacheMagic);
  if (start == cache.npos) return "";
  cache.remove_prefix(start);
  CacheHeader header{};
  if (cache.size() < sizeof header) return "";
  std::memcpy(&header, cache.data(), sizeof header);
  for (std::size_t i = 0; i < header.n_entries; ++i) {
    const std::size_t offset = sizeof header + i * sizeof(CacheEntry);
    if (offset + sizeof(CacheEntry) > cache.size()) return "";
    CacheEntry entry{};
    std::memcpy(&entry, cache.data() + offset, sizeof entry);
    if (text_at(cache, entry.key) == name) return std::string(text_at(cache, entry.value));
  }
  return "";
}

std::vector<FoundLibrary> replaced_libraries(const Variables& variables, const std::string& python) {
  const auto value_of = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
  std::vector<FoundLibrary> result;
  const auto add = [&](const std::string& path, std::string_view where) {
    if (access(path.c_str(), R_OK) != 0) return;
    const std::string real = real_path(path);
    const bool known = std::any_of(result.begin(), result.end(), [&](const FoundLibrary& f) { return f.path == real; });
    if (!known) result.push_back({real, where});
  };
  for (const std::string& path : split(value_of("LD_PRELOAD"), ": ")) {
    if (path.substr(path.rfind('/') + 1).starts_with("libnccl.so")) add(path, "LD_PRELOAD");
  }
  if (!python.empty()) {
    // Before LD_LIBRARY_PATH: torch finds its own package by a run path that goes before that.
    for (const std::string& path : in_packages_of(python, value_of("HOME"))) add(path, "a package of this Python");
  }
  for (const std::string& folder : split(value_of("LD_LIBRARY_PATH"), ":;")) {
    if (!folder.empty()) add(folder + "/" + std::string(kName), "LD_LIBRARY_PATH");
  }
  if (const std::string path = path_in_loader_cache(loader_cache(), kName); !path.empty()) {
    add(path, "the loader's cache");
  }
  return result;
}

}  // namespace stretto::cli
