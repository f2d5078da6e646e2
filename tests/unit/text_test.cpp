// From a prompt to token ids: cleaning against diffusers' prompt_clean, ids against transformers' T5Tokenizer.
#include "base/text.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/errors.h"
#include "support/files.h"
#include "text/prompt_cleaning.h"
#include "text/tokenizer.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::error_of;
using Ids = std::vector<std::int64_t>;

constexpr int kNoLimit = 1 << 20;

json read_json(const fs::path& file) { return json::parse(std::ifstream(file)); }

Tokenizer load(const fs::path& folder) {
  return {read_spiece_model(folder / "spiece.model"), JsonObject::from_file(folder / "tokenizer_config.json")};
}

Tokenizer tiny(const std::string& style) { return load(test::data("tokenizers/" + style)); }

// The tiny tokenizer of UMT5's kind under another tokenizer_config.json.
Tokenizer with_config(const std::string& config) {
  return {read_spiece_model(test::data("tokenizers/umt5") / "spiece.model"),
          JsonObject(config, "tokenizer_config.json", Fault::input)};
}

TEST(CleanPrompt, EqualsTheReference) {
  const json cases = read_json(test::data("text/cleaning_cases.json"));
  ASSERT_EQ(cases.size(), 61u);
  for (const json& example : cases) {
    const auto text = example.at("text").get<std::string>();
    EXPECT_EQ(json(clean_prompt(text)).dump(-1, ' ', true), example.at("cleaned").dump(-1, ' ', true))
        << json(text).dump();
  }
}

TEST(CleanPrompt, EqualsTheReferenceOnTheTokenizersCasesButForMojibake) {
  std::vector<std::string> different;
  for (const json& example : read_json(test::data("tokenizer_cases.json"))) {
    const auto text = example.at("text").get<std::string>();
    if (example.at("style") == "t5" && clean_prompt(text) != example.at("cleaned")) different.push_back(text);
  }
  EXPECT_EQ(different, std::vector<std::string>{"Ã©tÃ© mojibake â\u0080\u0099"});
}

TEST(CleanPrompt, RefusesInvalidUtf8) {
  EXPECT_EQ(error_of(Fault::usage, [] { clean_prompt("caf\xe9 \xed\xa0\x80"); }),
            "The prompt \"caf\\xe9 \\xed\\xa0\\x80\" is not valid UTF-8. Save or type it in a UTF-8 locale.");
}

TEST(Tokenizer, GivesTheReferencesIds) {
  const std::map<std::string, Tokenizer> tokenizers = [] {
    std::map<std::string, Tokenizer> loaded;
    for (const std::string style : {"umt5", "t5"}) loaded.emplace(style, tiny(style));
    return loaded;
  }();
  int count = 0;
  for (const json& example : read_json(test::data("tokenizer_cases.json"))) {
    const Tokenizer& tokenizer = tokenizers.at(example.at("style"));
    const auto cleaned = example.at("cleaned").get<std::string>();
    SCOPED_TRACE(json(cleaned).dump());
    const Tokenizer::Tokens all = tokenizer.encode(cleaned, kNoLimit);
    EXPECT_EQ(all.ids, example.at("hf_ids").get<Ids>());
    EXPECT_EQ(all.dropped, 0);

    auto padded = example.at("hf_ids_pad24").get<Ids>();
    padded.resize(std::count(example.at("hf_mask24").begin(), example.at("hf_mask24").end(), 1));
    const Tokenizer::Tokens truncated = tokenizer.encode(cleaned, 24);
    EXPECT_EQ(truncated.ids, padded);
    EXPECT_EQ(truncated.dropped, static_cast<int>(all.ids.size() - padded.size()));
    ++count;
  }
  EXPECT_EQ(count, 44);
}

TEST(Tokenizer, GivesTheReferencesIdsForUserDefinedPieces) {
  const Tokenizer tokenizer = load(fs::path(SORA_SOURCE_DIR) / "models/tiny-world/tokenizer");
  const json cases = read_json(test::data("text/tiny_world_tokens.json"));
  ASSERT_EQ(cases.size(), 19u);
  for (const json& example : cases) {
    EXPECT_EQ(tokenizer.encode(example.at("text").get<std::string>(), kNoLimit).ids, example.at("ids").get<Ids>())
        << example.at("text");
  }
}

