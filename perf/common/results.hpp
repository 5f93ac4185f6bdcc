// What a run found, and its forms: the table of nccl-tests, and JSON. Pure: no clocks, no library.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "perf/common/nvml.hpp"
#include "perf/common/options.hpp"
#include "perf/common/provenance.hpp"
#include "perf/common/statistics.hpp"

namespace stretto::perf {

/// The same operations by the library that stretto is compared with.
struct Rival {
  double time_us = 0;
  std::optional<std::uint64_t> wrong{};  ///< elements, over all ranks; none: not checked
  std::vector<double> samples_us{};      ///< taken in turns with those of stretto
  RatioInterval ratio{};                 ///< of stretto's times to its
};

/// Out of place, or in place.
struct Measurement {
  double time_us = 0;     ///< per operation
  double algbw_gbps = 0;  ///< 10^9 bytes per second
  double busbw_gbps = 0;
  std::optional<std::uint64_t> wrong;  ///< elements, over all ranks; none: not checked
  std::optional<double> median_us;     ///< with -I, of the iterations
  std::optional<double> p95_us;
  std::vector<double> samples_us{};  ///< on GPUs: per operation, of the slowest rank, in the order they were taken
  std::optional<Rival> rival{};
  std::optional<double> ceiling_percent{};  ///< of the link's bandwidth, with --ceiling
};

struct Row {
  std::size_t bytes = 0;
  std::size_t count = 0;
  strettoDataType_t type = strettoFloat32;
  strettoRedOp_t op = strettoSum;
  bool reduces = true;
  int root = -1;
  std::array<std::optional<Measurement>, 2> placements;  ///< out of place; in place, where there is such a form
  std::string time_of_day;                               ///< with -S
  std::vector<GpuClocks> clocks{};                       ///< of each rank's GPU after the row, where they are known
};

struct RankInfo {
  std::int64_t pid = 0;
  std::string host;
  int device = -1;  ///< -1: host memory
  std::string gpu{};
  std::string gpu_uuid{};
  std::string gpu_bus_id{};
};

struct RunInfo {
  std::string tool;
  std::string version;
  std::string cpu;
  int cores = 0;
  std::vector<RankInfo> ranks;
  std::string rival{};  ///< "NCCL 2.28.9", with --compare
  std::string rival_path{};
  std::optional<Provenance> provenance{};
  std::uint64_t seed = 0;  ///< of the checked data
};

struct Summary {
  std::uint64_t out_of_bounds = 0;  ///< guard bytes overwritten, over all ranks
  std::uint64_t wrong = 0;          ///< wrong elements, over all rows
  bool ranks_agree = true;          ///< bit for bit, where the collective promises it
  double average_busbw_gbps = 0;
  std::optional<std::uint64_t> communicator_bytes;  ///< with -M: the largest over processes
  bool ok() const { return out_of_bounds == 0 && wrong == 0 && ranks_agree; }
};

/// GB/s in each direction: of a number, or of a report of link_perf's, by its path. Throws std::runtime_error.
double ceiling_gbps(const std::string& number_or_file);
/// Over all measurements that there are.
double average_busbw(const std::vector<Row>& rows);

std::string format_header(const RunInfo& info, const Options& options);
std::string format_row(const Row& row, const Options& options);
std::string format_footer(const Summary& summary);
std::string to_json(const RunInfo& info, const Options& options, const std::vector<Row>& rows, const Summary& summary);

}  // namespace stretto::perf
