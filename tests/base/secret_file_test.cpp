// The file with the secret of a job's ranks: whose it must be, and what must be in it.
#include "base/secret_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "base/error.hpp"

namespace stretto {
namespace {

constexpr const char* kSecret = "0123456789abcdef";

class SecretFile : public testing::Test {
 protected:
  SecretFile() {
    const int fd = mkstemp(path_);
    EXPECT_GE(fd, 0);
    close(fd);  // mode 0600
  }
  ~SecretFile() override { unlink(path_); }

  void write(const std::string& content) { std::ofstream(path_, std::ios::binary) << content; }
  std::string read_back() {
    const std::vector<std::byte> bytes = read_secret_file(path_);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// Text of the error, whose field is checked.
  std::string refusal() {
    try {
      read_secret_file(path_);
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoInvalidArgument);
      EXPECT_EQ(error.info().field, "STRETTO_SECRET_FILE");
      return error.what();
    }
    return "";
  }

  char path_[32] = "/tmp/stretto_test_XXXXXX";
};

TEST_F(SecretFile, OfItsOwnerAlone_IsReadWithoutLineEnds) {
  write(std::string(kSecret) + "\r\n\n");
  EXPECT_EQ(read_back(), kSecret);
  write(std::string(kSecret) + std::string(1, '\0') + "\n" + kSecret);
  EXPECT_EQ(read_back().size(), 34U);
  EXPECT_EQ(chmod(path_, 0400), 0);
  EXPECT_EQ(read_back().size(), 34U);
}

TEST_F(SecretFile, RightsOfOthers_AreRefused) {
  write(kSecret);
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0644U}) {
    ASSERT_EQ(chmod(path_, mode), 0);
    EXPECT_NE(refusal().find("chmod 600"), std::string::npos) << mode;
  }
}

TEST_F(SecretFile, OfAnotherUser_IsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give a file away";
  write(kSecret);
  ASSERT_EQ(chown(path_, 65534, static_cast<gid_t>(-1)), 0);
  EXPECT_NE(refusal().find("65534"), std::string::npos) << refusal();
}

TEST_F(SecretFile, TooShortOrTooLong_IsRefused) {
  for (const std::size_t bytes : {0U, 15U, 4097U, 10'000U}) {
    write(std::string(bytes, 'a'));
    EXPECT_NE(refusal().find("16 to 4096"), std::string::npos) << bytes;
  }
  write("0123456789abcde\n");
  EXPECT_NE(refusal(), "") << "a line end is no part of it";
  write(std::string(4096, 'a'));
  EXPECT_EQ(read_back().size(), 4096U);
}

TEST_F(SecretFile, WhatIsNoFile_IsRefused) {
  unlink(path_);
  EXPECT_NE(refusal().find("cannot be opened"), std::string::npos);
  ASSERT_EQ(mkfifo(path_, 0600), 0);
  EXPECT_NE(refusal().find("regular file"), std::string::npos) << "a pipe that nobody writes to must not hold it up";
}

}  // namespace
}  // namespace stretto
