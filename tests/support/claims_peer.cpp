// A process that takes claims as a test tells it, or does jobs as a batch would.
//
//   claims_peer rank RANK SIZE ADDRESS PORT HOST(rank|agent) SILENCE_MS JOIN_MS     take JOB, wait JOB, release JOB
//   claims_peer serve PORT                                                          the store of torchrun's agent
//   claims_peer work FOLDER JOBS                                                    under any launcher
#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "base/interrupt.h"
#include "batch/both_claims.h"
#include "batch/file_claims.h"
#include "batch/launcher.h"
#include "parallel/store_claims.h"
#include "sora/error.h"

namespace {

using namespace sora;

void say(const std::string& line) { std::cout << line << std::endl; }

int obey(char** argv) {
  const Group group{.rank = std::stoi(argv[2]),
                    .size = std::stoi(argv[3]),
                    .address = argv[4],
                    .port = static_cast<std::uint16_t>(std::stoi(argv[5])),
                    .agent_hosts_store = std::string(argv[6]) == "agent"};
  const Patience patience{std::chrono::milliseconds(std::stoi(argv[7])), std::chrono::milliseconds(std::stoi(argv[8]))};
  say("joining");
  {
    const std::unique_ptr<Claims> claims = join_group(group, patience);
    say("joined");
    for (std::string verb, job; std::cin >> verb >> job;) {
      if (verb == "release") claims->release(job);
      say(verb == "release" || claims->take(job, verb == "wait") ? "yes" : "no");
    }
  }
  say("left");
  return 0;
}

int serve(char** argv) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(std::stoi(argv[2]));
  options.isServer = true;
  options.waitWorkers = false;
  const auto store = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  say("serving");
  std::cin.get();
  return 0;
}

// Makes FOLDER/JOB, which stands for both the output and the journal. Exit code 1 if somebody had done the job already.
int work(char** argv) {
  const std::filesystem::path folder = argv[2];
  const int count = std::stoi(argv[3]);
  const std::optional<Group> group = find_group(std::getenv);
  std::unique_ptr<Claims> claims = std::make_unique<FileClaims>(folder);
  if (group) claims = std::make_unique<BothClaims>(std::move(claims), join_group(*group));
  int done = 0;
  for (const bool wait : {false, true}) {
    for (int i = 0; i < count; ++i) {
      const std::string job = fmt::format("{:064x}", (i + 1) * 0x9e3779b97f4a7c15ull).substr(48) + std::string(48, '0');
      const std::filesystem::path output = folder / job;
      if (std::filesystem::exists(output) || !claims->take(job, wait)) continue;
      if (!std::filesystem::exists(output)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644);
        if (file < 0) return say("done twice: " + job), 1;
        close(file);
        ++done;
      }
      claims->release(job);
    }
  }
  say(group
          ? fmt::format("rank {} of {}, local {}, at {}:{}{} did {} jobs", group->rank, group->size, group->local_rank,
                        group->address, group->port, group->agent_hosts_store ? " of the agent" : "", done)
          : fmt::format("alone, did {} jobs", done));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  install_signal_handlers();
  spdlog::set_default_logger(spdlog::stderr_logger_mt("claims_peer"));
  spdlog::set_pattern("%l: %v");
  const std::string mode = argc > 1 ? argv[1] : "";
  try {
    if (mode == "rank" && argc == 9) return obey(argv);
    if (mode == "serve" && argc == 3) return serve(argv);
    if (mode == "work" && argc == 4) return work(argv);
  } catch (const Error& error) {
    spdlog::error("{}", error.what());
    return exit_code(error.fault());
  }
  return 2;
}
