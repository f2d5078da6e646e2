// The prompt policy: terms, patterns, near-rules and what excuses them, in all disguises; the shipped policy on prompts
// that somebody has sorted; and that sexual_minors cannot be taken away.
#include "policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "policy/measure.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

const Policy& shipped() {
  static const Policy policy(read_policy(fs::path(SORA_SOURCE_DIR) / "configs/policy.json"));
  return policy;
}

PolicyFile file_with(PolicyRule rule, Terms allow = {}) {
  PolicyFile file;
  file.id = "test";
  file.common_words = {"a", "the", "pen", "is", "on", "table", "man"};
  file.categories = {{"violence", true, Severity::block, {std::move(rule)}, std::move(allow)}};
  return file;
}

PolicyRule terms_rule(Terms terms) {
  PolicyRule rule;
  rule.id = "r";
  rule.groups = {std::move(terms)};
  return rule;
}

// The bytes that are found, as text; "" if nothing is.
std::string found(const Policy& policy, const std::string& text) {
  const std::vector<PolicyFinding> findings = policy.check(text);
  if (findings.empty()) return "";
  const ByteSpan span = findings.at(0).bytes.value();
  return text.substr(span.begin, span.end - span.begin);
}

std::string found_by(PolicyRule rule, const std::string& text, Terms allow = {}) {
  return found(Policy(file_with(std::move(rule), std::move(allow))), text);
}

TEST(PolicyTerms, AreWholeWords) {
  EXPECT_EQ(found_by(terms_rule({"kill"}), "To KILL, they said"), "KILL");
  EXPECT_EQ(found_by(terms_rule({"kill"}), "skill kills killing"), "");
  EXPECT_EQ(found_by(terms_rule({"kill*"}), "skill killing"), "killing");
  EXPECT_EQ(found_by(terms_rule({"pen is mine"}), "the PEN -- is 'mine'!"), "PEN -- is 'mine");
}

TEST(PolicyTerms, FindingSaysCategoryRuleAndBytes) {
  const Policy policy(file_with(terms_rule({"kill"})));
  EXPECT_THAT(policy.check("über kill"), ElementsAre(PolicyFinding{"violence", "r", Severity::block, ByteSpan{6, 10}}));
  EXPECT_THAT(policy.check(""), IsEmpty());
  EXPECT_THAT(policy.check("   \n"), IsEmpty());
}

TEST(PolicyTerms, OneFindingForEachRuleTheFirst) {
  const Policy policy(file_with(terms_rule({"kill", "stab"})));
  EXPECT_THAT(policy.check("stab kill stab"),
              ElementsAre(PolicyFinding{"violence", "r", Severity::block, ByteSpan{0, 4}}));
}

TEST(PolicyTerms, AreFoundInDisguise) {
  const PolicyRule rule = terms_rule({"violence"});
  for (const char* text : {"VIOLENCE",
                           "ｖｉｏｌｅｎｃｅ",
                           "𝓿𝓲𝓸𝓵𝓮𝓷𝓬𝓮",
                           "v\u00ed\u00f3l\u00e9nce",
                           "viole\u200bnce",
                           "v\u00adio\u2060lence",
                           "viоlеncе" /* Cyrillic o and e */,
                           "νiolence" /* Greek nu */,
                           "v1olence",
                           "v!ol3nc3",
                           "vi0lence",
                           "v i o l e n c e",
                           "v.i.o.l.e.n.c.e",
                           "v-i-o-l-e-n-c-e",
                           "vio lence",
                           "viol-ence",
                           "&#118;iolence",
                           "&amp;#x76;iolence",
                           "🅥🅘🅞🅛🅔🅝🅒🅔",
                           "🆅🅸🅾🅻🅴🅽🅲🅴",
                           "ᴠɪᴏʟᴇɴᴄᴇ",
                           "v̶i̶o̶l̶e̶n̶c̶e̶"}) {
    EXPECT_EQ(found_by(rule, text), text);
  }
  EXPECT_EQ(found_by(terms_rule({"murder"}), "a rnurder"), "rnurder");
  EXPECT_EQ(found_by(terms_rule({"kill"}), "to k1ll"), "k1ll");
  EXPECT_EQ(found_by(terms_rule({"nude"}), "a n u d e man"), "n u d e");
  EXPECT_EQ(found_by(terms_rule({"nude"}), "a n u d e m a n"), "n u d e");
}

TEST(PolicyTerms, DoNotReachOverTheEndsOfWords) {
  EXPECT_EQ(found_by(terms_rule({"ass"}), "class assignment, an assassin bug, as some"), "");
  EXPECT_EQ(found_by(terms_rule({"sex"}), "Essex, Sussex, the teacher's ex"), "");
  EXPECT_EQ(found_by(terms_rule({"penis"}), "the pen is on the table"), "");
  EXPECT_EQ(found_by(terms_rule({"sex"}), "S u s s e x   c o a s t"), "");
  // "pom" and "porn" have the same skeleton.
  EXPECT_EQ(found_by(terms_rule({"porn"}), "a pom pom"), "");
}

