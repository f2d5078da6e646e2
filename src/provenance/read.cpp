#include "provenance/read.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/files.h"
#include "base/text.h"
#include "provenance/check_certificates.h"
#include "provenance/keys.h"
#include "provenance/manifest.h"
#include "provenance/media_type.h"
#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::ordered_json;
using namespace std::string_view_literals;
namespace fs = std::filesystem;

Descriptor open_regular(const fs::path& path) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  require(file.get() >= 0, Fault::input, "{}: cannot be opened: {}", shown(path), std::strerror(errno));
  struct stat info {};
  require(fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode), Fault::input, "{}: is no regular file", shown(path));
  return file;
}

std::size_t read_at(int fd, char* into, std::size_t bytes, std::int64_t at, const fs::path& path) {
  std::size_t filled = 0;
  while (filled < bytes) {
    const ssize_t n = pread(fd, into + filled, bytes - filled, at + static_cast<std::int64_t>(filled));
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, Fault::input, "{}: cannot be read: {}", shown(path), std::strerror(errno));
    if (n == 0) break;
    filled += static_cast<std::size_t>(n);
  }
  return filled;
}

std::string type_of(int fd, const fs::path& path) {
  std::string bytes(kMediaTypeBytes, '\0');
  bytes.resize(read_at(fd, bytes.data(), bytes.size(), 0, path));
  return media_type_of(bytes);
}

// The type that a manifest store has in every kind of file, and that of the box it lies in in files of boxes.
bool has_manifest_somewhere(int fd, const fs::path& path) {
  constexpr std::array kMarks{"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"sv,
                              "\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81"sv};
  constexpr std::size_t kChunk = 1 << 20, kOverlap = kMarks[0].size() - 1;
  std::string chunk(kChunk + kOverlap, '\0');
  for (std::int64_t at = 0;; at += kChunk) {
    const std::size_t n = read_at(fd, chunk.data(), chunk.size(), at, path);
    const std::string_view filled = std::string_view(chunk).substr(0, n);
    const auto is_there = [&](std::string_view mark) { return filled.find(mark) != std::string_view::npos; };
    if (std::any_of(kMarks.begin(), kMarks.end(), is_there)) return true;
    if (n < chunk.size()) return false;
  }
}

// What is there and of the right type, else nothing: the library's JSON says what strangers wrote.
const ordered_json& member(const ordered_json& json, const char* key) {
  static const ordered_json kNull;
  const auto found = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && found != json.end() ? *found : kNull;
}

std::string text(const ordered_json& json, const char* key) {
  const ordered_json& value = member(json, key);
  return value.is_string() ? value.get<std::string>() : "";
}

// "code: explanation" of what failed. That nobody here knows the signer is a state of its own.
void add_faults(const ordered_json& results, std::vector<std::string>& faults) {
  for (const ordered_json& failure : member(results, "failure")) {
    const std::string code = text(failure, "code"), explanation = text(failure, "explanation");
    if (code == "signingCredential.untrusted") continue;
    std::string fault = explanation.empty() ? code : code + ": " + explanation;
    if (std::find(faults.begin(), faults.end(), fault) == faults.end()) faults.push_back(std::move(fault));
  }
}

std::string name_and_version(const ordered_json& software) {
  if (software.is_string()) return software.get<std::string>();
  const std::string name = text(software, "name"), version = text(software, "version");
  return version.empty() ? name : name + " " + version;
}

void read_actions(const ordered_json& data, ManifestReport& report) {
  for (const ordered_json& action : member(data, "actions")) {
    report.actions.push_back({text(action, "action"), text(action, "when"), text(action, "digitalSourceType"),
                              name_and_version(member(action, "softwareAgent"))});
  }
}

void read_assertions(const ordered_json& manifest, ManifestReport& report) {
  for (const ordered_json& assertion : member(manifest, "assertions")) {
    const std::string label = text(assertion, "label");
    const ordered_json& data = member(assertion, "data");
    if (label == "c2pa.actions" || label == "c2pa.actions.v2") read_actions(data, report);
    if (label == kGenerationLabel) report.generation = data;
    if (label == kWatermarkLabel) report.watermark = data;
  }
}

IngredientReport ingredient_of(const ordered_json& ingredient) {
  IngredientReport report;
  report.title = text(ingredient, "title");
  report.relationship = text(ingredient, "relationship");
  report.type = text(ingredient, "format");
  report.has_manifest = member(ingredient, "active_manifest").is_string();
  const ordered_json& results = member(ingredient, "validation_results");
  add_faults(member(results, "activeManifest"), report.faults);
  for (const ordered_json& delta : member(results, "ingredientDeltas"))
    add_faults(member(delta, "validationDeltas"), report.faults);
  return report;
}

void read_active_manifest(const ordered_json& manifest, ManifestReport& report) {
  report.title = text(manifest, "title");
  const ordered_json& generators = member(manifest, "claim_generator_info");
  report.generator = generators.is_array() && !generators.empty() ? name_and_version(generators.front())
                                                                  : text(manifest, "claim_generator");
  const ordered_json& signature = member(manifest, "signature_info");
  report.signer = text(signature, "common_name");
  report.issuer = text(signature, "issuer");
  report.algorithm = text(signature, "alg");
  report.certificate_serial = text(signature, "cert_serial_number");
  report.time = text(signature, "time");
  read_assertions(manifest, report);
  for (const ordered_json& ingredient : member(manifest, "ingredients"))
    report.ingredients.push_back(ingredient_of(ingredient));
}

