#include "policy/lexicon.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "policy/aho_corasick.h"
#include "policy/skeleton.h"

namespace sora {
namespace {

constexpr std::string_view kEndings[] = {"s", "es", "ed", "d", "ing", "er", "ers", "ly"};

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

Lexicon::Lexicon(std::unordered_set<std::string> term_words, std::unordered_set<std::string> common_words)
    : term_words_(std::move(term_words)), common_(std::move(common_words)) {}
Lexicon::~Lexicon() = default;

bool Lexicon::is_common(const std::string& word) const {
  if (common_.contains(word)) return true;
  return std::any_of(std::begin(kEndings), std::end(kEndings), [&](std::string_view ending) {
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

// All known words, and what it costs to read one of them.
struct Lexicon::Segmenter {
  explicit Segmenter(const Lexicon& lexicon) : costs(costs_of(lexicon)), words(words_in(costs)), finder(words) {}

  static constexpr int kCommon = 4, kForm = 5, kLetter = 5, kTerm = 7, kStray = 7;

  static std::map<std::string, int> costs_of(const Lexicon& lexicon) {
    std::map<std::string, int> costs;
    for (const std::string& word : lexicon.common_) costs[word] = word.size() == 1 ? kLetter : kCommon;
    for (const std::string& word : lexicon.common_) {
      if (word.size() < 3 || word.ends_with("ing") || word.ends_with("ed") || word.ends_with('s')) continue;
      for (const std::string_view ending : kEndings) {
        costs.try_emplace(word + std::string(ending), kForm);
        if (word.back() == 'e') costs.try_emplace(word.substr(0, word.size() - 1) + std::string(ending), kForm);
      }
    }
    for (const std::string& word : lexicon.term_words_) {
      if (word.size() > 1) costs.try_emplace(word, kTerm);
    }
    return costs;
  }

  static std::vector<std::string> words_in(const std::map<std::string, int>& costs) {
    std::vector<std::string> words;
    for (const auto& [word, cost] : costs) words.push_back(word);
    return words;
  }

  std::map<std::string, int> costs;
  std::vector<std::string> words;  // the patterns of finder
  AhoCorasick finder;
};

const Lexicon::Segmenter& Lexicon::segmenter() const {
  std::call_once(segmenter_once_, [this] { segmenter_ = std::make_unique<const Segmenter>(*this); });
  return *segmenter_;
}

// The cheapest way to each place in the run: a known word costs little, a letter that belongs to none much.
std::vector<std::string> Lexicon::segmented(std::string_view run) const {
  constexpr std::size_t kShortRest = 3;
  struct Place {
    int cost = std::numeric_limits<int>::max();
    std::size_t from = 0;
    int word = 0;  // its cost; 0 for a letter that belongs to none
  };
  std::vector<Place> places(run.size() + 1);
  places[0].cost = 0;
  std::size_t done = 0;  // up to here each place has its cost
  const auto reach = [&](std::size_t to) {
    for (; done < to; ++done) {
      const Place stray{places[done].cost + Segmenter::kStray, done, 0};
      if (stray.cost < places[done + 1].cost) places[done + 1] = stray;
    }
  };
  const Segmenter& known = segmenter();
  known.finder.find(run, [&](std::size_t number, std::size_t end) {
    reach(end - 1);
    const std::string& text = known.words[number];
    const std::size_t from = end - text.size();
    const int cost = known.costs.at(text);
    const Place word{places[from].cost + cost, from, cost};
    if (word.cost < places[end].cost) places[end] = word;
  });
  reach(run.size());

  struct Piece {
    std::string text;
    int cost;
  };
  std::vector<Piece> pieces;  // from the last to the first
  for (std::size_t end = run.size(); end > 0; end = places[end].from) {
    const std::string piece(run.substr(places[end].from, end - places[end].from));
    const int cost = places[end].word;
    // A rest of a few letters is part of a word that is not known: "Sus-sex".
    const auto is_rest = [&](const std::string& text, int rest, int other) {
      return rest == 0 && (other == 0 || (other == Segmenter::kTerm && text.size() <= kShortRest));
    };
    const bool joins = !pieces.empty() && (is_rest(piece, cost, pieces.back().cost) ||
                                           is_rest(pieces.back().text, pieces.back().cost, cost));
    if (joins)
      pieces.back() = {piece + pieces.back().text, 0};
    else
      pieces.push_back({piece, cost});
  }
  std::vector<std::string> words;
  for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) words.push_back(std::move(piece->text));
  return words;
}

}  // namespace sora
