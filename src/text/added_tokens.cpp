// Tokens that are found in a text as they are written: from the model, the sentinels, and tokenizer_config.json.
#include "text/added_tokens.h"

#include <charconv>
#include <map>
#include <unordered_map>

#include "base/text.h"

namespace sora {
namespace {

constexpr int kMaxSentinels = 10'000;
constexpr std::int64_t kMaxId = 10'000'000;

using Ids = std::unordered_map<std::string_view, std::int64_t>;  // of spiece.model's pieces
using TokensByText = std::map<std::string, AddedToken>;

std::vector<std::string> read_sentinels(JsonObject& config) {
  const int count = config.read_or<int>("extra_ids", 100);
  if (count < 0 || count > kMaxSentinels) {
    config.fail_at("extra_ids", fmt::format("expected 0 to {}, found {}", kMaxSentinels, count));
  }
  std::vector<std::string> sentinels;
  for (int i = count - 1; i >= 0; --i) sentinels.push_back(fmt::format("<extra_id_{}>", i));
  return sentinels;
}

std::int64_t read_id(const JsonObject& decoder, const std::string& key) {
  std::int64_t id = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc() || end != key.data() + key.size() || id < 0 || id > kMaxId) {
    decoder.fail_at(key, fmt::format("expected a token id of 0 to {} as the key", kMaxId));
  }
  return id;
}

// "added_tokens_decoder": {"0": {"content": "<pad>", "normalized": false, ...}, ...}, as transformers 4 writes it.
void read_decoder(JsonObject decoder, const Ids& ids, TokensByText& tokens) {
  for (const std::string& key : decoder.keys()) {
    JsonObject entry = decoder.read_object(key);
    const auto text = entry.read<std::string>("content");
    if (text.empty()) entry.fail_at("content", "a token has at least one character");
    const std::int64_t id = read_id(decoder, key);
    const auto known = ids.find(text);
    if (known != ids.end() && known->second != id) {
      entry.fail_at("content", fmt::format("\"{}\" has id {} in spiece.model", printable(text), known->second));
    }
    entry.expect("single_word", false);
    // They take whitespace around the token away, which separates words and is dropped in any case.
    entry.ignore({"lstrip", "rstrip", "__type"});
    const bool special = entry.read_or<bool>("special", false);
    tokens[text] = {text, id, entry.read_or<bool>("normalized", !special)};
    entry.finish();
  }
}

}  // namespace

AddedTokens read_added_tokens(const SpieceModel& model, JsonObject config) {
  AddedTokens added{read_sentinels(config), {}};
  Ids ids(model.pieces.size());
  TokensByText tokens;
  for (const SpiecePiece& piece : model.pieces) {
    const auto id = static_cast<std::int64_t>(ids.size());
    ids.emplace(piece.text, id);
    const bool is_token =
        piece.type == PieceType::control || piece.type == PieceType::unknown || piece.type == PieceType::user_defined;
    if (is_token) tokens[piece.text] = {piece.text, id, false};
  }
  auto next_id = static_cast<std::int64_t>(model.pieces.size());
  for (const std::string& text : added.sentinels) {
    if (ids.contains(text)) config.fail_at("extra_ids", fmt::format("\"{}\" is a piece of spiece.model already", text));
    tokens[text] = {text, next_id++, false};
  }
  if (config.has("added_tokens_decoder")) read_decoder(config.read_object("added_tokens_decoder"), ids, tokens);
  for (auto& [text, token] : tokens) added.tokens.push_back(std::move(token));
  return added;
}

}  // namespace sora
