// Policies as files: their digest, and every way in which one can be wrong.
#include "policy/policy_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/sha256.h"
#include "policy/policy.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::error_of;
using testing::ElementsAre;

const std::string kRemedy = "; nothing is made without a whole policy: repair it, or name another with --policy";
const std::string kWillNotIgnore = "; this version does not know what it changes, so it will not ignore it";

class PolicyFiles : public testing::Test {
 protected:
  // The valid file with a merge patch over it.
  std::string error(const json& patch) {
    json policy = valid();
    policy.merge_patch(patch);
    return error_of_text(policy.dump());
  }

  std::string error_of_text(const std::string& text) {
    test::write_file(file_, text);
    std::string message = error_of(Fault::usage, [&] { Policy policy(read_policy(file_)); });
    const std::string place = file_.string() + ": ";
    if (message.starts_with(place)) message.erase(0, place.size());
    if (message.ends_with(kRemedy)) message.erase(message.size() - kRemedy.size());
    return message;
  }

  // Of a rule in place of the valid one.
  std::string rule_error(const json& rule) { return error({{"categories", {{{"id", "hate"}, {"rules", {rule}}}}}}); }

  std::string minors_error(const json& patch) {
    json category{{"id", "sexual_minors"}, {"rules", {{{"id", "r"}, {"type", "terms"}, {"terms", {"x"}}}}}};
    category.merge_patch(patch);
    return error({{"categories", {category}}});
  }

  static json valid() {
    return {{"version", 1},
            {"id", "mine"},
            {"languages", {"en"}},
            {"common_words", {"the"}},
            {"lists", {{"words", {{"terms", {"one", "two words", "thr*"}}}}}},
            {"categories", {{{"id", "hate"}, {"rules", {{{"id", "r"}, {"type", "terms"}, {"terms", {"@words"}}}}}}}}};
  }

  test::TempDir folder_;
  fs::path file_ = folder_ / "p.json";
};

TEST_F(PolicyFiles, AreRead) {
  test::write_file(folder_ / "lists/a.txt", "# names\n\n Ann Example | Annie \r\nBob*\n");
  json policy = valid();
  policy["lists"]["names"] = {{"file", "lists/a.txt"}};
  policy["categories"][0]["severity"] = "warn";
  policy["categories"][0]["enabled"] = false;
  policy["categories"][0]["allow"] = {"fine"};
  policy["categories"][0]["rules"].push_back({{"id", "n"},
                                              {"type", "near"},
                                              {"all", {{"@names"}, {"x"}}},
                                              {"window", 3},
                                              {"unless", {"y"}},
                                              {"unless_window", 2}});
  test::write_file(file_, policy.dump());
  const PolicyFile read = read_policy(file_);
  EXPECT_EQ(read.id, "mine");
  ASSERT_EQ(read.categories.size(), 1);
  const PolicyCategory& category = read.categories[0];
  EXPECT_FALSE(category.enabled);
  EXPECT_EQ(category.severity, Severity::warn);
  EXPECT_THAT(category.allow, ElementsAre("fine"));
  ASSERT_EQ(category.rules.size(), 2);
  EXPECT_THAT(category.rules[0].groups, ElementsAre(ElementsAre("one", "two words", "thr*")));
  const PolicyRule near{.id = "n",
                        .kind = RuleKind::near,
                        .groups = {{"Ann Example", "Annie", "Bob*"}, {"x"}},
                        .patterns = {},
                        .window = 3,
                        .unless = {"y"},
                        .unless_window = 2};
  EXPECT_EQ(category.rules[1], near);
  // As sha256sum prints the two.
  EXPECT_EQ(read.sha256, sha256_hex(sha256_hex(test::read_text(file_)) + "  p.json\n" +
                                    sha256_hex(test::read_text(folder_ / "lists/a.txt")) + "  lists/a.txt\n"));
}

TEST_F(PolicyFiles, DigestChangesWithAList) {
  test::write_file(folder_ / "a.txt", "one\n");
  json policy = valid();
  policy["lists"]["names"] = {{"file", "a.txt"}};
  test::write_file(file_, policy.dump());
  const std::string before = read_policy(file_).sha256;
  test::write_file(folder_ / "a.txt", "one\ntwo\n");
  EXPECT_NE(read_policy(file_).sha256, before);
}

TEST_F(PolicyFiles, ThatAreMissingAreNoEmptyPolicy) {
  EXPECT_EQ(error_of(Fault::usage, [&] { read_policy(file_); }),
            "the prompt policy " + file_.string() +
                ": cannot be opened: No such file or directory; nothing is made without one: install sora-gen again, "
                "or name one with "
                "--policy");
}

TEST_F(PolicyFiles, WholeMessage) {
  test::write_file(file_, "[]");
  EXPECT_EQ(error_of(Fault::usage, [&] { read_policy(file_); }),
            file_.string() + ": expected an object, found [] (an array)" + kRemedy);
}

