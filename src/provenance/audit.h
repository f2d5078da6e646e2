// What was decided and what was made here: a file of JSON lines, each with the digest of the one before it and a code
// by this installation's key. Any number of processes append; a line is on the disk before append() returns. It is the
// ledger, too: who finds a watermark's payload here knows which video was made with it.
//
// The chain shows that no record was changed, taken out or put in between. It cannot show that the last ones were cut
// off, nor what somebody did who had the key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "provenance/keys.h"

namespace sora {

/// audit.jsonl in the user's data folder.
std::filesystem::path audit_file();

/// Whether a prompt may be rendered.
struct DecisionRecord {
  std::string job, decision;  ///< "allowed", "refused"
  std::string policy_id, policy_sha256;
  std::string category = {}, rule = {};  ///< of a refusal
  std::string prompt;                    ///< written as HMAC and length, or as it is where that is asked for
};

/// A video that was published.
struct OutputRecord {
  std::string job, model;
  std::filesystem::path output;
  std::string sha256;                         ///< of the file as it was published
  std::optional<std::uint64_t> payload = {};  ///< 48 bits, where it is marked
  std::string manifest = {};                  ///< its label, where it is signed
  std::string time = {};                      ///< filled in by append() and find_output()
};

class AuditLog {
 public:
  /// Makes the file (0600) and its folder where they are missing. Error{output}.
  AuditLog(std::filesystem::path file, const SecretKey& key, FileOps ops = {});

  void append(const DecisionRecord& record, bool plain_prompt = false);
  void append(const OutputRecord& record);

 private:
  void append_event(std::string_view event, const std::string& fields);

  std::filesystem::path path_;
  SecretKey key_;
  FileOps ops_;
  Descriptor file_;
};

struct AuditFinding {
  std::int64_t records = 0;
  int torn = 0;  ///< lines that a crash has cut; the chain covers all but the last line
  bool last_is_torn = false;
  std::int64_t line = 0;  ///< of the first broken record; 0: there is none
  std::string fault;      ///< what is wrong with it
};
/// `key`: nullptr checks the chain alone. Constant memory. Error{input} if the file cannot be read.
AuditFinding verify_audit(const std::filesystem::path& file, const SecretKey* key);

/// The last video that was made here with this payload. Constant memory. Nothing where the file is missing.
std::optional<OutputRecord> find_output(const std::filesystem::path& file, std::uint64_t payload);

}  // namespace sora
