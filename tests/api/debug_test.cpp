// Debug mode through the C API: what is corrupted is found and named on all ranks, NaNs are named where they come from,
// and what is right is left alone.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "algorithms/catalogue.hpp"
#include "api/api.hpp"
#include "planner/planner.hpp"
#include "support/streams.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

using Ints = std::vector<std::int32_t>;
using Floats = std::vector<float>;

/// Ranks that are made with these variables in their environment.
class DebugRanks {
 public:
  DebugRanks(int n, const char* debug, const char* algorithm = "") : set_(debug, algorithm), ranks_(n) {
    unsetenv("STRETTO_DEBUG");
    unsetenv("STRETTO_ALGORITHM");
  }
  ThreadRanks* operator->() { return &ranks_; }
  Communicator& communicator(int rank) { return ranks_.comm(rank)->participant->communicator(); }

  /// Has one rank run another program than its algorithm's: `edit` changes its steps.
  template <typename Edit>
  void edit_program(int rank, Collective collective, Rank root, const Edit& edit) {
    for (const int channels : {1, 2}) {  // whichever the planner takes
      const PlanSpec spec{collective, find_algorithm("one_shot")->name, ranks_.n(), root, channels};
      Program program = make_plan(spec, rank).program;
      for (Strand& strand : program.strands) {
        for (Step& step : strand.body) edit(step);
      }
      communicator(rank).engine().replace_program(spec, std::move(program));
    }
  }

 private:
  struct Set {
    Set(const char* debug, const char* algorithm) {
      setenv("STRETTO_DEBUG", debug, 1);
      setenv("STRETTO_ALGORITHM", algorithm, 1);
    }
  };
  Set set_;
  ThreadRanks ranks_;
};

/// What every rank gets once a fault is known, in this call or at the next one.
void expect_fault(strettoComm_t comm, strettoResult_t code, const char* field, const std::string& text) {
  EXPECT_EQ(strettoBarrier(comm, nullptr), code);
  const strettoErrorInfo_t info = error_of(comm);
  EXPECT_EQ(info.code, code);
  EXPECT_STREQ(info.field, field);
  EXPECT_NE(std::string(info.text).find(text), std::string::npos) << info.text;
}

TEST(Debug, BlockThatIsNotWhatItsOriginGave_IsNamedOnAllRanks) {
  DebugRanks ranks(3, "checksum", "one_shot");
  ranks.edit_program(1, Collective::all_gather, -1, [](Step& step) {
    if (step.destination == output(0)) step.destination = output(2);
  });
  ranks->run([](int rank, strettoComm_t comm) {
    const Ints mine(1000, rank);
    Ints all(3000, -1);
    EXPECT_EQ(strettoAllGather(mine.data(), all.data(), 1000, strettoInt32, comm, nullptr), strettoInternalError);
    expect_fault(comm, strettoInternalError, "checksum",
                 "the checksums of all_gather (operation 0) differ: block 0 was");
    EXPECT_NE(std::string(error_of(comm).text).find("on rank 1; 2 ranks hold it"), std::string::npos);
    EXPECT_EQ(error_of(comm).operation, 0);
    if (rank != 1) {
      EXPECT_EQ(error_of(comm).peer, 1);
    }
  });
}

TEST(Debug, ResultOfOneRankThatDiffers_IsTheMinority) {
  DebugRanks ranks(3, "checksum", "one_shot");
  ranks.edit_program(1, Collective::all_reduce, -1, [](Step& step) {
    if (step.kind == StepKind::copy && step.destination == output(0)) step.sources = {input(0)};
  });
  ranks->run([](int rank, strettoComm_t comm) {
    const Floats mine(10, static_cast<float>(rank + 1));
    Floats sum(10);
    EXPECT_EQ(strettoAllReduce(mine.data(), sum.data(), 10, strettoFloat32, strettoSum, comm, nullptr),
              strettoInternalError);
    expect_fault(comm, strettoInternalError, "checksum", "on rank 1, the minority");
  });
}

TEST(Debug, IntegerSumThatIsNone_IsFoundWhereOnlyTheRootHasIt) {
  DebugRanks ranks(2, "checksum", "one_shot");
  ranks.edit_program(0, Collective::reduce, 0, [](Step& step) {
    if (step.kind == StepKind::reduce) step.sources.push_back(input(0));
  });
  ranks->run([](int rank, strettoComm_t comm) {
    const Ints mine(10, rank + 1);
    Ints sum(10);
    strettoReduce(mine.data(), sum.data(), 10, strettoInt32, strettoSum, 0, comm, nullptr);
    expect_fault(comm, strettoInternalError, "checksum",
                 "the sum of all elements of the buffer is 000000000000001e over the inputs");
  });
}

