// A policy as it is matched: all terms in one automaton, all patterns in one set, and for each rule where its matches
// are collected.
#pragma once

#include <re2/re2.h>
#include <re2/set.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/aho_corasick.h"
#include "policy/lexicon.h"
#include "policy/policy.h"
#include "policy/policy_file.h"
#include "policy/views.h"

namespace sora {

/// Words [first, last] of a view.
struct WordRange {
  std::uint32_t first = 0, last = 0;
};
using WordRanges = std::vector<WordRange>;  ///< sorted by `last`

/// Strings that are looked for, and the collections (by number) that their matches belong to.
struct TermTable {
  std::vector<std::string> patterns;             // " hot dog ", " stab"
  std::vector<std::vector<std::size_t>> owners;  // of each pattern
  std::size_t collections = 0;
};

struct CompiledRule {
  std::string category, id;
  Severity severity = Severity::block;
  RuleKind kind = RuleKind::terms;
  std::vector<std::size_t> groups;           // collections
  std::optional<std::size_t> unless, allow;  // collections
  int window = 0, unless_window = 0;
  std::vector<std::unique_ptr<const RE2>> patterns;
  std::vector<int> in_set;  // the numbers of `patterns` in CompiledPolicy::set_
};

class CompiledPolicy {
 public:
  explicit CompiledPolicy(const PolicyFile& file);
  std::vector<PolicyFinding> check(std::string_view text, bool minors_only) const;

 private:
  struct Compiler;
  explicit CompiledPolicy(Compiler compiler);
  void look_at(const View& view, bool minors_only, std::vector<std::optional<ByteSpan>>& found) const;
  std::vector<WordRanges> collect(const View& view) const;
  /// Which patterns match at all.
  std::vector<bool> matching(const View& view) const;

  TermTable table_;
  std::vector<CompiledRule> rules_;
  Lexicon lexicon_;
  AhoCorasick finder_;
  std::unique_ptr<RE2::Set> set_;
  int set_size_ = 0;
};

}  // namespace sora
