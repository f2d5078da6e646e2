#include "policy/policy_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <type_traits>
#include <utility>

#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "policy/views.h"
#include "sora/error.h"
#include "sora/json_object.h"

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

constexpr const char* kRemedy = "nothing is made without a whole policy: repair it, or name another with --policy";

// Of a list, which is no JSON.
[[noreturn]] void fail_list(const fs::path& file, std::string_view what) {
  fail(Fault::usage, "{}: {}; {}", shown(file), what, kRemedy);
}

void require_something(const JsonObject& object, std::string_view key, const std::string& text) {
  if (text.empty()) object.fail_at(key, "expected a string with something in it, found \"\"");
}

template <class T>
void require_something(const JsonObject& object, std::string_view key, const std::vector<T>& elements) {
  if (elements.empty()) object.fail_at(key, "expected an array with something in it, found []");
  if constexpr (!std::is_same_v<T, JsonObject>) {
    for (std::size_t i = 0; i < elements.size(); ++i) {
      require_something(object, fmt::format("{}[{}]", key, i), elements[i]);
    }
  }
}

// Strings and arrays, of which none is empty.
template <class T>
T read(JsonObject& object, std::string_view key) {
  T value = object.read<T>(key);
  require_something(object, key, value);
  return value;
}

// `otherwise` where the key is absent.
template <class T>
T read_or(JsonObject& object, std::string_view key, T otherwise) {
  T value = object.read_or<T>(key, std::move(otherwise));
  if (object.has(key)) require_something(object, key, value);
  return value;
}

std::vector<JsonObject> read_objects(JsonObject& object, std::string_view key) {
  std::vector<JsonObject> objects = object.read_objects(key);
  require_something(object, key, objects);
  return objects;
}

int require_within(const JsonObject& object, std::string_view key, int value, int least, int most) {
  if (value < least || value > most) {
    object.fail_at(key, fmt::format("expected a whole number from {} to {}, found {}", least, most, value));
  }
  return value;
}

std::string read_id(JsonObject& object) {
  const std::string id = read<std::string>(object, "id");
  if (printable(id) != id) object.fail_at("id", "expected at most 80 letters that can be shown");
  return id;
}

template <class Kind>
Kind one_of(const JsonObject& object, std::string_view key, const std::string& word,
            const std::vector<std::pair<std::string_view, Kind>>& kinds) {
  std::vector<std::string_view> names;
  for (const auto& [name, kind] : kinds) {
    if (word == name) return kind;
    names.push_back(name);
  }
  object.fail_at(key, fmt::format("expected {}, found \"{}\"", fmt::join(names, ", "), printable(word)));
}

// What is wrong with a term; "" if nothing is.
std::string_view fault_of(const std::string& term) {
  const std::string_view stem = std::string_view(term).substr(0, term.find('*'));
  const bool starred = stem.size() < term.size();
  const std::string words = folded_term(stem);
  if (words.empty()) return "expected a word";
  if (starred && (stem.size() + 1 != term.size() || stem.back() == ' ')) return "* stands at the end of a word, once";
  const std::size_t last = words.rfind(' ') == words.npos ? 0 : words.rfind(' ') + 1;
  if (starred && words.size() - last < kShortestStem) return "expected at least 3 letters before *";
  return "";
}

std::string with_term(const std::string& term, std::string_view fault) {
  return fmt::format("\"{}\": {}", printable(term), fault);
}

// The file and the lists beside it.
class Reader {
 public:
  explicit Reader(fs::path file) : file_(std::move(file)) {}