ManifestState state_of(const std::string& word) {
  if (word == "Trusted") return ManifestState::trusted;
  return word == "Valid" ? ManifestState::unknown_signer : ManifestState::invalid;
}

void read_store(const ordered_json& store, ManifestReport& report) {
  report.state = state_of(text(store, "validation_state"));
  report.label = text(store, "active_manifest");
  const ordered_json& results = member(store, "validation_results");
  add_faults(member(results, "activeManifest"), report.faults);
  for (const ordered_json& delta : member(results, "ingredientDeltas"))
    add_faults(member(delta, "validationDeltas"), report.faults);
  read_active_manifest(member(member(store, "manifests"), report.label.c_str()), report);
}

}  // namespace

std::string_view name_of(ManifestState state) {
  switch (state) {
    case ManifestState::trusted:
      return "trusted";
    case ManifestState::unknown_signer:
      return "valid, unknown signer";
    case ManifestState::invalid:
      return "invalid";
    case ManifestState::none:
      return "none";
    case ManifestState::unreadable:
      return "unreadable";
  }
  return "";
}

ManifestReport ManifestReader::read(const fs::path& path) {
  ManifestReport report;
  const Descriptor file = open_regular(path);
  report.type = type_of(file.get(), path);
  if (!can_have_manifest(report.type)) {
    report.state = ManifestState::unreadable;
    report.faults = {"no file of a kind that can have a C2PA manifest"};
    return report;
  }
  const ReaderProcess::Answer answer = answer_for(file.get(), report.type, ManifestFormat::report, path);
  if (answer.signal == 0 && answer.manifest.found) {
    const ordered_json store = ordered_json::parse(answer.manifest.text, nullptr, false);
    require(store.is_object(), Fault::bug, "the C2PA library reports what is no JSON object");
    read_store(store, report);
    return report;
  }
  const bool missing = answer.signal == 0 && answer.manifest.text.starts_with("ManifestNotFound");
  report.state = missing                                    ? ManifestState::none
                 : has_manifest_somewhere(file.get(), path) ? ManifestState::invalid
                                                            : ManifestState::unreadable;
  if (answer.signal != 0)
    report.faults = {fmt::format("the file has ended the program that reads manifests (signal {})", answer.signal)};
  else if (!missing)
    report.faults = {answer.manifest.text};
  return report;
}

std::string ManifestReader::read_crjson(const fs::path& path) {
  const Descriptor file = open_regular(path);
  const std::string type = type_of(file.get(), path);
  const ReaderProcess::Answer answer = answer_for(file.get(), type, ManifestFormat::crjson, path);
  require(answer.signal == 0, Fault::verification,
          "{}: the file has ended the program that reads manifests (signal {})", shown(path), answer.signal);
  require(answer.manifest.found, Fault::verification, "{}: no C2PA manifest that can be read: {}", shown(path),
          answer.manifest.text);
  return answer.manifest.text;
}

ReaderProcess::Answer ManifestReader::answer_for(int fd, const std::string& type, ManifestFormat format,
                                                 const fs::path& path) {
  try {
    return process_.read(fd, type, format);
  } catch (const Error& error) {
    throw error.within(shown(path));
  }
}

ManifestReport read_manifest(const fs::path& file, const std::string& roots) {
  return ManifestReader(roots).read(file);
}

std::string trusted_roots(const std::vector<fs::path>& files) {
  constexpr std::int64_t kMostBytes = 4 << 20;
  std::vector<fs::path> all = files;
  const KeyFiles own{keys_folder()};
  if (own.exist()) all.insert(all.begin(), own.root());
  std::string roots;
  for (const fs::path& file : all) {
    const std::string pem = read_file(file, kMostBytes, Fault::input);
    require_certificates(pem, shown(file));
    roots += pem + "\n";
  }
  return roots;
}

ordered_json to_json(const ManifestReport& report) {
  const auto or_null = [](const std::string& value) { return value.empty() ? ordered_json() : ordered_json(value); };
  ordered_json actions = ordered_json::array(), ingredients = ordered_json::array();
  for (const ActionReport& action : report.actions) {
    actions.push_back({{"action", action.action},
                       {"when", or_null(action.when)},
                       {"digital_source_type", or_null(action.digital_source_type)},
                       {"software", or_null(action.software)}});
  }
  for (const IngredientReport& ingredient : report.ingredients) {
    ingredients.push_back({{"title", ingredient.title},
                           {"relationship", ingredient.relationship},
                           {"type", or_null(ingredient.type)},
                           {"has_manifest", ingredient.has_manifest},
                           {"faults", ingredient.faults}});
  }
  return {{"state", name_of(report.state)},
          {"faults", report.faults},
          {"type", report.type},
          {"label", or_null(report.label)},
          {"title", or_null(report.title)},
          {"signer", or_null(report.signer)},
          {"issuer", or_null(report.issuer)},
          {"algorithm", or_null(report.algorithm)},
          {"certificate_serial", or_null(report.certificate_serial)},
          {"time", or_null(report.time)},
          {"generator", or_null(report.generator)},
          {"actions", actions},
          {"ingredients", ingredients},
          {"generation", report.generation},
          {"watermark", report.watermark}};
}

}  // namespace sora
