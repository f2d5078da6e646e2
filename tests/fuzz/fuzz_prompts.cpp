// Prompt files: the first byte of an input chooses the format, the rest is the file. Anything may be refused, but in
// words that a terminal can show, and what is accepted has a name that stays in its folder.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/name_template.h"
#include "base/text.h"
#include "cli/prompt_lines.h"
#include "cli/settings.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

sora::PromptFormat format_of(char byte) {
  return byte == 'j'   ? sora::PromptFormat::json_lines
         : byte == 'c' ? sora::PromptFormat::csv
                       : sora::PromptFormat::text;
}

void check_name(const sora::Request& request) {
  const std::string name =
      sora::NameTemplate(sora::kBatchOutput).fill({.prompt = request.prompt, .model = request.prompt});
  check(!name.empty() && name.size() < 256 && name[0] != '.' && name[0] != '-' && sora::is_utf8(name));
  check(name.find('/') == name.npos && sora::printable(name, name.size() + 1) == name);
  if (request.output.path.empty()) return;
  const std::filesystem::path output = sora::NameTemplate(request.output.path).fill({.prompt = request.prompt});
  check(!output.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  sora::Problems problems;
  sora::read_prompt_lines(bytes.substr(1), format_of(bytes[0]), "fuzz", problems,
                          [&](const std::string&, const sora::Settings& settings) {
                            sora::Generate options;
                            const int before = problems.count();
                            sora::apply_settings(settings, options, problems);
                            if (problems.count() == before) check_name(options.request);
                            return true;
                          });
  try {
    problems.throw_if_any();
  } catch (const sora::Error& error) {
    std::string message = error.what();
    for (char& c : message) c = c == '\n' ? ' ' : c;  // between problems
    check(error.fault() == sora::Fault::usage && sora::printable(message, message.size() + 1) == message);
  }
  return 0;
}
