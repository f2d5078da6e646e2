// JsonObject: what it refuses, in which words.
#include "sora/json_object.h"

#include <gmock/gmock.h>

#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

JsonObject parsed(std::string_view text) { return {text, "c.json", Fault::input}; }

std::string parse_error(std::string_view text) {
  return error_of(Fault::input, [&] { parsed(text); });
}

template <class T>
std::string read_error(std::string_view text, std::string_view key = "k") {
  return error_of(Fault::input, [&] { parsed(text).read<T>(key); });
}

TEST(JsonObject, ReadsEveryType) {
  JsonObject json =
      parsed(R"({"b": true, "i": -3, "l": 9007199254740993, "d": 0.5, "n": 7, "s": "é\u00e9", "vi": [1, 2],
      "vd": [1, 2.5], "vb": [false, true], "vs": ["x"], "vo": ["x", null], "vv": [["x"], []], "e": []})");
  EXPECT_TRUE(json.read<bool>("b"));
  EXPECT_EQ(json.read<int>("i"), -3);
  EXPECT_EQ(json.read<std::int64_t>("l"), 9007199254740993);
  EXPECT_EQ(json.read<double>("d"), 0.5);
  EXPECT_EQ(json.read<double>("n"), 7.0);
  EXPECT_EQ(json.read<std::string>("s"), "éé");
  EXPECT_THAT(json.read<std::vector<int>>("vi"), ElementsAre(1, 2));
  EXPECT_THAT(json.read<std::vector<std::int64_t>>("vi"), ElementsAre(1, 2));
  EXPECT_THAT(json.read<std::vector<double>>("vd"), ElementsAre(1, 2.5));
  EXPECT_THAT(json.read<std::vector<bool>>("vb"), ElementsAre(false, true));
  EXPECT_THAT(json.read<std::vector<std::string>>("vs"), ElementsAre("x"));
  EXPECT_THAT(json.read<std::vector<std::optional<std::string>>>("vo"), ElementsAre("x", std::nullopt));
  EXPECT_THAT(json.read<std::vector<std::vector<std::string>>>("vv"), ElementsAre(ElementsAre("x"), ElementsAre()));
  EXPECT_TRUE(json.read<std::vector<int>>("e").empty());
  json.finish();
}

TEST(JsonObject, AbsentAndNull) {
  JsonObject json = parsed(R"({"null": null, "here": 1})");
  EXPECT_EQ(json.read_or("absent", 5), 5);
  EXPECT_EQ(json.read_or("here", 5), 1);
  EXPECT_EQ(json.read_optional<int>("absent"), std::nullopt);
  EXPECT_EQ(json.read_optional<int>("null"), std::nullopt);
  EXPECT_EQ(json.read_optional<int>("here"), 1);
  EXPECT_EQ(error_of(Fault::input, [&] { json.read_or("null", 5); }),
            "c.json: key \"null\": expected an integer, found null");
  EXPECT_EQ(read_error<double>("{}"), "c.json: key \"k\" is missing; expected a number");
  EXPECT_EQ(read_error<std::vector<int>>("{}"), "c.json: key \"k\" is missing; expected an array");
}

TEST(JsonObject, TypeMismatchesSayWhatWasFound) {
  EXPECT_EQ(read_error<int>(R"({"k": "40"})"), "c.json: key \"k\": expected an integer, found \"40\" (a string)");
  EXPECT_EQ(read_error<int>(R"({"k": 1.5})"), "c.json: key \"k\": expected an integer, found 1.5");
  EXPECT_EQ(read_error<int>(R"({"k": 3.0})"), "c.json: key \"k\": expected an integer, found 3.0");
  EXPECT_EQ(read_error<int>(R"({"k": true})"), "c.json: key \"k\": expected an integer, found true");
  EXPECT_EQ(read_error<bool>(R"({"k": 1})"), "c.json: key \"k\": expected true or false, found 1");
  EXPECT_EQ(read_error<std::string>(R"({"k": [1, 2]})"),
            "c.json: key \"k\": expected a string, found [1,2] (an array)");
  EXPECT_EQ(read_error<double>(R"({"k": {"a": 1}})"), "c.json: key \"k\": expected a number, found an object");
  EXPECT_EQ(read_error<std::vector<int>>(R"({"k": 1})"), "c.json: key \"k\": expected an array, found 1");
  EXPECT_EQ(read_error<std::vector<int>>(R"({"k": [1, "2"]})"),
            "c.json: key \"k[1]\": expected an integer, found \"2\" (a string)");
  EXPECT_EQ(read_error<int>(R"({"k": [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]})"),
            "c.json: key \"k\": expected an integer, found an array of 17 values");
}

