// What `stretto tune` measures of two GPUs, on GPUs of host threads and on real ones.
#include "tuning/gpu_pair.hpp"

#include "device/device_ranks.hpp"
#include "device/simulated_gpus.hpp"

namespace stretto {
namespace {

class TuneGpus : public OnGpus {};
INSTANTIATE_TEST_SUITE_P(Gpus, TuneGpus, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

GpuPairOptions small() {
  GpuPairOptions options;
  options.seconds = 0.01;
  options.most_bytes = 20'000;
  return options;
}

TEST_P(TuneGpus, TwoOfThem_AreMeasuredAndFitted) {
  double part = 0;
  const GpuPairReport report = measure_gpu_pair(small(), [&](double done) {
    EXPECT_GT(done, part);
    part = done;
  });
  if (gpus_->count() < 2) {
    EXPECT_EQ(report.names, "");
    return;
  }
  EXPECT_LE(part, 1);  // no slots that small
  EXPECT_GT(part, 0.5);
  EXPECT_NE(report.names.find(", "), std::string::npos) << report.names;
  EXPECT_EQ(report.measured.size(), 5U * (4U + 1U)) << "collectives, and sizes of packets and of wide packets";
  std::size_t n_held_back = 0;
  for (const GpuMeasurement& each : report.measured) {
    EXPECT_GT(each.time_ps, 0);
    EXPECT_NE(each.protocol, DeviceProtocol::slots);
    EXPECT_LE(each.block_bytes, 20'000U);
    n_held_back += each.held_back ? 1 : 0;
  }
  EXPECT_EQ(n_held_back, 10U);
  EXPECT_NE(report.times.packets_start + report.times.packets_byte_fs, 0U);
  EXPECT_NE(report.times.packets_start, PairTimes().packets_start);
  EXPECT_EQ(report.times.slots_start, PairTimes().slots_start) << "nothing of these was measured";
}

TEST(TuneGpusAbsent, NoTwoGpus_AreNotMeasured) {
  const auto one = test::make_simulated_gpus(1);
  EXPECT_EQ(measure_gpu_pair(small(), [](double) { FAIL(); }).names, "");
}

TEST(TuneGpusPrediction, Operation_IsAStartAndItsBytes) {
  const PairTimes times{2'000'000, 5'000, 6'000'000, 4'000, 9'000'000, 3'000};
  GpuMeasurement operation;
  operation.block_bytes = 1'000'000;
  EXPECT_DOUBLE_EQ(predicted_ps(operation, times), 7'000'000);
  operation.protocol = DeviceProtocol::wide;
  EXPECT_DOUBLE_EQ(predicted_ps(operation, times), 10'000'000);
  operation.protocol = DeviceProtocol::slots;
  EXPECT_DOUBLE_EQ(predicted_ps(operation, times), 12'000'000);
}

}  // namespace
}  // namespace stretto
