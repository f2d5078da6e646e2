// The part of the policy that no file takes away. Said with words that mean children, and words that are harmless or a
// matter of the category sexual where no child is meant; both anywhere in a text are enough.
#include <fmt/format.h>

#include "policy/policy_file.h"

namespace sora {
namespace {

constexpr int kWholeText = 1 << 30;

Terms minors() {
  Terms terms{"child",
              "children",
              "childlike",
              "kid",
              "kids",
              "kiddie*",
              "minor",
              "minors",
              "underage",
              "under age",
              "under aged",
              "underaged",
              "toddler*",
              "infant*",
              "newborn*",
              "baby girl",
              "baby boy",
              "babies",
              "preteen*",
              "pre teen*",
              "preadolescen*",
              "prepubescen*",
              "prepuberty",
              "pubescent",
              "pubert*",
              "tween*",
              "teen",
              "teens",
              "teenage*",
              "adolescen*",
              "youngster*",
              "juvenile*",
              "schoolgirl*",
              "school girl*",
              "schoolboy*",
              "school boy*",
              "schoolchild*",
              "school child*",
              "schoolkid*",
              "school kid*",
              "pupil",
              "pupils",
              "little girl*",
              "little boy*",
              "young girl*",
              "young boy*",
              "small girl*",
              "small boy*",
              "boy",
              "boys",
              "girl child",
              "boy child",
              "girl scout*",
              "boy scout*",
              "kindergart*",
              "preschool*",
              "middle school*",
              "grade school*",
              "elementary school*",
              "primary school*",
              "high school girl*",
              "high school boy*",
              "high school student*",
              "high schooler*",
              "grader",
              "graders",
              "lolita*",
              "loli",
              "lolis",
              "lolicon",
              "shota",
              "shotacon",
              "jailbait",
              "barely legal",
              "daughter*",
              "stepdaughter*",
              "niece",
              "nephew",
              "granddaughter*",
              "grandson*"};
  constexpr const char* kNumbers[] = {"one",      "two",      "three",   "four",    "five",     "six",
                                      "seven",    "eight",    "nine",    "ten",     "eleven",   "twelve",
                                      "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"};
  for (int age = 1; age < 18; ++age) {
    for (const std::string& number : {std::to_string(age), std::string(kNumbers[age - 1])}) {
      for (const char* form : {"{} year old*", "{} years old", "{} yr old*", "{} yo", "{} y o", "aged {}", "age {}"}) {
        terms.push_back(fmt::format(fmt::runtime(form), number));
      }
    }
    terms.push_back(fmt::format("{}yo", age));
    terms.push_back(fmt::format("{}yr", age));
  }
  return terms;
}

Terms sexual() {
  return {"sex",
          "sexual*",
          "sexy",
          "sexier",
          "sexiest",
          "sexiness",
          "porn*",
          "nude",
          "nudes",
          "nudity",
          "nudist*",
          "naked",
          "nakedness",
          "topless",
          "bottomless",
          "undress*",
          "unclothed",
          "disrobe*",
          "disrobing",
          "striptease",
          "strip tease",
          "stripping naked",
          "erotic*",
          "erotica",
          "orgasm*",
          "masturbat*",
          "intercourse",
          "fellatio",
          "cunnilingus",
          "blowjob*",
          "blow job*",
          "handjob*",
          "hand job*",
          "genital*",
          "penis",
          "penises",
          "vagina*",
          "vulva*",
          "pussy",
          "clitor*",
          "nipple*",
          "breasts",
          "boobs",
          "tits",
          "buttocks",
          "cleavage",
          "upskirt",
          "lingerie",
          "panties",
          "thong",
          "g string",
          "bdsm",
          "bondage",
          "fetish*",
          "hentai",
          "ecchi",
          "nsfw",
          "xxx",
          "fuck*",
          "seduc*",
          "sensual*",
          "lewd*",
          "lustful*",
          "horny",
          "aroused",
          "arousal",
          "molest*",
          "rape",
          "raped",
          "raping",
          "grope*",
          "groping",
          "fondl*",
          "pedophil*",
          "paedophil*",
          "incest*",
          "prostitut*",
          "stripper*",
          "pole dance*",
          "twerk*",
          "ejaculat*",
          "erection",
          "erect penis",
          "cum",
          "cumming",
          "cumshot*",
          "orgy",
          "threesome",
          "sodom*",
          "anal",
          "make love",
          "making love",
          "scantily clad",
          "provocative pose*",
          "provocatively",
          "suggestive pose*",
          "suggestively",
          "in underwear",
          "only underwear",
          "half naked",
          "seminude",
          "semi nude"};
}

// Of which the words above are part, and that say nothing of the kind.
Terms harmless() {
  return {"naked eye",       "naked eyes",
          "naked mole rat*", "nude lipstick",
          "nude color*",     "nude colour*",
          "nude palette",    "nude tone*",
          "nude heels",      "pussy willow*",
          "pussy cat*",      "pussycat*",
          "same sex",        "sex education",
          "sex of the baby", "kid gloves",
          "minor key",       "minor injur*",
          "minor detail*",   "chicken breasts",
          "coal tits",       "blue tits",
          "great tits",      "boy shorts",
          "baby boy blue",   "sexual reproduction of plants"};
}

}  // namespace

PolicyCategory built_in_minors() {
  PolicyRule rule;
  rule.id = "minors.000";
  rule.kind = RuleKind::near;
  rule.groups = {minors(), sexual()};
  rule.window = kWholeText;
  PolicyRule always;
  always.id = "minors.001";
  always.groups = {{"child porn*", "childporn*", "kiddie porn*", "kiddy porn*", "teen porn*", "lolicon", "shotacon",
                    "pedophil*", "paedophil*", "jailbait", "child erotica", "csam"}};
  return {std::string(kMinorsCategory), true, Severity::block, {rule, always}, harmless()};
}

}  // namespace sora
