// Texts of which all letters stand apart, so that nothing says where their words end: rules of every kind still see
// words, and what is spelled out and harmless stays so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "policy/measure.h"
#include "policy/policy.h"
#include "policy/segmenter.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

const Policy& shipped() {
  static const Policy policy(read_policy(fs::path(SORA_SOURCE_DIR) / "configs/policy.json"));
  return policy;
}

std::string spelled(const std::string& text) { return disguised(text, Disguise::spaced_evenly); }

// A policy of one rule.
Policy with(PolicyRule rule, Terms allow = {}) {
  PolicyFile file;
  file.id = "test";
  file.common_words = {"a",      "as",    "at",       "bottle", "cream", "children", "daughter", "dear",  "ear",
                       "in",     "is",    "laughter", "man",    "of",    "pen",      "red",      "river", "sand",
                       "severe", "skill", "the",      "on",     "to",    "water",    "with"};
  rule.id = "r";
  file.categories = {{"violence", true, Severity::block, {std::move(rule)}, std::move(allow)}};
  return Policy(std::move(file));
}

Policy with_terms(Terms terms, Terms allow = {}) {
  PolicyRule rule;
  rule.groups = {std::move(terms)};
  return with(std::move(rule), std::move(allow));
}

// The bytes that are found, as text; "" if nothing is.
std::string found(const Policy& policy, const std::string& text) {
  const std::vector<PolicyFinding> findings = policy.check(text);
  if (findings.empty()) return "";
  const ByteSpan span = findings.at(0).bytes.value();
  return text.substr(span.begin, span.end - span.begin);
}

TEST(PolicySpelled, TermsAreFoundAndTheirBytes) {
  const Policy policy = with_terms({"severed", "scream", "naked man", "murder*"});
  EXPECT_EQ(found(policy, "a s e v e r e d e a r"), "s e v e r e d");
  EXPECT_EQ(found(policy, "c h i l d r e n s c r e a m"), "s c r e a m");
  EXPECT_EQ(found(policy, "t h e n a k e d m a n i n w a t e r"), "n a k e d m a n");
  EXPECT_EQ(found(policy, "a m a n m u r d e r i n g"), "m u r d e r i n g");
  for (const char* separator : {" ", ".", "-", "_", " \u200b", "\n"}) {
    std::string text = "é: ";
    for (const char letter : std::string("theseveredear")) text += letter + std::string(separator);
    const std::string bytes = found(policy, text);
    EXPECT_TRUE(bytes.starts_with("s") && bytes.ends_with("d")) << text;
  }
}

TEST(PolicySpelled, TermsAreFoundBesideUnknownWords) {
  const Policy policy = with_terms({"severed"});
  EXPECT_EQ(found(policy, spelled("zorblax severed quux")), "s e v e r e d");
}

TEST(PolicySpelled, CommasEndWordsAndGroupsOfThem) {
  const Policy policy = with_terms({"nude", "no cats"});
  EXPECT_EQ(found(policy, spelled("a river: no cats, red")), "n o c a t s");
  EXPECT_EQ(found(policy, spelled("a river, a nude")), "n u d e");
  EXPECT_EQ(found(policy, spelled("a river-nude!")), "n u d e");
}

TEST(PolicySpelled, AnApostropheLeavesItsS) {
  const Policy policy = with_terms({"scream"});
  EXPECT_EQ(found(policy, spelled("the man's scream")), "s c r e a m");
  EXPECT_EQ(found(policy, spelled("the man’s scream")), "s c r e a m");
}

TEST(PolicySpelled, NearRulesCountWords) {
  PolicyRule rule;
  rule.kind = RuleKind::near;
  rule.groups = {{"gun", "rifle"}, {"head", "at his head"}};
  rule.window = 5;
  const Policy policy = with(rule);
  EXPECT_EQ(found(policy, spelled("a man with a gun at his head")), "g u n a t h i s h e a d");
  EXPECT_EQ(found(policy, spelled("a gun on the sand in the red river water on the head")), "");
  rule.unless = {"water"};
  rule.unless_window = 2;
  EXPECT_EQ(found(with(rule), spelled("a water gun at his head")), "");
}

