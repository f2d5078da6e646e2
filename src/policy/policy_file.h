// configs/policy.json, or the file of --policy: categories, their rules, and lists of terms. Read strictly: whatever is
// unknown, missing or wrong is an error, so that there is never a policy that says less than its author believes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sora {

inline constexpr std::string_view kMinorsCategory = "sexual_minors";

enum class Severity {
  block,  ///< refused
  warn,   ///< said, and made
};
std::string_view to_string(Severity severity);

enum class RuleKind {
  terms,     ///< one of the terms
  names,     ///< the same, also written as one word: "tomcruise"
  patterns,  ///< one of RE2's regular expressions, on the text as the views have it: lower case, single spaces
  near,      ///< one term of each group, all within `window` words
};

using Terms = std::vector<std::string>;  ///< as in the file: "hot dog", "stab*"

struct PolicyRule {
  std::string id;
  RuleKind kind = RuleKind::terms;
  std::vector<Terms> groups;  ///< near: two or more; terms and names: one
  std::vector<std::string> patterns;
  int window = 0;  ///< near: from the first word of all to the last
  Terms unless;    ///< no match where one of these stands within `unless_window` words
  int unless_window = 0;
  bool operator==(const PolicyRule&) const = default;
};

struct PolicyCategory {
  std::string id;
  bool enabled = true;
  Severity severity = Severity::block;
  std::vector<PolicyRule> rules;
  Terms allow;  ///< what lies inside one of these is no match: "shooting star"
  bool operator==(const PolicyCategory&) const = default;
};

struct PolicyFile {
  std::string id;
  /// Of the lines that sha256sum prints for the file and then for its lists, in the order in which they are mentioned:
  /// `cd FOLDER; sha256sum policy.json policy/a.txt ... | sha256sum`.
  std::string sha256;
  std::vector<PolicyCategory> categories;
  Terms common_words;  ///< of the language: what is one of them is not taken for a term in disguise
};

/// The names that a category may have.
const std::vector<std::string>& policy_categories();

/// Throws Error{usage} with the file, the place in it, and what to do.
PolicyFile read_policy(const std::filesystem::path& file);

/// What is looked for whatever the file says: sexual_minors cannot be switched off, allowed or overridden.
PolicyCategory built_in_minors();

}  // namespace sora
