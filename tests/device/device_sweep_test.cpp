// Every collective in every type and operation, in place and not, at odd addresses and counts, on as many ranks as
// there are host ranks beside them: what each rank's memory holds afterwards, guards included, is what the same call
// on the host leaves there, bit for bit.
//
// The host's ranks are forced to one_shot, which sums in the order of ranks. one_shot on GPUs promises the same, and
// two_shot for what it serves. Other sums of floats are given numbers whose sums are the same in any order.
//
// Counts, roots, placements and data are another sample in each run; eight ranks on GPUs of host threads make one call
// in three. A failure prints the seed; STRETTO_TEST_SEED=<seed> takes the same sample.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

#include "algorithms/catalogue.hpp"
#include "device_ranks.hpp"
#include "planner/device_choice.hpp"
#include "simulated_gpus.hpp"
#include "sweep_call.hpp"

namespace stretto {
namespace {

using test::Image;
using test::Sweep;
using test::SweepCall;
using test::Values;

std::uint64_t the_seed() {
  const char* const asked = std::getenv("STRETTO_TEST_SEED");
  return asked != nullptr ? std::strtoull(asked, nullptr, 10) : std::random_device()();
}

/// Communicators of host memory.
class HostRanks {
 public:
  explicit HostRanks(int n) : comms_(static_cast<std::size_t>(n), nullptr) {
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.algorithm = "one_shot";
    config.data_timeout_ms = 30'000;
    EXPECT_EQ(strettoCommInitAllConfig(comms_.data(), n, nullptr, &config), strettoSuccess)
        << strettoGetLastError(nullptr);
  }
  ~HostRanks() {
    for (strettoComm_t comm : comms_) strettoCommDestroy(comm);
  }
  HostRanks(const HostRanks&) = delete;
  HostRanks& operator=(const HostRanks&) = delete;
  int count() const { return static_cast<int>(comms_.size()); }
  strettoComm_t comm(int rank) const { return comms_[static_cast<std::size_t>(rank)]; }

 private:
  std::vector<strettoComm_t> comms_;
};

class DeviceCollectives : public OnGpus {
 protected:
  void expect_what_the_host_gives(int n);
  /// @param seed of which `algorithm`'s calls are drawn
  void expect_what_the_host_gives(const HostRanks& hosts, const char* algorithm, std::vector<SweepCall> calls,
                                  std::uint64_t seed);
  bool simulated() const { return std::string(GetParam().name) == "simulated"; }
};
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceCollectives, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

/// What is asked of ranks that sum by `algorithm`; nullptr: the planner's choice.
class Calls {
 public:
  Calls(int n, const char* algorithm, std::uint64_t seed) : n_(n), algorithm_(algorithm), random_(seed) {}

  /// Each collective, type and operation `times` times, or one in `parts` of them.
  std::vector<SweepCall> draw(int times, unsigned parts) {
    std::vector<SweepCall> calls;
    for (int i = 0; i < times; ++i) {
      for (int collective = 0; collective < test::kSweeps; ++collective) {
        const auto which = static_cast<Sweep>(collective);
        for (int op = 0; op <= (test::reduces(which) ? test::kPreMulSum : 0); ++op) add(calls, which, op, parts);
      }
    }
    return calls;
  }

 private:
  void add(std::vector<SweepCall>& calls, Sweep collective, int op, unsigned parts) {
    static constexpr std::size_t kCounts[] = {1, 3, 17, 101, 255, 1003, 5003, 0};
    for (int type = 0; type < strettoNumDataTypes; ++type) {
      SweepCall call{
          collective,   n_,       static_cast<strettoDataType_t>(type), static_cast<strettoRedOp_t>(op), 0, 0,
          Values::hard, random_()};
      call.root = static_cast<int>(random_() % static_cast<unsigned>(n_));
      call.count = random_() % 24 == 0 ? 40'009 : kCounts[random_() % std::size(kCounts)];
      if (!promises_order(collective) && !any_order_gives_the_same(call)) call.values = Values::exact;
      if (random_() % parts == 0) calls.push_back(call);
    }
  }
  bool promises_order(Sweep collective) const {
    const std::string algorithm = algorithm_ == nullptr ? "" : algorithm_;
    return algorithm == "one_shot" ||
           (algorithm == "two_shot" && (collective == Sweep::all_reduce || collective == Sweep::reduce));
  }

