// The sentencepiece model file (spiece.model) of a T5 tokenizer, read and checked by us: libsentencepiece trusts its
// input and crashes on crafted files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "text/character_map.h"

namespace sora {

/// sentencepiece's ModelProto.SentencePiece.Type.
enum class PieceType { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct SpiecePiece {
  std::string text;  ///< UTF-8 without NUL, 1 to 1024 bytes
  float score = 0;   ///< log probability, finite
  PieceType type = PieceType::normal;
};

/// A unigram model with distinct pieces, "</s>" among them and one of type `unknown`. A piece's id is its index.
struct SpieceModel {
  std::vector<SpiecePiece> pieces;
  CharacterMap normalizer;
};

/// Parses the file's `bytes`. Error{input} that names the file and what is wrong in it. Fuzzed.
SpieceModel parse_spiece_model(std::string_view bytes, const std::filesystem::path& file);
/// Of a file of at most 64 MiB.
SpieceModel read_spiece_model(const std::filesystem::path& file);

}  // namespace sora
