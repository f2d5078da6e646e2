// spiece.model files that are not what they claim to be. libsentencepiece crashes on some of these.
#include "text/spiece_model.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>

#include "support/errors.h"
#include "support/files.h"
#include "text/tokenizer.h"

namespace sora {
namespace {

using test::error_of;

// Protobuf's wire format.
std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string number(int field, std::uint64_t value) { return varint(field << 3) + varint(value); }
std::string bytes(int field, const std::string& content) {
  return varint(field << 3 | 2) + varint(content.size()) + content;
}
std::string little_endian(std::uint32_t value) {
  std::string out;
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift);
  return out;
}
std::string decimal(int field, float value) {
  return varint(field << 3 | 5) + little_endian(std::bit_cast<std::uint32_t>(value));
}

std::string piece(const std::string& text, float score = -1, PieceType type = PieceType::normal) {
  return bytes(1, bytes(1, text) + decimal(2, score) + number(3, static_cast<std::uint64_t>(type)));
}

const std::string kEnd = piece("</s>", 0, PieceType::control), kUnknown = piece("<unk>", 0, PieceType::unknown);

// A character map that replaces "B" by "b": a double array whose root's children begin at unit 'X' ^ 'X' = 0.
struct Trie {
  std::vector<std::uint32_t> units = std::vector<std::uint32_t>(256);
  Trie() {
    units[0] = 1 << 10;                       // root; its children are at 1 ^ label
    units[1 ^ 'B'] = 'B' | 1 << 8 | 2 << 10;  // edge 'B', with a leaf among its children
    units[1 ^ 'B' ^ 2] = 0x80000000;          // the leaf: replacement 0
  }
};

std::string charsmap(const std::vector<std::uint32_t>& units, const std::string& replacements) {
  std::string blob = little_endian(static_cast<std::uint32_t>(units.size() * 4));
  for (const std::uint32_t unit : units) blob += little_endian(unit);
  return blob + replacements;
}

std::string normalizer(const std::string& blob) { return bytes(3, bytes(1, "nmt_nfkc") + bytes(2, blob)); }

const std::string kReplacements("b\0", 2);

// As sentencepiece would write it, but for the order: every part is needed, so that no prefix is a model.
std::string small_model() {
  return normalizer(charsmap(Trie().units, kReplacements)) + bytes(2, number(3, 1)) + piece("▁") + piece("a", -2) +
         piece("b", -3) + piece("▁ab", -1.5) + kEnd + kUnknown;
}

SpieceModel parse(const std::string& model) { return parse_spiece_model(model, "spiece.model"); }

JsonObject no_config() { return {R"({"extra_ids": 0})", "tokenizer_config.json", Fault::input}; }

TEST(SpieceModel, ReadsPiecesAndCharacterMap) {
  const SpieceModel model = parse(small_model());
  ASSERT_EQ(model.pieces.size(), 6u);
  EXPECT_EQ(model.pieces[3].text, "▁ab");
  EXPECT_EQ(model.pieces[3].score, -1.5f);
  EXPECT_EQ(model.pieces[4].type, PieceType::control);
  EXPECT_EQ(model.normalizer.apply("aB cBé"), "ab cbé");
}

TEST(SpieceModel, DropsAMarkOnAReplacedCharacterAsTheReferenceDoes) {
  EXPECT_EQ(parse(small_model()).normalizer.apply("B\u0300a\u0300"), "ba\u0300");
}

struct BadModel {
  const char* name;
  std::string model;
  const char* message;
};

void PrintTo(const BadModel& bad, std::ostream* out) { *out << bad.name; }

class MalformedSpieceModel : public ::testing::TestWithParam<BadModel> {};

TEST_P(MalformedSpieceModel, IsRefused) {
  EXPECT_EQ(error_of(Fault::input, [] { parse(GetParam().model); }),
            std::string("spiece.model is no sentencepiece model that can be used: ") + GetParam().message);
}

std::vector<BadModel> bad_wire_format() {
  return {
      {"empty", "", "0 of its 0 pieces have the type for unknown text, expected one"},
      {"text", "piece a\npiece b\n", "a field of 112 bytes is cut off after 7"},
      {"length_beyond_the_file", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
       "a field of 9223372036854775807 bytes is cut off after 0"},
      {"endless_integer", std::string("\x08").append(11, '\x80'), "an integer is longer than ten bytes"},
      {"group", "\x0b", "field 1 has wire type 3"},
      {"field_zero", std::string("\x02\x00", 2), "a field has number 0"},
      {"piece_as_number", number(1, 5), "a piece has wire type 0, expected 2"},
      {"text_as_number", bytes(1, number(1, 5)), "piece 0: its text has wire type 0, expected 2"},
      {"score_as_number", bytes(1, number(2, 5)), "piece 0: its score has wire type 0, expected 5"},
      {"type_as_text", bytes(1, bytes(3, "x")), "piece 0: its type has wire type 2, expected 0"},
      {"trainer_as_number", number(2, 5), "the trainer spec has wire type 0, expected 2"},
      {"normaliser_as_number", number(3, 5), "the normaliser spec has wire type 0, expected 2"},
      {"map_as_number", bytes(3, number(2, 5)), "the character map has wire type 0, expected 2"},
  };
}

std::vector<BadModel> bad_pieces() {
  const std::string base = kEnd + kUnknown;
  return {
      {"empty_piece", base + piece(""), "piece 2: it is empty"},
      {"piece_without_fields", base + bytes(1, ""), "piece 2: it is empty"},
      {"long_piece", base + piece(std::string(1025, 'a')), "piece 2: it has 1025 bytes, more than 1024"},
      {"very_long_piece", base + piece(std::string(500'000, 'a')), "piece 2: it has 500000 bytes, more than 1024"},
      {"nul", base + piece(std::string("a\0b", 3)), R"(piece 2: "a\x00b" is not UTF-8 without NUL)"},
      {"not_utf8", base + piece("\xff\x1b[31m"), R"(piece 2: "\xff\x1b[31m" is not UTF-8 without NUL)"},
      {"surrogate", base + piece("\xed\xa0\x80"), R"(piece 2: "\xed\xa0\x80" is not UTF-8 without NUL)"},
      {"not_a_number", base + piece("a", std::numeric_limits<float>::quiet_NaN()),
       R"(piece 2: "a" has no finite score)"},
      {"infinite", base + piece("a", -std::numeric_limits<float>::infinity()), R"(piece 2: "a" has no finite score)"},
      {"type_0", base + piece("a", -1, PieceType{0}), "piece 2: it has the unknown type 0"},
      {"type_7", base + piece("a", -1, PieceType{7}), "piece 2: it has the unknown type 7"},
      {"twice", base + piece("a") + piece("a", -2), R"(piece "a" is there twice)"},
      {"no_end", piece("a") + kUnknown, R"(the piece "</s>" is missing)"},
      {"no_unknown", piece("a") + kEnd, "0 of its 2 pieces have the type for unknown text, expected one"},
      {"two_unknown", base + piece("<unknown>", 0, PieceType::unknown),
       "2 of its 3 pieces have the type for unknown text, expected one"},
      {"bpe", base + bytes(2, number(3, 2)), "the model type is 2, only 1 (unigram) is supported"},
  };
}

std::vector<BadModel> bad_character_maps() {
  const auto with = [](std::size_t unit, std::uint32_t value) {
    Trie trie;
    trie.units[unit] = value;
    return normalizer(charsmap(trie.units, kReplacements));
  };
  constexpr std::uint32_t kLeaf = 0x80000000;
  return {
      {"map_cut_off", normalizer("\x01\x02"), "its character map is cut off"},
      {"trie_of_no_size", normalizer(charsmap({}, kReplacements)),
       "the trie of its character map has 0 bytes, which is not a multiple of 1024 below 2"},
      {"trie_of_odd_size", normalizer(charsmap(std::vector<std::uint32_t>(255), std::string(20, '\0'))),
       "the trie of its character map has 1020 bytes, which is not a multiple of 1024 below 1040"},
      {"trie_beyond_the_map", normalizer(charsmap(Trie().units, "")),
       "the trie of its character map has 1024 bytes, which is not a multiple of 1024 below 1024"},
      {"replacements_without_end", normalizer(charsmap(Trie().units, "b")),
       "the replacements of its character map are not UTF-8 that ends with a NUL"},
      {"replacements_not_utf8", normalizer(charsmap(Trie().units, std::string("\xff\0", 2))),
       "the replacements of its character map are not UTF-8 that ends with a NUL"},
      {"root_is_a_leaf", with(0, kLeaf), "the trie of its character map has no root"},
      {"children_outside", with(0, 256 << 10), "unit 0 of its character map's trie points outside"},
      {"children_far_outside", with(5, 0xFFFFFFFF & ~kLeaf), "unit 5 of its character map's trie points outside"},
      {"replacement_outside", with(1 ^ 'B' ^ 2, kLeaf | 2), "unit 65 of its character map's trie points outside"},
      {"leaf_that_is_none", with(1 ^ 'B' ^ 2, 0), "unit 67 of its character map's trie points outside"},
  };
}

const auto kName = [](const auto& test) { return test.param.name; };
INSTANTIATE_TEST_SUITE_P(Wire, MalformedSpieceModel, ::testing::ValuesIn(bad_wire_format()), kName);
INSTANTIATE_TEST_SUITE_P(Pieces, MalformedSpieceModel, ::testing::ValuesIn(bad_pieces()), kName);
INSTANTIATE_TEST_SUITE_P(CharacterMap, MalformedSpieceModel, ::testing::ValuesIn(bad_character_maps()), kName);

TEST(SpieceModel, RefusesAReplacementThatBeginsInsideACharacter) {
  Trie trie;
  trie.units[1 ^ 'B' ^ 2] = 0x80000001;
  EXPECT_EQ(error_of(Fault::input, [&] { CharacterMap(charsmap(trie.units, std::string("é\0", 3))); }),
            "unit 65 of its character map's trie points outside");
}

TEST(SpieceModel, RefusesEveryPrefixOfAFile) {
  const std::string model = small_model();
  for (std::size_t size = 0; size < model.size(); ++size) {
    const std::string message = error_of(Fault::input, [&] { parse(model.substr(0, size)); });
    ASSERT_TRUE(message.starts_with("spiece.model is no sentencepiece model that can be used: "))
        << size << ": " << message;
  }
}

TEST(SpieceModel, RefusesAMissingAndATooLargeFile) {
  const test::TempDir temp;
  EXPECT_NE(error_of(Fault::input, [&] { read_spiece_model(temp / "spiece.model"); }), "nothing was thrown");
  test::write_file(temp / "spiece.model", "");
  std::filesystem::resize_file(temp / "spiece.model", (64 << 20) + 1);
  EXPECT_NE(error_of(Fault::input, [&] { read_spiece_model(temp / "spiece.model"); }), "nothing was thrown");
}

TEST(SpieceModel, MayNotHoldSentinelsItself) {
  const SpieceModel model = parse(small_model() + piece("<extra_id_0>"));
  EXPECT_EQ(error_of(Fault::input,
                     [&] {
                       Tokenizer(model, {R"({"extra_ids": 1})", "tokenizer_config.json", Fault::input});
                     }),
            R"(tokenizer_config.json: key "extra_ids": "<extra_id_0>" is a piece of spiece.model already)");
  EXPECT_EQ(Tokenizer(model, no_config()).encode("a", 9).ids, (std::vector<std::int64_t>{0, 1, 4}));
}

// Flips, overwrites, removes or repeats a few bytes. What is still accepted must encode without harm.
int accepted_mutants(const std::string& model, int count) {
  std::mt19937 random(7);
  int accepted = 0;
  for (int i = 0; i < count; ++i) {
    std::string mutant = model;
    for (std::uint32_t edits = 1 + random() % 2; edits > 0; --edits) {
      const std::size_t at = random() % mutant.size();
      switch (random() % 4) {
        case 0:
          mutant[at] = static_cast<char>(mutant[at] ^ 1 << random() % 8);
          break;
        case 1:
          mutant[at] = static_cast<char>(random());
          break;
        case 2:
          mutant.erase(at, 1 + random() % 8);
          break;
        case 3:
          mutant.insert(at, mutant.substr(at, 1 + random() % 8));
          break;
      }
    }
    try {
      const SpieceModel parsed = parse(mutant);
      const Tokenizer tokenizer(parsed, no_config());
      for (const std::int64_t id : tokenizer.encode("A cat, ▁ab ①Béé <unk> 猫 ﬁn</s>", 64).ids) {
        EXPECT_TRUE(id >= 0 && (id < static_cast<std::int64_t>(parsed.pieces.size()) || id == 2)) << id;
      }
      ++accepted;
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::input) << error.what();
    }
  }
  return accepted;
}

TEST(SpieceModel, SurvivesMutants) {
  EXPECT_GT(accepted_mutants(small_model(), 3000), 300);
  EXPECT_GT(accepted_mutants(test::read_text(test::data("tokenizers/umt5") / "spiece.model"), 500), 50);
}

}  // namespace
}  // namespace sora
