// What was decided and what was made here: a file of JSON lines, each with the digest of the one before it and a code
// by this installation's key. Any number of processes append; a line is on the disk before append() returns. It is the
// ledger, too: who finds a watermark's payload in it knows which video was made with it.
//
// The chain shows that no record was changed, taken out or put in between. It cannot show that the last ones were cut
// off, nor what somebody did who had the key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/files.h"
#include "provenance/keys.h"

namespace sora {

/// audit.jsonl in the user's data folder.
std::filesystem::path audit_file();

/// Whether a prompt may be rendered, or its video be published.
struct DecisionRecord {
  std::string job;
  std::string decision;                  ///< "allowed", "refused"
  std::string policy_id, policy_sha256;  ///< of a frame checker its file's name and digest
  std::string category = {}, rule = {};  ///< of a refusal
  std::string prompt;                    ///< written as HMAC and length, or as it is where that is asked for
};

/// A video that was published.
struct OutputRecord {
  std::string job, model;
  std::filesystem::path output;               ///< as a whole path; bytes that are not UTF-8 become U+FFFD
  std::string sha256;                         ///< of the file as it was published
  std::optional<std::uint64_t> payload = {};  ///< watermark_payload(), where the video is marked
  std::string manifest = {};                  ///< its label, where it is signed
  std::string time = {};                      ///< RFC 3339, UTC; append() takes the clock's
};

class AuditLog {
 public:
  /// Makes the file (0600) and its folder where they are missing. Error{output}.
  AuditLog(std::filesystem::path file, const SecretKey& key, FileOps ops = {});

  void append(const DecisionRecord& record, bool plain_prompt = false);
  void append(const OutputRecord& record);

 private:
  void append_event(const char* event, const nlohmann::ordered_json& fields);
  void write_text(std::string_view text);
  std::string last_line_digest(std::int64_t end) const;

  std::filesystem::path path_;
  SecretKey key_;
  FileOps ops_;
  Descriptor file_;
};

struct AuditFinding {
  std::int64_t records = 0;   ///< whole ones, up to the first that is broken
  int torn = 0;               ///< lines that a crash has cut, of which later records tell that they were so
  bool last_is_torn = false;  ///< one more: nothing was written after it
  std::int64_t line = 0;      ///< of the first broken record; 0: there is none
  std::string fault = {};     ///< what is wrong with it
};
/// Without a key the chain alone is checked. Constant memory. Error{input} if the file cannot be read.
AuditFinding verify_audit(const std::filesystem::path& file, const SecretKey* key);

/// The last video that was made here with this payload, or as the file with this SHA-256; nothing where there is none
/// or no log. Records with another key's code are not believed. Constant memory. Error{input} if the log cannot be
/// read.
std::optional<OutputRecord> find_output(const std::filesystem::path& log, const SecretKey& key, std::uint64_t payload);
std::optional<OutputRecord> find_output(const std::filesystem::path& log, const SecretKey& key,
                                        const std::string& sha256);

}  // namespace sora
