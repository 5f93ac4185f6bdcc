// Communicators from the environment of a launcher whose ranks are on several hosts, as it says: here they are on one,
// and find each other by an address of the loopback. What each is told without the secret, or with another one.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>

#include "base/system.hpp"
#include "launchers/launched_ranks.hpp"

namespace stretto {
namespace {

using std::chrono::seconds;

/// A secret that goes away with the test.
class SecretFile {
 public:
  SecretFile() {
    const int fd = mkstemp(path_);
    EXPECT_GE(fd, 0);
    close(fd);
    std::string secret(32, 0);
    posix_system().fill_random(std::as_writable_bytes(std::span(secret)));
    std::ofstream(path_, std::ios::binary) << secret;
  }
  ~SecretFile() { unlink(path_); }
  const char* path() const { return path_; }

 private:
  char path_[32] = "/tmp/stretto_test_XXXXXX";
};

/// An address of the loopback that no other test has, as long as this one's process lives.
std::string own_address() {
  const int test = std::stoi(kTest);
  const auto byte = [test](int shift) { return static_cast<std::uint8_t>(test >> shift); };
  return to_string(Endpoint{false, {127, static_cast<std::uint8_t>(64 + byte(16)), byte(8), byte(0)}, 0, 4000});
}

/// Two ranks on each host.
Words across_hosts(int rank, int n_ranks) {
  return mpich(rank, n_ranks) + Words{{"MPI_LOCALNRANKS", "2"}, {"MPI_LOCALRANKID", std::to_string(rank % 2)}};
}

TEST(LaunchedAcrossHosts, SecretAndAddress_StartCommunicatorsOneAfterTheOther) {
  const SecretFile secret;
  const std::string address = own_address();
  Processes ranks(4, [&](int rank, const strettoUniqueId&) {
    put_into_environment(across_hosts(rank, 4) +
                         Words{{"STRETTO_SECRET_FILE", secret.path()}, {"STRETTO_BOOTSTRAP_ADDRESS", address}});
    RankReport report;
    report.result = strettoSuccess;
    for (int i = 0; i < 5 && report.result == strettoSuccess; ++i) report = start_and_sum(1 << rank);
    return report;
  });
  ASSERT_TRUE(ranks.wait(seconds(60)));
  for (int rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoSuccess) << ranks.report(rank).text;
    EXPECT_EQ(ranks.report(rank).value, 15);
  }
}

TEST(LaunchedAcrossHosts, WithoutSecretOrAddress_SaysWhatIsNeeded) {
  const SecretFile secret;
  LaunchedRanks neither(2, [&](int rank) { return across_hosts(2 * rank, 4); });
  LaunchedRanks no_address(2, [&](int rank) {
    return across_hosts(2 * rank, 4) + Words{{"STRETTO_SECRET_FILE", secret.path()}};
  });
  LaunchedRanks no_port(2, [&](int rank) {
    return across_hosts(2 * rank, 4) +
           Words{{"STRETTO_SECRET_FILE", secret.path()}, {"STRETTO_BOOTSTRAP_ADDRESS", "127.0.0.1"}};
  });
  for (LaunchedRanks* ranks : {&neither, &no_address, &no_port}) ASSERT_TRUE(ranks->wait(seconds(30)));
  for (int rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(neither.report(rank).result, strettoInvalidUsage) << neither.report(rank).text;
    EXPECT_STREQ(neither.report(rank).field, "STRETTO_SECRET_FILE");
    EXPECT_EQ(no_address.report(rank).result, strettoInvalidArgument) << no_address.report(rank).text;
    EXPECT_STREQ(no_address.report(rank).field, "STRETTO_BOOTSTRAP_ADDRESS");
    EXPECT_EQ(no_port.report(rank).result, strettoInvalidArgument) << no_port.report(rank).text;
    EXPECT_STREQ(no_port.report(rank).field, "STRETTO_BOOTSTRAP_ADDRESS");
  }
}

TEST(LaunchedAcrossHosts, AnotherSecret_IsRefused) {
  const SecretFile secret;
  const SecretFile other;
  const std::string address = own_address();
  LaunchedRanks ranks(4, [&](int rank) {
    return across_hosts(rank, 4) + Words{{"STRETTO_SECRET_FILE", rank == 3 ? other.path() : secret.path()},
                                         {"STRETTO_BOOTSTRAP_ADDRESS", address},
                                         {"STRETTO_SETUP_TIMEOUT_MS", "8000"}};
  });
  ASSERT_TRUE(ranks.wait(seconds(30)));
  EXPECT_EQ(ranks.report(3).result, strettoInvalidUsage) << ranks.report(3).text;
  EXPECT_STREQ(ranks.report(3).field, "STRETTO_SECRET_FILE") << ranks.report(3).text;
  for (int rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoTimeout) << ranks.report(rank).text;
    EXPECT_EQ(ranks.report(rank).peer, 3) << ranks.report(rank).text;
  }
}

TEST(LaunchedAcrossHosts, SecretThatOthersCanRead_IsRefused) {
  const SecretFile secret;
  ASSERT_EQ(chmod(secret.path(), 0644), 0);
  LaunchedRanks ranks(2, [&](int rank) {
    return across_hosts(2 * rank, 4) +
           Words{{"STRETTO_SECRET_FILE", secret.path()}, {"STRETTO_BOOTSTRAP_ADDRESS", "127.0.0.1:4000"}};
  });
  ASSERT_TRUE(ranks.wait(seconds(30)));
  for (int rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoInvalidArgument);
    EXPECT_STREQ(ranks.report(rank).field, "STRETTO_SECRET_FILE") << ranks.report(rank).text;
  }
}

// On one host the secret is not needed, but makes the name where ranks meet one that strangers cannot know.
TEST(LaunchedAcrossHosts, SecretOnOneHost_IsUsedForTheMeeting) {
  const SecretFile secret;
  LaunchedRanks ranks(3, [&](int rank) { return slurm(rank, 3) + Words{{"STRETTO_SECRET_FILE", secret.path()}}; });
  LaunchedRanks mixed(2, [&](int rank) {
    const Words words = slurm(rank, 2, "1") + Words{{"STRETTO_SETUP_TIMEOUT_MS", "500"}};
    return rank == 0 ? words : words + Words{{"STRETTO_SECRET_FILE", secret.path()}};
  });
  ASSERT_TRUE(ranks.wait(seconds(30)));
  ASSERT_TRUE(mixed.wait(seconds(30)));
  for (int rank = 0; rank < 3; ++rank) EXPECT_EQ(ranks.report(rank).value, 7) << ranks.report(rank).text;
  for (int rank = 0; rank < 2; ++rank) EXPECT_EQ(mixed.report(rank).result, strettoTimeout) << mixed.report(rank).text;
}

}  // namespace
}  // namespace stretto
