// Prompt cleaning of diffusers' Wan pipelines (prompt_clean): ftfy.fix_text, html.unescape twice, whitespace collapsed.
// The models were trained on captions that went through it.
#pragma once

#include <string>
#include <string_view>

namespace sora {

/// A prompt in UTF-8 as the tokenizer gets it. Error{usage} if it is not valid UTF-8.
///
/// Equals the reference but for one step of ftfy that is left out: text that was decoded in a wrong encoding ("cafÃ©")
/// is not repaired, because ftfy finds it by a statistical table of a thousand lines.
std::string clean_prompt(std::string_view prompt);

}  // namespace sora
