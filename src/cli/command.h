// What the command line asks for, as plain values.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sora/placement.h"
#include "sora/request.h"

namespace sora {

enum class ProgressKind { automatic, terminal, json_lines, none };

/// --device and --dtype as given; empty where the machine decides.
struct PlacementWish {
  std::optional<DeviceKind> device;
  int cuda_index = 0;
  std::optional<Dtype> dtype;
  int threads = 0;
};

/// sora-gen --prompt ...
struct Generate {
  Request request;  ///< before it is planned: an empty output path stands for sora-gen-SEED.mp4, the prompt "-" for
                    ///< standard input
  bool prompt_given = false;
  std::string model;   ///< folder or hub id; empty for the checkpoint that ships with the program
  std::string config;  ///< file of further flags
  PlacementWish placement;
  bool fit = false;  ///< the plan is changed until it fits the free memory
  ProgressKind progress = ProgressKind::automatic;
  bool dry_run = false, json = false, quiet = false, verbose = false;
  bool help = false, version = false;
};

/// sora-gen inspect [MODEL]
struct Inspect {
  std::string model;  ///< as in Generate
  bool json = false, help = false;
};

/// sora-gen doctor
struct Doctor {
  bool json = false, help = false;
};

/// --help and --version
struct ShowText {
  std::string text;
};

using Command = std::variant<Generate, Inspect, Doctor, ShowText>;

/// Flags win over the file that --config names. Throws Error{usage}.
Command parse_command_line(const std::vector<std::string>& arguments);

/// Renders one prompt, or prints its plan (--dry-run).
void run_generate(Generate options);
void run_inspect(const Inspect& options);
/// False if a part that is needed is missing.
bool run_doctor(const Doctor& options);

}  // namespace sora
