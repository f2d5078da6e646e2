#include "policy/lexicon.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "policy/segmenter.h"
#include "policy/skeleton.h"

namespace sora {
namespace {

// Only what is disguised may look like something else: "pom" and "porn" have the same skeleton.
bool may_be_disguised(std::string_view word) {
  return word.find("rn") != word.npos ||
         std::any_of(word.begin(), word.end(), [](char c) { return static_cast<unsigned char>(c) >= 128; });
}

}  // namespace

std::string leet_class(std::string_view word) {
  std::string same(word);
  for (char& letter : same) {
    if (letter == '1' || letter == '!' || letter == '|' || letter == 'i') letter = 'l';
  }
  return same;
}

// Words by what they look like, and by their leet_class().
struct Lexicon::Alike {
  explicit Alike(const Lexicon& lexicon) {
    // Sorted, so that which of two alike words wins is the same on every machine.
    const std::set<std::string> terms(lexicon.term_words_.begin(), lexicon.term_words_.end());
    const std::set<std::string> common(lexicon.common_.begin(), lexicon.common_.end());
    for (const std::string& word : terms) by_skeleton.try_emplace(skeleton(word), word);
    for (const auto* words : {&terms, &common}) {
      for (const std::string& word : *words) by_leet_class.try_emplace(leet_class(word), word);
    }
  }

  std::unordered_map<std::string, std::string> by_skeleton, by_leet_class;
};

const Lexicon::Alike& Lexicon::alike() const {
  std::call_once(alike_once_, [this] { alike_ = std::make_unique<const Alike>(*this); });
  return *alike_;
}

Lexicon::Lexicon(std::unordered_set<std::string> term_words, std::unordered_set<std::string> common_words,
                 std::unordered_set<std::string> phrases)
    : term_words_(std::move(term_words)), common_(std::move(common_words)), phrases_(std::move(phrases)) {}
Lexicon::~Lexicon() = default;

bool Lexicon::is_common(const std::string& word) const {
  if (common_.contains(word)) return true;
  return std::any_of(std::begin(kFormEndings), std::end(kFormEndings), [&](std::string_view ending) {
    if (word.size() < ending.size() + 3 || !word.ends_with(ending)) return false;
    const std::string stem = word.substr(0, word.size() - ending.size());
    return common_.contains(stem) || common_.contains(stem + 'e');
  });
}

const std::string* Lexicon::look_alike(const std::string& word) const {
  if (!may_be_disguised(word) || is_known(word)) return nullptr;
  const auto found = alike().by_skeleton.find(skeleton(word));
  return found == alike().by_skeleton.end() ? nullptr : &found->second;
}

const std::string* Lexicon::spelled_like(const std::string& leet_class) const {
  const auto found = alike().by_leet_class.find(leet_class);
  return found == alike().by_leet_class.end() ? nullptr : &found->second;
}

const Segmenter& Lexicon::segmenter() const {
  std::call_once(segmenter_once_,
                 [this] { segmenter_ = std::make_unique<const Segmenter>(common_, term_words_, phrases_); });
  return *segmenter_;
}

std::vector<std::string> Lexicon::segmented(std::string_view run, bool after_apostrophe) const {
  return segmenter().words_in(run, after_apostrophe);
}

}  // namespace sora
