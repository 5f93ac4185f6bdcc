// Files of a machine's constants: written, read again, and refused where they are broken, hostile or of another
// machine.
#include "tuning/tuning_file.hpp"

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "topology/probe/hardware.hpp"
#include "tuning/tuning_folder.hpp"

namespace stretto {
namespace {

Tuning tuning_of_here() {
  Tuning tuning;
  tuning.hardware = topology::hardware_facts();
  tuning.n_ranks = 2;
  tuning.error_percent = 12.3;
  tuning.constants.message = 4711;
  tuning.constants.cached_bytes = 1 << 20;
  return tuning;
}

TuningInForce with(const std::string& value) {
  return tuning_in_force(Environment::from({"STRETTO_TUNING_FILE=" + value}));
}

class TuningFile : public TuningFolder {
 protected:
  /// Nothing of it is used, and the warning says why.
  void expect_refused(const std::string& path, const std::string& why) {
    const TuningInForce found = with(path);
    EXPECT_EQ(found.constants, LinkConstants()) << path;
    EXPECT_EQ(found.source, "defaults");
    EXPECT_NE(found.warning.find(path), std::string::npos) << found.warning;
    EXPECT_NE(found.warning.find(why), std::string::npos) << found.warning;
  }
};

TEST_F(TuningFile, Written_IsReadAgainAndInForce) {
  const Tuning tuning = tuning_of_here();
  const std::string path = file("new/folders/constants.json");
  write_tuning(path, tuning);
  const Tuning again = parse_tuning(read(path));
  EXPECT_EQ(again.constants, tuning.constants);
  EXPECT_EQ(again.hardware, tuning.hardware);
  EXPECT_EQ(again.n_ranks, 2);
  EXPECT_EQ(again.error_percent, 12.3);
  const TuningInForce found = with(path);
  EXPECT_EQ(found.constants, tuning.constants);
  EXPECT_EQ(found.source, path);
  EXPECT_EQ(found.warning, "");
}

TEST_F(TuningFile, TwoGpus_AreKeptWhereTheyWereMeasured) {
  Tuning tuning = tuning_of_here();
  const std::string path = write("constants.json", tuning_to_json(tuning));
  EXPECT_EQ(with(path).pair_times, PairTimes());
  EXPECT_FALSE(parse_tuning(read(path)).pair_times);
  tuning.pair_times = PairTimes{1, 2, 3, 4, 5, 6};
  write_tuning(path, tuning);
  EXPECT_EQ(parse_tuning(read(path)).pair_times, tuning.pair_times);
  EXPECT_EQ(with(path).pair_times, *tuning.pair_times);
  EXPECT_EQ(with(path).warning, "");
  const nlohmann::json good = nlohmann::json::parse(tuning_to_json(tuning));
  const auto expect_bad = [&](const char* name, const nlohmann::json& value, const std::string& why) {
    nlohmann::json bad = good;
    bad["two_gpus"][name] = value;
    expect_refused(write("bad.json", bad.dump()), why);
    EXPECT_EQ(with(file("bad.json")).pair_times, PairTimes());
  };
  for (const PairTimeRow& row : pair_time_rows()) {
    const std::string name(row.name);
    expect_bad(name.c_str(), -1, name);
    expect_bad(name.c_str(), row.most + 1, name);
  }
  expect_bad("more", 1, "unknown");
}

TEST_F(TuningFile, WrittenOverAnother_ReplacesItAndLeavesNoDraft) {
  const std::string path = write("constants.json", "what was there before");
  write_tuning(path, tuning_of_here());
  EXPECT_EQ(with(path).constants.message, 4711U);
  std::size_t n_files = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator(folder())) ++n_files;
  EXPECT_EQ(n_files, 1U);
  struct stat facts {};
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0644U);
}

TEST_F(TuningFile, FolderThatCannotBeMade_IsAnError) {
  const std::string path = write("a_file", "") + "/constants.json";
  EXPECT_THROW(write_tuning(path, tuning_of_here()), Error);
}

