#include "policy/compiled_policy.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "policy/matching.h"
#include "sora/error.h"

namespace sora {
namespace {

// What a name that is written as one word has at least: "tomcruise".
constexpr std::size_t kShortestJoined = 7;

RE2::Options options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(64 << 20);
  return options;
}

}  // namespace

struct CompiledPolicy::Compiler {
  explicit Compiler(const PolicyFile& file) : set(std::make_unique<RE2::Set>(options(), RE2::UNANCHORED)) {
    add(built_in_minors());
    for (const PolicyCategory& category : file.categories) {
      if (category.enabled) add(category);
    }
    for (const std::string& word : file.common_words) common_words.insert(folded_term(word));
    require(set_size == 0 || set->Compile(), Fault::usage,
            "the prompt policy's patterns take too much memory together");
  }

  void add(const PolicyCategory& category) {
    std::optional<std::size_t> allow;
    if (!category.allow.empty()) allow = add_terms(category.allow, false);
    for (const PolicyRule& rule : category.rules) {
      CompiledRule compiled;
      compiled.category = category.id;
      compiled.id = rule.id;
      compiled.severity = category.severity;
      compiled.kind = rule.kind;
      compiled.allow = allow;
      compiled.window = rule.window;
      compiled.unless_window = rule.unless_window;
      for (const Terms& terms : rule.groups) {
        compiled.groups.push_back(add_terms(terms, rule.kind == RuleKind::names));
      }
      if (!rule.unless.empty()) compiled.unless = add_terms(rule.unless, false);
      for (const std::string& pattern : rule.patterns) add_pattern(compiled, pattern);
      rules.push_back(std::move(compiled));
    }
  }

  // A collection of its own.
  std::size_t add_terms(const Terms& terms, bool names) {
    const std::size_t collection = table.collections++;
    for (const std::string& term : terms) {
      const bool stem = term.back() == '*';
      add_pattern(folded_term(term), stem, names, collection);
      const bool ascii = std::all_of(term.begin(), term.end(), [](char c) { return c >= 0; });
      if (!ascii) add_pattern(look_alike_term(term), stem, names, collection);
    }
    return collection;
  }

  void add_pattern(const std::string& words, bool stem, bool name, std::size_t collection) {
    std::string joined = words;
    std::erase(joined, ' ');
    const bool phrase = joined.size() < words.size();
    if (name && phrase && joined.size() >= kShortestJoined) {
      add_pattern(joined, stem, false, collection);
    }
    const auto [found, added] = numbers.try_emplace(' ' + words + (stem ? "" : " "), table.patterns.size());
    if (added) {
      table.patterns.push_back(found->first);
      table.owners.emplace_back();
    }
    std::vector<std::size_t>& owners = table.owners[found->second];
    if (owners.empty() || owners.back() != collection) owners.push_back(collection);
    if (phrase) phrases.insert(words);
    const std::vector<std::string> all = words_of(words);
    term_words.insert(all.begin(), all.end());
    if (!stem) return;
    // So that forms of it are known words, too.
    constexpr const char* kEndings[] = {"s", "es", "e", "ed", "d", "ing", "er", "ers", "ion", "ions", "y", "ly", "al"};
    for (const char* ending : kEndings) {
      term_words.insert(all.back() + ending);
      if (phrase) phrases.insert(words + ending);
    }
  }

  void add_pattern(CompiledRule& rule, const std::string& pattern) {
    auto compiled = std::make_unique<const RE2>(pattern, options());
    const auto wrong = [&](std::string_view what) {
      fail(Fault::usage, "the prompt policy's rule \"{}\": pattern \"{}\": {}", rule.id, printable(pattern), what);
    };
    if (!compiled->ok()) wrong(printable(compiled->error()));
    if (RE2::PartialMatch("", *compiled)) wrong("matches nothing at all, and so every prompt");
    rule.patterns.push_back(std::move(compiled));
    rule.in_set.push_back(set->Add(pattern, nullptr));
    ++set_size;
  }

  TermTable table;
  std::unordered_map<std::string, std::size_t> numbers;
  std::vector<CompiledRule> rules;
  std::unordered_set<std::string> term_words, common_words, phrases;
  std::unique_ptr<RE2::Set> set;
  int set_size = 0;
};

