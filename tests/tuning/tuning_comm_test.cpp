// Communicators and the file of constants: rank 0 reads it, and all ranks compute with what it says.
#include <thread>

#include "comm/rank_card.hpp"
#include "stretto/stretto.h"
#include "support/threads.hpp"
#include "topology/probe/hardware.hpp"
#include "tuning/tuning_file.hpp"
#include "tuning/tuning_folder.hpp"

namespace stretto {
namespace {

class TuningComm : public TuningFolder {
 protected:
  /// A file by which a message takes a second.
  std::string slow_machine() const {
    Tuning tuning;
    tuning.hardware = topology::hardware_facts();
    tuning.constants.message = 1'000'000'000'000;
    write_tuning(file("slow.json"), tuning);
    return file("slow.json");
  }
};

/// What the cost model says of an all-reduce on this communicator.
double estimate_us(strettoComm_t comm) {
  float in = 0;
  float out = 0;
  double time_us = 0;
  EXPECT_EQ(strettoGroupStart(), strettoSuccess);
  EXPECT_EQ(strettoAllReduce(&in, &out, 1, strettoFloat32, strettoSum, comm, nullptr), strettoSuccess);
  EXPECT_EQ(strettoGroupSimulateEnd(&time_us), strettoSuccess);
  return time_us;
}

TEST_F(TuningComm, Rank0sFile_CountsForAllRanks) {
  set("STRETTO_TUNING_FILE", slow_machine());
  std::vector<strettoComm_t> comms(3);
  ASSERT_EQ(strettoCommInitAll(comms.data(), 3, nullptr), strettoSuccess);
  for (strettoComm_t comm : comms) EXPECT_GT(estimate_us(comm), 1e6);
  for (strettoComm_t comm : comms) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

/// Rank 0 has its own file read and no other.
TEST_F(TuningComm, FilesOfOtherRanks_CountForNothing) {
  const std::string slow = slow_machine();
  strettoUniqueId id{};
  ASSERT_EQ(strettoGetUniqueId(&id), strettoSuccess);
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.blocking = 0;
  std::vector<strettoComm_t> comms(2);
  set("STRETTO_TUNING_FILE", "off");
  ASSERT_EQ(strettoCommInitRankConfig(&comms[0], 2, id, 0, &config), strettoInProgress);
  set("STRETTO_TUNING_FILE", slow);
  ASSERT_EQ(strettoCommInitRankConfig(&comms[1], 2, id, 1, &config), strettoInProgress);
  for (strettoComm_t comm : comms) ASSERT_EQ(strettoCommWait(comm), strettoSuccess);
  for (strettoComm_t comm : comms) EXPECT_LT(estimate_us(comm), 1e6);
  for (strettoComm_t comm : comms) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

TEST_F(TuningComm, BrokenFile_LeavesTheDefaults) {
  set("STRETTO_TUNING_FILE", write("broken.json", "{\"format\": \"stretto tuning 2\"}"));
  strettoComm_t comm = nullptr;
  ASSERT_EQ(strettoCommInitAll(&comm, 1, nullptr), strettoSuccess);
  EXPECT_LT(estimate_us(comm), 1e6);
  EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

/// A child has the constants of its parent, whoever its rank 0 is, and whatever has become of the file.
TEST_F(TuningComm, Child_HasItsParentsConstants) {
  set("STRETTO_TUNING_FILE", slow_machine());
  std::vector<strettoComm_t> comms(2);
  ASSERT_EQ(strettoCommInitAll(comms.data(), 2, nullptr), strettoSuccess);
  set("STRETTO_TUNING_FILE", "off");
  std::vector<strettoComm_t> children(2);
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  const auto split = [&](std::size_t rank) {
    // The keys turn the order round.
    EXPECT_EQ(strettoCommSplit(comms[rank], 0, -static_cast<int>(rank), &children[rank], &config), strettoSuccess);
  };
  std::thread other(split, 1);
  split(0);
  other.join();
  for (strettoComm_t comm : children) EXPECT_GT(estimate_us(comm), 1e6);
  for (strettoComm_t comm : children) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
  for (strettoComm_t comm : comms) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

TEST(TuningCard, ForcedProtocol_IsToldAndAStrangeOneRefused) {
  RankCard card;
  const std::vector<std::byte> none = encode(card);
  EXPECT_EQ(decode_rank_card(none).settings.protocol, std::nullopt);
  card.settings.protocol = DeviceProtocol::wide;
  std::vector<std::byte> bytes = encode(card);
  EXPECT_EQ(decode_rank_card(bytes).settings.protocol, DeviceProtocol::wide);
  const auto at = std::ranges::mismatch(bytes, none).in1;
  *at = std::byte{200};
  EXPECT_THROW(decode_rank_card(bytes), Error);
}

TEST(TuningCard, TimesOfTwoGpus_TravelAndNoMachinesAreRefused) {
  RankCard card;
  card.settings.pair_times = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(decode_rank_card(encode(card)).settings.pair_times, card.settings.pair_times);
  for (const PairTimeRow& row : pair_time_rows()) {
    RankCard hostile;
    hostile.settings.pair_times.*row.field = row.most + 1;
    try {
      decode_rank_card(encode(hostile));
      ADD_FAILURE() << row.name;
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoRemoteError);
      EXPECT_NE(error.info().text.find(row.name), std::string::npos) << error.info().text;
    }
  }
}

}  // namespace
}  // namespace stretto