TEST_F(PolicyFiles, AsJson) {
  EXPECT_THAT(error_of_text("{"), testing::StartsWith("not valid JSON: parse error at line 1, column 2"));
  EXPECT_EQ(error_of_text(R"({"id": "a", "id": "b"})"), "key \"id\" is there twice");
  EXPECT_EQ(error_of_text(R"({"a": {"b": 1, "b": 2}})"), "key \"b\" is there twice");
}

TEST_F(PolicyFiles, TopLevel) {
  EXPECT_EQ(error({{"version", 2}}), "key \"version\": expected a whole number from 1 to 1, found 2");
  EXPECT_EQ(error({{"version", nullptr}}), "key \"version\" is missing; expected an integer");
  EXPECT_EQ(error({{"id", ""}}), "key \"id\": expected a string with something in it, found \"\"");
  EXPECT_EQ(error({{"id", "a\x1b"}}), "key \"id\": expected at most 80 letters that can be shown");
  EXPECT_EQ(error({{"languages", {"de"}}}),
            "key \"languages\": expected [\"en\"]: spaces between words and English letters are looked for");
  EXPECT_EQ(
      error({{"catgories", 1}}),
      "unknown key \"catgories\" (known here are \"categories\", \"common_words\", \"id\", \"languages\", \"lists\", "
      "\"version\")" +
          kWillNotIgnore);
  EXPECT_EQ(error({{"categories", json::array()}}),
            "key \"categories\": expected an array with something in it, found []");
}

TEST_F(PolicyFiles, MisspeltKeysThatMayBeAbsent) {
  json policy = valid();
  policy["list"] = policy["lists"];
  policy.erase("lists");
  policy["categories"][0]["rules"][0]["terms"] = {"x"};
  EXPECT_EQ(error_of_text(policy.dump()), "unknown key \"list\" (did you mean \"lists\"?)" + kWillNotIgnore);
  const json rule{{"id", "r"}, {"type", "terms"}, {"terms", {"x"}}};
  EXPECT_EQ(error({{"categories", {{{"id", "hate"}, {"rules", {rule}}, {"severty", "warn"}}}}}),
            "unknown key \"categories[0].severty\" (did you mean \"categories[0].severity\"?)" + kWillNotIgnore);
  json misspelt = rule;
  misspelt["unles"] = {"y"};
  EXPECT_EQ(rule_error(misspelt),
            "unknown key \"categories[0].rules[0].unles\" (did you mean \"categories[0].rules[0].unless\"?)" +
                kWillNotIgnore);
}

// Where a policy could say less than its author believes.
TEST_F(PolicyFiles, CutOrEmptyInPlaces) {
  EXPECT_EQ(error_of_text(valid().dump() + std::string(1, '\0') + "{"),
            fmt::format("not valid JSON: a zero byte at byte {}", valid().dump().size() + 1));
  const auto with = [&](const char* key, const json& value) {
    json rule{{"id", "r"}, {"type", "terms"}, {"terms", {"x"}}};
    rule[key] = value;
    return rule_error(rule);
  };
  EXPECT_EQ(with("terms", json::array()),
            "key \"categories[0].rules[0].terms\": expected an array with something in it, found []");
  EXPECT_EQ(with("unless", json::array()),
            "key \"categories[0].rules[0].unless\": expected an array with something in it, found []");
  EXPECT_EQ(with("unless", {"y", ""}),
            "key \"categories[0].rules[0].unless[1]\": expected a string with something in it, found \"\"");
  EXPECT_EQ(with("unless", nullptr), "key \"categories[0].rules[0].unless\": expected an array, found null");
  EXPECT_EQ(rule_error({{"id", "r"}, {"type", "near"}, {"all", {{"x"}, json::array()}}, {"window", 3}}),
            "key \"categories[0].rules[0].all[1]\": expected an array with something in it, found []");
  EXPECT_EQ(error({{"common_words", 1}}), "key \"common_words\": expected an array, found 1");
}

TEST_F(PolicyFiles, Categories) {
  EXPECT_EQ(error({{"categories", {{{"id", "rudeness"}}}}}),
            "key \"categories[0].id\": expected sexual, sexual_minors, violence, hate, likeness, existing_ip, "
            "self_harm, deception, "
            "found \"rudeness\"");
  const json rule{{"id", "r"}, {"type", "terms"}, {"terms", {"x"}}};
  EXPECT_EQ(error({{"categories", {{{"id", "hate"}, {"rules", {rule}}}, {{"id", "hate"}, {"rules", {rule}}}}}}),
            "key \"categories[1].id\": \"hate\" is there twice");
  EXPECT_EQ(error({{"categories", {{{"id", "hate"}, {"rules", {rule, rule}}}}}}),
            "key \"categories[0].rules[1].id\": \"r\" is there twice");
  EXPECT_EQ(error({{"categories", {{{"id", "hate"}, {"severity", "ban"}, {"rules", {rule}}}}}}),
            "key \"categories[0].severity\": expected block, warn, found \"ban\"");
  EXPECT_EQ(error({{"categories", {{{"id", "hate"}, {"enabled", 0}, {"rules", {rule}}}}}}),
            "key \"categories[0].enabled\": expected true or false, found 0");
  EXPECT_EQ(error({{"categories", {{{"id", "hate"}}}}}),
            "key \"categories[0].rules\" is missing; expected an array of objects");
}

