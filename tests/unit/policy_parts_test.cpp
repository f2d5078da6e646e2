// The parts of the prompt policy: the automaton, the views and their bytes, the figures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "policy/aho_corasick.h"
#include "policy/lexicon.h"
#include "policy/measure.h"
#include "policy/respelling.h"
#include "policy/skeleton.h"
#include "policy/views.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

using testing::ElementsAre;
using Matches = std::vector<std::pair<std::size_t, std::size_t>>;  // end, pattern

Matches naive(const std::vector<std::string>& patterns, const std::string& text) {
  Matches matches;
  for (std::size_t p = 0; p < patterns.size(); ++p) {
    for (std::size_t at = text.find(patterns[p]); at != text.npos; at = text.find(patterns[p], at + 1)) {
      matches.emplace_back(at + patterns[p].size(), p);
    }
  }
  std::sort(matches.begin(), matches.end());
  return matches;
}

TEST(AhoCorasick, FindsWhatANaiveSearchFinds) {
  std::mt19937 random(1);
  const auto letters = [&](std::size_t most, char last) {
    std::string text(1 + random() % most, 'a');
    for (char& letter : text) letter = static_cast<char>('a' + random() % (last - 'a' + 1));
    return text;
  };
  for (int round = 0; round < 500; ++round) {
    const char last = round % 2 == 0 ? 'b' : 'd';
    std::set<std::string> different;
    for (std::size_t i = random() % 12; i > 0; --i) different.insert(letters(6, last));
    const std::vector<std::string> patterns(different.begin(), different.end());
    const std::string text = letters(200, last);
    Matches found;
    AhoCorasick(patterns).find(text, [&](std::size_t pattern, std::size_t end) { found.emplace_back(end, pattern); });
    EXPECT_TRUE(
        std::is_sorted(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; }));
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, naive(patterns, text)) << text;
  }
}

TEST(AhoCorasick, OfBytesAboveAscii) {
  Matches found;
  AhoCorasick({"\xc3\xa9", "\xff"}).find("\xc3\xa9\xff", [&](std::size_t p, std::size_t end) {
    found.emplace_back(end, p);
  });
  EXPECT_THAT(found, ElementsAre(std::pair(2, 0), std::pair(3, 1)));
}

std::vector<std::string> texts(const Words& words) {
  std::vector<std::string> all;
  for (const Word& word : words) all.push_back(word.text);
  return all;
}

TEST(Views, FoldCaseWidthAndMarks) {
  EXPECT_THAT(texts(split_words(folded("Ｃafé ﬁne STRASSE/straße \u212Bngström I\u0307"))),
              ElementsAre("cafe", "fine", "strasse", "strasse", "angstrom", "i"));
  EXPECT_THAT(texts(split_words(folded("don't a_b c.d, e—f\u00a0g"))),
              ElementsAre("don", "t", "a", "b", "c", "d", "e", "f", "g"));
}

TEST(Views, KnowTheirBytes) {
  const std::string text = "é Ñandú: ﬁ&#110;e 日本 x";
  const Words words = split_words(folded(text));
  std::vector<std::string> bytes;
  for (const Word& word : words) bytes.push_back(text.substr(word.begin, word.end - word.begin));
  EXPECT_THAT(texts(words), ElementsAre("e", "nandu", "fine", "日", "本", "x"));
  EXPECT_THAT(bytes, ElementsAre("é", "Ñandú", "ﬁ&#110;e", "日", "本", "x"));
}

TEST(Views, InvalidBytesSeparateWords) {
  EXPECT_THAT(texts(split_words(folded("ab\xff\x63\xc3"))), ElementsAre("ab", "c"));
  EXPECT_THAT(texts(split_words(folded(std::string_view("a\0b", 3)))), ElementsAre("a", "b"));
}

TEST(Views, LookAlikesBecomeAscii) {
  EXPECT_THAT(texts(split_words(without_look_alikes("раураl НЕLLO ωow ᴄᴀᴛ ΑΒΕΗΙΚ"))),
              ElementsAre("paypal", "hello", "wow", "cat", "abehik"));
  // What looks like nothing stays.
  EXPECT_THAT(texts(split_words(without_look_alikes("日 ж"))), ElementsAre("日", "ж"));
}

TEST(Views, WordAtAByteOfTheText) {
  const View view(split_words(folded("ab c")));
  EXPECT_EQ(view.text(), " ab c ");
  EXPECT_EQ(view.word_at(0), 0);
  EXPECT_EQ(view.word_at(2), 0);
  EXPECT_EQ(view.word_at(3), 1);
  EXPECT_EQ(view.word_at(4), 1);
}

TEST(Skeleton, IsTheSameForWhatLooksTheSame) {
  EXPECT_EQ(skeleton("rnodern"), skeleton("modern"));
  EXPECT_EQ(skeleton("раураl"), skeleton("paypal"));
  EXPECT_NE(skeleton("cat"), skeleton("car"));
}