// "55" + "5" and "5" + "55" have the same score, unless it is added up in single precision.
TEST(Unigram, OfEqualSegmentationsTakesTheLongerLastPiece) {
  const Unigram model({{"7", -4.7f}, {"5", -6.3f}, {"55", -7.1f}});
  EXPECT_EQ(model.segment("7555"), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(model.segment("75555555"), (std::vector<int>{0, 1, 2, 2, 2}));
}

TEST(Unigram, TakesAnUnknownCharacterForLessProbableThanAnyPiece) {
  const Unigram model({{"a", -1}, {"é猫", -30}});
  EXPECT_EQ(model.segment("aé猫é"), (std::vector<int>{0, 1, Unigram::kUnknown}));
  EXPECT_EQ(model.segment(""), std::vector<int>{});
}

TEST(Tokenizer, TruncatesInFrontOfTheEnd) {
  const Tokenizer tokenizer = tiny("umt5");
  const Ids whole = tokenizer.encode("a cat and a dog", kNoLimit).ids;
  ASSERT_EQ(whole.size(), 6u);
  EXPECT_EQ(tokenizer.encode("a cat and a dog", 6).ids, whole);
  EXPECT_EQ(tokenizer.encode("a cat and a dog", 6).dropped, 0);
  EXPECT_EQ(tokenizer.encode("a cat and a dog", 3).ids, (Ids{whole[0], whole[1], 1}));
  EXPECT_EQ(tokenizer.encode("a cat and a dog", 3).dropped, 3);
  EXPECT_EQ(tokenizer.encode("a cat and a dog", 1).ids, Ids{1});
  EXPECT_EQ(tokenizer.encode("a cat and a dog", 1).dropped, 5);
}

TEST(Tokenizer, NumbersSentinelsBackwardsAfterThePieces) {
  EXPECT_EQ(with_config(R"({"extra_ids": 3})").encode("<extra_id_0><extra_id_2>", kNoLimit).ids, (Ids{642, 640, 1}));
  // 100 unless the file says otherwise.
  EXPECT_EQ(with_config("{}").encode("<extra_id_99>", kNoLimit).ids, (Ids{640, 1}));
}

TEST(Tokenizer, FindsAddedTokensOfTransformers4) {
  const Tokenizer tokenizer =
      with_config(R"({"extra_ids": 0, "tokenizer_class": "T5Tokenizer", "added_tokens_decoder": {
      "0": {"content": "<pad>", "lstrip": false, "normalized": false, "rstrip": false, "single_word": false, "special": true},
      "640": {"content": "<red>", "lstrip": true, "rstrip": true, "special": true},
      "641": {"content": "<redder>", "special": true},
      "642": {"content": "ﬁre"}}})");
  EXPECT_EQ(tokenizer.encode("<pad><red> <redder>", kNoLimit).ids, (Ids{0, 640, 641, 1}));
  // A token that is not special is looked for after both have been normalised.
  EXPECT_EQ(tokenizer.encode("fire", kNoLimit).ids, (Ids{642, 1}));
  EXPECT_EQ(tokenizer.encode("＜red＞", kNoLimit).ids, tiny("umt5").encode("＜red＞", kNoLimit).ids);
}

TEST(Tokenizer, TakesTheIdsOfSentinelsFromTransformers4) {
  const Tokenizer tokenizer =
      with_config(R"({"added_tokens_decoder": {"939": {"content": "<extra_id_0>", "special": true}}})");
  EXPECT_EQ(tokenizer.encode("<extra_id_0>", kNoLimit).ids, (Ids{939, 1}));
}

struct BadConfig {
  const char* name;
  const char* config;
  const char* message;
};

void PrintTo(const BadConfig& bad, std::ostream* out) { *out << bad.name; }

class TokenizerConfig : public ::testing::TestWithParam<BadConfig> {};

TEST_P(TokenizerConfig, IsRefused) {
  EXPECT_EQ(error_of(Fault::input, [] { with_config(GetParam().config); }),
            std::string("tokenizer_config.json: key ") + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, TokenizerConfig,
    ::testing::Values(
        BadConfig{"too_many_sentinels", R"({"extra_ids": 10001})", R"("extra_ids": expected 0 to 10000, found 10001)"},
        BadConfig{"negative_sentinels", R"({"extra_ids": -1})", R"("extra_ids": expected 0 to 10000, found -1)"},
        BadConfig{"text_for_a_number", R"({"extra_ids": "3"})",
                  R"("extra_ids": expected an integer, found "3" (a string))"},
        BadConfig{"other_id", R"({"added_tokens_decoder": {"7": {"content": "</s>"}}})",
                  R"("added_tokens_decoder.7.content": "</s>" has id 1 in spiece.model)"},
        BadConfig{"no_id", R"({"added_tokens_decoder": {"7x": {"content": "<a>"}}})",
                  R"("added_tokens_decoder.7x": expected a token id of 0 to 10000000 as the key)"},
        BadConfig{"empty_token", R"({"added_tokens_decoder": {"700": {"content": ""}}})",
                  R"("added_tokens_decoder.700.content": a token has at least one character)"},
        BadConfig{"single_word", R"({"added_tokens_decoder": {"700": {"content": "<a>", "single_word": true}}})",
                  R"("added_tokens_decoder.700.single_word": expected false, found true; nothing else is supported)"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace sora