CompiledPolicy::CompiledPolicy(const PolicyFile& file) : CompiledPolicy(Compiler(file)) {}

CompiledPolicy::CompiledPolicy(Compiler compiler)
    : table_(std::move(compiler.table)),
      rules_(std::move(compiler.rules)),
      lexicon_(std::move(compiler.term_words), std::move(compiler.common_words), std::move(compiler.phrases)),
      finder_(table_.patterns),
      set_(std::move(compiler.set)),
      set_size_(compiler.set_size) {}

std::vector<WordRanges> CompiledPolicy::collect(const View& view) const {
  std::vector<WordRanges> collections(table_.collections);
  finder_.find(view.text(), [&](std::size_t number, std::size_t end) {
    const std::string& pattern = table_.patterns[number];
    const std::size_t last = pattern.back() == ' ' ? end - 2 : end - 1;
    const WordRange range{static_cast<std::uint32_t>(view.word_at(end - pattern.size() + 1)),
                          static_cast<std::uint32_t>(view.word_at(last))};
    for (const std::size_t owner : table_.owners[number]) collections[owner].push_back(range);
  });
  return collections;
}

std::vector<bool> CompiledPolicy::matching(const View& view) const {
  std::vector<bool> matching(static_cast<std::size_t>(set_size_), false);
  if (set_size_ == 0) return matching;
  std::vector<int> numbers;
  RE2::Set::ErrorInfo problem{};
  if (!set_->Match(view.text(), &numbers, &problem) && problem.kind != RE2::Set::kNoError) {
    return std::vector<bool>(matching.size(), true);  // too much for one automaton: each is tried by itself
  }
  for (const int number : numbers) matching[static_cast<std::size_t>(number)] = true;
  return matching;
}

void CompiledPolicy::look_at(const View& view, bool minors_only, std::vector<std::optional<ByteSpan>>& found) const {
  if (view.words().empty()) return;
  const std::vector<WordRanges> collections = collect(view);
  const std::vector<bool> matches = matching(view);
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const CompiledRule& rule = rules_[i];
    if (minors_only && rule.category != kMinorsCategory) continue;
    const Exceptions exceptions(rule.allow ? &collections[*rule.allow] : nullptr,
                                rule.unless ? &collections[*rule.unless] : nullptr, rule.unless_window);
    std::optional<WordRange> hit;
    if (rule.kind == RuleKind::patterns) {
      for (std::size_t p = 0; !hit && p < rule.patterns.size(); ++p) {
        if (matches[static_cast<std::size_t>(rule.in_set[p])]) hit = first_match(*rule.patterns[p], view, exceptions);
      }
    } else if (rule.kind == RuleKind::near) {
      std::vector<const WordRanges*> groups;
      for (const std::size_t group : rule.groups) groups.push_back(&collections[group]);
      hit = first_near(groups, rule.window, exceptions);
    } else {
      hit = first_term(collections[rule.groups[0]], exceptions);
    }
    if (!hit) continue;
    const ByteSpan span{view.words()[hit->first].begin, view.words()[hit->last].end};
    if (!found[i] || span.begin < found[i]->begin) found[i] = span;
  }
}

std::vector<PolicyFinding> CompiledPolicy::check(std::string_view text, bool minors_only) const {
  std::vector<std::optional<ByteSpan>> found(rules_.size());
  for (const View& view : views_of(text, lexicon_)) look_at(view, minors_only, found);
  std::vector<PolicyFinding> findings;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (!found[i]) continue;
    const bool hidden = rules_[i].category == kMinorsCategory;
    findings.push_back(
        {rules_[i].category, rules_[i].id, rules_[i].severity, hidden ? std::nullopt : std::optional(*found[i])});
  }
  std::stable_sort(findings.begin(), findings.end(), [](const PolicyFinding& a, const PolicyFinding& b) {
    if (a.bytes.has_value() != b.bytes.has_value()) return !a.bytes.has_value();
    return a.bytes && a.bytes->begin < b.bytes->begin;
  });
  return findings;
}

}  // namespace sora
