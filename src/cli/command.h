// What the command line asks for, as plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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
  std::optional<int> cuda_index;  ///< of cuda:N
  std::optional<Dtype> dtype;
  int threads = 0;
};

/// What a flag was given, and where; it means nothing yet. No text: a switch that is off, a list that is empty.
struct Setting {
  std::string origin;  ///< "--steps", "SORA_GEN_STEPS" or "my.json: steps"
  std::vector<std::string> texts;
};
using Settings = std::map<std::string, Setting, std::less<>>;  ///< by the flags' long names

using Variables = std::map<std::string, std::string, std::less<>>;  ///< of the environment

/// sora-gen --prompt ...
struct Generate {
  Request request;  ///< before it is planned: an empty output path stands for sora-gen-SEED.mp4, the prompt "-" for
                    ///< standard input
  bool prompt_given = false;
  std::string model;                 ///< folder or hub id; empty for the checkpoint that ships with the program
  std::string config;                ///< file of further flags; "none" for not even the user's own; empty if not given
  std::string generate;              ///< "man", "complete-bash" ...: what to print and stop
  std::string prompts;               ///< file of further lines of flags, a video each; "-" is standard input
  std::filesystem::path policy;      ///< empty for the one that ships with the program
  std::vector<std::uint64_t> seeds;  ///< a video each; without --seed and --num-videos
  std::optional<int> num_videos;
  bool retry_failed = false, fail_fast = false;
  std::string from;             ///< video or sidecar whose settings are taken
  std::optional<bool> sidecar;  ///< empty: in a batch
  Settings settings;            ///< what all of this was made of; what a line of `prompts` says wins over it
  PlacementWish placement;
  bool fit = false;  ///< the plan is changed until it fits the free memory
  ProgressKind progress = ProgressKind::automatic;
  bool ask_launcher = true;  ///< whether the environment may say that this is a rank of several
  bool dry_run = false, json = false, quiet = false, verbose = false;
  bool calibrate = false;    ///< measure before planning
  bool no_metadata = false;  ///< the MP4 does not say how it was made
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

/// sora-gen models
struct Models {
  bool names = false, json = false, help = false;
};

/// sora-gen models verify [MODEL ...]
struct VerifyModels {
  std::vector<std::string> models;  ///< as in Generate; none: all that are listed
  bool json = false, help = false;
};

/// sora-gen keygen
struct Keygen {
  std::string algorithm = "es256", name = "sora-gen";
  int years = 10;
  bool encrypt = false;
  std::string passphrase_file;  ///< empty: asked for at the terminal
  std::string folder;           ///< empty: the user's own
  bool renew = false, json = false, help = false;
};

/// sora-gen verify FILE ...
struct Verify {
  std::vector<std::string> files;
  std::vector<std::filesystem::path> trust;  ///< PEM of further roots
  bool json = false, help = false;
};

/// sora-gen audit verify [FILE]
struct VerifyAudit {
  std::string file;  ///< empty: the user's own
  bool json = false, help = false;
};

/// sora-gen policy
struct PolicyShow {
  std::filesystem::path policy;  ///< as in Generate
  bool json = false, help = false;
};

/// sora-gen policy check [TEXT|-]
struct PolicyCheck {
  std::filesystem::path policy;  ///< as in Generate
  std::string text;              ///< empty or "-": standard input
  bool json = false, help = false;
};

/// sora-gen policy eval
struct PolicyEval {
  std::filesystem::path policy;  ///< as in Generate
  std::filesystem::path positives, negatives;
  double prevalence = 0.01;  ///< of prompts that should be refused, among all
  bool json = false, help = false;
};

/// --help and --version
struct ShowText {
  std::string text;
};

using Command = std::variant<Generate, Inspect, Doctor, Models, VerifyModels, PolicyShow, PolicyCheck, PolicyEval,
                             Keygen, Verify, VerifyAudit, ShowText>;

/// Flags win over the file that --config names, that over variables SORA_GEN_*, and those over the user's own file (see
/// user_config_file). Throws Error{usage}.
Command parse_command_line(const std::vector<std::string>& arguments, const Variables& variables);
/// Whether a failure is to be printed as JSON, as far as can be said before the command line is understood.
bool asks_for_json(const std::vector<std::string>& arguments, const Variables& variables);

/// Renders one prompt, or prints its plan (--dry-run).
void run_generate(Generate options);
void run_inspect(const Inspect& options);
/// False if a part that is needed is missing.
bool run_doctor(const Doctor& options);
void run_models(const Models& options);
/// The exit code: 0, or that of Fault::verification or Fault::input.
int run_verify_models(const VerifyModels& options);
void run_keygen(const Keygen& options);
/// The exit code: 0, or that of Fault::verification or Fault::input.
int run_verify(const Verify& options);
/// False if the log was changed.
bool run_verify_audit(const VerifyAudit& options);
void run_policy(const PolicyShow& options);
/// The exit code: 0, or that of Fault::refused.
int run_policy_check(const PolicyCheck& options);
void run_policy_eval(const PolicyEval& options);

}  // namespace sora
