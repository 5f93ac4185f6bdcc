// A folder for a test's tuning files, and variables that are as they were afterwards.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

namespace stretto {

class TuningFolder : public ::testing::Test {
 protected:
  TuningFolder() {
    std::string name = ::testing::TempDir() + "stretto_tuning_XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~TuningFolder() override {
    for (const auto& [name, value] : before_) value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
    std::filesystem::remove_all(folder_);
  }

  void set(const std::string& name, const std::string& value) {
    const char* const was = getenv(name.c_str());
    before_.try_emplace(name, was == nullptr ? std::nullopt : std::optional<std::string>(was));
    setenv(name.c_str(), value.c_str(), 1);
  }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
    std::filesystem::permissions(file(name), std::filesystem::perms(0600));
    return file(name);
  }
  static std::string read(const std::string& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  std::map<std::string, std::optional<std::string>> before_;
};

}  // namespace stretto
