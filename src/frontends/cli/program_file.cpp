#include "frontends/cli/program_file.hpp"

#include <elf.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto::cli {
namespace {

constexpr int kMostInterpreters = 5;  // the kernel goes no further either

/// This very program's header says what is native.
bool read_header(std::ifstream& file, Elf64_Ehdr& header) {
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  return file.gcount() == sizeof header;
}

bool is_native(const Elf64_Ehdr& header) {
  std::ifstream self("/proc/self/exe", std::ios::binary);
  Elf64_Ehdr own{};
  if (!read_header(self, own)) return true;
  return header.e_ident[EI_CLASS] == own.e_ident[EI_CLASS] && header.e_machine == own.e_machine;
}

bool has_loader(std::ifstream& file, const Elf64_Ehdr& header) {
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    file.seekg(static_cast<std::streamoff>(header.e_phoff + static_cast<std::uint64_t>(i) * header.e_phentsize));
    file.read(reinterpret_cast<char*>(&part), sizeof part);
    if (file.gcount() == sizeof part && part.p_type == PT_INTERP) return true;
  }
  return false;
}

/// The words after #!.
std::vector<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  std::istringstream text(line.substr(0, 256).substr(std::min<std::size_t>(2, line.size())));
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// The program that `env` with these words starts, looked up in PATH; "" if it is not plain.
std::string started_by_env(const std::vector<std::string>& words, const std::string& search) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].starts_with('-') || words[i].find('=') != std::string::npos) continue;
    try {
      return find_program(words[i], search);
    } catch (const Error&) {
      return "";
    }
  }
  return "";
}

/// As the kernel decides it (AT_SECURE), for a file without another user's or group's rights.
bool gains_privileges(const std::string& path) {
  struct stat status {};
  struct statvfs system {};
  if (stat(path.c_str(), &status) != 0) return false;
  if (statvfs(path.c_str(), &system) == 0 && (system.f_flag & ST_NOSUID) != 0) return false;
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return false;
  if ((status.st_mode & S_ISUID) != 0 && status.st_uid != getuid()) return true;
  if ((status.st_mode & S_ISGID) != 0 && (status.st_mode & S_IXGRP) != 0 && status.st_gid != getgid()) return true;
  return getuid() != 0 && getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

}  // namespace

FileKind kind_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return FileKind::unreadable;
  Elf64_Ehdr header{};
  const bool whole = read_header(file, header);
  if (header.e_ident[0] == '#' && header.e_ident[1] == '!') return FileKind::script;
  if (!whole || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return FileKind::other;
  if (!is_native(header)) return FileKind::foreign;
  return has_loader(file, header) ? FileKind::dynamic : FileKind::fixed;
}

bool is_shared_library(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  return read_header(file, header) && std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && is_native(header) &&
         header.e_type == ET_DYN;
}

std::string find_program(const std::string& name, const std::string& path) {
  std::vector<std::string> candidates;
  if (name.find('/') != std::string::npos) {
    candidates.push_back(name);
  } else {
    std::istringstream folders(path);
    for (std::string folder; std::getline(folders, folder, ':');) {
      candidates.push_back((folder.empty() ? "." : folder) + "/" + name);
    }
  }
  bool is_there = false;
  for (const std::string& candidate : candidates) {
    struct stat status {};
    if (stat(candidate.c_str(), &status) != 0 || S_ISDIR(status.st_mode)) continue;
    is_there = true;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  throw Error(strettoInvalidArgument,
              is_there ? format("run: {} is not executable: chmod +x, or name its interpreter", name)
                       : format("run: there is no program {}{}", name, candidates.size() > 1 ? " in PATH" : ""),
              "program");
}

ProgramFile examine_program(const std::string& path, const std::string& search) {
  ProgramFile result;
  result.path = result.executed = path;
  if (base_name(path).starts_with("python")) result.python = path;
  for (int i = 0; i < kMostInterpreters; ++i) {
    result.kind = kind_of_file(result.executed);
    if (result.kind != FileKind::script) break;
    const std::vector<std::string> words = first_line(result.executed);
    if (words.empty()) break;
    result.executed = words.front();
    const std::string named = base_name(result.executed) == "env" ? started_by_env(words, search) : result.executed;
    if (result.python.empty() && base_name(named).starts_with("python")) result.python = named;
  }
  result.gains_privileges = gains_privileges(result.executed);
  return result;
}

}  // namespace stretto::cli
