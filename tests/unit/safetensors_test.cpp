// Safetensors headers, good, bad and mutated; shards and their index.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstring>
#include <random>

#include "sora/checkpoint.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using ::testing::HasSubstr;

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + rest;
}

// A whole file: length, header, `data_bytes` of zeros.
std::string file_of(const std::string& header, std::size_t data_bytes = 0) {
  return with_length(header.size(), header + std::string(data_bytes, '\0'));
}

SafetensorsHeader parsed(const std::string& file) {
  return parse_safetensors_header(file, file.size(), "m.safetensors");
}

// A header with the tensors of `entries`, each as entry() makes them.
template <class... Entry>
std::string header_of(const Entry&... entries) {
  return fmt::format("{{{}}}", fmt::join(std::vector<std::string>{entries...}, ","));
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape, std::int64_t begin,
                  std::int64_t end) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", name, dtype, shape, begin, end);
}

TEST(Safetensors, ReadsAHeader) {
  const std::string header = "{\"__metadata__\":{\"format\":\"pt\"}," + entry("b", "BF16", "2,3", 0, 12) + "," +
                             entry("a", "F32", "", 12, 16) + "," + entry("empty", "I64", "0,5", 16, 16) + "}  ";
  const SafetensorsHeader result = parsed(file_of(header, 16));
  const std::int64_t data = 8 + static_cast<std::int64_t>(header.size());
  ASSERT_EQ(result.tensors.size(), 3u);
  EXPECT_EQ(result.file, "m.safetensors");
  EXPECT_EQ(result.file_size, data + 16);
  const StoredTensor& b = result.tensors.at("b");
  EXPECT_EQ(b.type, StoredType::bf16);
  EXPECT_THAT(b.shape, ::testing::ElementsAre(2, 3));
  EXPECT_EQ(b.begin, data);
  EXPECT_EQ(b.end, data + 12);
  EXPECT_TRUE(result.tensors.at("a").shape.empty());
  EXPECT_EQ(result.tensors.at("a").begin, data + 12);
  EXPECT_EQ(result.tensors.at("empty").end, data + 16);
}

