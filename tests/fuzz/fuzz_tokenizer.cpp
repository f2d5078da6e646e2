// The bytes as a spiece.model: refused with Error{input}, or good enough to encode a text. The bytes as a prompt.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "text/prompt_cleaning.h"
#include "text/tokenizer.h"

namespace {

void check(bool ok) {
  if (!ok) std::abort();
}

void encode_with(const sora::SpieceModel& model) {
  constexpr int kMaxLength = 32;
  const sora::Tokenizer tokenizer(model, {R"({"extra_ids": 2})", "tokenizer_config.json", sora::Fault::input});
  const auto tokens = tokenizer.encode("A red ball, ▁ab ①B̀ ﬁé 猫 <unk> <extra_id_1></s>", kMaxLength);
  check(!tokens.ids.empty() && tokens.ids.size() <= kMaxLength && tokens.dropped >= 0);
  for (const std::int64_t id : tokens.ids) check(id >= 0 && id < static_cast<std::int64_t>(model.pieces.size()) + 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (sora::is_utf8(bytes)) check(sora::is_utf8(sora::clean_prompt(bytes)));
  try {
    encode_with(sora::parse_spiece_model(bytes, "spiece.model"));
  } catch (const sora::Error& error) {
    check(error.fault() == sora::Fault::input);
  }
  return 0;
}
