// The pure parts of debug mode: its variable, the numbers that reductions carry over, and what reports say together.
#include <gtest/gtest.h>

#include <random>

#include "base/error.hpp"
#include "comm/debug_fold.hpp"
#include "comm/debug_verdict.hpp"
#include "comm/rank_card.hpp"
#include "exec/reduce/reduce.hpp"

namespace stretto {
namespace {

Settings settings_of(const std::string& value) {
  return resolve_settings(nullptr, Environment::from({"STRETTO_DEBUG=" + value}));
}

TEST(DebugMode, Values_AreWordsSeparatedByCommas) {
  EXPECT_FALSE(resolve_settings(nullptr, Environment::from({})).debug.any());
  EXPECT_EQ(settings_of("off").debug, DebugMode{});
  EXPECT_EQ(settings_of("").debug, DebugMode{});
  EXPECT_EQ(settings_of("checksum").debug, (DebugMode{true, false, false}));
  EXPECT_EQ(settings_of("nan").debug, (DebugMode{false, true, false}));
  EXPECT_EQ(settings_of("nan-error").debug, (DebugMode{false, true, true}));
  EXPECT_EQ(settings_of("all").debug, (DebugMode{true, true, false}));
  EXPECT_EQ(settings_of("checksum,nan-error").debug, (DebugMode{true, true, true}));
}

TEST(DebugMode, OtherWords_AreRefusedByName) {
  for (const char* value : {"on", "checksum,", ",nan", "nan,off", "ALL", "1"}) {
    try {
      settings_of(value);
      ADD_FAILURE() << value;
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoInvalidArgument);
      EXPECT_EQ(error.info().field, "STRETTO_DEBUG");
    }
  }
}

TEST(DebugMode, RankCard_CarriesIt) {
  for (const char* value : {"off", "checksum", "nan", "nan-error", "all", "all,nan-error"}) {
    RankCard card;
    card.settings = settings_of(value);
    EXPECT_EQ(decode_rank_card(encode(card)).settings.debug, card.settings.debug) << value;
  }
}

/// Folding the inputs of a reduction must give what folding its result gives.
template <typename T>
void check_fold(strettoDataType_t type, std::mt19937_64& random) {
  for (const strettoRedOp_t op : {strettoSum, strettoProd, strettoMin, strettoMax}) {
    ASSERT_TRUE(can_fold(type, op));
    for (const std::size_t count : {0UL, 1UL, 777UL}) {
      std::vector<std::vector<T>> inputs(3, std::vector<T>(count));
      std::vector<std::uint64_t> folded;
      std::vector<const void*> sources;
      for (std::vector<T>& input : inputs) {
        for (T& value : input) value = static_cast<T>(random() | 1);  // odd: a product is never lost
        folded.push_back(fold_elements(type, op, input.data(), count));
        sources.push_back(input.data());
      }
      std::vector<T> result(count);
      if (count > 0) find_reduce(type, op)(result.data(), sources.data(), 3, count, 1);
      EXPECT_EQ(fold_elements(type, op, result.data(), count), fold_again(type, op, folded)) << type << " " << op;
      if (count == 0 || op == strettoMin || op == strettoMax) continue;
      result[count / 2] = static_cast<T>(result[count / 2] ^ 4);
      EXPECT_NE(fold_elements(type, op, result.data(), count), fold_again(type, op, folded)) << type << " " << op;
    }
  }
}

TEST(DebugFold, Integers_KeepTheirSumProductAndExtremes) {
  std::mt19937_64 random(1);
  check_fold<std::int8_t>(strettoInt8, random);
  check_fold<std::uint8_t>(strettoUint8, random);
  check_fold<std::int32_t>(strettoInt32, random);
  check_fold<std::uint32_t>(strettoUint32, random);
  check_fold<std::int64_t>(strettoInt64, random);
  check_fold<std::uint64_t>(strettoUint64, random);
}

TEST(DebugFold, WhatRounds_IsNotFolded) {
  for (const strettoDataType_t type : {strettoFloat16, strettoFloat32, strettoFloat64, strettoFloat8e4m3}) {
    EXPECT_FALSE(can_fold(type, strettoSum));
  }
  EXPECT_FALSE(can_fold(strettoInt32, strettoAvg));
}

DebugCase case_of(Collective collective, int n_ranks, Rank root = -1, strettoDataType_t type = strettoFloat32) {
  Operation operation;
  operation.request = {collective, 8, type, strettoSum, root};
  return debug_case(operation, n_ranks);
}

std::string text_of(const std::optional<DebugFinding>& found) { return found ? found->text : "nothing"; }

TEST(DebugVerdict, ResultOfOneRankDiffers_IsTheMinority) {
  const DebugCase of = case_of(Collective::all_reduce, 4);
  std::vector<DebugReport> reports(4, DebugReport(of));
  EXPECT_EQ(text_of(find_mismatch(of, reports, 6)), "nothing");
  reports[2].head.result_hash = 0xabc;
  const auto found = find_mismatch(of, reports, 6);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 2);
  EXPECT_NE(found->text.find("all_reduce (operation 6)"), std::string::npos) << found->text;
  EXPECT_NE(found->text.find("ranks 0, 1, 3, but 0000000000000abc on rank 2, the minority"), std::string::npos)
      << found->text;
}

