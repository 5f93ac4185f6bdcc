// What a perf tool was asked to do: nccl-tests' options, with the same letters, and a few of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "stretto/stretto.h"

namespace stretto::perf {

/// Which rank's time a row shows.
enum class Average { rank_0 = 0, mean = 1, fastest = 2, slowest = 3 };

/// The place of a process that the launcher started.
struct ChildSlot {
  int index = -1;
  int socket = -1;  ///< to the launcher
};

struct Options {
  std::size_t min_bytes = std::size_t{32} << 20;
  std::size_t max_bytes = std::size_t{32} << 20;
  std::size_t step_bytes = std::size_t{1} << 20;
  int step_factor = 1;  ///< 1: steps of step_bytes
  int iterations = 20;
  int aggregate = 1;  ///< operations per iteration
  int warmup = 5;
  int cycles = 1;                           ///< 0: for ever
  int check = 1;                            ///< checked operations per row and placement,
  std::size_t check_most_bytes = SIZE_MAX;  ///< of rows up to this size
  std::vector<strettoRedOp_t> ops{strettoSum};
  std::vector<strettoDataType_t> types{strettoFloat32};
  int root = 0;       ///< -1: all
  int timeout_s = 0;  ///< 0: the library's own deadlines
  Average average = Average::slowest;
  int register_buffers = 0;
  std::size_t unalign = 0;  ///< elements by which buffers miss their alignment
  bool cpu_time = false;
  bool memory_report = false;
  bool iteration_times = false;
  int skipped_iterations = 0;  ///< that their statistics leave out
  bool timestamps = false;
  int threads = 1;           ///< ranks of each process
  int processes = 0;         ///< that the tool starts itself; 0: not said
  bool on_gpus = false;      ///< ranks are on CUDA devices, otherwise in host memory
  std::vector<int> devices;  ///< of the ranks of each host, taken in turn; empty: all that there are
  int gpus = 1;              ///< ranks of each thread, which drives them by groups
  int graph_launches = 0;    ///< of a graph of all iterations; 0: no graph
  bool blocking = false;     ///< wait for each operation before the next is issued
  std::string nccl;          ///< library to compare with; empty: none
  bool nccl_is_drop_in = false;
  int pairs = 10;           ///< turns of each library, when two are compared
  std::string ceiling;      ///< what --ceiling was given; empty: nothing
  double ceiling_gbps = 0;  ///< that it means; 0: none
  std::string algorithm;
  std::string json_file;
  ChildSlot child;
};

/// Why there are no options: --help (code 0) or a mistake.
struct Refusal {
  int code;
  std::string text;
};

/// @param arguments without the program's name.
std::variant<Options, Refusal> parse_options(const std::string& tool, const std::vector<std::string>& arguments);

/// "8", "64K", "1.5M", "2G" (powers of 1024; case and a trailing B do not matter).
std::optional<std::size_t> parse_bytes(const std::string& text);

/// The sizes of a sweep, each between min_bytes and max_bytes.
std::vector<std::size_t> sweep(const Options& options);

}  // namespace stretto::perf