TEST(JsonObject, NumbersAreNeverNarrowed) {
  EXPECT_EQ(parsed(R"({"k": 2147483647})").read<int>("k"), 2147483647);
  EXPECT_EQ(parsed(R"({"k": -2147483648})").read<int>("k"), -2147483648);
  EXPECT_EQ(read_error<int>(R"({"k": 2147483648})"),
            "c.json: key \"k\": expected an integer of 32 bits, found 2147483648");
  EXPECT_EQ(read_error<int>(R"({"k": -2147483649})"),
            "c.json: key \"k\": expected an integer of 32 bits, found -2147483649");
  EXPECT_EQ(parsed(R"({"k": 9223372036854775807})").read<std::int64_t>("k"), INT64_MAX);
  EXPECT_EQ(parsed(R"({"k": -9223372036854775808})").read<std::int64_t>("k"), INT64_MIN);
  EXPECT_EQ(read_error<std::int64_t>(R"({"k": 9223372036854775808})"),
            "c.json: key \"k\": expected an integer of 64 bits, found 9223372036854775808");
  // Too large for any integer type: the parser makes it a floating-point number.
  EXPECT_THAT(read_error<std::int64_t>(R"({"k": 18446744073709551616})"),
              StartsWith("c.json: key \"k\": expected an integer, found 1.84"));
  EXPECT_EQ(parsed(R"({"k": 9007199254740992})").read<double>("k"), 9007199254740992.0);
  EXPECT_EQ(parsed(R"({"k": -9007199254740992})").read<double>("k"), -9007199254740992.0);
  for (const char* number : {"9007199254740993", "-9007199254740993", "18446744073709551615", "-9223372036854775808"})
    EXPECT_EQ(read_error<double>(fmt::format(R"({{"k": {}}})", number)),
              fmt::format("c.json: key \"k\": expected a number of at most 53 bits, found {}", number));
}

TEST(JsonObject, Expect) {
  const auto check = [](std::string_view value, const auto& only) {
    return error_of(Fault::input, [&] { parsed(fmt::format("{{\"k\": {}}}", value)).expect("k", only); });
  };
  const std::string fine = "nothing was thrown";
  EXPECT_EQ(check("\"rms\"", "rms"), fine);
  EXPECT_EQ(check("true", true), fine);
  EXPECT_EQ(check("null", nullptr), fine);
  EXPECT_EQ(check("1", 1.0), fine);
  EXPECT_EQ(check("[1, 2]", std::vector<int>{1, 2}), fine);
  parsed("{}").expect("k", "rms");

  EXPECT_EQ(check("\"layer_norm\"", "rms"),
            "c.json: key \"k\": expected \"rms\", found \"layer_norm\"; nothing else is supported");
  EXPECT_EQ(check("null", "rms"), "c.json: key \"k\": expected \"rms\", found null; nothing else is supported");
  EXPECT_EQ(check("\"true\"", true),
            "c.json: key \"k\": expected true, found \"true\" (a string); nothing else is supported");
  EXPECT_EQ(check("1", true), "c.json: key \"k\": expected true, found 1; nothing else is supported");
  EXPECT_EQ(check("5120", nullptr), "c.json: key \"k\": expected null, found 5120; nothing else is supported");
  EXPECT_EQ(check("2", 1), "c.json: key \"k\": expected 1, found 2; nothing else is supported");
  EXPECT_EQ(check("[1, 1]", std::vector<int>{1, 2}),
            "c.json: key \"k\": expected [1,2], found [1,1] (an array); nothing else is supported");
}