  PolicyFile read_policy() {
    JsonObject object(content(file_, file_.filename()), file_, Fault::usage, kRemedy);
    require_within(object, "version", object.read<int>("version"), kVersion, kVersion);
    PolicyFile policy;
    policy.id = read_id(object);
    if (read<Terms>(object, "languages") != Terms{"en"})
      object.fail_at("languages", "expected [\"en\"]: spaces between words and English letters are looked for");
    if (object.has("lists")) read_lists(object.read_object("lists"));
    object.ignore({"lists"});  // known also where it is not there
    policy.common_words = read_terms(object, "common_words", read<Terms>(object, "common_words"));
    for (JsonObject& category : read_objects(object, "categories")) {
      policy.categories.push_back(read_category(category));
    }
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

  void read_lists(JsonObject lists) {
    for (const std::string& name : lists.keys()) {
      JsonObject list = lists.read_object(name);
      if (list.has("file") == list.has("terms")) lists.fail_at(name, "expected one of \"file\" and \"terms\"");
      // Not in the map yet, so that a list can only refer to those before it.
      Terms terms = list.has("file") ? read_list(list) : read_terms(list, "terms", read<Terms>(list, "terms"));
      list.finish();
      lists_[name] = std::move(terms);
    }
    lists.finish();
  }

  Terms read_list(JsonObject& list) {
    const fs::path name = read<std::string>(list, "file");
    const bool beside = name.is_relative() && std::find(name.begin(), name.end(), "..") == name.end();
    if (!beside) list.fail_at("file", "expected the name of a file beside the policy or in a folder there");
    const fs::path path = file_.parent_path() / name;
    const std::string text = content(path, name);
    if (!is_utf8(text)) fail_list(path, fmt::format("byte {}: is not UTF-8", valid_utf8_bytes(text) + 1));
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
        const std::string_view fault = fault_of(terms.back());
        if (!fault.empty()) fail_list(path, fmt::format("line {}: {}", number, with_term(terms.back(), fault)));
        at = bar + 1;
      }
    }
    if (terms.empty()) fail_list(path, "has no term");
    return terms;
  }

  // With what "@name" stands for.
  Terms read_terms(const JsonObject& object, const std::string& key, const Terms& texts) const {
    Terms terms;
    for (const std::string& text : texts) {
      if (text[0] != '@') {
        if (const std::string_view fault = fault_of(text); !fault.empty()) object.fail_at(key, with_term(text, fault));
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

  PolicyCategory read_category(JsonObject& object) {
    PolicyCategory category;
    category.id = read<std::string>(object, "id");
    const std::vector<std::string>& known = policy_categories();
    if (std::find(known.begin(), known.end(), category.id) == known.end()) {
      object.fail_at("id", fmt::format("expected {}, found \"{}\"", fmt::join(known, ", "), printable(category.id)));
    }
    if (!categories_.insert(category.id).second)
      object.fail_at("id", fmt::format("\"{}\" is there twice", category.id));
    category.enabled = object.read_or("enabled", true);
    category.severity = one_of<Severity>(object, "severity", read_or<std::string>(object, "severity", "block"),
                                         {{"block", Severity::block}, {"warn", Severity::warn}});
    for (JsonObject& rule : read_objects(object, "rules")) category.rules.push_back(read_rule(rule));
    category.allow = read_terms(object, "allow", read_or<Terms>(object, "allow", {}));
    object.finish();
    if (category.id == kMinorsCategory) require_minors(object, category);
    return category;
  }

  // It may be added to; that it may not be weakened is said, too, where it would have no effect.
  static void require_minors(const JsonObject& object, const PolicyCategory& category) {
    if (!category.enabled) object.fail_at("enabled", "sexual_minors cannot be switched off");
    if (category.severity != Severity::block) object.fail_at("severity", "sexual_minors is always refused");
    if (!category.allow.empty()) object.fail_at("allow", "nothing of sexual_minors can be allowed");
    const bool exceptions = std::any_of(category.rules.begin(), category.rules.end(),
                                        [](const auto& rule) { return !rule.unless.empty(); });
    if (exceptions) object.fail_at("rules", "a rule of sexual_minors has no \"unless\"");
  }

  PolicyRule read_rule(JsonObject& object) {
    PolicyRule rule;
    rule.id = read_id(object);
    if (!rules_.insert(rule.id).second) object.fail_at("id", fmt::format("\"{}\" is there twice", rule.id));
    rule.kind = one_of<RuleKind>(object, "type", read<std::string>(object, "type"),
                                 {{"terms", RuleKind::terms},
                                  {"names", RuleKind::names},
                                  {"re2", RuleKind::patterns},
                                  {"near", RuleKind::near}});
    switch (rule.kind) {
      case RuleKind::terms:
      case RuleKind::names:
        rule.groups = {read_terms(object, "terms", read<Terms>(object, "terms"))};
        break;
      case RuleKind::patterns:
        rule.patterns = read<Terms>(object, "patterns");
        break;
      case RuleKind::near: {
        for (const Terms& group : read<std::vector<Terms>>(object, "all")) {
          rule.groups.push_back(read_terms(object, fmt::format("all[{}]", rule.groups.size()), group));
        }
        if (rule.groups.size() < 2) object.fail_at("all", "expected two groups or more");
        rule.window = require_within(object, "window", object.read<int>("window"), 2, kMostWindow);
        break;
      }
    }
    rule.unless = read_terms(object, "unless", read_or<Terms>(object, "unless", {}));
    rule.unless_window =
        require_within(object, "unless_window", object.read_or("unless_window", kUnlessWindow), 1, kMostWindow);
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

PolicyFile read_policy(const fs::path& file) { return Reader(file).read_policy(); }

}  // namespace sora
