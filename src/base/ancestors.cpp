#include "base/ancestors.hpp"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "base/text.hpp"

namespace stretto {
namespace {

constexpr int kMostGenerations = 64;  // processes can be reparented while they are looked at: no endless climb

std::string content(int process, const char* file) {
  std::ifstream stream(format("/proc/{}/{}", process, file), std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// What cannot be read (another user's) has it not: launchers' daemons may be root's.
bool has_variable(int process, std::string_view variable) {
  const std::string entries = std::string(1, '\0') + content(process, "environ");
  return entries.find(std::string(1, '\0') + std::string(variable) + "=") != std::string::npos;
}

struct Stat {
  int parent = 0;
  std::string start_ticks;
};

Stat stat_of(int process) {
  const std::string text = content(process, "stat");
  const std::size_t name_end = text.rfind(')');  // the program's name may hold anything
  Stat stat;
  if (name_end == std::string::npos) return stat;
  std::istringstream fields(text.substr(name_end + 1));
  std::string state;
  fields >> state >> stat.parent;
  constexpr int kParentField = 4;
  constexpr int kStartField = 22;
  for (int field = kParentField; field < kStartField; ++field) fields >> stat.start_ticks;
  return stat;
}

}  // namespace

std::string ancestor_without(std::string_view variable) {
  int process = getppid();
  for (int i = 0; i < kMostGenerations && process > 0; ++i) {
    const Stat stat = stat_of(process);
    if (!has_variable(process, variable)) return format("{}:{}", process, stat.start_ticks);
    process = stat.parent;
  }
  return "";
}

}  // namespace stretto
