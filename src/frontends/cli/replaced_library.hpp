// Which libnccl.so.2 a program would have got: as far as the places tell where one is looked for. What is linked into
// the program, or found by a run path of its own, is not seen.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace stretto::cli {

struct FoundLibrary {
  std::string path;  ///< links followed
  std::string_view where;
};

using Variables = std::map<std::string, std::string>;

/// In the order in which they would have been taken, each file once.
/// @param python the program's, or ""
std::vector<FoundLibrary> replaced_libraries(const Variables& variables, const std::string& python);

/// The path that the loader's cache (the text of /etc/ld.so.cache) has for a name; "": none, or not a cache.
std::string path_in_loader_cache(std::string_view cache, std::string_view name);

}  // namespace stretto::cli
