// T5Tokenizer of transformers 5: added tokens, normaliser, words, unigram model.
#include "text/tokenizer.h"

#include <algorithm>
#include <utility>

#include "text/unicode.h"

namespace sora {
namespace {

constexpr char32_t kWordStart = U'▁';

// T5Tokenizer has this number written into it. In UMT5's vocabulary it is the id of <s>, while <unk> has 3.
constexpr std::int64_t kUnknownId = 2;

// The pieces of spiece.model and the sentinels after them, in the order of their ids.
Unigram make_unigram(const SpieceModel& model, const std::vector<std::string>& sentinels) {
  std::vector<Unigram::Piece> pieces;
  pieces.reserve(model.pieces.size() + sentinels.size());
  // Hugging Face's Unigram knows no types: control and byte pieces are pieces like any other.
  for (const SpiecePiece& piece : model.pieces) pieces.push_back({piece.text, piece.score});
  for (const std::string& token : sentinels) pieces.push_back({token, 0});
  return Unigram(std::move(pieces));
}

std::int64_t find_end(const SpieceModel& model) {
  const auto end = std::find_if(model.pieces.begin(), model.pieces.end(),
                                [](const SpiecePiece& piece) { return piece.text == "</s>"; });
  return end - model.pieces.begin();
}

// Hands the parts of `text` to on_text and on_token. Of tokens that begin at the same place the longest wins.
template <class OnText, class OnToken>
void split(std::string_view text, const std::vector<AddedToken>& longest_first, OnText on_text, OnToken on_token) {
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto token = std::find_if(longest_first.begin(), longest_first.end(), [&](const AddedToken& candidate) {
      return text.substr(i).starts_with(candidate.text);
    });
    if (token == longest_first.end()) {
      ++i;
      continue;
    }
    if (start < i) on_text(text.substr(start, i - start));
    on_token(token->id);
    i += token->text.size();
    start = i;
  }
  if (start < text.size()) on_text(text.substr(start));
}

// Words are cut at whitespace and before every "▁", and each begins with a "▁".
std::vector<std::u32string> words_of(std::u32string_view normalized) {
  std::vector<std::u32string> words;
  bool inside = false;
  for (const char32_t c : normalized) {
    if (is_white_space(c)) {
      inside = false;
      continue;
    }
    if (!inside || c == kWordStart) words.emplace_back(1, kWordStart);
    if (c != kWordStart) words.back() += c;
    inside = true;
  }
  return words;
}

}  // namespace

Tokenizer::Tokenizer(const Checkpoint& checkpoint)
    : Tokenizer(read_spiece_model(checkpoint.file("tokenizer", "spiece.model")),
                JsonObject::from_file(checkpoint.file("tokenizer", "tokenizer_config.json"))) {}

Tokenizer::Tokenizer(const SpieceModel& model, JsonObject config)
    : Tokenizer(model, read_added_tokens(model, std::move(config))) {}

Tokenizer::Tokenizer(const SpieceModel& model, const AddedTokens& added)
    : normalizer_(model.normalizer), unigram_(make_unigram(model, added.sentinels)), end_id_(find_end(model)) {
  for (const AddedToken& token : added.tokens) {
    if (!token.normalized)
      typed_tokens_.push_back(token);
    else
      normalized_tokens_.push_back({normalizer_.apply(token.text), token.id, true});
  }
  std::erase_if(normalized_tokens_, [](const AddedToken& token) { return token.text.empty(); });
  for (std::vector<AddedToken>* tokens : {&typed_tokens_, &normalized_tokens_}) {
    std::stable_sort(tokens->begin(), tokens->end(),
                     [](const AddedToken& a, const AddedToken& b) { return a.text.size() > b.text.size(); });
  }
}

Tokenizer::Tokens Tokenizer::encode(std::string_view cleaned, int max_length) const {
  require(max_length >= 1, Fault::bug, "A prompt cannot have {} tokens", max_length);
  Tokens tokens;
  encode_text(cleaned, tokens.ids);
  const std::size_t kept = std::min(tokens.ids.size(), static_cast<std::size_t>(max_length - 1));
  tokens.dropped = static_cast<int>(tokens.ids.size() - kept);
  tokens.ids.resize(kept);
  tokens.ids.push_back(end_id_);
  return tokens;
}

void Tokenizer::encode_text(std::string_view text, Ids& ids) const {
  const auto on_token = [&](std::int64_t id) { ids.push_back(id); };
  const auto on_text = [&](std::string_view part) {
    const std::string normalized = normalizer_.apply(part);
    split(
        normalized, normalized_tokens_, [&](std::string_view words) { encode_words(words, ids); }, on_token);
  };
  split(text, typed_tokens_, on_text, on_token);
}

void Tokenizer::encode_words(std::string_view normalized, Ids& ids) const {
  for (const std::u32string& word : words_of(to_utf32(normalized))) {
    std::int64_t previous = -1;
    for (const int piece : unigram_.segment(to_utf8(word))) {
      const std::int64_t id = piece == Unigram::kUnknown ? kUnknownId : piece;
      // A run of unknown characters in a word is one token.
      if (id != kUnknownId || previous != kUnknownId) ids.push_back(id);
      previous = id;
    }
  }
}

}  // namespace sora
