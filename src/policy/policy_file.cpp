#include "policy/policy_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "policy/strict_json.h"
#include "policy/views.h"
#include "sora/error.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

constexpr int kVersion = 1;
constexpr std::int64_t kMostBytes = 4 << 20;
constexpr int kMostWindow = 1000;
constexpr int kUnlessWindow = 6;
constexpr std::size_t kShortestStem = 3;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

template <class Kind>
Kind one_of(StrictObject& object, std::string_view key, const std::vector<std::pair<std::string_view, Kind>>& kinds) {
  const std::string word = object.text(key);
  std::vector<std::string_view> names;
  for (const auto& [name, kind] : kinds) {
    if (word == name) return kind;
    names.push_back(name);
  }
  object.fail_at(key, fmt::format("expected {}, found \"{}\"", fmt::join(names, ", "), printable(word)));
}

// The file and the lists beside it.
class Reader {
 public:
  explicit Reader(fs::path file) : file_(std::move(file)) {}

  PolicyFile read() {
    const nlohmann::json json = parse_strictly(content(file_, file_.filename()), file_);
    StrictObject object(json, file_, "");
    object.integer("version", kVersion, kVersion);
    PolicyFile policy;
    policy.id = object.text("id");
    if (printable(policy.id) != policy.id) object.fail_at("id", "expected at most 80 letters that can be shown");
    const bool english = object.texts("languages") == std::vector<std::string>{"en"};
    if (!english)
      object.fail_at("languages", "expected [\"en\"]: spaces between words and English letters are looked for");
    if (object.has("lists")) read_lists(object.object("lists"));
    policy.common_words = read_terms(object, "common_words", object.texts("common_words"));
    for (StrictObject& category : object.objects("categories")) policy.categories.push_back(read_category(category));
    object.finish();
    policy.sha256 = sha256_hex(digests_);
    return policy;
  }

 private:
  std::string content(const fs::path& path, const fs::path& name) {
    try {
      std::string text = read_file(path, kMostBytes, Fault::usage);
      digests_ += fmt::format("{}  {}\n", sha256_hex(text), name.generic_string());
      return text;
    } catch (const Error& error) {
      fail(Fault::usage,
           "the prompt policy {}; nothing is made without one: install sora-gen again, or name one with --policy",
           error.what());
    }
  }

  void read_lists(StrictObject lists) {
    for (const std::string& name : lists.keys()) {
      StrictObject list = lists.object(name);
      if (list.has("file") == list.has("terms")) {
        fail_policy(file_, lists.place(name), "expected one of \"file\" and \"terms\"");
      }
      // Not in the map yet, so that a list can only refer to those before it.
      Terms terms = list.has("file") ? read_list(list) : read_terms(list, "terms", list.texts("terms"));
      list.finish();
      lists_[name] = std::move(terms);
    }
    lists.finish();
  }