  int n_;
  const char* algorithm_;
  std::mt19937_64 random_;
};

/// Where two images differ first, and how.
std::string difference(const Image& image, const std::vector<std::byte>& host, const std::vector<std::byte>& gpu) {
  std::size_t at = 0;
  while (host[at] == gpu[at]) ++at;
  std::string text = "byte " + std::to_string(at) + " of " + std::to_string(host.size());
  text +=
      ": " + std::to_string(static_cast<int>(gpu[at])) + ", on the host " + std::to_string(static_cast<int>(host[at]));
  text += image.in_place ? ", in place" : "";
  return text + ", input at " + std::to_string(image.input_at) + ", output at " + std::to_string(image.output_at);
}

/// One rank's part of all calls, on the host and on its GPU.
class SweepRank {
 public:
  SweepRank(DeviceRanks& ranks, const HostRanks& hosts, int rank, std::atomic<int>& wrong)
      : ranks_(ranks), host_(hosts.comm(rank)), rank_(rank), wrong_(wrong), stream_(ranks.stream(rank)) {}

  /// Memory as large as the calls need, for all of them.
  void run(const std::vector<SweepCall>& calls) {
    std::vector<Image> images;
    std::size_t largest = 0;
    for (const SweepCall& call : calls) {
      images.push_back(image_of(call, rank_));
      largest = std::max(largest, images.back().bytes.size());
    }
    const DeviceBuffer buffer(ranks_.gpus(), ranks_.device(rank_), largest / 8 + 1);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (!run(calls[i], images[i], reinterpret_cast<std::byte*>(buffer.get()))) return;
    }
  }

 private:
  bool run(const SweepCall& call, const Image& image, std::byte* memory) {
    std::vector<std::byte> on_host = image.bytes;
    std::vector<std::byte> on_gpu(image.bytes.size());
    const auto result = issue(call, rank_, image, on_host.data(), host_, nullptr);
    EXPECT_EQ(result, strettoSuccess) << "host: " << strettoGetLastError(host_) << ": " << text_of(call);
    ranks_.gpus().upload(memory, image.bytes.data(), image.bytes.size());
    const strettoComm_t comm = ranks_.comm(rank_);
    const auto issued = issue(call, rank_, image, memory, comm, stream_->handle());
    EXPECT_EQ(issued, strettoSuccess) << strettoGetLastError(comm) << ": " << text_of(call);
    if (result != strettoSuccess || issued != strettoSuccess) return false;
    stream_->synchronize();
    ranks_.gpus().download(on_gpu.data(), memory, on_gpu.size());
    if (on_gpu != on_host && ++wrong_ <= 5) {
      ADD_FAILURE() << "rank " << rank_ << " of " << call.n_ranks << ", " << text_of(call) << ": "
                    << difference(image, on_host, on_gpu);
    }
    return true;
  }