TEST(Safetensors, KnowsItsTypes) {
  for (const char* name :
       {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"}) {
    const int size = std::strchr(name, '6') ? (std::strchr(name, '4') ? 8 : 2) : std::strstr(name, "32") ? 4 : 1;
    const SafetensorsHeader header = parsed(file_of(header_of(entry("a", name, "3", 0, 3 * size)), 3 * size));
    EXPECT_EQ(to_string(header.tensors.at("a").type), name);
    EXPECT_EQ(size_of(header.tensors.at("a").type), size);
  }
}

TEST(Safetensors, AcceptsNoTensors) { EXPECT_TRUE(parsed(file_of("{}")).tensors.empty()); }

struct Malformed {
  const char* name;
  std::string file, message;  // the message after "m.safetensors: "
};

void PrintTo(const Malformed& malformed, std::ostream* out) { *out << malformed.name; }

Malformed bad_header(const char* name, const std::string& header, std::size_t data_bytes, const std::string& message) {
  return {name, file_of(header, data_bytes), message};
}

std::vector<Malformed> malformed_files() {
  const std::string good = entry("a", "F32", "1", 0, 4);
  const auto one = [](const std::string& body) { return "{\"a\":{" + body + "}}"; };
  const auto bad_entry = [&](const char* name, const std::string& body, const std::string& message) {
    return bad_header(name, one(body), 4, message);
  };
  const std::string rest = R"(,"shape":[1],"data_offsets":[0,4])";
  return {
      {"empty", "", "is 0 bytes long, too short for a safetensors file; is the download complete?"},
      {"seven_bytes", "1234567", "is 7 bytes long, too short for a safetensors file; is the download complete?"},
      {"cut_in_header", with_length(1000, "{\"a\":"),
       "is 13 bytes long and says that its header alone takes 1008; is the download complete?"},
      {"huge_header", with_length(100'000'000, "{"),
       "says that its header is 100000000 bytes long; at most 16777216 are read, so this is not a safetensors file or "
       "a damaged one"},
      {"length_of_all_ones", with_length(~std::uint64_t{0}, "{}"),
       "says that its header is 18446744073709551615 bytes long; at most 16777216 are read, so this is not a "
       "safetensors file or a "
       "damaged one"},
      {"a_pickle", "PK\x03\x04" + std::string(100, 'x'),
       "says that its header is 8680820738615364432 bytes long; at most 16777216 are read, so this is not a "
       "safetensors file or a "
       "damaged one"},
      bad_header("no_header", "", 0, "does not begin with a JSON object: not a safetensors file"),
      bad_header("array", "[]", 0, "does not begin with a JSON object: not a safetensors file"),
      bad_header("leading_space", " {}", 0, "does not begin with a JSON object: not a safetensors file"),
      bad_header("byte_order_mark", "\xef\xbb\xbf{}", 0, "does not begin with a JSON object: not a safetensors file"),
      bad_header("not_closed", "{", 0,
                 "the header is not valid JSON at byte 2: parse error at line 1, column 2: syntax error while parsing "
                 "object key - "
                 "unexpected end of input; expected string literal"),
      bad_header("trailing_text", "{}x", 0,
                 "the header is not valid JSON at byte 3: parse error at line 1, column 3: syntax error while parsing "
                 "value - invalid "
                 "literal; last read: '{}x'; expected end of input"),
      bad_header("zero_byte", std::string("{} \0 ", 5), 0, "the header is not valid JSON at byte 4: a zero byte"),
      bad_header("comment", "{/**/}", 0,
                 "the header is not valid JSON at byte 2: parse error at line 1, column 2: syntax error while parsing "
                 "object key - "
                 "invalid literal; last read: '{/'; expected string literal"),
      bad_header("invalid_utf8", "{\"\xff\":{}}", 0,
                 "the header is not valid JSON at byte 3: parse error at line 1, column 3: syntax error while parsing "
                 "object key - "
                 "invalid string: ill-formed UTF-8 byte; last read: '\"\\xff'; expected string literal"),
      bad_header("metadata_is_a_string", R"({"__metadata__":"pt"})", 0,
                 "__metadata__: expected an object, found the string \"pt\""),
      bad_header("metadata_holds_a_number", R"({"__metadata__":{"a":1}})", 0,
                 "__metadata__: key \"a\": expected a string, found the number 1"),
      bad_header("metadata_holds_an_object", R"({"__metadata__":{"a":{}}})", 0,
                 "__metadata__: key \"a\": expected a string, found an object"),
      bad_header("metadata_twice", R"({"__metadata__":{},"__metadata__":{}})", 0, "__metadata__ is there twice"),
      bad_header("metadata_key_twice", R"({"__metadata__":{"a":"","a":""}})", 0,
                 "__metadata__: key \"a\" is there twice"),
      bad_header("entry_is_null", R"({"a":null})", 0, "tensor \"a\": expected an object, found null"),
      bad_header("entry_is_an_array", R"({"a":[]})", 0, "tensor \"a\": expected an object, found an array"),
      bad_header("tensor_twice", header_of(good, good), 4, "tensor \"a\" is there twice"),
      bad_header("name_is_empty", header_of(entry("", "F32", "1", 0, 4)), 4,
                 "a tensor's name is 0 bytes long; expected 1 to 512: \"\""),
      bad_header("name_is_long", header_of(entry(std::string(513, 'n'), "F32", "1", 0, 4)), 4,
                 "a tensor's name is 513 bytes long; expected 1 to 512: \"" + std::string(80, 'n') + "…\""),
      bad_header("name_with_escape", header_of(entry("\\u001b[2J", "F32", "1", 0, 4)), 4,
                 "a tensor's name has characters that do not print: \"\\x1b[2J\""),
      bad_header("name_with_nul", header_of(entry("a\\u0000b", "F32", "1", 0, 4)), 4,
                 "a tensor's name has characters that do not print: \"a\\x00b\""),
      bad_entry("no_keys", "", "tensor \"a\": key \"dtype\" is missing"),
      bad_entry("no_shape", R"("dtype":"F32","data_offsets":[0,4])", "tensor \"a\": key \"shape\" is missing"),
      bad_entry("no_offsets", R"("dtype":"F32","shape":[1])", "tensor \"a\": key \"data_offsets\" is missing"),
      bad_entry("unknown_key", R"("dtype":"F32","scale":1)" + rest, "tensor \"a\": unknown key \"scale\""),
      bad_entry("key_twice", R"("dtype":"F32","dtype":"F32")" + rest, "tensor \"a\": key \"dtype\" is there twice"),
      bad_entry("dtype_is_a_number", R"("dtype":4)" + rest,
                "tensor \"a\": key \"dtype\": expected a string, found the number 4"),
      bad_entry("dtype_is_an_array", R"("dtype":[])" + rest,
                "tensor \"a\": key \"dtype\": expected a string, found an array"),
      bad_entry("dtype_unknown", R"("dtype":"Q4_K")" + rest,
                "tensor \"a\": key \"dtype\": \"Q4_K\" is not a type that is known here"),
      bad_entry("shape_is_a_number", R"("dtype":"F32","shape":1)",
                "tensor \"a\": key \"shape\": expected an array, found the number 1"),
      bad_entry("shape_is_negative", R"("dtype":"F32","shape":[-1])",
                "tensor \"a\": key \"shape\": expected an integer >= 0, found the number -1"),
      bad_entry("shape_is_fractional", R"("dtype":"F32","shape":[1.0])",
                "tensor \"a\": key \"shape\": expected an integer >= 0, found the number 1.0"),
      bad_entry("shape_is_true", R"("dtype":"F32","shape":[true])",
                "tensor \"a\": key \"shape\": expected an integer >= 0, found true or false"),
      bad_entry("shape_is_nested", R"("dtype":"F32","shape":[[1]])",
                "tensor \"a\": key \"shape\": expected an integer >= 0, found an array"),
      bad_entry("shape_above_int64", R"("dtype":"F32","shape":[9223372036854775808])",
                "tensor \"a\": key \"shape\": 9223372036854775808 is too large"),
      bad_entry("shape_above_uint64", R"("dtype":"F32","shape":[18446744073709551617])",
                "tensor \"a\": key \"shape\": expected an integer >= 0, found the number 18446744073709551617"),
      bad_entry("shape_of_rank_9", R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,1])",
                "tensor \"a\": key \"shape\": more than 8 numbers"),
      bad_entry("shape_overflows", R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])",
                "tensor \"a\": shape [4294967296, 4294967296] has more bytes than 64 bits count"),
      bad_entry("shape_overflows_beside_zero",
                R"("dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0])",
                "tensor \"a\": shape [0, 4294967296, 4294967296] has more bytes than 64 bits count"),
      bad_entry("one_offset", R"("dtype":"F32","shape":[1],"data_offsets":[0])",
                "tensor \"a\": key \"data_offsets\": expected 2 numbers, found 1"),
      bad_entry("three_offsets", R"("dtype":"F32","shape":[1],"data_offsets":[0,4,8])",
                "tensor \"a\": key \"data_offsets\": more than 2 numbers"),
      bad_entry("offsets_reversed", R"("dtype":"F32","shape":[1],"data_offsets":[4,0])",
                "tensor \"a\": data_offsets [4, 0] are no range"),
      bad_entry("offsets_overflow",
                R"("dtype":"F32","shape":[1],"data_offsets":[9223372036854775803,9223372036854775807])",
                "tensor \"a\": data_offsets [9223372036854775803, 9223372036854775807] are no range"),
      bad_entry("size_mismatch", R"("dtype":"F32","shape":[2,3],"data_offsets":[0,4])",
                "tensor \"a\": shape [2, 3] of F32 takes 24 bytes, data_offsets [0, 4] hold 4"),
      bad_header("overlap", header_of(good, entry("b", "F32", "1", 2, 6)), 6,
                 "tensor \"b\" begins at byte 2 of the data, expected 4: tensors overlap"),
      bad_header("same_bytes", header_of(good, entry("b", "F32", "1", 0, 4)), 4,
                 "tensor \"b\" begins at byte 0 of the data, expected 4: tensors overlap"),
      bad_header("hole", header_of(good, entry("b", "F32", "1", 8, 12)), 12,
                 "tensor \"b\" begins at byte 8 of the data, expected 4: tensors leave a hole"),
      bad_header("hole_in_front", header_of(entry("b", "F32", "1", 4, 8)), 8,
                 "tensor \"b\" begins at byte 4 of the data, expected 0: tensors leave a hole"),
      bad_header("cut_in_data", header_of(good), 3,
                 "is 65 bytes long, and its header describes 66; is the download complete?"),
      bad_header("data_left_over", header_of(good), 5, "is 67 bytes long, and its header describes only 66"),
  };
}

