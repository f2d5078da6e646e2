#include "policy/measure.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "base/files.h"
#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostBytes = 128 << 20;

std::string_view homoglyph(char letter) {
  static const std::map<char, std::string_view> alike{
      {'a', "а"}, {'c', "с"}, {'d', "ԁ"}, {'e', "е"}, {'h', "һ"}, {'i', "і"}, {'j', "ј"}, {'k', "к"}, {'n', "ո"},
      {'o', "о"}, {'p', "р"}, {'s', "ѕ"}, {'u', "υ"}, {'v', "ν"}, {'w', "ԝ"}, {'x', "х"}, {'y', "у"}, {'A', "А"},
      {'B', "В"}, {'C', "С"}, {'E', "Е"}, {'H', "Н"}, {'I', "І"}, {'K', "К"}, {'M', "М"}, {'N', "Ν"}, {'O', "О"},
      {'P', "Р"}, {'S', "Ѕ"}, {'T', "Т"}, {'X', "Х"}, {'Y', "Υ"}, {'Z', "Ζ"}};
  const auto found = alike.find(letter);
  return found == alike.end() ? std::string_view() : found->second;
}

char leet(char letter) {
  switch (letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter) {
    case 'a':
      return '4';
    case 'e':
      return '3';
    case 'i':
      return '1';
    case 'o':
      return '0';
    case 's':
      return '5';
    case 't':
      return '7';
    default:
      return letter;
  }
}

bool is_letter(std::string_view point) {
  return point.size() > 1 || (point[0] >= 'a' && point[0] <= 'z') || (point[0] >= 'A' && point[0] <= 'Z');
}

std::string disguised_point(std::string_view point, Disguise disguise) {
  switch (disguise) {
    case Disguise::none:
      break;
    case Disguise::homoglyphs: {
      const std::string_view other = point.size() == 1 ? homoglyph(point[0]) : std::string_view();
      return std::string(other.empty() ? point : other);
    }
    case Disguise::leet:
      return point.size() == 1 ? std::string(1, leet(point[0])) : std::string(point);
    case Disguise::spaced:
      return std::string(point) + " ";
    case Disguise::spaced_evenly:
      return point == " " ? "" : std::string(point) + " ";
    case Disguise::zero_width:
      return std::string(point) + (is_letter(point) ? "\u200b" : "");
  }
  return std::string(point);
}

bool refused(const std::vector<PolicyFinding>& findings, std::string_view category = {}) {
  return std::any_of(findings.begin(), findings.end(), [&](const PolicyFinding& finding) {
    return finding.severity == Severity::block && (category.empty() || finding.category == category);
  });
}

SetResult measure_set(const Policy& policy, const PromptSet& set, Disguise disguise) {
  const std::vector<std::string>& known = policy_categories();
  SetResult result{set.name, std::find(known.begin(), known.end(), set.name) != known.end(), {}, {}};
  result.refused.count = result.as_category.count = set.prompts.size();
  for (const std::string& prompt : set.prompts) {
    const std::vector<PolicyFinding> findings = policy.check(disguised(prompt, disguise));
    if (refused(findings)) ++result.refused.hits;
    if (result.is_category && refused(findings, set.name)) ++result.as_category.hits;
  }
  return result;
}

}  // namespace

std::string_view to_string(Disguise disguise) {
  switch (disguise) {
    case Disguise::none:
      return "clean";
    case Disguise::homoglyphs:
      return "homoglyph";
    case Disguise::leet:
      return "leet";
    case Disguise::spaced:
      return "spaced";
    case Disguise::spaced_evenly:
      return "spaced-evenly";
    case Disguise::zero_width:
      return "zero-width";
  }
  return "";
}

std::string disguised(std::string_view text, Disguise disguise) {
  std::string out;
  while (!text.empty()) {
    const std::optional<CodePoint> point = decode_utf8(text);
    const std::size_t bytes = point ? point->bytes : 1;
    out += disguised_point(text.substr(0, bytes), disguise);
    text.remove_prefix(bytes);
  }
  return out;
}

Interval wilson(std::size_t hits, std::size_t count) {
  if (count == 0) return {};
  constexpr double kZ = 1.959963984540054;  // of the normal distribution, 2.5 % lie above
  const auto n = static_cast<double>(count);
  const double share = static_cast<double>(hits) / n, square = kZ * kZ;
  const double middle = (share + square / (2 * n)) / (1 + square / n);
  const double half = kZ / (1 + square / n) * std::sqrt(share * (1 - share) / n + square / (4 * n * n));
  return {hits == 0 ? 0 : middle - half, hits == count ? 1 : middle + half};
}

double precision(double recall, double false_positives, double prevalence) {
  const double right = recall * prevalence, wrong = false_positives * (1 - prevalence);
  return right + wrong > 0 ? right / (right + wrong) : std::numeric_limits<double>::quiet_NaN();
}

PromptSet read_prompt_set(const fs::path& file) {
  const std::string name = shown(file);
  const std::string text = read_file(file, kMostBytes, Fault::input);
  require(is_utf8(text), Fault::input, "{}: byte {} is not UTF-8", name, valid_utf8_bytes(text) + 1);
  PromptSet set{file.stem().string(), {}};
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") != line.npos && line[0] != '#') set.prompts.push_back(std::move(line));
    begin = end + 1;
  }
  require(!set.prompts.empty(), Fault::input, "{}: has no prompt; expected one in each line", name);
  return set;
}

std::vector<PromptSet> read_prompt_sets(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    if (entry->path().extension() == ".txt") files.push_back(entry->path());
  }
  const std::string name = shown(folder);
  require(!problem, Fault::input, "{}: cannot be read: {}", name, problem.message());
  require(!files.empty(), Fault::input, "{}: has no file *.txt; expected one for each category, a prompt in each line",
          name);
  std::sort(files.begin(), files.end());
  std::vector<PromptSet> sets;
  for (const fs::path& file : files) sets.push_back(read_prompt_set(file));
  return sets;
}

std::vector<DisguiseResult> measure(const Policy& policy, const std::vector<PromptSet>& positives,
                                    const PromptSet& negatives) {
  std::vector<DisguiseResult> results;
  for (const Disguise disguise : kDisguises) {
    DisguiseResult result{disguise, {}, measure_set(policy, negatives, disguise).refused};
    for (const PromptSet& set : positives) result.positives.push_back(measure_set(policy, set, disguise));
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace sora
