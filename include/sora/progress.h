// What a render tells while it works, and a check of files. Implementations: src/cli/terminal.cpp (terminal, JSON
// lines, silent).
#pragma once

#include <cstdint>
#include <string_view>

namespace sora {

enum class Stage { load_text_encoder, encode_prompt, load_model, sample, decode, verify };
std::string_view to_string(Stage stage);  // "load text encoder", ...

class Progress {
 public:
  virtual ~Progress() = default;
  /// What follows is about one video of a batch: "3/20".
  virtual void begin(std::string_view /*title*/) {}
  /// `done` of `total` (bytes, steps or frames) of a stage; the first call of a stage has done == 0, the last done ==
  /// total.
  virtual void update(Stage stage, std::int64_t done, std::int64_t total) = 0;
  /// A line for the user that is no error, e.g. that the prompt was truncated.
  virtual void note(std::string_view text) = 0;
};

}  // namespace sora