/// The output lies over a block of the input that is not in place: the C functions refuse it, the core does it.
TEST(Debug, InputThatChangesDuringTheOperation_IsTheCause) {
  DebugRanks ranks(2, "checksum");
  ranks->run([&](int rank, strettoComm_t comm) {
    Floats in(20, static_cast<float>(rank + 1));
    Floats out(10);
    Operation operation{{Collective::reduce_scatter, 10, strettoFloat32, strettoSum, -1}, in.data(), out.data(), 0};
    if (rank == 0) operation.output = in.data() + 10;
    EXPECT_NE(ranks.communicator(rank).run(operation), nullptr);
    expect_fault(
        comm, strettoInternalError, "checksum",
        "rank 0's input of reduce_scatter (operation 0) changed during the operation: the checksum of block 1");
  });
}

TEST(Debug, MessageThatAnotherOneOverwrites_IsNamedWithItsPair) {
  DebugRanks ranks(3, "checksum");
  ranks->run([](int rank, strettoComm_t comm) {
    const Ints mine(5000, rank);
    Ints got(5000);
    if (rank == 1) {
      EXPECT_EQ(strettoGroupStart(), strettoSuccess);
      EXPECT_EQ(strettoRecv(got.data(), 5000, strettoInt32, 0, comm, nullptr), strettoSuccess);
      EXPECT_EQ(strettoRecv(got.data(), 5000, strettoInt32, 2, comm, nullptr), strettoSuccess);
      EXPECT_EQ(strettoGroupEnd(), strettoInternalError);
    } else {
      strettoSend(mine.data(), 5000, strettoInt32, 1, comm, nullptr);  // may have ended before rank 1 sees it
    }
    expect_fault(comm, strettoInternalError, "checksum", "sent to rank 1 differs: its checksum was");
  });
}

TEST(Debug, CorruptionInAStream_IsTheStreamsError) {
  DebugRanks ranks(2, "all", "one_shot");
  ranks.edit_program(1, Collective::all_reduce, -1, [](Step& step) {
    if (step.kind == StepKind::copy && step.destination == output(0)) step.sources = {input(0)};
  });
  ranks->run([](int rank, strettoComm_t comm) {
    TestStream stream;
    Floats mine(10, static_cast<float>(rank + 1));
    Floats first(10);
    Floats second(10);
    EXPECT_EQ(strettoGroupStart(), strettoSuccess);  // one unit: the two are fused
    for (Floats* sum : {&first, &second}) {
      strettoAllReduce(mine.data(), sum->data(), 10, strettoFloat32, strettoSum, comm, stream);
    }
    EXPECT_EQ(strettoGroupEnd(), strettoSuccess);
    EXPECT_EQ(strettoStreamSynchronize(stream), strettoInternalError);
    expect_fault(comm, strettoInternalError, "checksum", "the checksums of all_reduce (operation 0) differ");
  });
}

