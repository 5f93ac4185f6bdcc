// From a unique id to a control plane: numbers of ranks, and every way in which set-up fails.
#include "bootstrap/bootstrap.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "base/descriptors.hpp"
#include "bootstrap/dial.hpp"
#include "bootstrap/messages.hpp"
#include "bootstrap/ranks.hpp"
#include "bootstrap/unique_id.hpp"

namespace stretto {
namespace {

using test::contains;
using test::millisecond_ns;
using test::OneRank;
using test::Ranks;
using test::second_ns;

TEST(Bootstrap, AnyNumberOfRanks_Connects) {
  const int before = test::count_descriptors();
  for (const int n_ranks : {2, 3, 4, 5, 8, 17, 64}) {
    Ranks ranks(n_ranks);
    ranks.start_all();
    ASSERT_TRUE(ranks.connect()) << n_ranks;
    EXPECT_TRUE(ranks.until([&] { return ranks.rendezvous_done; }));
  }
  EXPECT_EQ(test::count_descriptors(), before);
}

TEST(Bootstrap, DrivenByAWaitSetAlone_NothingStalls) {
  for (int round = 0; round < 20; ++round) {
    Ranks ranks(9);
    ranks.start_all();
    const auto waits = ranks.system.make_wait_set();
    ranks.waited = waits.get();
    const std::int64_t start_ns = ranks.system.now_ns();
    const std::int64_t really_start_ns = posix_system().now_ns();
    while (!ranks.all([](const OneRank& rank) { return rank.plane || rank.error; })) {
      ranks.poll();
      std::int64_t next_ns = start_ns + 20 * second_ns;
      if (!ranks.rendezvous_done) {
        ranks.rendezvous->watch(*waits);
        next_ns = std::min(next_ns, ranks.rendezvous->next_deadline_ns());
      }
      for (OneRank& rank : ranks.ranks) {
        if (rank.bootstrap) rank.bootstrap->watch(*waits);
        if (rank.bootstrap) next_ns = std::min(next_ns, rank.bootstrap->next_deadline_ns());
        if (rank.plane) rank.plane->watch(*waits);
      }
      waits->wait(next_ns - ranks.system.now_ns());
      ASSERT_LT(posix_system().now_ns() - really_start_ns, 4 * second_ns) << "a limit of 5 s had to end a wait";
    }
    EXPECT_TRUE(ranks.all([](const OneRank& rank) { return rank.plane != nullptr; }));
  }
}

/// Joins by hand as rank 1 of 2, saying that it runs `version`; the frame that the rendezvous answers with.
std::vector<std::byte> join_as_version(Ranks& ranks, std::int32_t version) {
  const IdContents id = decode_id(ranks.rendezvous->id());
  Introduction me;
  me.version = version;
  me.rank = 1;
  me.n_ranks = 2;
  Dial dial(ranks.system, id.endpoints, id.key, me);
  EXPECT_TRUE(ranks.until([&] { return dial.poll(); }));
  Channel channel = dial.take();
  WireWriter writer;
  writer.number(Message::join);
  put(writer, Member{1, "elsewhere", 4711});
  put(writer, Endpoint{});
  writer.number(10 * second_ns);
  channel.send(writer.take());
  std::optional<std::vector<std::byte>> answer;
  EXPECT_TRUE(ranks.until([&] {
    channel.pump();
    return (answer = channel.take_frame()).has_value();
  }));
  return answer.value_or(std::vector<std::byte>(1));
}

TEST(Bootstrap, ForeignVersion_BothSidesAreToldAtOnce) {
  Ranks ranks(2);
  ranks.start(0);
  ASSERT_TRUE(ranks.until([&] { return ranks.rendezvous->counts().frames_received >= 3; }));
  const std::vector<std::byte> answer = join_as_version(ranks, STRETTO_VERSION + 1);
  WireReader reader(answer);
  ASSERT_EQ(reader.number<Message>(), Message::reject);
  const ErrorInfo told = get_error_info(reader);
  EXPECT_EQ(told.code, strettoInvalidUsage);
  EXPECT_EQ(told.field, "version");
  EXPECT_EQ(told.peer, 0);
  ASSERT_TRUE(ranks.until([&] { return ranks.at(0).error.has_value(); }, 2 * second_ns));
  EXPECT_EQ(ranks.at(0).error->field, "version");
  EXPECT_EQ(ranks.at(0).error->peer, 1);
  EXPECT_EQ(ranks.at(0).error->host, "elsewhere");
}

TEST(Bootstrap, Ipv6_Connects) {
  std::unique_ptr<Ranks> ranks;
  try {
    ranks = std::make_unique<Ranks>(5, "::1");
  } catch (const Error& error) {
    GTEST_SKIP() << "this kernel has no IPv6 loopback: " << error.what();
  }
  ranks->start_all();
  EXPECT_TRUE(ranks->connect());
}

TEST(Bootstrap, OneRank_NeedsNoSocketsAndNoRendezvous) {
  const strettoUniqueId id = Ranks(1).rendezvous->id();
  BootstrapConfig config;
  const int before = test::count_descriptors();
  const auto bootstrap = make_bootstrap(posix_system(), id, config);
  const auto plane = bootstrap->poll();
  ASSERT_NE(plane, nullptr);
  EXPECT_EQ(test::count_descriptors(), before);
  plane->start_all_gather(test::text_bytes("alone"), "phase", posix_system().now_ns() + second_ns);
  const auto blobs = plane->poll_all_gather();
  ASSERT_TRUE(blobs);
  EXPECT_EQ(blobs->at(0), test::text_bytes("alone"));
  plane->leave(7);
  EXPECT_TRUE(plane->flushed());
  EXPECT_EQ(plane->fault(), nullptr);
}

TEST(Bootstrap, FiveHundredTwelveRanks_ConnectWithLinearWorkAtTheRoot) {
  if (test::allow_many_descriptors() < 4096) GTEST_SKIP() << "the hard limit of descriptors is below 4096";
  Ranks ranks(512);
  ranks.start_all();
  ASSERT_TRUE(ranks.connect());
  ASSERT_TRUE(ranks.until([&] { return ranks.rendezvous_done; }));
  const Rendezvous::Counts counts = ranks.rendezvous->counts();
  EXPECT_LE(counts.frames_sent, 3U * 512);
  EXPECT_LE(counts.frames_received, 4U * 512);
  EXPECT_EQ(counts.turned_away, 0U);
  ASSERT_TRUE(ranks.gather([](Rank rank) { return test::text_bytes(std::to_string(rank)); }));
  for (Rank rank = 0; rank < 512; ++rank) {
    const auto& blobs = ranks.gathered[static_cast<std::size_t>(rank)];
    ASSERT_EQ(blobs.size(), 512U) << rank;
    for (std::size_t i = 0; i < 512; ++i) ASSERT_EQ(blobs[i], test::text_bytes(std::to_string(i)));
  }
}

TEST(Bootstrap, RanksMissing_EveryRankThatCameIsToldWhich) {
  Ranks ranks(8, "127.0.0.1", 300 * millisecond_ns);
  for (const Rank rank : {0, 1, 2, 4, 6}) ranks.start(rank);
  ASSERT_TRUE(ranks.until([&] { return ranks.rendezvous_done; }));
  for (const Rank rank : {0, 1, 2, 4, 6}) {
    ASSERT_TRUE(ranks.at(rank).error) << rank;
    EXPECT_EQ(ranks.at(rank).error->code, strettoTimeout);
    EXPECT_EQ(ranks.at(rank).error->rank, rank);
    EXPECT_EQ(ranks.at(rank).error->peer, 3);
    EXPECT_TRUE(contains(ranks.at(rank).error->text, "3 of 8 ranks have not come")) << ranks.at(rank).error->text;
    EXPECT_TRUE(contains(ranks.at(rank).error->text, ": 3, 5, 7. Check")) << ranks.at(rank).error->text;
  }
}

TEST(Bootstrap, ManyRanksMissing_ListIsCappedWithACount) {
  Ranks ranks(1000, "127.0.0.1", 200 * millisecond_ns);
  ranks.start(0);
  ASSERT_TRUE(ranks.until([&] { return ranks.at(0).error.has_value(); }));
  EXPECT_TRUE(contains(ranks.at(0).error->text, "and 983 more")) << ranks.at(0).error->text;
}

TEST(Bootstrap, NobodyAtTheAddress_TimesOutNamingIt) {
  strettoUniqueId id = Ranks(2).rendezvous->id();
  BootstrapConfig config;
  config.n_ranks = 2;
  config.deadline_ns = posix_system().now_ns() + 200 * millisecond_ns;
  const auto bootstrap = make_bootstrap(posix_system(), id, config);
  std::optional<ErrorInfo> info;
  while (!info && posix_system().now_ns() < config.deadline_ns + second_ns) {
    try {
      bootstrap->poll();
    } catch (const Error& error) {
      info = error.info();
    }
  }
  ASSERT_TRUE(info);
  EXPECT_EQ(info->code, strettoTimeout);
  EXPECT_TRUE(contains(info->text, to_string(decode_id(id).endpoints.front()))) << info->text;
  EXPECT_TRUE(contains(info->text, "refused")) << info->text;
}

TEST(Bootstrap, DifferentNumberOfRanks_EveryRankIsToldOfBothSidesAtOnce) {
  Ranks ranks(3);
  ranks.start(0);
  ranks.start(1);
  BootstrapConfig other = ranks.config(2);
  other.n_ranks = 5;
  ASSERT_TRUE(ranks.until([&] { return ranks.rendezvous->counts().frames_received >= 6; }));
  ranks.start(2, other);
  ASSERT_TRUE(ranks.until([&] { return ranks.all([](const OneRank& rank) { return rank.error.has_value(); }); },
                          2 * second_ns));
  for (const Rank rank : {0, 1, 2}) {
    const ErrorInfo& info = *ranks.at(rank).error;
    EXPECT_EQ(info.code, strettoInvalidUsage);
    EXPECT_EQ(info.field, "n_ranks");
    EXPECT_EQ(info.peer, rank == 2 ? 0 : 2);
    EXPECT_TRUE(contains(info.text, "one of 5 ranks")) << info.text;
    EXPECT_TRUE(contains(info.text, "one of 3")) << info.text;
  }
}

TEST(Bootstrap, RankTakenTwice_OnlyTheSecondIsTurnedAway) {
  Ranks ranks(3);
  ranks.start(0);
  ranks.start(1);
  ASSERT_TRUE(ranks.until([&] { return ranks.rendezvous->counts().frames_received >= 6; }));
  BootstrapConfig twin = ranks.config(1);
  ranks.start(2, twin);
  ASSERT_TRUE(ranks.until([&] { return ranks.at(2).error.has_value(); }, 2 * second_ns));
  EXPECT_EQ(ranks.at(2).error->code, strettoInvalidUsage);
  EXPECT_EQ(ranks.at(2).error->field, "rank");
  EXPECT_TRUE(contains(ranks.at(2).error->text, "rank 1 has already come")) << ranks.at(2).error->text;
  ranks.at(2).error.reset();
  ranks.start(2);
  EXPECT_TRUE(ranks.connect());
}

TEST(Bootstrap, RankOutOfRangeOrBadId_ThrowsAtOnce) {
  const Ranks ranks(2);
  for (const Rank rank : {-1, 2}) {
    try {
      make_bootstrap(posix_system(), ranks.rendezvous->id(), ranks.config(rank));
      FAIL() << rank;
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoInvalidArgument);
      EXPECT_EQ(error.info().field, "rank");
    }
  }
  BootstrapConfig none = ranks.config(0);
  none.n_ranks = 0;
  EXPECT_THROW(make_bootstrap(posix_system(), ranks.rendezvous->id(), none), Error);
  EXPECT_THROW(make_bootstrap(posix_system(), strettoUniqueId{}, ranks.config(0)), Error);
}

TEST(Bootstrap, RankAmongMoreThanCanBe_IsTurnedAway) {
  Ranks ranks(2);
  ranks.start(0);
  ASSERT_TRUE(ranks.until([&] { return ranks.rendezvous->counts().frames_received >= 2; }));
  BootstrapConfig config = ranks.config(1);
  config.n_ranks = std::numeric_limits<int>::max();
  config.rank = 1'086'374'080;  // twice that is more than int holds
  ranks.start(1, config);
  ASSERT_TRUE(ranks.until([&] { return ranks.at(1).error.has_value(); }));
  EXPECT_EQ(ranks.at(1).error->code, strettoRemoteError) << ranks.at(1).error->text;
}

TEST(Bootstrap, WrongKey_IsToldQuicklyAndTheOthersGoOn) {
  Ranks ranks(2);
  IdContents contents = decode_id(ranks.rendezvous->id());
  contents.key[5] ^= std::byte{1};
  ranks.start(0);
  ranks.at(1).bootstrap = make_bootstrap(posix_system(), encode_id(contents), ranks.config(1));
  ASSERT_TRUE(ranks.until([&] { return ranks.at(1).error.has_value(); }, 2 * second_ns));
  EXPECT_EQ(ranks.at(1).error->code, strettoInvalidUsage);
  EXPECT_EQ(ranks.at(1).error->field, "id");
  ranks.at(1).error.reset();
  ranks.start(1);
  EXPECT_TRUE(ranks.connect());
  EXPECT_GE(ranks.rendezvous->counts().turned_away, 1U);
}

TEST(Bootstrap, RankDiesDuringSetUp_TheOthersAreToldWithoutWaiting) {
  Ranks ranks(4);
  for (const Rank rank : {0, 1, 3}) ranks.start(rank);
  ASSERT_TRUE(ranks.until([&] { return ranks.rendezvous->counts().frames_received >= 9; }));
  ranks.at(3).bootstrap.reset();
  ASSERT_TRUE(ranks.until([&] { return ranks.at(0).error && ranks.at(1).error; }, 2 * second_ns));
  for (const Rank rank : {0, 1}) {
    EXPECT_EQ(ranks.at(rank).error->code, strettoRemoteError);
    EXPECT_EQ(ranks.at(rank).error->peer, 3);
    EXPECT_EQ(ranks.at(rank).error->host, posix_system().identity().host_name);
  }
  ranks.start(2);  // who comes later is told too, at once
  ASSERT_TRUE(ranks.until([&] { return ranks.at(2).error.has_value(); }, 2 * second_ns));
  EXPECT_EQ(ranks.at(2).error->peer, 3);
}

TEST(Bootstrap, RendezvousGoes_RanksAreToldWithoutWaiting) {
  Ranks ranks(3);
  ranks.start(0);
  ranks.start(1);
  ASSERT_TRUE(ranks.until([&] { return ranks.rendezvous->counts().frames_received >= 6; }));
  ranks.rendezvous.reset();
  ASSERT_TRUE(ranks.until([&] { return ranks.at(0).error && ranks.at(1).error; }, 2 * second_ns));
  EXPECT_EQ(ranks.at(0).error->code, strettoRemoteError);
}

TEST(Bootstrap, StrangersOfAllKinds_HarmNobodyAndAreCounted) {
  System& system = posix_system();
  Ranks ranks(6);
  const Endpoint address = decode_id(ranks.rendezvous->id()).endpoints.front();
  std::vector<Handle> strangers;
  std::vector<std::byte> garbage(2000);
  for (int i = 0; i < 40; ++i) {
    strangers.push_back(system.connect_tcp(address));
    system.fill_random(garbage);
    const std::size_t n_bytes = i % 4 == 0 ? 0 : i % 4 == 1 ? 3 : i % 4 == 2 ? 600 : 2000;  // silent, slow, loud
    int os_error = 0;
    ASSERT_TRUE(ranks.until(
        [&] { return system.connect_status(strangers.back().id(), os_error) == ConnectStatus::connected; }));
    if (n_bytes > 0) system.send(strangers.back().id(), std::span(garbage).first(n_bytes));
    if (i % 5 == 0) strangers.back().reset();
  }
  ranks.start_all();
  EXPECT_TRUE(ranks.connect());
  EXPECT_GT(ranks.rendezvous->counts().turned_away, 0U);
}

TEST(Bootstrap, MoreSilentStrangersThanAllowed_RanksStillGetIn) {
  test::allow_many_descriptors();
  System& system = posix_system();
  Ranks ranks(4);
  const Endpoint address = decode_id(ranks.rendezvous->id()).endpoints.front();
  std::vector<Handle> strangers;
  for (int i = 0; i < 1100; ++i) {
    strangers.push_back(system.connect_tcp(address));
    if (i % 64 == 0) ranks.poll();
  }
  ranks.start_all();
  EXPECT_TRUE(ranks.connect());
}

TEST(Bootstrap, DescriptorsExhaustedAtTheRoot_GoesOnWhenThereAreSome) {
  Ranks ranks(2);
  ranks.start(0);
  ASSERT_TRUE(ranks.until([&] { return ranks.rendezvous->counts().frames_received >= 3; }));
  ranks.start(1);
  {
    // Rank 1's connection takes the last one: the rendezvous cannot accept it, then can.
    const test::ScarceDescriptors scarce(1);
    EXPECT_FALSE(ranks.until([&] { return ranks.rendezvous->counts().frames_received > 3; }, 60 * millisecond_ns));
  }
  EXPECT_TRUE(ranks.connect());
}

}  // namespace
}  // namespace stretto
