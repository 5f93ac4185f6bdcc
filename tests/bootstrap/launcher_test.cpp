// What a process makes of a launcher's variables: who it is, which launcher counts, and what is wrong by name.
#include "bootstrap/launcher.hpp"

#include <gtest/gtest.h>

#include "bootstrap/job_key.hpp"

namespace stretto {
namespace {

Variables with(Variables variables, const Variables& more) {
  for (const auto& [name, value] : more) variables[name] = value;
  return variables;
}
Variables without(Variables variables, const char* name) {
  variables.erase(name);
  return variables;
}

// As the launchers give them, less what is not looked at.
const Variables kTorchrun = {{"RANK", "5"},
                             {"WORLD_SIZE", "8"},
                             {"LOCAL_RANK", "1"},
                             {"LOCAL_WORLD_SIZE", "4"},
                             {"GROUP_RANK", "1"},
                             {"GROUP_WORLD_SIZE", "2"},
                             {"MASTER_ADDR", "node1"},
                             {"MASTER_PORT", "29500"},
                             {"TORCHELASTIC_RUN_ID", "none"},
                             {"TORCHELASTIC_RESTART_COUNT", "0"}};
const Variables kOpenMpi = {{"OMPI_COMM_WORLD_RANK", "1"},       {"OMPI_COMM_WORLD_SIZE", "2"},
                            {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                            {"PMIX_NAMESPACE", "1269694465"},    {"PMIX_SERVER_URI41", "1269694464.0;tcp4://a:1"}};
const Variables kMpich = {{"PMI_RANK", "2"}, {"PMI_SIZE", "3"}, {"MPI_LOCALRANKID", "2"}, {"MPI_LOCALNRANKS", "3"}};
const Variables kEnv = {{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "4000"}};
const Variables kSlurm = {{"SLURM_JOB_ID", "77"},        {"SLURM_STEP_ID", "3"},        {"SLURM_PROCID", "1"},
                          {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_STEP_NUM_NODES", "1"}, {"SLURM_LOCALID", "1"},
                          {"SLURM_NTASKS", "16"},        {"SLURM_NNODES", "4"},         {"SLURM_CLUSTER_NAME", "c"}};

TEST(Launcher, Torchrun_GivesPlaceAndJob) {
  const Launch launch = read_launch(kTorchrun, "");
  EXPECT_EQ(launch.launcher, "torchrun");
  EXPECT_EQ(launch.rank, 5);
  EXPECT_EQ(launch.n_ranks, 8);
  EXPECT_EQ(launch.spread, Spread::several_hosts);
  EXPECT_EQ(launch.launchers_mark, "TORCHELASTIC_RUN_ID");
  EXPECT_EQ(job_text(launch),
            "the 8 ranks that torchrun started (TORCHELASTIC_RUN_ID=none, TORCHELASTIC_RESTART_COUNT=0, "
            "MASTER_ADDR=node1, MASTER_PORT=29500)");
}

TEST(Launcher, OpenMpi_GivesPlaceAndJob) {
  const Launch launch = read_launch(kOpenMpi, "");
  EXPECT_EQ(launch.launcher, "open_mpi");
  EXPECT_EQ(launch.rank, 1);
  EXPECT_EQ(launch.n_ranks, 2);
  EXPECT_EQ(launch.spread, Spread::one_host);
  EXPECT_EQ(launch.job, std::vector<std::string>{"PMIX_NAMESPACE=1269694465"});
  EXPECT_EQ(launch.job_on_host.size(), 1U);
  EXPECT_EQ(launch.launchers_mark, "");
  EXPECT_EQ(read_launch(without(kOpenMpi, "PMIX_NAMESPACE"), "").launchers_mark, "OMPI_COMM_WORLD_RANK");
}

TEST(Launcher, Mpich_IsToldApartByItsOwnProcess) {
  const Launch launch = read_launch(kMpich, "");
  EXPECT_EQ(launch.launcher, "mpich");
  EXPECT_EQ(launch.rank, 2);
  EXPECT_EQ(launch.n_ranks, 3);
  EXPECT_EQ(launch.spread, Spread::one_host);
  EXPECT_EQ(launch.launchers_mark, "PMI_RANK");
  EXPECT_EQ(read_launch(with(kMpich, {{"MPI_LOCALNRANKS", "1"}, {"MPI_LOCALRANKID", "0"}}), "").spread,
            Spread::several_hosts);
}

TEST(Launcher, Slurm_CountsTheStepNotTheAllocation) {
  const Launch launch = read_launch(kSlurm, "");
  EXPECT_EQ(launch.launcher, "slurm");
  EXPECT_EQ(launch.rank, 1);
  EXPECT_EQ(launch.n_ranks, 4);
  EXPECT_EQ(launch.spread, Spread::one_host);
  EXPECT_EQ(read_launch(with(kSlurm, {{"SLURM_STEP_NUM_NODES", "2"}}), "").spread, Spread::several_hosts);
  EXPECT_EQ(read_launch(without(without(kSlurm, "SLURM_STEP_NUM_TASKS"), "SLURM_STEP_NUM_NODES"), "").n_ranks, 16);
}

TEST(Launcher, RankAndWorldSizeByHand_NeedAPort) {
  const Launch launch = read_launch(kEnv, "");
  EXPECT_EQ(launch.launcher, "env");
  EXPECT_EQ(launch.spread, Spread::not_said);
  EXPECT_EQ(read_launch({{"RANK", "0"}, {"WORLD_SIZE", "1"}}, "").spread, Spread::one_host);
}

TEST(Launcher, SeveralAtOnce_TheInnermostCounts) {
  const auto chosen = [](std::initializer_list<Variables> all) {
    Variables variables;
    for (const Variables& one : all) variables = with(variables, one);
    return std::string(read_launch(variables, "").launcher);
  };
  EXPECT_EQ(chosen({kSlurm, kOpenMpi}), "open_mpi");
  EXPECT_EQ(chosen({kSlurm, kMpich}), "mpich");
  EXPECT_EQ(chosen({kSlurm, kTorchrun}), "torchrun");
  EXPECT_EQ(chosen({kOpenMpi, kTorchrun}), "torchrun");
  EXPECT_EQ(chosen({kOpenMpi, kEnv}), "open_mpi") << "RANK and WORLD_SIZE of the container, say";
  EXPECT_EQ(chosen({kSlurm, kEnv}), "env");
  // srun --mpi=pmi2 sets PMI_RANK and PMI_SIZE too.
  EXPECT_EQ(chosen({kSlurm, {{"PMI_RANK", "1"}, {"PMI_SIZE", "4"}}}), "slurm");
}

TEST(Launcher, StrettoLauncher_ChoosesAnother) {
  const Variables both = with(kSlurm, kOpenMpi);
  EXPECT_EQ(read_launch(both, "slurm").n_ranks, 4);
  EXPECT_EQ(read_launch(both, "open_mpi").n_ranks, 2);
}

ErrorInfo error_of(const Variables& variables, std::string_view wanted = "") {
  try {
    read_launch(variables, wanted);
  } catch (const Error& error) {
    return error.info();
  }
  ADD_FAILURE() << "nothing was wrong";
  return {};
}

TEST(Launcher, NoLauncher_SaysHowToStart) {
  const ErrorInfo info = error_of({{"PATH", "/bin"}});
  EXPECT_EQ(info.code, strettoInvalidUsage);
  EXPECT_EQ(info.field, "launcher");
  for (const char* way : {"torchrun", "mpirun", "srun", "RANK=0 WORLD_SIZE=1"}) {
    EXPECT_NE(info.text.find(way), std::string::npos) << info.text;
  }
}

// Slurm gives a batch script SLURM_PROCID=0 and the number of tasks: each process of it would take itself for rank 0.
TEST(Launcher, BatchScriptOutsideOfAStep_IsNoLauncher) {
  const ErrorInfo info = error_of(without(kSlurm, "SLURM_STEP_ID"));
  EXPECT_EQ(info.field, "launcher");
  EXPECT_NE(info.text.find("use srun"), std::string::npos) << info.text;
}

TEST(Launcher, WhatIsWrong_IsNamedByItsVariable) {
  const auto field = [](const Variables& variables, std::string_view wanted = "") {
    return error_of(variables, wanted).field;
  };
  EXPECT_EQ(field(without(kOpenMpi, "OMPI_COMM_WORLD_RANK")), "OMPI_COMM_WORLD_RANK");
  EXPECT_EQ(field(without(kOpenMpi, "OMPI_COMM_WORLD_SIZE")), "OMPI_COMM_WORLD_SIZE");
  EXPECT_EQ(field(without(kMpich, "PMI_SIZE")), "PMI_SIZE");
  EXPECT_EQ(field(without(kMpich, "PMI_RANK")), "PMI_RANK");
  EXPECT_EQ(field(without(kTorchrun, "RANK")), "RANK");
  EXPECT_EQ(field(without(kTorchrun, "MASTER_PORT")), "MASTER_PORT");
  EXPECT_EQ(field(without(kEnv, "MASTER_PORT")), "MASTER_PORT");
  EXPECT_EQ(field(without(kEnv, "RANK")), "RANK");
  EXPECT_EQ(field(without(kEnv, "WORLD_SIZE")), "WORLD_SIZE");
  EXPECT_EQ(field(without(kSlurm, "SLURM_JOB_ID")), "SLURM_JOB_ID");
  EXPECT_EQ(field(kSlurm, "slurmd"), "STRETTO_LAUNCHER");
  EXPECT_EQ(field(kSlurm, "mpich"), "PMI_SIZE");
  for (const char* bad : {"", "x", "1x", " 1", "-1", "1.0", "99999999999999999999", "2"}) {
    EXPECT_EQ(field(with(kEnv, {{"RANK", bad}})), "RANK") << bad;
  }
  for (const char* bad : {"0", "-2", "two", "1048577"}) {
    EXPECT_EQ(field(with(kMpich, {{"PMI_SIZE", bad}})), "PMI_SIZE") << bad;
  }
  EXPECT_EQ(field(with(kMpich, {{"MPI_LOCALNRANKS", "4"}})), "MPI_LOCALNRANKS");
  EXPECT_EQ(field(with(kMpich, {{"MPI_LOCALRANKID", "3"}})), "MPI_LOCALRANKID");
  EXPECT_EQ(field(with(kOpenMpi, {{"OMPI_COMM_WORLD_LOCAL_RANK", "2"}})), "OMPI_COMM_WORLD_LOCAL_RANK");
  EXPECT_EQ(field(with(kTorchrun, {{"GROUP_WORLD_SIZE", "1"}})), "LOCAL_WORLD_SIZE");
  EXPECT_EQ(field(with(kTorchrun, {{"MASTER_PORT", "65536"}})), "MASTER_PORT");
  EXPECT_EQ(field(with(kSlurm, {{"SLURM_LOCALID", "4"}})), "SLURM_LOCALID");
  EXPECT_EQ(field(with(kSlurm, {{"SLURM_STEP_NUM_NODES", "0"}})), "SLURM_STEP_NUM_NODES");
}

const std::vector<std::byte> kNoSecret;

std::string name_of(const Variables& variables, std::uint64_t call = 0, const std::string& ancestor = "",
                    std::uint32_t user = 7, const std::vector<std::byte>& secret = kNoSecret) {
  return meeting_name(read_launch(variables, ""), call, ancestor, user, secret);
}

TEST(MeetingName, RanksOfAJob_HaveTheSame) {
  EXPECT_EQ(name_of(kTorchrun), name_of(with(kTorchrun, {{"RANK", "0"}, {"LOCAL_RANK", "0"}})));
  EXPECT_EQ(name_of(kSlurm), name_of(with(kSlurm, {{"SLURM_PROCID", "0"}})));
  // They meet, and hear of it, though they disagree about the number of ranks.
  EXPECT_EQ(name_of(kEnv), name_of(with(kEnv, {{"WORLD_SIZE", "3"}})));
  EXPECT_LT(name_of(kEnv).size(), 100U) << "a local socket's name";
}

TEST(MeetingName, OtherJobsUsersAndCalls_HaveOthers) {
  std::vector<std::string> names = {
      name_of(kTorchrun),
      name_of(with(kTorchrun, {{"MASTER_PORT", "29501"}})),
      name_of(with(kTorchrun, {{"TORCHELASTIC_RUN_ID", "a"}})),
      name_of(with(kTorchrun, {{"TORCHELASTIC_RESTART_COUNT", "1"}})),
      name_of(kTorchrun, 0, "100:5"),
      name_of(kTorchrun, 0, "100:6"),
      name_of(kTorchrun, 1),
      name_of(kTorchrun, 0, "", 8),
      name_of(kTorchrun, 0, "", 7, std::vector<std::byte>(16)),
      name_of(kOpenMpi),
      name_of(with(kOpenMpi, {{"PMIX_NAMESPACE", "1269694466"}})),
      name_of(with(kOpenMpi, {{"PMIX_SERVER_URI41", "1269694464.0;tcp4://a:2"}})),
      name_of(kMpich),
      name_of(kEnv),
      name_of(with(kEnv, {{"MASTER_ADDR", "a"}})),
      name_of(kSlurm),
      name_of(with(kSlurm, {{"SLURM_STEP_ID", "4"}})),
      name_of(with(kSlurm, {{"SLURM_JOB_ID", "78"}})),
      name_of(with(kSlurm, {{"SLURM_RESTART_COUNT", "1"}})),
  };
  const std::size_t all = names.size();
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  EXPECT_EQ(names.size(), all);
}

TEST(JobKey, Secret_DecidesWithJobAndCall) {
  const std::vector<std::byte> secret(32, std::byte{1});
  const std::vector<std::byte> other(32, std::byte{2});
  const Launch launch = read_launch(kTorchrun, "");
  const Launch rank_0 = read_launch(with(kTorchrun, {{"RANK", "0"}}), "");
  const Launch restarted = read_launch(with(kTorchrun, {{"TORCHELASTIC_RESTART_COUNT", "1"}}), "");
  EXPECT_EQ(job_key(launch, 0, secret), job_key(rank_0, 0, secret));
  EXPECT_NE(job_key(launch, 0, secret), job_key(launch, 0, other));
  EXPECT_NE(job_key(launch, 0, secret), job_key(restarted, 0, secret));
  EXPECT_NE(job_key(launch, 0, secret), job_key(launch, 1, secret));
}

}  // namespace
}  // namespace stretto