  Terms read_list(StrictObject& list) {
    const fs::path name = list.text("file");
    const bool beside = name.is_relative() && std::find(name.begin(), name.end(), "..") == name.end();
    if (!beside) list.fail_at("file", "expected the name of a file beside the policy or in a folder there");
    const fs::path path = file_.parent_path() / name;
    const std::string text = content(path, name);
    if (!is_utf8(text)) fail_policy(path, fmt::format("byte {}", valid_utf8_bytes(text) + 1), "is not UTF-8");
    Terms terms;
    int number = 0;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = trimmed(std::string_view(text).substr(begin, end - begin));
      begin = end + 1;
      ++number;
      if (line.empty() || line[0] == '#') continue;
      for (std::size_t at = 0; at <= line.size();) {
        const std::size_t bar = std::min(line.find('|', at), line.size());
        terms.emplace_back(trimmed(line.substr(at, bar - at)));
        check_term(terms.back(), path, fmt::format("line {}", number));
        at = bar + 1;
      }
    }
    if (terms.empty()) fail_policy(path, "", "has no term");
    return terms;
  }

  static void check_term(const std::string& term, const fs::path& file, const std::string& place) {
    const std::string_view stem = std::string_view(term).substr(0, term.find('*'));
    const bool starred = stem.size() < term.size();
    const std::string words = folded_term(stem);
    const auto wrong = [&](std::string_view what) {
      fail_policy(file, place, fmt::format("\"{}\": {}", printable(term), what));
    };
    if (words.empty()) wrong("expected a word");
    if (starred && (stem.size() + 1 != term.size() || stem.back() == ' ')) wrong("* stands at the end of a word, once");
    const std::size_t last = words.rfind(' ') == words.npos ? 0 : words.rfind(' ') + 1;
    if (starred && words.size() - last < kShortestStem) wrong("expected at least 3 letters before *");
  }

  // With what "@name" stands for.
  Terms read_terms(const StrictObject& object, const std::string& key, const std::vector<std::string>& texts) const {
    Terms terms;
    for (const std::string& text : texts) {
      if (text[0] != '@') {
        check_term(text, file_, object.place(key));
        terms.push_back(text);
        continue;
      }
      const auto list = lists_.find(text.substr(1));
      if (list == lists_.end())
        object.fail_at(key, fmt::format("there is no list \"{}\" before it", printable(text.substr(1))));
      terms.insert(terms.end(), list->second.begin(), list->second.end());
    }
    return terms;
  }

  PolicyCategory read_category(StrictObject& object) {
    PolicyCategory category;
    category.id = object.text("id");
    const std::vector<std::string>& known = policy_categories();
    if (std::find(known.begin(), known.end(), category.id) == known.end()) {
      object.fail_at("id", fmt::format("expected {}, found \"{}\"", fmt::join(known, ", "), printable(category.id)));
    }
    if (!categories_.insert(category.id).second)
      object.fail_at("id", fmt::format("\"{}\" is there twice", category.id));
    category.enabled = object.flag_or("enabled", true);
    if (object.has("severity")) {
      category.severity = one_of<Severity>(object, "severity", {{"block", Severity::block}, {"warn", Severity::warn}});
    }
    for (StrictObject& rule : object.objects("rules")) category.rules.push_back(read_rule(rule));
    if (object.has("allow")) category.allow = read_terms(object, "allow", object.texts("allow"));
    object.finish();
    if (category.id == kMinorsCategory) require_minors(object, category);
    return category;
  }

  // It may be added to; that it may not be weakened is said, too, where it would have no effect.
  static void require_minors(const StrictObject& object, const PolicyCategory& category) {
    if (!category.enabled) object.fail_at("enabled", "sexual_minors cannot be switched off");
    if (category.severity != Severity::block) object.fail_at("severity", "sexual_minors is always refused");
    if (!category.allow.empty()) object.fail_at("allow", "nothing of sexual_minors can be allowed");
    const bool exceptions = std::any_of(category.rules.begin(), category.rules.end(),
                                        [](const auto& rule) { return !rule.unless.empty(); });
    if (exceptions) object.fail_at("rules", "a rule of sexual_minors has no \"unless\"");
  }

  PolicyRule read_rule(StrictObject& object) {
    PolicyRule rule;
    rule.id = object.text("id");
    if (printable(rule.id) != rule.id) object.fail_at("id", "expected at most 80 letters that can be shown");
    if (!rules_.insert(rule.id).second) object.fail_at("id", fmt::format("\"{}\" is there twice", rule.id));
    rule.kind = one_of<RuleKind>(object, "type",
                                 {{"terms", RuleKind::terms},
                                  {"names", RuleKind::names},
                                  {"re2", RuleKind::patterns},
                                  {"near", RuleKind::near}});
    switch (rule.kind) {
      case RuleKind::terms:
      case RuleKind::names:
        rule.groups = {read_terms(object, "terms", object.texts("terms"))};
        break;
      case RuleKind::patterns:
        rule.patterns = object.texts("patterns");
        break;
      case RuleKind::near: {
        int number = 0;
        for (const std::vector<std::string>& group : object.groups("all")) {
          rule.groups.push_back(read_terms(object, fmt::format("all[{}]", number++), group));
        }
        if (rule.groups.size() < 2) object.fail_at("all", "expected two groups or more");
        rule.window = object.integer("window", 2, kMostWindow);
        break;
      }
    }
    if (object.has("unless")) rule.unless = read_terms(object, "unless", object.texts("unless"));
    rule.unless_window = object.has("unless_window") ? object.integer("unless_window", 1, kMostWindow) : kUnlessWindow;
    object.finish();
    return rule;
  }

  fs::path file_;
  std::string digests_;
  std::map<std::string, Terms, std::less<>> lists_;
  std::set<std::string> categories_, rules_;
};

}  // namespace

std::string_view to_string(Severity severity) { return severity == Severity::block ? "block" : "warn"; }

const std::vector<std::string>& policy_categories() {
  static const std::vector<std::string> names{
      "sexual", std::string(kMinorsCategory), "violence", "hate", "likeness", "existing_ip", "self_harm", "deception"};
  return names;
}

PolicyFile read_policy(const fs::path& file) { return Reader(file).read(); }

}  // namespace sora