TEST(PolicyTerms, OfOtherScriptsAreFoundWithoutSpaces) {
  EXPECT_EQ(found_by(terms_rule({"暴力"}), "これは暴力です"), "暴力");
  EXPECT_EQ(found_by(terms_rule({"Jørgen"}), "a man, JORGEN"), "JORGEN");
}

TEST(PolicyNames, AreAlsoOneWord) {
  PolicyRule rule = terms_rule({"Ann Example-Person"});
  rule.kind = RuleKind::names;
  EXPECT_EQ(found_by(rule, "#AnnExamplePerson sings"), "AnnExamplePerson");
  EXPECT_EQ(found_by(rule, "Ann Example Person's hat"), "Ann Example Person");
  EXPECT_EQ(found_by(rule, "Ann, for example"), "");
  EXPECT_EQ(found_by(terms_rule({"Ann Example-Person"}), "AnnExamplePerson"), "");
}

TEST(PolicyPatterns, SeeFoldedTextWithSingleSpaces) {
  PolicyRule rule;
  rule.id = "r";
  rule.kind = RuleKind::patterns;
  rule.patterns = {"\\bno such thing\\b", "\\bsaw(s|ed)? \\w+ off\\b"};
  EXPECT_EQ(found_by(rule, "He SAWS -- branches\noff."), "SAWS -- branches\noff");
  EXPECT_EQ(found_by(rule, "he saws branches of"), "");
  EXPECT_EQ(found_by(rule, "saws arms off; saws legs off", {"saws arms off"}), "saws legs off");
}

TEST(PolicyNear, NeedsOneOfEachWithinTheWindow) {
  PolicyRule rule;
  rule.id = "r";
  rule.kind = RuleKind::near;
  rule.groups = {{"gun", "rifle"}, {"head", "at his head"}, {"point*"}};
  rule.window = 6;
  EXPECT_EQ(found_by(rule, "he is pointing a gun at his head now"), "pointing a gun at his head");
  EXPECT_EQ(found_by(rule, "head, rifle, point"), "head, rifle, point");
  EXPECT_EQ(found_by(rule, "pointing a gun somewhere, then he shakes his head"), "");
  EXPECT_EQ(found_by(rule, "a gun and a head"), "");
  EXPECT_EQ(found_by(rule, "gun gun gun"), "");
  // What is one word is not two.
  rule.groups = {{"gun"}, {"gun shot"}};
  EXPECT_EQ(found_by(rule, "gun shot"), "");
  EXPECT_EQ(found_by(rule, "gun, gun shot"), "gun, gun shot");
}

TEST(PolicyExceptions, WhatIsAllowedIsNoPartOfAMatch) {
  EXPECT_EQ(found_by(terms_rule({"killer"}), "a killer whale", {"killer whale*"}), "");
  EXPECT_EQ(found_by(terms_rule({"killer"}), "a killer whale and a killer", {"killer whale*"}), "killer");
  EXPECT_EQ(found_by(terms_rule({"killer"}), "k1ll3r wh4l3", {"killer whale*"}), "");
  PolicyRule rule;
  rule.id = "r";
  rule.kind = RuleKind::near;
  rule.groups = {{"gun"}, {"kids"}};
  rule.window = 5;
  EXPECT_EQ(found_by(rule, "kids with a water gun", {"water gun"}), "");
  EXPECT_EQ(found_by(rule, "kids with a gun", {"water gun"}), "kids with a gun");
}

TEST(PolicyExceptions, UnlessSomethingStandsNear) {
  PolicyRule rule = terms_rule({"shoots"});
  rule.unless = {"ball"};
  rule.unless_window = 3;
  EXPECT_EQ(found_by(rule, "he shoots the red ball"), "");
  EXPECT_EQ(found_by(rule, "a ball: he shoots"), "");
  EXPECT_EQ(found_by(rule, "he shoots and only then there is a ball"), "shoots");
}

TEST(Policy, WarnsWhereItSaysSo) {
  PolicyFile file = file_with(terms_rule({"kill"}));
  file.categories[0].severity = Severity::warn;
  EXPECT_THAT(Policy(file).check("kill"), ElementsAre(PolicyFinding{"violence", "r", Severity::warn, ByteSpan{0, 4}}));
  file.categories[0].enabled = false;
  EXPECT_THAT(Policy(file).check("kill"), IsEmpty());
}