TEST(DebugVerdict, TwoResults_HaveNoMajority) {
  const DebugCase of = case_of(Collective::all_reduce, 2);
  std::vector<DebugReport> reports(2, DebugReport(of));
  reports[0].head.result_hash = 1;
  const auto found = find_mismatch(of, reports, 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, -1);
  EXPECT_NE(found->text.find("as many"), std::string::npos) << found->text;
}

TEST(DebugVerdict, CopyOfOneRankDiffers_IsThatRanks) {
  const DebugCase of = case_of(Collective::all_to_all, 3);
  std::vector<DebugReport> reports(3, DebugReport(of));
  reports[1].input[2] = 7;  // for rank 2
  const auto found = find_mismatch(of, reports, 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 2);
  EXPECT_NE(found->text.find("rank 1's block for rank 2"), std::string::npos) << found->text;
  reports[2].output[1] = 7;
  EXPECT_EQ(text_of(find_mismatch(of, reports, 0)), "nothing");
}

TEST(DebugVerdict, AllCopiesAgreeAgainstTheirOrigin_TheOriginIsSuspect) {
  const DebugCase of = case_of(Collective::broadcast, 3, 1);
  std::vector<DebugReport> reports(3, DebugReport(of));
  reports[1].input[0] = 7;
  const auto found = find_mismatch(of, reports, 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 1);
  EXPECT_NE(found->text.find("rank 1's own memory is suspect"), std::string::npos) << found->text;
}

TEST(DebugVerdict, IntegerSumThatIsNone_IsFound) {
  const DebugCase of = case_of(Collective::reduce_scatter, 2, -1, strettoInt32);
  std::vector<DebugReport> reports(2, DebugReport(of));
  for (DebugReport& report : reports) report.input = {3, static_cast<std::uint32_t>(-5)};
  reports[0].output = {6};
  reports[1].output = {static_cast<std::uint32_t>(-10)};
  EXPECT_EQ(text_of(find_mismatch(of, reports, 0)), "nothing");
  reports[1].output = {10};
  const auto found = find_mismatch(of, reports, 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 1);
  EXPECT_NE(found->text.find("the sum of all elements of block 1"), std::string::npos) << found->text;
}

TEST(DebugVerdict, ChangedInput_IsTheCauseOfWhatFollows) {
  const DebugCase of = case_of(Collective::all_gather, 2);
  std::vector<DebugReport> reports(2, DebugReport(of));
  reports[0].output[1] = 9;
  reports[1].head.changed_block = 1;
  const auto found = find_mismatch(of, reports, 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 1);
  EXPECT_NE(found->text.find("changed during the operation"), std::string::npos) << found->text;
}

TEST(DebugVerdict, SpecialValuesOfAnInput_StandBeforeThoseOfTheResult) {
  const DebugCase of = case_of(Collective::all_reduce, 3);
  std::vector<DebugReport> reports(3, DebugReport(of));
  EXPECT_FALSE(find_special_values(reports));
  for (DebugReport& report : reports) report.head.output = {0, 4, 2};
  auto found = find_special_values(reports);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->in_result);
  EXPECT_EQ(found->values.first, 2U);
  reports[2].head.input = {1, 0, 5};
  found = find_special_values(reports);
  EXPECT_FALSE(found->in_result);
  EXPECT_EQ(found->rank, 2);
  EXPECT_EQ(found->values.first, 5U);
}

}  // namespace
}  // namespace stretto
