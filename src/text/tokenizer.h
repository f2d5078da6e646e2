// T5Tokenizer of transformers 5 (also known as T5TokenizerFast): text to ids, exactly as that class gives them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sora/checkpoint.h"
#include "text/added_tokens.h"
#include "text/spiece_model.h"
#include "text/unigram.h"

namespace sora {

class Tokenizer {
 public:
  /// From tokenizer/spiece.model and tokenizer/tokenizer_config.json. Error{input} that names the file.
  explicit Tokenizer(const Checkpoint& checkpoint);
  /// `config`: the content of tokenizer_config.json.
  Tokenizer(const SpieceModel& model, JsonObject config);

  struct Tokens {
    std::vector<std::int64_t> ids;  ///< </s> last; no <s>, no padding
    int dropped = 0;                ///< how many did not fit
  };
  /// Ids of a cleaned prompt (valid UTF-8): at most `max_length` >= 1 of them, </s> included.
  Tokens encode(std::string_view cleaned, int max_length) const;

 private:
  using Ids = std::vector<std::int64_t>;
  Tokenizer(const SpieceModel& model, const AddedTokens& added);
  void encode_text(std::string_view text, Ids& ids) const;
  void encode_words(std::string_view normalized, Ids& ids) const;

  CharacterMap normalizer_;
  Unigram unigram_;
  std::int64_t end_id_ = 0;
  std::vector<AddedToken> typed_tokens_, normalized_tokens_;  // longest first
};

}  // namespace sora
