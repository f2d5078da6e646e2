// Launches as the launchers' environments tell them.
#include "batch/launcher.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "support/errors.h"

namespace sora {
namespace {

using Variables = std::map<std::string, std::string>;

std::optional<Group> group_in(const Variables& variables) {
  return find_group([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string error_in(const Variables& variables) {
  return test::error_of(Fault::usage, [&] { group_in(variables); });
}

Variables with(Variables variables, const Variables& changes) {
  for (const auto& [name, value] : changes) variables[name] = value;
  return variables;
}

Variables without(Variables variables, const std::string& name) {
  variables.erase(name);
  return variables;
}

std::string text(const std::optional<Group>& group) {
  if (!group) return "none";
  return fmt::format("{}/{} local {} at {}:{}{} run '{}'", group->rank, group->size, group->local_rank, group->address,
                     group->port, group->agent_hosts_store ? " (agent)" : "", group->run_id);
}

const Variables kTorchrun{{"RANK", "3"},
                          {"WORLD_SIZE", "4"},
                          {"LOCAL_RANK", "1"},
                          {"MASTER_ADDR", "gpu7"},
                          {"MASTER_PORT", "29501"},
                          {"TORCHELASTIC_RUN_ID", "none"},
                          {"TORCHELASTIC_USE_AGENT_STORE", "True"}};
const Variables kSrun{{"SLURM_JOB_ID", "1234"},
                      {"SLURM_STEP_ID", "0"},
                      {"SLURM_STEP_NUM_TASKS", "8"},
                      {"SLURM_NTASKS", "8"},
                      {"SLURM_PROCID", "5"},
                      {"SLURM_LOCALID", "1"},
                      {"SLURM_JOB_NODELIST", "gpu[01-09]"},
                      {"SLURM_STEP_NODELIST", "gpu[03-07,12],cpu1"}};
const Variables kOpenMpi{{"OMPI_COMM_WORLD_RANK", "1"},
                         {"OMPI_COMM_WORLD_SIZE", "2"},
                         {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                         {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                         {"PMIX_NAMESPACE", "981467137"}};
const Variables kHydra{{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}, {"MPI_LOCALRANKID", "0"}, {"MPI_LOCALNRANKS", "2"}};

TEST(Launcher, None) {
  EXPECT_EQ(text(group_in({})), "none");
  EXPECT_EQ(text(group_in({{"MASTER_ADDR", "gpu1"}, {"LOCAL_RANK", "0"}})), "none");
}

TEST(Launcher, Torchrun) {
  EXPECT_EQ(text(group_in(kTorchrun)), "3/4 local 1 at gpu7:29501 (agent) run 'none'");
  EXPECT_EQ(text(group_in(with(kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "False"}}))),
            "3/4 local 1 at gpu7:29501 run 'none'");
  EXPECT_EQ(text(group_in(with(kTorchrun, {{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"LOCAL_RANK", "0"}}))), "none");
}

TEST(Launcher, Srun) {
  EXPECT_EQ(text(group_in(kSrun)), "5/8 local 1 at gpu03:24347 run '1234.0'");
  EXPECT_EQ(text(group_in(with(kSrun, {{"SLURM_STEP_ID", "1"}}))), "5/8 local 1 at gpu03:22728 run '1234.1'");
  EXPECT_EQ(text(group_in(with(kSrun, {{"MASTER_ADDR", "10.0.0.1"}, {"MASTER_PORT", "4000"}}))),
            "5/8 local 1 at 10.0.0.1:4000 run '1234.0'");
}

// sbatch runs its script as a task number 0 of a step without tasks.
TEST(Launcher, ABatchScriptAndAnArrayJobAreNoRanks) {
  EXPECT_EQ(text(group_in({{"SLURM_JOB_ID", "1234"},
                           {"SLURM_NTASKS", "8"},
                           {"SLURM_PROCID", "0"},
                           {"SLURM_LOCALID", "0"},
                           {"SLURM_JOB_NODELIST", "gpu[01-09]"},
                           {"SLURM_ARRAY_TASK_ID", "3"}})),
            "none");
  EXPECT_EQ(text(group_in(with(kSrun, {{"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_PROCID", "0"}}))), "none");
}

TEST(Launcher, NodeLists) {
  const auto host = [](const std::string& list) {
    return group_in(with(kSrun, {{"SLURM_STEP_NODELIST", list}}))->address;
  };
  EXPECT_EQ(host("gpu1"), "gpu1");
  EXPECT_EQ(host("gpu1,gpu2"), "gpu1");
  EXPECT_EQ(host("gpu[7]"), "gpu7");
  EXPECT_EQ(host("gpu-[007,009-012].cluster,x"), "gpu-007.cluster");
  EXPECT_EQ(host("rack[1-2]node[0-3]"), "rack1node0");
  for (const std::string list : {"gpu[", "gpu[]", "gpu[-3]", "gpu[1-3", "gpu]1", ",gpu", "gpu[a-b]"}) {
    EXPECT_EQ(error_in(with(kSrun, {{"SLURM_STEP_NODELIST", list}})),
              "SLURM_STEP_NODELIST is \"" + list +
                  "\", expected hosts as in gpu[1-3,5],cpu1; set MASTER_ADDR to the machine of rank 0");
  }
}

TEST(Launcher, Mpirun) {
  EXPECT_EQ(text(group_in(kOpenMpi)), "1/2 local 1 at 127.0.0.1:25023 run '981467137'");
  EXPECT_EQ(text(group_in(kHydra)), "0/2 local 0 at 127.0.0.1:29500 run ''");
  EXPECT_EQ(text(group_in(with(kHydra, {{"MASTER_PORT", "5"}}))), "0/2 local 0 at 127.0.0.1:5 run ''");
  const std::string several =
      "MASTER_ADDR is not set: ranks on several machines need the name of rank 0's; start them with mpirun -genv "
      "MASTER_ADDR HOST (MPICH, Intel MPI) or -x MASTER_ADDR=HOST (Open MPI)";
  EXPECT_EQ(error_in(with(kHydra, {{"MPI_LOCALNRANKS", "1"}})), several);
  EXPECT_EQ(error_in(with(kOpenMpi, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "1"}})), several);
  EXPECT_EQ(text(group_in(with(kOpenMpi, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "1"}, {"MASTER_ADDR", "gpu1"}}))),
            "1/2 local 1 at gpu1:25023 run '981467137'");
}

TEST(Launcher, TheInnerLauncherWins) {
  // mpirun starts its daemons by srun, and srun may start torchrun on each machine.
  EXPECT_EQ(group_in(with(kSrun, kOpenMpi))->rank, 1);
  EXPECT_EQ(group_in(with(kSrun, kHydra))->rank, 0);
  EXPECT_EQ(group_in(with(kSrun, kTorchrun))->rank, 3);
  // srun --mpi=pmi2 sets these two, and no rank on the machine.
  EXPECT_EQ(group_in(with(kSrun, {{"PMI_RANK", "5"}, {"PMI_SIZE", "8"}}))->local_rank, 1);
}

TEST(Launcher, WhatIsMissing) {
  const auto missing = [](const std::string& name, const std::string& gate) {
    return name + " is not set, but " + gate + " is; set it, or give --launcher none";
  };
  for (const std::string name : {"WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}) {
    EXPECT_EQ(error_in(without(kTorchrun, name)), missing(name, "RANK"));
  }
  for (const std::string name : {"SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NODELIST"}) {
    EXPECT_EQ(error_in(without(kSrun, name)), missing(name, "SLURM_STEP_NUM_TASKS"));
  }
  EXPECT_EQ(error_in(without(kOpenMpi, "OMPI_COMM_WORLD_LOCAL_SIZE")),
            missing("OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_RANK"));
  EXPECT_EQ(error_in(without(kHydra, "PMI_RANK")), missing("PMI_RANK", "MPI_LOCALRANKID"));
}

TEST(Launcher, WhatIsWrong) {
  const auto wrong = [](const std::string& name, const std::string& value, const std::string& range) {
    return name + " is \"" + value + "\", expected a whole number from " + range +
           "; --launcher none takes no notice of it";
  };
  EXPECT_EQ(error_in(with(kTorchrun, {{"RANK", "4"}})), wrong("RANK", "4", "0 to 3"));
  EXPECT_EQ(error_in(with(kTorchrun, {{"RANK", "-1"}})), wrong("RANK", "-1", "0 to 3"));
  EXPECT_EQ(error_in(with(kTorchrun, {{"RANK", "1x"}})), wrong("RANK", "1x", "0 to 3"));
  EXPECT_EQ(error_in(with(kTorchrun, {{"WORLD_SIZE", "0"}})), wrong("WORLD_SIZE", "0", "1 to 1048576"));
  EXPECT_EQ(error_in(with(kTorchrun, {{"LOCAL_RANK", "\x1b[2J"}})), wrong("LOCAL_RANK", "\\x1b[2J", "0 to 3"));
  EXPECT_EQ(error_in(with(kTorchrun, {{"MASTER_PORT", "65536"}})), wrong("MASTER_PORT", "65536", "1 to 65535"));
  EXPECT_EQ(error_in(with(kSrun, {{"SLURM_PROCID", "8"}})), wrong("SLURM_PROCID", "8", "0 to 7"));
}

}  // namespace
}  // namespace sora