TEST(JsonObject, NestedObjectsNameTheirPath) {
  JsonObject json = parsed(R"({"defaults": {"size": {"width": "832", "depth": 1}}})");
  JsonObject size = json.read_object("defaults").read_object("size");
  EXPECT_EQ(error_of(Fault::input, [&] { size.read<int>("width"); }),
            "c.json: key \"defaults.size.width\": expected an integer, found \"832\" (a string)");
  EXPECT_EQ(error_of(Fault::input, [&] { size.finish(); }),
            "c.json: unknown key \"defaults.size.depth\"; this version does not know what it changes, so it will not "
            "ignore it");
  EXPECT_EQ(error_of(Fault::input, [&] { size.fail_at("width", "is odd"); }),
            "c.json: key \"defaults.size.width\": is odd");
  EXPECT_EQ(error_of(Fault::input, [&] { json.read_object("other"); }),
            "c.json: key \"other\" is missing; expected an object");
  EXPECT_EQ(error_of(Fault::input, [&] { size.read_object("width"); }),
            "c.json: key \"defaults.size.width\": expected an object, found \"832\" (a string)");
  json.finish();
}

TEST(JsonObject, ArraysOfObjectsNameTheirPath) {
  JsonObject json = parsed(R"({"rules": [{"id": 1}, {"id": "b", "kind": 2}], "none": [], "mixed": [{}, 3]})");
  std::vector<JsonObject> rules = json.read_objects("rules");
  ASSERT_EQ(rules.size(), 2);
  EXPECT_EQ(rules[0].read<int>("id"), 1);
  rules[0].finish();
  EXPECT_EQ(error_of(Fault::input, [&] { rules[1].read<int>("id"); }),
            "c.json: key \"rules[1].id\": expected an integer, found \"b\" (a string)");
  EXPECT_EQ(
      error_of(Fault::input, [&] { rules[1].finish(); }),
      "c.json: unknown key \"rules[1].kind\"; this version does not know what it changes, so it will not ignore it");
  EXPECT_TRUE(json.read_objects("none").empty());
  EXPECT_EQ(error_of(Fault::input, [&] { json.read_objects("mixed"); }),
            "c.json: key \"mixed[1]\": expected an object, found 3");
  EXPECT_EQ(error_of(Fault::input, [&] { rules[1].read_objects("id"); }),
            "c.json: key \"rules[1].id\": expected an array of objects, found \"b\" (a string)");
  EXPECT_EQ(error_of(Fault::input, [&] { json.read_objects("other"); }),
            "c.json: key \"other\" is missing; expected an array of objects");
  EXPECT_EQ(read_error<std::vector<std::vector<std::string>>>(R"({"k": [["x"], ["y", 1]]})"),
            "c.json: key \"k[1][1]\": expected a string, found 1");
  json.finish();
}

TEST(JsonObject, RemedyEndsEachMessage) {
  const auto made = [](std::string_view text) { return JsonObject(text, "u.json", Fault::usage, "repair it"); };
  const auto message = [](const auto& action) { return error_of(Fault::usage, action); };
  EXPECT_EQ(message([&] { made("[]"); }), "u.json: expected an object, found [] (an array); repair it");
  JsonObject json = made(R"({"a": [{"b": 1}], "c": 0})");
  EXPECT_EQ(message([&] { json.read<int>("d"); }), "u.json: key \"d\" is missing; expected an integer; repair it");
  EXPECT_EQ(message([&] { json.read_objects("a")[0].read<bool>("b"); }),
            "u.json: key \"a[0].b\": expected true or false, found 1; repair it");
  EXPECT_THAT(message([&] { json.finish(); }), ::testing::EndsWith(", so it will not ignore it; repair it"));
}

