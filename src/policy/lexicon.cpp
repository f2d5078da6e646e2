#include "policy/lexicon.h"

#include <algorithm>
#include <limits>

#include "policy/skeleton.h"

namespace sora {
namespace {

std::vector<std::string> both(const std::unordered_set<std::string>& a, const std::unordered_set<std::string>& b) {
  std::vector<std::string> all(a.begin(), a.end());
  std::copy_if(b.begin(), b.end(), std::back_inserter(all), [&](const std::string& word) { return !a.contains(word); });
  return all;
}

// Only what is disguised may look like something else: "pom" and "porn" have the same skeleton.
bool may_be_disguised(std::string_view word) {
  return word.find("rn") != word.npos ||
         std::any_of(word.begin(), word.end(), [](char c) { return c < 0 || (c >= '0' && c <= '9'); });
}

}  // namespace

std::string leet_class(std::string_view word) {
  std::string same(word);
  for (char& letter : same) {
    if (letter == '1' || letter == '!' || letter == '|' || letter == 'i') letter = 'l';
  }
  return same;
}

Lexicon::Lexicon(std::vector<std::string> term_words, std::vector<std::string> common_words)
    : term_words_(term_words.begin(), term_words.end()),
      common_(common_words.begin(), common_words.end()),
      known_(both(term_words_, common_)),
      finder_(known_) {
  // Sorted, so that which of two alike words wins is the same on every machine.
  std::sort(term_words.begin(), term_words.end());
  std::sort(common_words.begin(), common_words.end());
  for (const std::string& word : term_words) by_skeleton_.try_emplace(skeleton(word), word);
  for (const auto* words : {&term_words, &common_words}) {
    for (const std::string& word : *words) by_leet_class_.try_emplace(leet_class(word), word);
  }
}

const std::string* Lexicon::look_alike(const std::string& word) const {
  if (!may_be_disguised(word) || is_known(word)) return nullptr;
  const auto found = by_skeleton_.find(skeleton(word));
  return found == by_skeleton_.end() ? nullptr : &found->second;
}

const std::string* Lexicon::spelled_like(const std::string& leet_class) const {
  const auto found = by_leet_class_.find(leet_class);
  return found == by_leet_class_.end() ? nullptr : &found->second;
}

// The cheapest way to each place in the run: a known word costs little, a letter that belongs to none much.
std::vector<std::string> Lexicon::segmented(std::string_view run) const {
  constexpr int kWord = 4, kLetterWord = 5, kStray = 7;
  constexpr int kFar = std::numeric_limits<int>::max();
  struct Place {
    int cost = kFar;
    std::size_t from = 0;
    bool known = false;
  };
  std::vector<Place> places(run.size() + 1);
  places[0].cost = 0;
  std::size_t done = 0;  // up to here each place has its cost
  const auto reach = [&](std::size_t to) {
    for (; done < to; ++done) {
      const Place stray{places[done].cost + kStray, done, false};
      if (stray.cost < places[done + 1].cost) places[done + 1] = stray;
    }
  };
  finder_.find(run, [&](std::size_t pattern, std::size_t end) {
    reach(end - 1);
    const std::size_t length = known_[pattern].size(), from = end - length;
    if (length == 1 && run[from] != 'a' && run[from] != 'i') return;
    const Place word{places[from].cost + (length == 1 ? kLetterWord : kWord), from, true};
    if (word.cost < places[end].cost) places[end] = word;
  });
  reach(run.size());

  std::vector<std::string> words;
  bool after_stray = false;
  for (std::size_t end = run.size(); end > 0; end = places[end].from) {
    const std::string_view piece = run.substr(places[end].from, end - places[end].from);
    const bool stray = !places[end].known;
    if (stray && after_stray)
      words.back().insert(0, piece);
    else
      words.emplace_back(piece);
    after_stray = stray;
  }
  std::reverse(words.begin(), words.end());
  return words;
}

}  // namespace sora