  DeviceRanks& ranks_;
  strettoComm_t host_;
  int rank_;
  std::atomic<int>& wrong_;
  std::unique_ptr<TestStream> stream_;
};

void DeviceCollectives::expect_what_the_host_gives(const HostRanks& hosts, const char* algorithm,
                                                   std::vector<SweepCall> calls, std::uint64_t seed) {
  std::atomic<int> wrong{0};
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.algorithm = algorithm;
  config.data_timeout_ms = 20'000;
  DeviceRanks ranks(*gpus_, hosts.count(), config);
  ranks.run([&](int rank, strettoComm_t) { SweepRank(ranks, hosts, rank, wrong).run(calls); });
  EXPECT_EQ(wrong.load(), 0) << "calls and ranks with wrong memory; STRETTO_TEST_SEED=" << seed << " repeats it";
}

void DeviceCollectives::expect_what_the_host_gives(int n) {
  const std::uint64_t seed = the_seed();
  std::cout << "STRETTO_TEST_SEED=" << seed << "\n";
  const HostRanks hosts(n);
  for (const char* algorithm : {static_cast<const char*>(nullptr), "one_shot", "two_shot"}) {
    SCOPED_TRACE(algorithm == nullptr ? "the planner's choice" : algorithm);
    Calls source(n, algorithm, seed);
    const std::vector<SweepCall> calls = simulated() ? source.draw(1, n > 4 ? 3 : 1) : source.draw(4, 1);
    expect_what_the_host_gives(hosts, algorithm, calls, seed);
    if (HasFailure()) return;
  }
}

/// What the catalogue's collectives are among the calls of a sweep.
std::optional<Collective> collective_of(Sweep call) {
  switch (call) {
    case Sweep::all_reduce:
      return Collective::all_reduce;
    case Sweep::reduce_scatter:
      return Collective::reduce_scatter;
    case Sweep::reduce:
      return Collective::reduce;
    case Sweep::all_gather:
      return Collective::all_gather;
    case Sweep::broadcast:
      return Collective::broadcast;
    case Sweep::gather:
      return Collective::gather;
    case Sweep::scatter:
      return Collective::scatter;
    case Sweep::all_to_all:
      return Collective::all_to_all;
    default:
      return std::nullopt;
  }
}

TEST_P(DeviceCollectives, EveryAlgorithm_HoldsWhatTheHostGives) {
  const std::uint64_t seed = the_seed();
  std::cout << "STRETTO_TEST_SEED=" << seed << "\n";
  int n_calls = 0;
  int n_communicators = 0;
  const std::vector<int> sizes = simulated() ? std::vector{3, 4} : std::vector{2, 3, 4, 8};
  for (const int n : sizes) {
    const HostRanks hosts(n);
    for (const AlgorithmRow& row : catalogue()) {
      if (row.reach == Reach::trees) continue;  // packed for a machine that is not this one
      SCOPED_TRACE(std::string(row.name) + ", " + std::to_string(n) + " ranks");
      const std::uint64_t seed_here = seed + static_cast<std::uint64_t>(n_communicators++);
      std::vector<SweepCall> calls = Calls(n, row.name.data(), seed_here).draw(1, simulated() ? 12 : 2);
      std::erase_if(calls, [&](const SweepCall& call) {
        const std::optional<Collective> collective = collective_of(call.collective);
        // On GPUs one_shot alone serves all-to-all: it may be in place (choose_device_plan).
        const bool is_one_shots = collective == Collective::all_to_all && row.name != "one_shot";
        return !collective || !row.supports(*collective) || is_one_shots;
      });
      n_calls += static_cast<int>(calls.size());
      expect_what_the_host_gives(hosts, row.name.data(), calls, seed);
      if (HasFailure()) return;
    }
  }
  std::cout << n_calls << " calls\n";
  EXPECT_GT(n_calls, 0);
}

/// Whatever the model would choose for their size.
TEST_P(DeviceCollectives, EveryProtocol_HoldsWhatTheHostGives) {
  const std::uint64_t seed = the_seed();
  std::cout << "STRETTO_TEST_SEED=" << seed << "\n";
  for (const int n : simulated() ? std::vector{2, 3} : std::vector{2, 3, 4, 8}) {
    const HostRanks hosts(n);
    for (const DeviceProtocolRow& row : device_protocol_rows()) {
      SCOPED_TRACE(std::string(row.text) + ", " + std::to_string(n) + " ranks");
      setenv("STRETTO_PROTOCOL", std::string(row.knob).c_str(), 1);
      const std::vector<SweepCall> calls = Calls(n, "one_shot", seed).draw(1, simulated() ? 4 : 1);
      const std::uint64_t before = test::simulated_wide_exchanges();
      expect_what_the_host_gives(hosts, "one_shot", calls, seed);
      unsetenv("STRETTO_PROTOCOL");
      if (simulated()) {
        EXPECT_EQ(test::simulated_wide_exchanges() > before, row.protocol == DeviceProtocol::wide);
      }
      if (HasFailure()) return;
    }
  }
}

TEST_P(DeviceCollectives, OneRank_HoldsWhatTheHostGives) { expect_what_the_host_gives(1); }
TEST_P(DeviceCollectives, TwoRanks_HoldWhatTheHostGives) { expect_what_the_host_gives(2); }
TEST_P(DeviceCollectives, ThreeRanks_HoldWhatTheHostGives) { expect_what_the_host_gives(3); }
TEST_P(DeviceCollectives, FourRanks_HoldWhatTheHostGives) { expect_what_the_host_gives(4); }
TEST_P(DeviceCollectives, EightRanks_HoldWhatTheHostGives) { expect_what_the_host_gives(8); }

/// Or the sweep would prove little: its data tell orders of summation apart, and exact ones do not.
TEST(DeviceCollectivesData, HardValues_DependOnOrderAndExactOnesDoNot) {
  for (const Values values : {Values::hard, Values::exact}) {
    int differ = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      float forward = 0;
      float backward = 0;
      for (int i = 0; i < 5; ++i) {
        const auto value_of = [&](int rank) {
          const Image image =
              test::image_of({Sweep::all_reduce, 5, strettoFloat32, strettoSum, 0, 1, values, seed}, rank);
          float value = 0;
          std::memcpy(&value, &image.bytes[image.input_at], sizeof value);
          return value;
        };
        forward += value_of(i);
        backward += value_of(4 - i);
      }
      differ += forward != backward && forward == forward && backward == backward;
    }
    EXPECT_EQ(differ > 2, values == Values::hard);
    EXPECT_EQ(differ == 0, values == Values::exact);
  }
}

}  // namespace
}  // namespace stretto