TEST(JsonObject, UnknownKeys) {
  JsonObject json = parsed(R"({"num_layer": 2, "eps": 1e-6})");
  json.read_or("num_layers", 3);
  json.read<double>("eps");
  EXPECT_EQ(
      error_of(Fault::input, [&] { json.finish(); }),
      "c.json: unknown key \"num_layer\" (did you mean \"num_layers\"?); this version does not know what it changes, "
      "so it will not ignore it");
  json.ignore({"num_layer", "absent"});
  json.finish();

  // A key that was found is no suggestion.
  JsonObject both = parsed(R"({"num_layer": 2, "num_layers": 3})");
  both.read<int>("num_layers");
  EXPECT_EQ(error_of(Fault::input, [&] { both.finish(); }),
            "c.json: unknown key \"num_layer\"; this version does not know what it changes, so it will not ignore it");

  // Of names, whatever the path to them is.
  JsonObject outer = parsed(R"({"a_rather_long_name": {"window": 1, "sze": 2}})");
  JsonObject inner = outer.read_object("a_rather_long_name");
  inner.ignore({"unless", "window"});
  EXPECT_THAT(error_of(Fault::input, [&] { inner.finish(); }),
              StartsWith("c.json: unknown key \"a_rather_long_name.sze\"; "));
  inner.ignore({"size"});
  EXPECT_THAT(
      error_of(Fault::input, [&] { inner.finish(); }),
      StartsWith("c.json: unknown key \"a_rather_long_name.sze\" (did you mean \"a_rather_long_name.size\"?); "));

  // The user's own file.
  JsonObject own("{\"depth\": 1}", "u.json", Fault::usage);
  own.ignore({"width", "height"});
  EXPECT_EQ(error_of(Fault::usage, [&] { own.finish(); }),
            "u.json: unknown key \"depth\" (known here are \"height\", \"width\"); this version does not know what it "
            "changes, so it will not ignore it");

  std::string many = "{\"k0\": 0";
  for (int i = 1; i < 12; ++i) many += fmt::format(", \"k{}\": 0", i);
  EXPECT_EQ(error_of(Fault::usage, [&] { JsonObject(many + "}", "u.json", Fault::usage).finish(); }),
            "u.json: unknown keys \"k0\", \"k1\", \"k10\", \"k11\", \"k2\", \"k3\", \"k4\", \"k5\", \"k6\", \"k7\" and "
            "2 more; this "
            "version does not know what they change, so it will not ignore them");
}

TEST(JsonObject, KeysAndHas) {
  JsonObject json = parsed(R"({"b": [], "a": {}})");
  EXPECT_THAT(json.keys(), ElementsAre("a", "b"));
  EXPECT_TRUE(json.has("a") && json.has_array("b"));
  EXPECT_FALSE(json.has("c") || json.has_array("a") || json.has_array("c"));
}

TEST(JsonObject, RefusesWhatIsNoJson) {
  EXPECT_EQ(parse_error(""),
            "c.json: not valid JSON: parse error at line 1, column 1: syntax error while parsing value - unexpected "
            "end of input; "
            "expected '[', '{', or a literal");
  EXPECT_EQ(parse_error("{\n  \"a\": 1,\n}"),
            "c.json: not valid JSON: parse error at line 3, column 1: syntax error while parsing object key - "
            "unexpected '}'; "
            "expected string literal");
  for (const char* text : {"{\"a\": 1} x",
                           "{\"a\": 1}{}",
                           "{\"a\": NaN}",
                           "{\"a\": Infinity}",
                           "{\"a\": -Infinity}",
                           "{'a': 1}",
                           "{a: 1}",
                           "{\"a\": 01}",
                           "{\"a\": +1}",
                           "{\"a\": .5}",
                           "{\"a\": 1.}",
                           "{\"a\": 0x1}",
                           "{\"a\": 1e999}",
                           "// no\n{}",
                           "{/* no */}",
                           "{\"a\": [1,]}",
                           "{\"a\"}",
                           "{\"a\": }",
                           "{",
                           "{\"a\": \"\t\"}",
                           "{\"a\": \"\\ud800\"}",
                           "{\"a\": \"\xff\"}",
                           "{\"\xc0\xaf\": 1}",
                           "{\"a\": \"\xed\xa0\x80\"}",
                           "{\"a\": True}"})
    EXPECT_THAT(parse_error(text), StartsWith("c.json: not valid JSON: ")) << text;
  EXPECT_EQ(parse_error(std::string_view("{}\0}", 4)), "c.json: not valid JSON: a zero byte at byte 3");
  EXPECT_EQ(parse_error("[1]"), "c.json: expected an object, found [1] (an array)");
  EXPECT_EQ(parse_error("null"), "c.json: expected an object, found null");
}

