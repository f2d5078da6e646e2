#include "policy/segmenter.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "policy/views.h"

namespace sora {
namespace {

// What it costs to read letters so: the cheapest reading wins, which is the one of the fewest and best known words.
constexpr int kFrequent = 2, kCommon = 4, kForm = 5, kLetter = 5;
constexpr std::array kTerm = {12, 12, 12, 10, 8, 6, 4, 3};  // by length: the short ones are in many words
constexpr int kBond = 3;                                    // what a phrase is cheaper than its words, for each gap
constexpr int kUnknown = 8, kUnknownLetter = 2;

constexpr const char* kFrequentWords[] = {"a",    "an",  "and",  "are",  "as",    "at", "by",  "for",   "from", "he",
                                          "her",  "his", "in",   "into", "is",    "it", "its", "of",    "on",   "or",
                                          "over", "she", "that", "the",  "their", "to", "was", "while", "with"};

int term_cost(std::size_t letters) { return kTerm[std::min(letters, kTerm.size() - 1)]; }

// So that what does not depend on the order does not depend on the machine either.
std::set<std::string> sorted(const Segmenter::Texts& texts) { return {texts.begin(), texts.end()}; }

// The cheapest reading of all letters up to a place, and of those of which the last word is not known.
struct Place {
  static constexpr int kNever = std::numeric_limits<int>::max() / 2;
  int cost = kNever;
  std::size_t from = 0;                             // where the last word or phrase of the cheapest begins
  const std::vector<std::size_t>* words = nullptr;  // their lengths; null if it is not known
  int unknown = kNever;
  std::size_t unknown_from = 0;
};

// Takes words in the order of their ends.
class Readings {
 public:
  explicit Readings(std::size_t letters) : places_(letters + 1) { places_[0].cost = 0; }

  void add(std::size_t from, std::size_t end, int cost, const std::vector<std::size_t>& words) {
    reach(end - 1);
    Place& place = places_[end];
    if (places_[from].cost + cost >= place.cost) return;
    place.cost = places_[from].cost + cost;
    place.from = from;
    place.words = &words;
  }

  // The lengths of the words, from the last to the first.
  std::vector<std::size_t> lengths() {
    reach(places_.size() - 1);
    std::vector<std::size_t> lengths;
    for (std::size_t end = places_.size() - 1; end > 0; end = places_[end].from) {
      const Place& place = places_[end];
      if (place.words == nullptr)
        lengths.push_back(end - place.from);
      else
        lengths.insert(lengths.end(), place.words->rbegin(), place.words->rend());
    }
    return lengths;
  }

 private:
  // No word ends at `to` or before that has not been added.
  void reach(std::size_t to) {
    for (; done_ < to; ++done_) {
      const Place& before = places_[done_];
      Place& place = places_[done_ + 1];
      const bool begins = before.cost + kUnknown <= before.unknown;
      place.unknown = (begins ? before.cost + kUnknown : before.unknown) + kUnknownLetter;
      place.unknown_from = begins ? done_ : before.unknown_from;
      if (place.unknown > place.cost) continue;
      place.cost = place.unknown;
      place.from = place.unknown_from;
      place.words = nullptr;
    }
  }

  std::vector<Place> places_;
  std::size_t done_ = 0;
};

}  // namespace

Segmenter::Segmenter(const Texts& common, const Texts& term_words, const Texts& phrases) : finder_({}) {
  for (const char* word : kFrequentWords) {
    if (common.contains(word)) add(word, kFrequent);
  }
  for (const std::string& word : sorted(common)) add(word, word.size() == 1 ? kLetter : kCommon);
  for (const std::string& word : sorted(common)) {
    if (cost_of(word) != kFrequent) add_forms(word);
  }
  for (const std::string& word : sorted(term_words)) {
    if (word.size() > 1) add(word, term_cost(word.size()));
  }
  for (const std::string& phrase : sorted(phrases)) add_phrase(phrase);
  finder_ = AhoCorasick(letters());
}

void Segmenter::add(const std::string& text, int cost) {
  Entry entry{{}, {}, cost};
  for (const std::string& word : words_of(text)) {
    entry.letters += word;
    entry.words.push_back(word.size());
  }
  const auto [found, added] = numbers_.try_emplace(entry.letters, entries_.size());
  if (added)
    entries_.push_back(std::move(entry));
  else if (entries_[found->second].cost > cost)
    entries_[found->second] = std::move(entry);
}

void Segmenter::add_forms(const std::string& word) {
  if (word.size() < 3 || word.ends_with("ing") || word.ends_with("ed") || word.ends_with('s')) return;
  for (const std::string_view ending : kFormEndings) {
    add(word + std::string(ending), kForm);
    if (word.back() == 'e') add(word.substr(0, word.size() - 1) + std::string(ending), kForm);
  }
}

// What is longer is less likely to be there by accident, of one word or of several. Not "a man s", which would make two
// words of "a man stands".
void Segmenter::add_phrase(const std::string& phrase) {
  const std::vector<std::string> words = words_of(phrase);
  const auto gaps = static_cast<int>(words.size()) - 1;
  int cost = -kBond * gaps;
  for (const std::string& word : words) {
    if (word.size() == 1 && word != "a" && word != "i") return;
    cost += cost_of(word);
  }
  const std::size_t letters = phrase.size() - words.size() + 1;
  add(phrase, std::clamp(cost, kFrequent, term_cost(letters) + gaps));
}

int Segmenter::cost_of(const std::string& word) const {
  const auto known = numbers_.find(word);
  return known == numbers_.end() ? kLetter : entries_[known->second].cost;
}

std::vector<std::string> Segmenter::letters() const {
  std::vector<std::string> all;
  for (const Entry& entry : entries_) all.push_back(entry.letters);
  return all;
}

std::vector<std::string> Segmenter::words_in(std::string_view run, bool after_apostrophe) const {
  static const std::vector<std::size_t> kOneLetter{1};
  Readings readings(run.size());
  if (after_apostrophe && run.starts_with('s')) readings.add(0, 1, kLetter, kOneLetter);
  finder_.find(run, [&](std::size_t number, std::size_t end) {
    const Entry& entry = entries_[number];
    readings.add(end - entry.letters.size(), end, entry.cost, entry.words);
  });
  std::vector<std::string> words;
  std::size_t end = run.size();
  for (const std::size_t length : readings.lengths()) {
    end -= length;
    words.emplace_back(run.substr(end, length));
  }
  std::reverse(words.begin(), words.end());
  return words;
}

}  // namespace sora