class Respelling : public testing::Test {
 protected:
  std::vector<std::string> of(const std::string& text) const { return texts(respelled(folded(text), lexicon_)); }
  const Lexicon lexicon_{{"naked", "kill", "spider", "man", "penis"},
                         {"a", "is", "the", "pen", "on", "woman", "cat", "in", "bottle"}};
};

TEST_F(Respelling, ReadsLeet) {
  EXPECT_THAT(of("n4k3d n@ked k1ll ki11 nice! a 4k video, 100 cats"),
              ElementsAre("naked", "naked", "kill", "kill", "nice", "a", "ak", "video", "ioo", "cats"));
  EXPECT_THAT(of("100 cats in 4k"), ElementsAre("100", "cats", "in", "ak"));
}

TEST_F(Respelling, JoinsSpelledWords) {
  EXPECT_THAT(of("n a k e d"), ElementsAre("naked"));
  EXPECT_THAT(of("a n a k e d w o m a n in"), ElementsAre("a", "naked", "woman", "in"));
  EXPECT_THAT(of("a   n a k e d   w o m a n"), ElementsAre("a", "naked", "woman"));
  EXPECT_THAT(of("n.4.k.3.d"), ElementsAre("naked"));
  EXPECT_THAT(of("plan a b"), ElementsAre("plan", "a", "b"));
}

TEST_F(Respelling, JoinsSplitWordsThatAreNotWords) {
  EXPECT_THAT(of("na ked na-k-ed"), ElementsAre("naked", "naked"));
  EXPECT_THAT(of("the pen is"), ElementsAre("the", "pen", "is"));
  EXPECT_THAT(of("two bott les"), ElementsAre("two", "bott", "les"));
}

TEST_F(Respelling, KeepsTheBytes) {
  const std::string text = "xy n a k 3 d!";
  const Words words = respelled(folded(text), lexicon_);
  ASSERT_EQ(words.size(), 2);
  EXPECT_EQ(text.substr(words[1].begin, words[1].end - words[1].begin), "n a k 3 d");
}

TEST(Wilson, KnownIntervals) {
  // R: prop.test(x, n, correct = FALSE)$conf.int
  const auto near = [](const Interval& interval, double low, double high) {
    EXPECT_NEAR(interval.low, low, 5e-5);
    EXPECT_NEAR(interval.high, high, 5e-5);
  };
  near(wilson(0, 400), 0, 0.009512);
  near(wilson(81, 263), 0.255263, 0.366191);
  near(wilson(15, 148), 0.062387, 0.160534);
  near(wilson(10, 10), 0.722467, 1);
  near(wilson(0, 0), 0, 1);
}

TEST(Precision, AtAPrevalence) {
  EXPECT_DOUBLE_EQ(precision(0.9, 0.01, 0.01), 0.009 / (0.009 + 0.0099));
  EXPECT_DOUBLE_EQ(precision(1, 0, 0.01), 1);
  EXPECT_TRUE(std::isnan(precision(0, 0, 0.01)));
}

TEST(Disguises, AreWhatTheirNamesSay) {
  EXPECT_EQ(disguised("Ab é", Disguise::none), "Ab é");
  EXPECT_EQ(disguised("Ape", Disguise::homoglyphs), "Аре");
  EXPECT_EQ(disguised("State", Disguise::leet), "57473");
  EXPECT_EQ(disguised("ab c", Disguise::spaced), "a b   c ");
  EXPECT_EQ(disguised("ab c", Disguise::spaced_evenly), "a b c ");
  EXPECT_EQ(disguised("a,b", Disguise::zero_width), "a\u200b,b\u200b");
}

TEST(PromptSets, AreLinesOfFiles) {
  const test::TempDir folder;
  test::write_file(folder / "hate.txt", "# about\n\n one \r\ntwo\n");
  test::write_file(folder / "any.txt", "three");
  test::write_file(folder / "notes.md", "none");
  const std::vector<PromptSet> sets = read_prompt_sets(folder.path());
  ASSERT_EQ(sets.size(), 2);
  EXPECT_EQ(sets[0].name, "any");
  EXPECT_THAT(sets[1].prompts, ElementsAre(" one ", "two"));
  test::write_file(folder / "any.txt", "# nothing\n");
  EXPECT_EQ(test::error_of(Fault::input, [&] { read_prompt_sets(folder.path()); }),
            (folder / "any.txt").string() + ": has no prompt; expected one in each line");
  EXPECT_EQ(test::error_of(Fault::input, [&] { read_prompt_sets(folder / "none"); }),
            (folder / "none").string() + ": cannot be read: No such file or directory");
}

}  // namespace
}  // namespace sora
