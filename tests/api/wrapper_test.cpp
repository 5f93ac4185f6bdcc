// The C++ wrapper: ownership, the calls, and exceptions that carry the fields of the error.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <thread>

#include "stretto/stretto.hpp"

namespace stretto {
namespace {

void run(const std::vector<Communicator>& ranks, const std::function<void(int rank, const Communicator&)>& body) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    threads.emplace_back([&, i] { body(static_cast<int>(i), ranks[i]); });
  }
  for (std::thread& thread : threads) thread.join();
}

/// The exception that `call` throws.
template <typename Call>
strettoErrorInfo_t thrown_by(Call&& call) {
  try {
    call();
  } catch (const Exception& exception) {
    EXPECT_EQ(exception.code(), exception.info().code);
    EXPECT_STREQ(exception.what(), exception.info().text);
    return exception.info();
  }
  ADD_FAILURE() << "nothing was thrown";
  return STRETTO_ERROR_INFO_INITIALIZER;
}

TEST(Wrapper, EveryCollective_IsTheCInterfaces) {
  constexpr int n = 3;
  using Values = std::vector<std::int32_t>;
  const std::vector<Communicator> ranks = Communicator::all(n);
  run(ranks, [](int rank, const Communicator& comm) {
    const Values mine = {rank, 10 + rank, 20 + rank};
    Values out(n, -1);
    comm.reduce(mine.data(), out.data(), n, 1);
    EXPECT_EQ(out, rank == 1 ? (Values{3, 33, 63}) : Values(n, -1));
    out.assign(n, -1);
    comm.gather(mine.data(), out.data(), 1, 2);
    EXPECT_EQ(out, rank == 2 ? (Values{0, 1, 2}) : Values(n, -1));
    std::int32_t part = -1;
    comm.scatter(mine.data(), &part, 1, 0);
    EXPECT_EQ(part, 10 * rank);
    comm.all_to_all(mine.data(), out.data(), 1);
    EXPECT_EQ(out, (Values{10 * rank, 10 * rank + 1, 10 * rank + 2}));
    const std::size_t counts[] = {1, 0, 2};
    const std::size_t displs[] = {2, 0, 0};
    comm.all_gather_v(mine.data(), out.data(), counts, displs);
    EXPECT_EQ(out, (Values{2, 12, 0}));
    Values sums(counts[rank]);
    comm.reduce_scatter_v(mine.data(), sums.data(), counts);
    EXPECT_EQ(sums, rank == 0 ? Values{3} : rank == 1 ? Values{} : (Values{33, 63}));
    const std::size_t ones[] = {1, 1, 1};
    const std::size_t order[] = {0, 1, 2};
    comm.all_to_all_v(mine.data(), ones, order, out.data(), ones, order);
    EXPECT_EQ(out, (Values{10 * rank, 10 * rank + 1, 10 * rank + 2}));
    Group group;
    comm.send(mine.data(), 2, (rank + 1) % n);
    comm.receive(out.data(), 2, (rank + 2) % n);
    group.end();
    EXPECT_EQ(out[1], 10 + (rank + 2) % n);
    const PreMulSum twice(comm, std::int32_t{2});
    Stream stream;
    Stream other;
    Event event;
    comm.all_reduce(mine.data(), out.data(), n, twice, stream);
    event.record(stream);
    event.hold(other);
    other.synchronize();
    event.synchronize();
    stream.synchronize();
    EXPECT_TRUE(stream.idle());
    EXPECT_EQ(out, (Values{6, 66, 126}));
    finalize(comm);
  });
}

TEST(Wrapper, RanksByThreads_Compute) {
  EXPECT_EQ(version(), STRETTO_VERSION);
  std::vector<Communicator> ranks = Communicator::all(3);
  run(ranks, [](int rank, const Communicator& comm) {
    EXPECT_EQ(comm.rank(), rank);
    EXPECT_EQ(comm.size(), 3);
    EXPECT_EQ(comm.device(), STRETTO_DEVICE_HOST);
    const std::vector<float> in(100, static_cast<float>(rank + 1));
    std::vector<float> out(100, -1.0F);
    comm.all_reduce(in.data(), out.data(), in.size());
    EXPECT_EQ(out, std::vector<float>(100, 6.0F));
    comm.all_reduce(out.data(), out.size(), strettoMax);
    EXPECT_EQ(out, std::vector<float>(100, 6.0F));
    std::int32_t gathered[3] = {-1, -1, -1};
    const std::int32_t mine = 10 * rank;
    comm.all_gather(&mine, gathered, 1);
    EXPECT_EQ(std::vector<std::int32_t>(gathered, gathered + 3), (std::vector<std::int32_t>{0, 10, 20}));
    std::int32_t part = -1;
    comm.reduce_scatter(gathered, &part, 1);
    EXPECT_EQ(part, 30 * rank);
    const double given = rank == 2 ? 2.5 : 0.0;
    double got = -1.0;
    comm.broadcast(&given, &got, 1, 2);
    EXPECT_EQ(got, 2.5);
    EXPECT_EQ(comm.async_error(), strettoSuccess);
  });
  for (Communicator& comm : ranks) {
    comm.close();
    EXPECT_FALSE(comm);
    comm.close();  // again: nothing to do
  }
}

TEST(Wrapper, IdShippedToRanks_Joins) {
  const strettoUniqueId id = make_unique_id();
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank) {
    threads.emplace_back([&id, rank] {
      Communicator joined(2, id, rank);
      const Communicator comm = std::move(joined);
      EXPECT_FALSE(joined) << "moved from";
      std::int64_t value = rank + 1;
      comm.all_reduce(&value, 1);
      EXPECT_EQ(value, 3);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Wrapper, Exceptions_CarryTheFields) {
  const strettoErrorInfo_t none = thrown_by([] { Communicator::all(0); });
  EXPECT_EQ(none.code, strettoInvalidArgument);
  EXPECT_STREQ(none.field, "n");

  std::vector<Communicator> ranks = Communicator::all(2);
  run(ranks, [](int rank, const Communicator& comm) {
    float in[9] = {};
    float out[9] = {};
    const std::size_t count = rank == 0 ? 8 : 9;
    const strettoErrorInfo_t fault = thrown_by([&] {
      comm.all_reduce(in, out, count);
      comm.all_reduce(in, out, count);  // if its own part of the first was done, a rank hears of it here
    });
    EXPECT_EQ(fault.code, strettoInvalidUsage);
    EXPECT_STREQ(fault.field, "count") << fault.text;
    EXPECT_EQ(fault.rank, rank);
    EXPECT_STREQ(fault.name, "all_reduce");
    EXPECT_EQ(comm.async_error(), strettoInvalidUsage);
  });
}

TEST(Wrapper, BadArgumentOnAFaultedCommunicator_KeepsItsOwnText) {
  std::vector<Communicator> ranks = Communicator::all(2);
  ranks[0].abort();
  EXPECT_EQ(ranks[0].async_error(), strettoAborted);
  float in = 1.0F;
  float out = 0.0F;
  const strettoErrorInfo_t fault = thrown_by([&] { ranks[0].all_reduce(&in, &out, 1); });
  EXPECT_EQ(fault.code, strettoAborted) << fault.text;
  const strettoErrorInfo_t argument =
      thrown_by([&] { ranks[0].all_reduce(static_cast<const float*>(nullptr), &out, 1); });
  EXPECT_EQ(argument.code, strettoInvalidArgument);
  EXPECT_STREQ(argument.field, "sendbuff");
  EXPECT_NE(std::strstr(argument.text, "sendbuff is NULL"), nullptr) << argument.text;
}

}  // namespace
}  // namespace stretto
