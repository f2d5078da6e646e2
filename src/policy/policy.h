// The prompt policy: for what words a prompt is refused. A lexical filter in three views of the text (policy/views.h);
// what it promises and what it does not is said in README.md.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy_file.h"

namespace sora {

/// Bytes [begin, end) of a prompt as it was given.
struct ByteSpan {
  std::size_t begin = 0, end = 0;
  bool operator==(const ByteSpan&) const = default;
};

/// A rule that a text matches.
struct PolicyFinding {
  std::string category;  ///< "likeness"
  std::string rule;      ///< "like.001"
  Severity severity = Severity::block;
  /// Whole words of the text. Nothing for sexual_minors: what it was that matched is never said.
  std::optional<ByteSpan> bytes;
  bool operator==(const PolicyFinding&) const = default;
};

class CompiledPolicy;

/// Immutable, and free to be used by several threads.
class Policy {
 public:
  /// Throws Error{usage} for patterns that RE2 does not take.
  explicit Policy(PolicyFile file);
  ~Policy();
  Policy(Policy&&) noexcept;
  Policy& operator=(Policy&&) noexcept;

  const std::string& id() const { return file_.id; }
  /// See PolicyFile::sha256.
  const std::string& sha256() const { return file_.sha256; }
  const PolicyFile& file() const { return file_; }

  /// The first match of each rule of each category that is on; sexual_minors first, then in the order of the text.
  /// Linear in the text's length.
  std::vector<PolicyFinding> check(std::string_view text) const;
  /// The same for sexual_minors alone.
  std::vector<PolicyFinding> check_minors(std::string_view text) const;

 private:
  PolicyFile file_;
  std::unique_ptr<const CompiledPolicy> compiled_;
};

}  // namespace sora
