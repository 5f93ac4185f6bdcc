// Ranks as processes that have the variables which a launcher would give them, for the tests of this folder.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "support/processes.hpp"

namespace stretto {

using Words = std::map<std::string, std::string>;

/// Of the test: in the jobs' names, so that tests that run beside one another do not meet.
inline const std::string kTest = std::to_string(getpid());

inline void put_into_environment(const Words& words) {
  for (const auto& [name, value] : words) setenv(name.c_str(), value.c_str(), 1);
}

inline Words operator+(Words words, const Words& more) {
  for (const auto& [name, value] : more) words[name] = value;
  return words;
}

inline Words torchrun(int rank, int n_ranks, const std::string& port = "29500") {
  return {{"RANK", std::to_string(rank)},
          {"WORLD_SIZE", std::to_string(n_ranks)},
          {"LOCAL_RANK", std::to_string(rank)},
          {"LOCAL_WORLD_SIZE", std::to_string(n_ranks)},
          {"GROUP_WORLD_SIZE", "1"},
          {"MASTER_ADDR", "test-" + kTest},
          {"MASTER_PORT", port},
          {"TORCHELASTIC_RUN_ID", "none"},
          {"TORCHELASTIC_RESTART_COUNT", "0"}};
}

inline Words open_mpi(int rank, int n_ranks, const std::string& job = kTest) {
  return {{"OMPI_COMM_WORLD_RANK", std::to_string(rank)},
          {"OMPI_COMM_WORLD_SIZE", std::to_string(n_ranks)},
          {"OMPI_COMM_WORLD_LOCAL_RANK", std::to_string(rank)},
          {"OMPI_COMM_WORLD_LOCAL_SIZE", std::to_string(n_ranks)},
          {"PMIX_NAMESPACE", job}};
}

inline Words mpich(int rank, int n_ranks) {
  return {{"PMI_RANK", std::to_string(rank)},
          {"PMI_SIZE", std::to_string(n_ranks)},
          {"MPI_LOCALRANKID", std::to_string(rank)},
          {"MPI_LOCALNRANKS", std::to_string(n_ranks)}};
}

inline Words slurm(int rank, int n_ranks, const std::string& step = "0") {
  return {{"SLURM_JOB_ID", kTest},
          {"SLURM_STEP_ID", step},
          {"SLURM_PROCID", std::to_string(rank)},
          {"SLURM_LOCALID", std::to_string(rank)},
          {"SLURM_STEP_NUM_TASKS", std::to_string(n_ranks)},
          {"SLURM_STEP_NUM_NODES", "1"}};
}

inline Words env(int rank, int n_ranks, const std::string& port = "29400") {
  return {{"RANK", std::to_string(rank)},
          {"WORLD_SIZE", std::to_string(n_ranks)},
          {"MASTER_ADDR", "test-" + kTest},
          {"MASTER_PORT", port}};
}

/// Starts from the environment, adds up a number of each rank's, and leaves; the report's value is the sum.
inline RankReport start_and_sum(std::int64_t mine, const strettoConfig_t* config = nullptr) {
  strettoComm_t comm = nullptr;
  strettoResult_t result = strettoCommInitEnvironment(&comm, config);
  std::int64_t sum = -1;
  if (result == strettoSuccess) {
    result = strettoAllReduce(&mine, &sum, 1, strettoInt64, strettoSum, comm, nullptr);
  }
  RankReport report = report_of(comm, result);
  report.value = sum;
  strettoCommDestroy(comm);
  return report;
}

/// The same with `n` processes, each with the variables that `words_of` has for it.
class LaunchedRanks : public Processes {
 public:
  LaunchedRanks(int n, const std::function<Words(int place)>& words_of)
      : Processes(n, [words_of](int place, const strettoUniqueId&) {
          put_into_environment(words_of(place));
          return start_and_sum(std::int64_t{1} << place);
        }) {}
};

}  // namespace stretto