TEST(JsonObject, RefusesRepeatedKeys) {
  EXPECT_EQ(parse_error(R"({"a": 1, "a": 1})"), "c.json: key \"a\" is there twice");
  EXPECT_EQ(parse_error(R"({"x": [{"b": 1, "\u0062": 2}]})"), "c.json: key \"b\" is there twice");
  parsed(R"({"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]})");
}

TEST(JsonObject, RefusesBombs) {
  const auto nested = [](int depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  parsed(nested(64));
  EXPECT_EQ(parse_error(nested(65)), "c.json: nested deeper than 64 levels");
  EXPECT_EQ(parse_error(std::string(1 << 20, '[')), "c.json: nested deeper than 64 levels");
  std::string zeros = "{\"a\":[0";
  for (int i = 0; i < 1'000'000; ++i) zeros += ",0";
  EXPECT_EQ(parse_error(zeros + "]}"), "c.json: more than 1000000 values");
}

TEST(JsonObject, MessagesNeverCarryRawBytes) {
  EXPECT_EQ(parse_error("{\"\\u001b[31m\": 1, \"\\u001b[31m\": 2}"), "c.json: key \"\\x1b[31m\" is there twice");
  EXPECT_EQ(read_error<int>("{\"k\": \"\\u001b]0;x\\u0007\\u202e\"}"),
            "c.json: key \"k\": expected an integer, found \"\\x1b]0;x\\x07\\u202e\" (a string)");
  EXPECT_THAT(parse_error("{\"a\": \x1b}"), ::testing::Not(HasSubstr("\x1b")));
  EXPECT_EQ(error_of(Fault::input, [] { JsonObject("[]", "a\nb.json", Fault::input); }),
            "a\\x0ab.json: expected an object, found [] (an array)");
  const std::string unknown = error_of(Fault::input, [] { parsed("{\"\\u0000\\n\": 1}").finish(); });
  EXPECT_THAT(unknown, StartsWith("c.json: unknown key \"\\x00\\x0a\";"));
  EXPECT_LT(read_error<int>("{\"k\": \"" + std::string(100'000, 'x') + "\"}").size(), 200u);
}

TEST(JsonObject, FromFile) {
  const test::TempDir folder;
  test::write_file(folder / "a.json", R"({"k": 1})");
  EXPECT_EQ(JsonObject::from_file(folder / "a.json").read<int>("k"), 1);
  test::write_file(folder / "large.json", "{\"k\": \"" + std::string(16 << 20, 'x') + "\"}");
  EXPECT_THAT(error_of(Fault::usage, [&] { JsonObject::from_file(folder / "large.json", Fault::usage); }),
              HasSubstr("(16777225 bytes), at most 16.8 MB (16777216 bytes) are accepted"));
  EXPECT_THAT(error_of(Fault::input, [&] { JsonObject::from_file(folder / "none.json"); }),
              HasSubstr("none.json: cannot be opened: No such file or directory"));
  EXPECT_THAT(error_of(Fault::input, [&] { JsonObject::from_file(folder.path()); }),
              HasSubstr("is a folder, expected a regular file"));
}

}  // namespace
}  // namespace sora