TEST_F(PolicyFiles, Rules) {
  EXPECT_EQ(rule_error({{"id", "r"}, {"type", "regex"}}),
            "key \"categories[0].rules[0].type\": expected terms, names, re2, near, found \"regex\"");
  EXPECT_EQ(rule_error({{"id", "r"}, {"type", "terms"}, {"terms", {"a", 1}}}),
            "key \"categories[0].rules[0].terms[1]\": expected a string, found 1");
  EXPECT_EQ(rule_error({{"id", "r"}, {"type", "terms"}, {"terms", {"@none"}}}),
            "key \"categories[0].rules[0].terms\": there is no list \"none\" before it");
  EXPECT_EQ(rule_error({{"id", "r"}, {"type", "terms"}, {"terms", {"x"}}, {"window", 3}}),
            "unknown key \"categories[0].rules[0].window\" (known here are \"id\", \"terms\", \"type\", \"unless\", "
            "\"unless_window\")" +
                kWillNotIgnore);
  EXPECT_EQ(rule_error({{"id", "r"}, {"type", "near"}, {"all", {{"x"}}}, {"window", 3}}),
            "key \"categories[0].rules[0].all\": expected two groups or more");
  EXPECT_EQ(rule_error({{"id", "r"}, {"type", "near"}, {"all", {{"x"}, {"y"}}}, {"window", 1}}),
            "key \"categories[0].rules[0].window\": expected a whole number from 2 to 1000, found 1");
  EXPECT_EQ(rule_error({{"id", "r"}, {"type", "re2"}, {"patterns", {"a("}}}),
            "the prompt policy's rule \"r\": pattern \"a(\": missing ): a(");
  EXPECT_EQ(rule_error({{"id", "r"}, {"type", "re2"}, {"patterns", {"a*"}}}),
            "the prompt policy's rule \"r\": pattern \"a*\": matches nothing at all, and so every prompt");
}

TEST_F(PolicyFiles, Terms) {
  const auto term_error = [&](const std::string& term) {
    return rule_error({{"id", "r"}, {"type", "terms"}, {"terms", {term}}});
  };
  EXPECT_EQ(term_error("--"), "key \"categories[0].rules[0].terms\": \"--\": expected a word");
  EXPECT_EQ(term_error("ab*"), "key \"categories[0].rules[0].terms\": \"ab*\": expected at least 3 letters before *");
  EXPECT_EQ(term_error("one a*"),
            "key \"categories[0].rules[0].terms\": \"one a*\": expected at least 3 letters before *");
  EXPECT_EQ(term_error("abc* d"),
            "key \"categories[0].rules[0].terms\": \"abc* d\": * stands at the end of a word, once");
  EXPECT_EQ(term_error("abc *"),
            "key \"categories[0].rules[0].terms\": \"abc *\": * stands at the end of a word, once");
}

TEST_F(PolicyFiles, Lists) {
  const auto list_error = [&](const json& list) { return error({{"lists", {{"mine", list}}}}); };
  EXPECT_EQ(list_error({{"terms", {"a"}}, {"file", "a.txt"}}),
            "key \"lists.mine\": expected one of \"file\" and \"terms\"");
  EXPECT_EQ(list_error({{"file", "../a.txt"}}),
            "key \"lists.mine.file\": expected the name of a file beside the policy or in a folder there");
  EXPECT_EQ(list_error({{"file", "/etc/passwd"}}),
            "key \"lists.mine.file\": expected the name of a file beside the policy or in a folder there");
  EXPECT_THAT(list_error({{"file", "none.txt"}}),
              testing::HasSubstr("none.txt: cannot be opened: No such file or directory"));
  const std::string list = (folder_ / "a.txt").string();
  test::write_file(list, "one\ntwo | | three\n");
  EXPECT_EQ(list_error({{"file", "a.txt"}}), list + ": line 2: \"\": expected a word");
  test::write_file(list, "# nothing\n");
  EXPECT_EQ(list_error({{"file", "a.txt"}}), list + ": has no term");
  test::write_file(list, "one\n\xff\n");
  EXPECT_EQ(list_error({{"file", "a.txt"}}), list + ": byte 5: is not UTF-8");
}

TEST_F(PolicyFiles, SexualMinorsCannotBeWeakened) {
  EXPECT_EQ(minors_error({{"enabled", false}}), "key \"categories[0].enabled\": sexual_minors cannot be switched off");
  EXPECT_EQ(minors_error({{"severity", "warn"}}), "key \"categories[0].severity\": sexual_minors is always refused");
  EXPECT_EQ(minors_error({{"allow", {"y"}}}), "key \"categories[0].allow\": nothing of sexual_minors can be allowed");
  EXPECT_EQ(minors_error({{"rules", {{{"id", "r"}, {"type", "terms"}, {"terms", {"x"}}, {"unless", {"y"}}}}}}),
            "key \"categories[0].rules\": a rule of sexual_minors has no \"unless\"");
  EXPECT_EQ(minors_error(json::object()), "nothing was thrown");
}

}  // namespace
}  // namespace sora
