// Topology files on disk: written whole or not at all, and read whoever wrote them.
#include "topology/files/machine_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"
#include "topology/files.hpp"
#include "topology/files/nccl_xml.hpp"

namespace stretto::topology {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class MachineFile : public testing::Test {
 protected:
  MachineFile() { fs::create_directory(folder_); }
  ~MachineFile() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::size_t n_files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  static std::string reason_of(const std::string& path, const Machine& machine) {
    try {
      write_machine_file(path, machine);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoSystemError);
      return error.info().text;
    }
  }

  const fs::path folder_ = testing::TempDir() + "stretto_machine_file_" + std::to_string(::getpid());
  const Machine machine_ = read_machine_file(machine_file("superchips"));
};

TEST_F(MachineFile, Written_IsReadAgainAndOpenToAll) {
  const mode_t before = ::umask(077);
  write_machine_file(path("dump.xml"), machine_);
  ::umask(before);
  EXPECT_EQ(read_machine_file(path("dump.xml")), machine_);
  EXPECT_EQ(text_of(path("dump.xml")), write_nccl_xml(machine_));
  struct stat facts {};
  ASSERT_EQ(::stat(path("dump.xml").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0644U);
}

TEST_F(MachineFile, OldFile_IsReplacedWhole) {
  std::ofstream(path("dump.xml")) << std::string(1 << 20, 'x');
  fs::create_hard_link(path("dump.xml"), path("old"));
  write_machine_file(path("dump.xml"), machine_);
  EXPECT_EQ(read_machine_file(path("dump.xml")), machine_);
  EXPECT_EQ(fs::file_size(path("old")), 1U << 20) << "who has the old one open still has all of it";
  EXPECT_EQ(n_files(), 2U) << "nothing else is left";
}

TEST_F(MachineFile, WhatCannotBeWritten_IsSaidAndNothingIsLeft) {
  EXPECT_THAT(reason_of(path("no/such/folder"), machine_), HasSubstr("cannot be written (No such file or directory)"));
  EXPECT_THAT(reason_of(folder_, machine_), HasSubstr("cannot be written (it is no regular file)"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(reason_of(path("pipe"), machine_), HasSubstr("it is no regular file"));
  fs::create_symlink("/dev/null", path("null"));
  EXPECT_THAT(reason_of(path("null"), machine_), HasSubstr("it is no regular file"));
  EXPECT_EQ(n_files(), 2U);
}

TEST_F(MachineFile, FileOfNeitherForm_IsRefused) {
  std::ofstream(path("odd.xml")) << "<plan/>";
  try {
    read_machine_file(path("odd.xml"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.info().text, HasSubstr("odd.xml, line 1, <plan>: is neither the <system>"));
  }
}

}  // namespace
}  // namespace stretto::topology