TEST(PolicySpelled, WhatIsAllowedIsFoundToo) {
  const Policy policy = with_terms({"killer", "gunfight"}, {"killer whale*", "water gun fight"});
  EXPECT_EQ(found(policy, spelled("the killer whales")), "");
  EXPECT_EQ(found(policy, spelled("the killer whale and the killer")), "k i l l e r");
  EXPECT_EQ(found(policy, spelled("a water gun fight")), "");
}

TEST(PolicySpelled, PatternsSeeTheWords) {
  PolicyRule rule;
  rule.kind = RuleKind::patterns;
  rule.patterns = {"\\bman (in|on) water\\b"};
  EXPECT_EQ(found(with(rule), spelled("a man in water")), "m a n i n w a t e r");
}

TEST(PolicySpelled, PartsOfWordsAreNoTerms) {
  const Policy policy = with_terms({"kill", "ass", "sex", "laugh", "rape"});
  for (const char* text : {"skill", "a skill", "laughter", "daughter", "glass", "class", "Sussex", "Essex", "grape",
                           "a grape", "skillet", "the glass on the sand", "Zzkillqq"}) {
    EXPECT_EQ(found(policy, spelled(text)), "") << text;
  }
}

TEST(PolicySpelled, AcronymsAndSpelledWordsAreHarmless) {
  for (const char* text : {"the flag of the U S A",
                           "A B C D E F G",
                           "A, B, C, D, E and K",
                           "the U.S.S.R., the N.A.S.A. and the B.B.C.",
                           "a b c d e f g h i j k l m n o p q r s t u v w x y z",
                           "a neon sign that reads O P E N",
                           "C L A S S O F 2 0 2 4",
                           "H A P P Y B I R T H D A Y",
                           "S C U N T H O R P E",
                           "S u s s e x   a n d   E s s e x",
                           "a c o c k t a i l",
                           "M I D D L E S E X county hall",
                           "T H E R A P I S T",
                           "Q W E R T Y U I O P",
                           "A C G T T G C A A C",
                           "g r a p e s",
                           "a s s i g n m e n t",
                           "R A C C O O N",
                           "e 4 e 5 N f 3 N c 6",
                           "f 1 . 8",
                           "J. R. R. T."}) {
    EXPECT_EQ(found(shipped(), text), "") << text;
  }
}

// As many as in any other disguise, see ShippedPolicy.
TEST(PolicySpelled, MinorsToo) {
  const PolicyFinding refused{"sexual_minors", "minors.000", Severity::block, std::nullopt};
  EXPECT_THAT(Policy(PolicyFile{}).check(spelled("underage nsfw")), ElementsAre(refused));
}

TEST(Segmenter, ReadsTheLikeliestWords) {
  const Segmenter segmenter({"a", "of", "the", "them", "as", "terrace", "film", "glass", "race"},
                            {"master", "race", "ass", "nude"}, {"master race", "the man s hat"});
  EXPECT_THAT(segmenter.words_in("filmofthemasterrace", false), ElementsAre("film", "of", "the", "master", "race"));
  EXPECT_THAT(segmenter.words_in("aglass", false), ElementsAre("a", "glass"));
  EXPECT_THAT(segmenter.words_in("films", false), ElementsAre("films"));
  EXPECT_THAT(segmenter.words_in("xyzzy", false), ElementsAre("xyzzy"));
  EXPECT_THAT(segmenter.words_in("xyzzyterrace", false), ElementsAre("xyzzy", "terrace"));
  EXPECT_THAT(segmenter.words_in("anude", false), ElementsAre("a", "nude"));
  EXPECT_THAT(segmenter.words_in("sglass", true), ElementsAre("s", "glass"));
  EXPECT_THAT(segmenter.words_in("", false), ElementsAre());
}

}  // namespace
}  // namespace sora
