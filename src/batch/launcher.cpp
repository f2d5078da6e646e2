// Which launcher started this process, and as which of how many.
#include "batch/launcher.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

enum class Launcher { torchrun, open_mpi, hydra, srun };

// Whatever sets `gate` sets the rest. In this order, because launchers run inside of each other: torchrun under srun,
// and mpirun under srun, which it uses to start its daemons.
struct Names {
  Launcher launcher;
  const char *gate, *rank, *size, *local_rank, *local_size;
};

constexpr std::array kNames{
    Names{Launcher::torchrun, "RANK", "RANK", "WORLD_SIZE", "LOCAL_RANK", nullptr},
    Names{Launcher::open_mpi, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
          "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"},
    // Not PMI_RANK, which srun sets, too, and without the rank on its machine.
    Names{Launcher::hydra, "MPI_LOCALRANKID", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
    // Not SLURM_PROCID or SLURM_NTASKS, which a batch script and what it starts without srun has, too.
    Names{Launcher::srun, "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", nullptr},
};

constexpr int kMostRanks = 1 << 20;
constexpr int kMostPort = 65535;

std::string value_or_empty(const Environment& environment, const char* name) {
  const char* value = environment(name);
  return value == nullptr ? "" : value;
}

std::string required_value(const Environment& environment, const char* name, const char* because) {
  const std::string value = value_or_empty(environment, name);
  require(!value.empty(), Fault::usage, "{} is not set, but {} is; set it, or give --launcher none", name, because);
  return value;
}

int number(const std::string& text, const char* name, int from, int to) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  require(error == std::errc{} && stop == end && value >= from && value <= to, Fault::usage,
          "{} is \"{}\", expected a whole number from {} to {}; --launcher none takes no notice of it", name,
          printable(text), from, to);
  return value;
}

// "gpu[03-07,12],cpu1" → "gpu03"; brackets may occur several times in a name, as in "rack[1-2]node[0-3]".
std::string first_host(std::string_view list, const char* name) {
  std::string host;
  bool valid = true;
  for (std::size_t i = 0; i < list.size() && list[i] != ',' && valid; ++i) {
    if (list[i] != '[') {
      valid = list[i] != ']';
      host += list[i];
      continue;
    }
    const std::size_t close = list.find(']', i);
    const std::string_view numbers = list.substr(i + 1, close == list.npos ? 0 : close - i - 1);
    const std::string_view first = numbers.substr(0, numbers.find_first_of("-,"));
    valid = !first.empty() && first.find_first_not_of("0123456789") == first.npos;
    host += first;
    i = close;
  }
  require(valid && !host.empty(), Fault::usage,
          "{} is \"{}\", expected hosts as in gpu[1-3,5],cpu1; set MASTER_ADDR to the machine of rank 0", name,
          printable(list));
  return host;
}

// Launches that run at the same time on one machine should not meet: below Linux's ports for outgoing connections, and
// above those of well-known services.
std::uint16_t port_of(std::string_view launch) {
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char byte : launch) hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619u;
  return static_cast<std::uint16_t>(20000 + hash % 12000);
}

// Text by which the launcher tells this launch from others; empty where it has none.
std::string launch_name(const Environment& environment, Launcher launcher) {
  switch (launcher) {
    case Launcher::torchrun:
      return value_or_empty(environment, "TORCHELASTIC_RUN_ID");
    case Launcher::open_mpi:
      return value_or_empty(environment, "PMIX_NAMESPACE");
    case Launcher::hydra:
      return "";
    case Launcher::srun:
      return value_or_empty(environment, "SLURM_JOB_ID") + "." + value_or_empty(environment, "SLURM_STEP_ID");
  }
  fail(Fault::bug, "a launcher that is none");
}

std::string address_of(const Environment& environment, const Names& names, int size) {
  const std::string given = value_or_empty(environment, "MASTER_ADDR");
  if (!given.empty()) return given;
  switch (names.launcher) {
    case Launcher::torchrun:
      return required_value(environment, "MASTER_ADDR", names.rank);
    case Launcher::open_mpi:
    case Launcher::hydra: {
      const std::string local_size = required_value(environment, names.local_size, names.rank);
      require(number(local_size, names.local_size, 1, size) == size, Fault::usage,
              "MASTER_ADDR is not set: ranks on several machines need the name of rank 0's; start them with mpirun "
              "-genv MASTER_ADDR HOST (MPICH, Intel MPI) or -x MASTER_ADDR=HOST (Open MPI)");
      return "127.0.0.1";
    }
    case Launcher::srun:
      return first_host(required_value(environment, "SLURM_STEP_NODELIST", names.gate), "SLURM_STEP_NODELIST");
  }
  fail(Fault::bug, "a launcher that is none");
}

std::uint16_t port(const Environment& environment, const Names& names, std::string_view launch) {
  constexpr std::uint16_t kUsual = 29500;  // PyTorch's
  const std::string given = names.launcher == Launcher::torchrun
                                ? required_value(environment, "MASTER_PORT", names.rank)
                                : value_or_empty(environment, "MASTER_PORT");
  if (!given.empty()) return static_cast<std::uint16_t>(number(given, "MASTER_PORT", 1, kMostPort));
  return launch.empty() ? kUsual : port_of(launch);
}

}  // namespace

std::optional<Group> find_group(const Environment& environment) {
  const auto names = std::find_if(kNames.begin(), kNames.end(),
                                  [&](const Names& n) { return !value_or_empty(environment, n.gate).empty(); });
  if (names == kNames.end()) return std::nullopt;
  const auto read = [&](const char* name, int from, int to) {
    return number(required_value(environment, name, names->gate), name, from, to);
  };
  Group group;
  group.size = read(names->size, 1, kMostRanks);
  if (group.size == 1) return std::nullopt;
  group.rank = read(names->rank, 0, group.size - 1);
  group.local_rank = read(names->local_rank, 0, group.size - 1);
  group.run_id = launch_name(environment, names->launcher);
  group.address = address_of(environment, *names, group.size);
  group.port = port(environment, *names, group.run_id);
  group.agent_hosts_store =
      names->launcher == Launcher::torchrun && value_or_empty(environment, "TORCHELASTIC_USE_AGENT_STORE") == "True";
  return group;
}

}  // namespace sora