class MalformedSafetensors : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedSafetensors, IsRefused) {
  EXPECT_EQ(error_of(Fault::input, [&] { parsed(GetParam().file); }), "m.safetensors: " + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(All, MalformedSafetensors, ::testing::ValuesIn(malformed_files()),
                         [](const auto& test) { return std::string(test.param.name); });

// Whatever is accepted must lie in the file, in order and without overlap.
void expect_sound(const SafetensorsHeader& header, std::int64_t file_size) {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : header.tensors) {
    std::int64_t values = 1;
    for (std::int64_t size : tensor.shape) values *= size;
    ASSERT_EQ(tensor.end - tensor.begin, values * size_of(tensor.type));
    ASSERT_TRUE(tensor.begin >= 8 && tensor.begin <= tensor.end && tensor.end <= file_size);
    bytes += tensor.end - tensor.begin;
  }
  ASSERT_LE(bytes, file_size);
}

TEST(Safetensors, MutantsAreRefusedOrSound) {
  const std::string good =
      file_of("{\"__metadata__\":{\"format\":\"pt\"}," + entry("blocks.0.w", "BF16", "2,3", 0, 12) + "," +
                  entry("blocks.0.b", "F32", "2", 12, 20) + "}",
              20);
  parsed(good);
  std::mt19937 random(1);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string mutant = good;
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const std::size_t at = below(mutant.size());
      switch (below(4)) {
        case 0:
          mutant[at] = static_cast<char>(below(256));
          break;
        case 1:
          mutant.erase(at, 1 + below(4));
          break;
        case 2:
          mutant.insert(at, 1, "0123456789[]{},:\"\\-. "[below(21)]);
          break;
        case 3:
          mutant.insert(at, mutant.substr(below(mutant.size()), below(40)));
          break;
      }
    }
    try {
      expect_sound(parsed(mutant), static_cast<std::int64_t>(mutant.size()));
      ++accepted;
    } catch (const Error& error) {
      ASSERT_EQ(error.fault(), Fault::input) << error.what();
    }
  }
  EXPECT_GT(accepted, 100);  // changed data, names and metadata are fine
}

