// sora-gen models verify: whether the files of checkpoints are what their source said they are.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "checkpoint/component_files.h"
#include "checkpoint/file_hashes.h"
#include "checkpoint/hf_cache.h"
#include "cli/command.h"
#include "cli/model_path.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "sora/checkpoint.h"

namespace sora {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

struct Damage {
  ExpectedFile file;
  std::string found;
};

struct Verdict {
  LocalModel model;
  ExpectedFiles expected;
  std::int64_t bytes = 0;  // of the files that are there
  std::vector<Damage> damaged;
  std::vector<std::string> missing;
  std::string problem;  // that Checkpoint finds: a file of which no hash is known may be missing too
};

std::vector<LocalModel> models_of(const std::vector<std::string>& names) {
  if (names.empty()) return local_models();
  std::vector<LocalModel> models;
  for (const std::string& name : names) models.push_back({name, model_folder(name)});
  return models;
}

Verdict expectations(const LocalModel& model) {
  Verdict verdict;
  verdict.model = model;
  verdict.expected = expected_files(model.folder);
  for (const ExpectedFile& file : verdict.expected.files) {
    const fs::path path = model.folder / file.name;
    std::error_code ignored;
    if (is_file(path))
      verdict.bytes += static_cast<std::int64_t>(fs::file_size(path, ignored));
    else
      verdict.missing.push_back(file.name);
  }
  try {
    const Checkpoint checkpoint(model.folder);
  } catch (const Error& error) {
    verdict.problem = error.what();
  }
  return verdict;
}

void compare(std::vector<Verdict>& verdicts, Progress& progress) {
  std::int64_t total = 0, done = 0;
  for (const Verdict& verdict : verdicts) total += verdict.bytes;
  progress.update(Stage::verify, 0, total);
  for (Verdict& verdict : verdicts) {
    for (const ExpectedFile& file : verdict.expected.files) {
      const fs::path path = verdict.model.folder / file.name;
      if (!is_file(path)) continue;
      const std::string found = hash_like(file.hash, path, [&](std::int64_t bytes) {
        done += bytes;
        progress.update(Stage::verify, done, total);
      });
      if (found != file.hash) verdict.damaged.push_back({file, found});
    }
  }
}

int exit_of(const Verdict& verdict) {
  if (!verdict.damaged.empty()) return exit_code(Fault::verification);
  return verdict.missing.empty() && verdict.problem.empty() ? 0 : exit_code(Fault::input);
}

// Damage is worse than what is missing.
int exit_of(const std::vector<Verdict>& verdicts) {
  int worst = 0;
  for (const Verdict& verdict : verdicts) worst = std::max(worst, exit_of(verdict));
  return worst;
}

std::string lines_of(const Verdict& verdict) {
  const std::string name = printable(verdict.model.name, 200);
  std::string text;
  const auto line = [&](std::string_view state, const std::string& what) {
    text += fmt::format("{:<9} {}: {}\n", state, name, what);
  };
  for (const auto& [file, found] : verdict.damaged)
    line("DAMAGED",
         fmt::format("{}: its hash is {}, expected {}", printable(file.name.native(), 200), found, file.hash));
  for (const std::string& file : verdict.missing) line("MISSING", printable(file, 200));
  if (!verdict.problem.empty()) line("UNUSABLE", printable(verdict.problem, 2000));
  if (exit_of(verdict) != 0) {
    line("repair", download_command(verdict.model.folder) + " --force-download");
  } else if (verdict.expected.files.empty()) {
    line("unchecked", "nothing says what its files should be (it is in no Hugging Face cache and has no SHA256SUMS)");
  } else {
    line("whole", fmt::format("{} files, {}, as {} has them", verdict.expected.files.size(), human_bytes(verdict.bytes),
                              verdict.expected.source));
  }
  return text;
}

ordered_json json_of(const Verdict& verdict) {
  const auto or_null = [](const std::string& text) { return text.empty() ? ordered_json() : ordered_json(text); };
  ordered_json damaged = ordered_json::array();
  for (const auto& [file, found] : verdict.damaged)
    damaged.push_back({{"file", file.name.string()}, {"expected", file.hash}, {"found", found}});
  return {{"name", verdict.model.name},
          {"folder", verdict.model.folder.string()},
          {"checked_against", or_null(verdict.expected.source)},
          {"files", verdict.expected.files.size()},
          {"bytes", verdict.bytes},
          {"damaged", damaged},
          {"missing", verdict.missing},
          {"problem", or_null(verdict.problem)}};
}

}  // namespace

int run_verify_models(const VerifyModels& options) {
  std::vector<Verdict> verdicts;
  for (const LocalModel& model : models_of(options.models)) verdicts.push_back(expectations(model));
  {
    const std::unique_ptr<Progress> progress = make_progress(ProgressKind::automatic);
    compare(verdicts, *progress);
  }  // the bar is gone before the result is printed
  const int code = exit_of(verdicts);
  if (options.json) {
    ordered_json list = ordered_json::array();
    for (const Verdict& verdict : verdicts) list.push_back(json_of(verdict));
    write_json({{"exit", code}, {"models", list}});
    return code;
  }
  std::string text;
  for (const Verdict& verdict : verdicts) text += lines_of(verdict);
  write_result(text);
  return code;
}

}  // namespace sora
