// Reading files in tests of topologies.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace stretto::topology {

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path << " cannot be read";
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::string machine_file(const std::string& name) { return STRETTO_MACHINES_FOLDER "/" + name + ".xml"; }

/// This folder's machines, and those of the folder that STRETTO_TEST_TOPOLOGIES names, if it does.
inline std::vector<std::string> machine_files() {
  std::vector<std::string> folders = {STRETTO_MACHINES_FOLDER};
  if (const char* more = std::getenv("STRETTO_TEST_TOPOLOGIES"); more != nullptr) folders.emplace_back(more);
  std::vector<std::string> files;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".xml") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace stretto::topology