TEST(Debug, NanInOneRanksInput_IsReportedOnceWithRankAndIndex) {
  testing::internal::CaptureStderr();
  {
    DebugRanks ranks(3, "nan");
    ranks->run([](int rank, strettoComm_t comm) {
      for (int repeat = 0; repeat < 3; ++repeat) {
        Floats mine(100, 1.0F);
        if (rank == 1) mine[17] = mine[60] = std::numeric_limits<float>::quiet_NaN();
        Floats sum(100);
        EXPECT_EQ(strettoAllReduce(mine.data(), sum.data(), 100, strettoFloat32, strettoSum, comm, nullptr),
                  strettoSuccess);
        EXPECT_TRUE(std::isnan(sum[17]));
      }
    });
  }
  const std::string log = testing::internal::GetCapturedStderr();
  const std::string text =
      "rank 1's input of all_reduce (operation 0) has 2 NaNs and 0 infinities, the first as element 17";
  std::size_t lines = 0;
  for (std::size_t at = log.find("event=special_values"); at != std::string::npos;
       at = log.find("event=special_values", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 2U) << log;  // rank 1's own, and rank 0's
  EXPECT_NE(log.find("rank=0 where=input source=1 collective=all_reduce operation=0 nans=2 infinities=0 first=17"),
            std::string::npos)
      << log;
  EXPECT_NE(log.find(text), std::string::npos) << log;
}

TEST(Debug, Overflow_IsToldApartFromWhatInputsHave) {
  testing::internal::CaptureStderr();
  {
    DebugRanks ranks(2, "nan");
    ranks->run([](int, strettoComm_t comm) {
      Floats mine(8, 1.0F);
      mine[5] = std::numeric_limits<float>::max();
      EXPECT_EQ(strettoAllReduce(mine.data(), mine.data(), 8, strettoFloat32, strettoSum, comm, nullptr),
                strettoSuccess);
      EXPECT_TRUE(std::isinf(mine[5]));
    });
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("where=result"), std::string::npos) << log;
  EXPECT_NE(log.find("rank 0's result of all_reduce (operation 0) has 0 NaNs and 1 infinities, the first as element 5, "
                     "though no rank's input has any"),
            std::string::npos)
      << log;
  EXPECT_EQ(log.find("where=input"), std::string::npos) << log;
}

TEST(Debug, NanAsAnError_IsEveryRanks) {
  DebugRanks ranks(3, "nan-error");
  ranks->run([](int rank, strettoComm_t comm) {
    Floats mine(4, 1.0F);
    Floats all(12);
    EXPECT_EQ(strettoAllGather(mine.data(), all.data(), 4, strettoFloat32, comm, nullptr), strettoSuccess);
    if (rank == 2) mine[3] = -std::numeric_limits<float>::infinity();
    EXPECT_EQ(strettoAllGather(mine.data(), all.data(), 4, strettoFloat32, comm, nullptr), strettoInvalidUsage);
    expect_fault(comm, strettoInvalidUsage, "sendbuff",
                 "rank 2's input of all_gather (operation 1) has 0 NaNs and 1 infinities, the first as element 3");
  });
}

TEST(Debug, OverflowAsAnError_NamesTheResult) {
  DebugRanks ranks(2, "nan-error");
  ranks->run([](int, strettoComm_t comm) {
    double value = 1e300;
    EXPECT_EQ(strettoAllReduce(&value, &value, 1, strettoFloat64, strettoProd, comm, nullptr), strettoInvalidUsage);
    expect_fault(comm, strettoInvalidUsage, "recvbuff", "though no rank's input has any");
  });
}

TEST(Debug, NanInAMessage_IsTheSenders) {
  DebugRanks ranks(2, "nan-error");
  ranks->run([](int rank, strettoComm_t comm) {
    Floats buffer(9, 1.0F);
    if (rank == 1) buffer[8] = std::numeric_limits<float>::quiet_NaN();
    if (rank == 1) {
      EXPECT_EQ(strettoSend(buffer.data(), 9, strettoFloat32, 0, comm, nullptr), strettoInvalidUsage);
    } else {
      strettoRecv(buffer.data(), 9, strettoFloat32, 1, comm, nullptr);  // may have ended before rank 1 says so
    }
    expect_fault(comm, strettoInvalidUsage, "sendbuff", "rank 1's input of send (operation 0) has 1 NaNs");
  });
}

TEST(Debug, RankZerosValue_CountsForAll) {
  strettoUniqueId id;
  ASSERT_EQ(strettoGetUniqueId(&id), strettoSuccess);
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.blocking = 0;
  strettoComm_t comms[2] = {};
  setenv("STRETTO_DEBUG", "nan", 1);
  EXPECT_EQ(strettoCommInitRankConfig(&comms[0], 2, id, 0, &config), strettoInProgress);
  setenv("STRETTO_DEBUG", "checksum", 1);
  EXPECT_EQ(strettoCommInitRankConfig(&comms[1], 2, id, 1, &config), strettoInProgress);
  unsetenv("STRETTO_DEBUG");
  for (strettoComm_t comm : comms) {
    strettoResult_t state = strettoInProgress;
    while (state == strettoInProgress) ASSERT_EQ(strettoCommGetAsyncError(comm, &state), strettoSuccess);
    EXPECT_EQ(state, strettoSuccess) << strettoGetLastError(comm);
    EXPECT_EQ(comm->participant->communicator().engine().settings().debug, (DebugMode{false, true, false}));
  }
  for (strettoComm_t comm : comms) strettoCommDestroy(comm);
}

TEST(Debug, OtherValues_AreRefusedByName) {
  setenv("STRETTO_DEBUG", "everything", 1);
  strettoComm_t comm = nullptr;
  EXPECT_EQ(strettoCommInitAll(&comm, 1, nullptr), strettoInvalidArgument);
  unsetenv("STRETTO_DEBUG");
  EXPECT_STREQ(error_of(nullptr).field, "STRETTO_DEBUG");
}

}  // namespace
}  // namespace stretto