TEST_F(TuningFile, Cache_IsReadWhereNothingIsNamed) {
  set("XDG_CACHE_HOME", folder());
  EXPECT_EQ(with("").constants, LinkConstants());
  EXPECT_EQ(with("").warning, "") << "nobody has measured: nothing to say";
  const std::optional<std::string> path = cached_tuning_path();
  ASSERT_TRUE(path);
  EXPECT_EQ(path->find(folder() + "/stretto/tuning-"), 0U) << *path;
  write_tuning(*path, tuning_of_here());
  EXPECT_EQ(with("").constants.message, 4711U);
  EXPECT_EQ(with("").source, *path);
  EXPECT_EQ(with("off").constants, LinkConstants());
  EXPECT_EQ(with("off").source, "defaults");
}

TEST_F(TuningFile, CacheWithoutItsVariable_LiesInTheHome) {
  set("XDG_CACHE_HOME", "not/absolute");
  set("HOME", folder());
  EXPECT_EQ(cached_tuning_path()->find(folder() + "/.cache/stretto/"), 0U);
  set("HOME", "");
  EXPECT_FALSE(cached_tuning_path());
  EXPECT_EQ(with("").source, "defaults");
}

TEST_F(TuningFile, NamedAndNotThere_IsSaid) { expect_refused(file("nothing.json"), "there is no such file"); }

TEST_F(TuningFile, OfOtherHardware_IsRefused) {
  Tuning tuning = tuning_of_here();
  tuning.hardware = "cpu=Abacus; cores=10";
  write_tuning(file("other.json"), tuning);
  expect_refused(file("other.json"), "it is of other hardware (cpu=Abacus; cores=10)");
}

TEST_F(TuningFile, BrokenInAnyWay_IsRefused) {
  const nlohmann::json good = nlohmann::json::parse(tuning_to_json(tuning_of_here()));
  const auto changed = [&](auto change) {
    nlohmann::json bad = good;
    change(bad);
    return write("bad.json", bad.dump());
  };
  using Json = nlohmann::json;
  expect_refused(write("bad.json", ""), "no JSON object");
  expect_refused(write("bad.json", good.dump().substr(0, 100)), "no JSON object");
  expect_refused(write("bad.json", "[1, 2]"), "no JSON object");
  expect_refused(write("bad.json", std::string(10'000, '[')), "no JSON object");
  expect_refused(write("bad.json", good.dump() + std::string(kMostTuningBytes, ' ')), "more than");
  expect_refused(changed([](Json& j) { j["format"] = "stretto tuning 3"; }), "\"format\"");
  expect_refused(changed([](Json& j) { j.erase("hardware"); }), "no \"hardware\"");
  expect_refused(changed([](Json& j) { j["hardware"] = 3; }), "no text");
  expect_refused(changed([](Json& j) { j["ranks"] = -1; }), "no number of ranks");
  expect_refused(changed([](Json& j) { j["error_percent"] = "small"; }), "\"error_percent\"");
  expect_refused(changed([](Json& j) { j["constants"] = 5; }), "no object");
  expect_refused(changed([](Json& j) { j["constants"]["more"] = 5; }), "unknown");
  for (const LinkConstantRow& row : link_constant_rows()) {
    const std::string name(row.name);
    expect_refused(changed([&](Json& j) { j["constants"].erase(name); }), name);
    expect_refused(changed([&](Json& j) { j["constants"][name] = -1; }), name);
    expect_refused(changed([&](Json& j) { j["constants"][name] = 1.5; }), name);
    expect_refused(changed([&](Json& j) { j["constants"][name] = row.most + 1; }), name);
  }
}

TEST_F(TuningFile, ThatOthersMayWrite_IsRefused) {
  write_tuning(file("open.json"), tuning_of_here());
  ASSERT_EQ(chmod(file("open.json").c_str(), 0664), 0);
  expect_refused(file("open.json"), "others than its owner may write it");
}

TEST_F(TuningFile, PipeOrFolder_IsRefusedWithoutWaiting) {
  ASSERT_EQ(mkfifo(file("pipe").c_str(), 0600), 0);
  expect_refused(file("pipe"), "no regular file");
  expect_refused(folder(), "no regular file");
}

TEST(HardwareFacts, ThisMachine_IsTheSameEveryTime) {
  const std::string facts = topology::hardware_facts();
  EXPECT_EQ(facts, topology::hardware_facts());
  EXPECT_NE(facts.find("cores="), std::string::npos) << facts;
  EXPECT_EQ(topology::fingerprint_of(facts).size(), 16U);
  EXPECT_NE(topology::fingerprint_of(facts), topology::fingerprint_of(facts + " "));
}

}  // namespace
}  // namespace stretto