TEST(Safetensors, HugeHeaderIsRefusedByItsFirstBytes) {
  EXPECT_EQ(error_of(Fault::input,
                     [] { parse_safetensors_header(with_length(100'000'000, ""), 200'000'000, "m.safetensors"); }),
            "m.safetensors: says that its header is 100000000 bytes long; at most 16777216 are read, so this is not a "
            "safetensors file or a damaged one");
  EXPECT_EQ(error_of(Fault::input, [] { parse_safetensors_header(with_length(1000, "{"), 2000, "m.safetensors"); }),
            "m.safetensors: ends within its header");
}

TEST(Safetensors, ReadsRegularFilesOnly) {
  const test::TempDir folder;
  EXPECT_THAT(error_of(Fault::input, [&] { read_safetensors_header(folder / "none"); }),
              HasSubstr("none: cannot be opened: No such file"));
  EXPECT_THAT(error_of(Fault::input, [&] { read_safetensors_header(folder.path()); }),
              HasSubstr(": is not a regular file"));
  EXPECT_THAT(error_of(Fault::input, [&] { read_safetensors_header("/dev/zero"); }),
              HasSubstr(": is not a regular file"));
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(error_of(Fault::input, [&] { read_safetensors_header(folder / "pipe"); }),
              HasSubstr(": is not a regular file"));
  test::write_file(folder / "empty", "");
  EXPECT_THAT(error_of(Fault::input, [&] { read_safetensors_header(folder / "empty"); }),
              HasSubstr("is 0 bytes long, too short"));
}

class Shards : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& tensor) {
    test::write_file(folder_ / name, file_of(header_of(entry(tensor, "F32", "1", 0, 4)), 4));
  }
  void write_index(const std::string& weight_map) {
    test::write_file(folder_ / "model.safetensors.index.json",
                     R"({"metadata": {"total_size": 8}, "weight_map": )" + weight_map + "}");
  }
  std::string index_path() const { return (folder_ / "model.safetensors.index.json").string(); }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const SafetensorsHeader& header : read_component_headers(folder_.path(), "model"))
      found.push_back(header.file.filename().string());
    return found;
  }
  std::string error() const {
    const std::string text = error_of(Fault::input, [&] { names(); }), folder = folder_.path().string() + "/";
    return text.starts_with(folder) ? text.substr(folder.size()) : text;
  }

  test::TempDir folder_;
};

TEST_F(Shards, OneFile) {
  write("model.safetensors", "a");
  write("model.fp16.safetensors", "a");  // the plain file goes first
  EXPECT_THAT(names(), ::testing::ElementsAre("model.safetensors"));
}

TEST_F(Shards, AsTheIndexSays) {
  write("model-00002-of-00002.safetensors", "b");
  write("model-00001-of-00002.safetensors", "a");
  write_index(R"({"b": "model-00002-of-00002.safetensors", "a": "model-00001-of-00002.safetensors"})");
  EXPECT_THAT(names(), ::testing::ElementsAre("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"));
}

TEST_F(Shards, MissingShard) {
  write("model-1.safetensors", "a");
  write_index(R"({"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-3.safetensors"})");
  EXPECT_EQ(error_of(Fault::input, [&] { names(); }),
            folder_.path().string() +
                ": 2 shards that model.safetensors.index.json names are missing, the first is model-2.safetensors");
}

