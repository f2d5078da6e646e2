// spiece.model: protobuf's wire format, the messages of sentencepiece_model.proto, and what they must hold.
#include "text/spiece_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_set>

#include "base/files.h"
#include "base/text.h"

namespace sora {
namespace {

constexpr std::int64_t kMaxFileBytes = 64 << 20;
constexpr std::size_t kMaxPieces = 1'000'000;
constexpr std::size_t kMaxPieceBytes = 1024;

// Field numbers of sentencepiece_model.proto.
constexpr std::uint32_t kModelPieces = 1, kModelTrainerSpec = 2, kModelNormalizerSpec = 3;
constexpr std::uint32_t kPieceText = 1, kPieceScore = 2, kPieceType = 3;
constexpr std::uint32_t kTrainerModelType = 3;
constexpr std::uint32_t kNormalizerCharsmap = 2;
constexpr std::uint64_t kUnigram = 1;

enum class Wire { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct Field {
  std::uint32_t number;
  Wire wire;
  std::uint64_t varint = 0;     // of Wire::varint and Wire::fixed32
  std::string_view bytes = {};  // of Wire::bytes
};

// Protobuf's wire format, one message: a sequence of fields, each a key and a value.
class MessageReader {
 public:
  explicit MessageReader(std::string_view message) : rest_(message) {}

  std::optional<Field> next() {
    if (rest_.empty()) return std::nullopt;
    const std::uint64_t key = read_varint();
    const auto wire = static_cast<Wire>(key & 7);
    Field field{static_cast<std::uint32_t>(std::min<std::uint64_t>(key >> 3, UINT32_MAX)), wire};
    require(field.number != 0, Fault::input, "a field has number 0");
    switch (wire) {
      case Wire::varint:
        field.varint = read_varint();
        return field;
      case Wire::fixed64:
        take(8);
        return field;
      case Wire::bytes:
        field.bytes = take(read_varint());
        return field;
      case Wire::fixed32: {
        std::uint32_t bits = 0;
        std::memcpy(&bits, take(sizeof bits).data(), sizeof bits);
        field.varint = bits;
        return field;
      }
    }
    fail(Fault::input, "field {} has wire type {}", field.number, key & 7);
  }

 private:
  std::uint64_t read_varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= shift < 64 ? std::uint64_t{byte & 0x7Fu} << shift : 0;
      if (byte < 0x80) return value;
    }
    fail(Fault::input, "an integer is longer than ten bytes");
  }

  std::string_view take(std::uint64_t count) {
    require(count <= rest_.size(), Fault::input, "a field of {} bytes is cut off after {}", count, rest_.size());
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::string_view rest_;
};

void expect_wire(const Field& field, Wire wire, std::string_view name) {
  require(field.wire == wire, Fault::input, "{} has wire type {}, expected {}", name, static_cast<int>(field.wire),
          static_cast<int>(wire));
}

SpiecePiece parse_piece(std::string_view message) {
  SpiecePiece piece;
  MessageReader fields(message);
  while (const auto field = fields.next()) {
    if (field->number == kPieceText) {
      expect_wire(*field, Wire::bytes, "its text");
      require(field->bytes.size() <= kMaxPieceBytes, Fault::input, "it has {} bytes, more than {}", field->bytes.size(),
              kMaxPieceBytes);
      piece.text = field->bytes;
    } else if (field->number == kPieceScore) {
      expect_wire(*field, Wire::fixed32, "its score");
      piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(field->varint));
    } else if (field->number == kPieceType) {
      expect_wire(*field, Wire::varint, "its type");
      require(field->varint >= 1 && field->varint <= 6, Fault::input, "it has the unknown type {}", field->varint);
      piece.type = static_cast<PieceType>(field->varint);
    }
  }
  require(!piece.text.empty(), Fault::input, "it is empty");
  if (piece.text.find('\0') != piece.text.npos || !is_utf8(piece.text)) {
    fail(Fault::input, "\"{}\" is not UTF-8 without NUL", printable(piece.text));
  }
  if (!std::isfinite(piece.score)) fail(Fault::input, "\"{}\" has no finite score", printable(piece.text));
  return piece;
}

// What else the trainer was told only matters to training.
void check_trainer_spec(std::string_view message) {
  MessageReader fields(message);
  while (const auto field = fields.next()) {
    if (field->number != kTrainerModelType) continue;
    expect_wire(*field, Wire::varint, "the model type");
    require(field->varint == kUnigram, Fault::input, "the model type is {}, only 1 (unigram) is supported",
            field->varint);
  }
}

// transformers' T5Tokenizer takes the character map and nothing else: it splits at whitespace whatever the flags say.
CharacterMap parse_normalizer_spec(std::string_view message) {
  std::string_view charsmap;
  MessageReader fields(message);
  while (const auto field = fields.next()) {
    if (field->number != kNormalizerCharsmap) continue;
    expect_wire(*field, Wire::bytes, "the character map");
    charsmap = field->bytes;
  }
  return charsmap.empty() ? CharacterMap() : CharacterMap(charsmap);
}

void check_pieces(const std::vector<SpiecePiece>& pieces) {
  std::unordered_set<std::string_view> texts(pieces.size());
  for (const SpiecePiece& piece : pieces) {
    if (!texts.insert(piece.text).second) fail(Fault::input, "piece \"{}\" is there twice", printable(piece.text));
  }
  const auto unknown = std::count_if(pieces.begin(), pieces.end(),
                                     [](const SpiecePiece& piece) { return piece.type == PieceType::unknown; });
  require(unknown == 1, Fault::input, "{} of its {} pieces have the type for unknown text, expected one", unknown,
          pieces.size());
  require(texts.contains("</s>"), Fault::input, "the piece \"</s>\" is missing");
}

SpieceModel parse(std::string_view bytes) {
  SpieceModel model;
  MessageReader fields(bytes);
  while (const auto field = fields.next()) {
    if (field->number == kModelPieces) {
      expect_wire(*field, Wire::bytes, "a piece");
      require(model.pieces.size() < kMaxPieces, Fault::input, "it has more than {} pieces", kMaxPieces);
      try {
        model.pieces.push_back(parse_piece(field->bytes));
      } catch (const Error& error) {
        throw error.within(fmt::format("piece {}", model.pieces.size()));
      }
    } else if (field->number == kModelTrainerSpec) {
      expect_wire(*field, Wire::bytes, "the trainer spec");
      check_trainer_spec(field->bytes);
    } else if (field->number == kModelNormalizerSpec) {
      expect_wire(*field, Wire::bytes, "the normaliser spec");
      model.normalizer = parse_normalizer_spec(field->bytes);
    }
  }
  check_pieces(model.pieces);
  return model;
}

}  // namespace

SpieceModel parse_spiece_model(std::string_view bytes, const std::filesystem::path& file) {
  try {
    return parse(bytes);
  } catch (const Error& error) {
    throw error.within(fmt::format("{} is no sentencepiece model that can be used", printable(file.string(), 1000)));
  }
}

SpieceModel read_spiece_model(const std::filesystem::path& file) {
  return parse_spiece_model(read_file(file, kMaxFileBytes, Fault::input), file);
}

}  // namespace sora
