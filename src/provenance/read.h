// What a file's C2PA manifest says, and whether it holds.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "provenance/reader_process.h"

namespace sora {

enum class ManifestState {
  trusted,         ///< whole, signed by one of the roots that were given
  unknown_signer,  ///< whole, signed by somebody
  invalid,         ///< what it says does not hold
  none,            ///< a file that could have one
  unreadable,      ///< no file of a kind that C2PA knows
};
std::string_view name_of(ManifestState state);  ///< "trusted", "valid, unknown signer" ...

struct ActionReport {
  std::string action, when, digital_source_type, software;
};

struct IngredientReport {
  std::string title, relationship, type;
  bool has_manifest = false;
  std::vector<std::string> faults;  ///< of its own manifest, when it was taken
};

/// Bytes of strangers: texts go through printable() before they reach a terminal.
struct ManifestReport {
  ManifestState state = ManifestState::none;
  std::vector<std::string> faults;  ///< invalid: "code: explanation"; unreadable: why
  std::string type;                 ///< of the file, "video/mp4"
  std::string label, title;
  std::string signer, issuer, algorithm, certificate_serial;
  std::string time;  ///< by a time-stamp authority; empty: nobody vouches for when it was signed
  std::string generator;
  std::vector<ActionReport> actions;
  std::vector<IngredientReport> ingredients;
  nlohmann::ordered_json generation, watermark;  ///< sora-gen's own records; null where there are none
};

/// Reads manifests in a process of its own: nothing that is in a file can end this one or take its memory.
class ManifestReader {
 public:
  /// `roots`: PEM certificates whose signatures are trusted.
  explicit ManifestReader(std::string roots) : process_(std::move(roots)) {}

  /// Error{input} if the file cannot be read at all or a part of the program is missing; whatever the bytes are
  /// otherwise is a state. No network, and memory does not grow with the file.
  ManifestReport read(const std::filesystem::path& file);
  /// All of a file's manifests and what became of their checks as crJSON, which is what other programs of the C2PA
  /// world exchange. Errors as above, and Error{verification} where there is nothing that can be read.
  std::string read_crjson(const std::filesystem::path& file);

 private:
  ReaderProcess::Answer answer_for(int fd, const std::string& type, ManifestFormat format,
                                   const std::filesystem::path& path);

  ReaderProcess process_;
};

/// For a single file.
ManifestReport read_manifest(const std::filesystem::path& file, const std::string& roots);

/// PEM of root.pem in the user's keys, where there is one, and of further `files`. Error{input} for one that is not
/// made of certificates.
std::string trusted_roots(const std::vector<std::filesystem::path>& files = {});

nlohmann::ordered_json to_json(const ManifestReport& report);

}  // namespace sora
