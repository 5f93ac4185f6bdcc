// What a program's file is, as far as it matters to LD_PRELOAD: whether the dynamic loader runs it, and obeys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stretto::cli {

/// What the kernel makes of a file that it executes.
enum class FileKind : std::uint8_t {
  dynamic,  ///< ELF of this machine, started by the dynamic loader
  fixed,    ///< ELF of this machine without a loader: statically linked
  foreign,  ///< ELF of another machine or word size
  script,   ///< #!
  unreadable,
  other,
};

struct ProgramFile {
  std::string path;                 ///< as it was found, links not followed
  FileKind kind = FileKind::other;  ///< of what runs in the end: a script's interpreter
  std::string executed;             ///< that
  std::string python;               ///< the Python that it is, or that runs it as a script; "": none
  bool gains_privileges = false;    ///< the loader drops LD_PRELOAD then
};

/// Looks a name without slashes up in `path` as execvp does. Throws Error(strettoInvalidArgument): not there, not
/// executable.
std::string find_program(const std::string& name, const std::string& path);

/// @param path of `find_program`; @param search PATH, in which `#!/usr/bin/env NAME` looks
ProgramFile examine_program(const std::string& path, const std::string& search);

FileKind kind_of_file(const std::string& path);
/// Whether it is a shared library of this machine.
bool is_shared_library(const std::string& path);

}  // namespace stretto::cli
