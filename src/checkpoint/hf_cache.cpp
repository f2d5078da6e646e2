// Hub ids and where their snapshots lie, as huggingface_hub lays out its cache:
//   <cache>/models--<org>--<name>/refs/<branch or tag>      a file that holds a commit
//   <cache>/models--<org>--<name>/snapshots/<commit>/...    links into ../../blobs
#include "checkpoint/hf_cache.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <system_error>

#include "base/files.h"
#include "base/text.h"
#include "checkpoint/component_files.h"
#include "sora/checkpoint.h"

namespace sora {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kRepositoryPrefix = "models--";
constexpr std::size_t kMaxReferenceBytes = 256;

bool is_word(std::string_view text, std::string_view also) {
  return !text.empty() && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [&](unsigned char c) {
           return (c < 0x80 && std::isalnum(c)) || also.find(static_cast<char>(c)) != std::string_view::npos;
         });
}

bool is_hub_id(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && is_word(text.substr(0, slash), "._-") &&
         is_word(text.substr(slash + 1), "._-");
}

bool is_commit(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<fs::path> folder_from_env(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

// Empty if the folder is no repository of a model.
std::string hub_id_of(const std::string& repository) {
  if (!repository.starts_with(kRepositoryPrefix)) return {};
  std::string id = repository.substr(kRepositoryPrefix.size());
  if (const std::size_t dashes = id.find("--"); dashes != std::string::npos)
    id = id.substr(0, dashes) + '/' + id.substr(dashes + 2);
  return id;
}

std::string repository_folder(const std::string& id) {
  const std::size_t slash = id.find('/');
  return fmt::format("{}{}--{}", kRepositoryPrefix, id.substr(0, slash), id.substr(slash + 1));
}

std::string commit_of(const fs::path& repository, const std::string& id, const std::string& revision) {
  if (is_commit(revision)) return revision;
  const fs::path reference = repository / "refs" / revision;
  require(is_file(reference), Fault::input,
          "model \"{}\": revision \"{}\" is not in the Hugging Face cache (no file {}). Download it: hf download {} "
          "--revision {}",
          id, revision, shown(reference), id, revision);
  std::string commit = read_file(reference, kMaxReferenceBytes, Fault::input);
  while (!commit.empty() && std::isspace(static_cast<unsigned char>(commit.back()))) commit.pop_back();
  require(is_commit(commit), Fault::input, "{}: expected a commit of 40 hexadecimal digits, found \"{}\"",
          shown(reference), printable(commit));
  return commit;
}

fs::path find_in_cache(const std::string& id, const std::string& revision) {
  const fs::path cache = hub_cache_folder(), repository = cache / repository_folder(id);
  const std::string command = fmt::format("hf download {}{}", id, revision == "main" ? "" : " --revision " + revision);
  require(is_folder(repository), Fault::input,
          "model \"{}\": there is no such folder, and it is not in the Hugging Face cache {}. Download it: {}", id,
          shown(cache), command);
  const fs::path snapshot = repository / "snapshots" / commit_of(repository, id, revision);
  require(is_folder(snapshot), Fault::input,
          "model \"{}\": its snapshot is not in the Hugging Face cache (no folder {}). Download it: {}", id,
          shown(snapshot), command);
  return snapshot;
}

// The name of the commit among the repository's branches and tags, "main" before all others; else the commit.
std::string revision_of(const fs::path& repository, const std::string& commit) {
  std::vector<std::string> names;
  const fs::path references = repository / "refs";
  std::error_code problem;
  for (fs::recursive_directory_iterator entry(references, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    std::error_code ignored;
    const bool small = is_file(entry->path()) && fs::file_size(entry->path(), ignored) <= kMaxReferenceBytes;
    if (small && read_file(entry->path(), kMaxReferenceBytes, Fault::input).starts_with(commit))
      names.push_back(entry->path().lexically_relative(references));
  }
  if (names.empty()) return commit;
  const bool main = std::find(names.begin(), names.end(), "main") != names.end();
  return main ? "main" : *std::min_element(names.begin(), names.end());
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem))
    if (is_folder(entry->path())) folders.push_back(entry->path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace

fs::path hub_cache_folder() {
  if (const auto cache = folder_from_env("HF_HUB_CACHE")) return *cache;
  if (const auto home = folder_from_env("HF_HOME")) return *home / "hub";
  if (const auto xdg = folder_from_env("XDG_CACHE_HOME")) return *xdg / "huggingface" / "hub";
  const auto home = folder_from_env("HOME");
  require(home.has_value(), Fault::usage,
          "the Hugging Face cache cannot be found: HF_HUB_CACHE, HF_HOME and HOME are not set");
  return *home / ".cache" / "huggingface" / "hub";
}

std::string name_of_checkpoint(const fs::path& folder) {
  std::error_code problem;
  const fs::path whole = fs::canonical(folder, problem);
  const std::string id = hub_id_of(whole.parent_path().parent_path().filename());
  return whole.parent_path().filename() == "snapshots" && !id.empty() ? id : whole.filename().string();
}

std::vector<CachedModel> cached_models() {
  std::vector<CachedModel> models;
  for (const fs::path& repository : folders_in(hub_cache_folder())) {
    const std::string id = hub_id_of(repository.filename());
    if (!is_hub_id(id)) continue;
    for (const fs::path& snapshot : folders_in(repository / "snapshots")) {
      std::error_code ignored;
      // A link that leads nowhere is that of a file that is missing.
      if (fs::symlink_status(snapshot / "model_index.json", ignored).type() == fs::file_type::not_found) continue;
      const std::string revision = revision_of(repository, snapshot.filename());
      models.push_back({revision == "main" ? id : id + '@' + revision, snapshot});
    }
  }
  return models;
}

fs::path find_checkpoint(const std::string& name, const std::string& revision) {
  std::error_code ignored;
  if (fs::exists(name, ignored)) return name;
  const std::size_t at = name.find('@');
  const std::string id = name.substr(0, at), wanted = at == std::string::npos ? revision : name.substr(at + 1);
  require(is_hub_id(id), Fault::input,
          "model \"{}\": there is no such folder; expected a folder with a model_index.json, or a hub id of the form "
          "organisation/name",
          printable(name));
  require(is_word(wanted, "._-/") && !wanted.starts_with('/'), Fault::usage,
          "model \"{}\": revision \"{}\" is no branch, tag or commit", id, printable(wanted));
  return find_in_cache(id, wanted);
}

std::string download_command(const fs::path& folder) {
  std::error_code ignored;
  const fs::path full = fs::absolute(folder, ignored).lexically_normal();
  for (fs::path snapshot = full; snapshot.has_relative_path(); snapshot = snapshot.parent_path()) {
    const std::string repository = snapshot.parent_path().parent_path().filename().string();
    const std::string id = hub_id_of(repository);
    if (snapshot.parent_path().filename() != "snapshots" || id.empty()) continue;
    return printable(fmt::format("hf download {} --revision {}", id, snapshot.filename().string()), 300);
  }
  return fmt::format("hf download <organisation/name> --local-dir {}", shown(folder));
}

}  // namespace sora