TEST_F(Shards, IndexAndShardsMustAgree) {
  write("model-1.safetensors", "a");
  write("model-2.safetensors", "b");
  write_index(R"({"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-2.safetensors"})");
  EXPECT_EQ(error(),
            "model.safetensors.index.json: says that tensor \"c\" is in model-2.safetensors, which does not hold it");
  write_index(R"({"a": "model-2.safetensors", "b": "model-1.safetensors"})");
  EXPECT_EQ(
      error(),
      "model-1.safetensors: holds tensor \"a\", which model.safetensors.index.json says is in model-2.safetensors");
  write("model-2.safetensors", "z");
  write_index(R"({"a": "model-1.safetensors", "b": "model-2.safetensors"})");
  EXPECT_EQ(error(), "model-2.safetensors: holds tensor \"z\", which model.safetensors.index.json does not list");
}

TEST_F(Shards, IndexNamesOnlyFilesBesideIt) {
  for (const char* name : {"../model.safetensors", "/etc/model.safetensors", "sub/model.safetensors", "", "model.bin",
                           "a\\u0000.safetensors", "a\\n.safetensors"}) {
    write_index(fmt::format(R"({{"a": "{}"}})", name));
    EXPECT_THAT(error(), ::testing::StartsWith(
                             "model.safetensors.index.json: key \"weight_map.a\": expected the name of a safetensors "
                             "file in the same folder, found \""))
        << name;
  }
  write_index("{}");
  EXPECT_EQ(error(), "model.safetensors.index.json: key \"weight_map\": names no tensors");
  write_index("[]");
  EXPECT_EQ(error(), "model.safetensors.index.json: key \"weight_map\": expected an object, found [] (an array)");
  write_index(R"({"a": 1})");
  EXPECT_EQ(error(), "model.safetensors.index.json: key \"weight_map.a\": expected a string, found 1");
  test::write_file(index_path(), "{}");
  EXPECT_EQ(error(), "model.safetensors.index.json: key \"weight_map\" is missing; expected an object");
  test::write_file(index_path(), R"({"weight_map": {"a": "b.safetensors"}, "base": "/"})");
  EXPECT_EQ(error(),
            "model.safetensors.index.json: unknown key \"base\"; this version does not know what it changes, so it "
            "will not ignore it");
}

TEST_F(Shards, TheOnlyVariant) {
  write("model.bf16.safetensors", "a");
  EXPECT_THAT(names(), ::testing::ElementsAre("model.bf16.safetensors"));
  write("model.fp16.safetensors", "a");
  EXPECT_EQ(error_of(Fault::input, [&] { names(); }),
            folder_.path().string() +
                ": holds 2 sets of weights: model.bf16.safetensors, model.fp16.safetensors; expected one, so keep "
                "model.safetensors or the one that is wanted");
}

TEST_F(Shards, ShardedVariant) {
  write("model.fp16-00001-of-00001.safetensors", "a");
  test::write_file(folder_ / "model.safetensors.index.fp16.json",
                   R"({"weight_map": {"a": "model.fp16-00001-of-00001.safetensors"}})");
  EXPECT_THAT(names(), ::testing::ElementsAre("model.fp16-00001-of-00001.safetensors"));
}

TEST_F(Shards, WholeAndSharded) {
  write("model.safetensors", "a");
  write_index(R"({"a": "model.safetensors"})");
  EXPECT_THAT(error_of(Fault::input, [&] { names(); }),
              HasSubstr(": holds 2 sets of weights: model.safetensors, model.safetensors.index.json;"));
}

TEST_F(Shards, PicklesAreNotOpened) {
  test::write_file(folder_ / "pytorch_model.bin", "not a pickle, and nobody looks");
  EXPECT_EQ(
      error_of(Fault::input, [&] { names(); }),
      folder_.path().string() +
          ": its weights are pickles (pytorch_model.bin); these are never opened, because loading a pickle runs the "
          "code in it. "
          "Download the model's safetensors files (model.safetensors) or convert the pickles where you trust them");
}

TEST_F(Shards, NoWeights) {
  EXPECT_EQ(error_of(Fault::input, [&] { names(); }),
            folder_.path().string() +
                ": holds no weights; expected model.safetensors, or its shards with model.safetensors.index.json");
  fs::create_symlink("nowhere", folder_ / "model.safetensors");
  EXPECT_THAT(error_of(Fault::input, [&] { names(); }), HasSubstr("holds no weights"));
}

}  // namespace
}  // namespace sora