TEST(Policy, IsLinearInAMegabyte) {
  // None of these ends within the test's time limit if the square of their length is looked at.
  std::string allowed, spelled, near, random;
  for (int i = 0; i < 100'000; ++i) allowed += "naked eye ";
  for (int i = 0; i < 500'000; ++i) spelled += {static_cast<char>('a' + i * 7 % 26), ' '};
  for (int i = 0; i < 250'000; ++i) near += "gun ";
  for (std::uint32_t i = 0, x = 1; i < 1'000'000; ++i, x = x * 1664525 + 1013904223)
    random += static_cast<char>(x >> 24);
  EXPECT_THAT(shipped().check(allowed), IsEmpty());
  EXPECT_THAT(shipped().check(near), IsEmpty());
  EXPECT_EQ(found(shipped(), std::string(1'000'000, 'a') + " corpse"), "corpse");
  shipped().check(spelled);
  shipped().check(random);
}

// Keywords, and no more.
const char* const kBothWords = "underage, nsfw";

TEST(PolicyMinors, AreLookedForWhateverTheFileSays) {
  const PolicyFinding refused{"sexual_minors", "minors.000", Severity::block, std::nullopt};
  PolicyFile file;
  EXPECT_THAT(Policy(file).check(kBothWords), ElementsAre(refused));
  EXPECT_THAT(Policy(file).check_minors(kBothWords), ElementsAre(refused));
  file.categories = {
      {"sexual_minors", false, Severity::warn, {terms_rule({"nothing"})}, {"underage nsfw", "underage", "nsfw"}},
      {"sexual", false, Severity::warn, {terms_rule({"nothing"})}, {"underage nsfw"}}};
  EXPECT_THAT(Policy(file).check(kBothWords), ElementsAre(refused));
  EXPECT_THAT(Policy(file).check("u n d e r a g e, n.s.f.w"), ElementsAre(refused));
  EXPECT_THAT(Policy(file).check("underage"), IsEmpty());
  EXPECT_THAT(Policy(file).check("nsfw"), IsEmpty());
  EXPECT_THAT(Policy(file).check("children see a comet with the naked eye"), IsEmpty());
}

TEST(PolicyMinors, ComeFirstAndAreNeverShown) {
  const std::vector<PolicyFinding> findings = shipped().check(std::string("nsfw, blood, ") + kBothWords);
  ASSERT_GE(findings.size(), 3);
  EXPECT_EQ(findings[0], (PolicyFinding{"sexual_minors", "minors.000", Severity::block, std::nullopt}));
  EXPECT_EQ(findings[1].category, "sexual");
}

// A file may add to the category, and its additions are hidden as well.
TEST(PolicyMinors, AreHiddenInRulesOfTheFileToo) {
  PolicyFile file;
  file.categories = {{"sexual_minors", true, Severity::block, {terms_rule({"alpha"})}, {}}};
  EXPECT_THAT(Policy(file).check("beta alpha"),
              ElementsAre(PolicyFinding{"sexual_minors", "r", Severity::block, std::nullopt}));
}

struct Floor {
  Disguise disguise;
  double refused, benign;  // at least, at most
};

class ShippedPolicy : public testing::TestWithParam<Floor> {};

TEST_P(ShippedPolicy, RefusesWhatItShouldAndLittleElse) {
  const PromptSet benign = read_prompt_set(test::data("policy/benign.txt"));
  ASSERT_GE(benign.prompts.size(), 300);
  const Floor& floor = GetParam();
  const auto results = measure(shipped(), read_prompt_sets(test::data("policy/refused")), benign);
  for (const DisguiseResult& result : results) {
    if (result.disguise != floor.disguise) continue;
    EXPECT_LE(result.false_positives.share(), floor.benign);
    ASSERT_EQ(result.positives.size(), 5);
    Rate all;
    for (const SetResult& set : result.positives) {
      EXPECT_TRUE(set.is_category) << set.name;
      EXPECT_GE(set.as_category.share(), floor.refused - 0.15) << set.name;
      all.hits += set.refused.hits;
      all.count += set.refused.count;
    }
    EXPECT_GE(all.count, 100);
    EXPECT_GE(all.share(), floor.refused);
  }
}

INSTANTIATE_TEST_SUITE_P(, ShippedPolicy,
                         testing::Values(Floor{Disguise::none, 0.98, 0.01}, Floor{Disguise::homoglyphs, 0.98, 0.01},
                                         Floor{Disguise::leet, 0.97, 0.01}, Floor{Disguise::spaced, 0.98, 0.01},
                                         Floor{Disguise::spaced_evenly, 0.98, 0.01},
                                         Floor{Disguise::zero_width, 0.98, 0.01}),
                         [](const auto& floor) {
                           std::string name(to_string(floor.param.disguise));
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace sora
