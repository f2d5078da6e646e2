// The manual page, in the macros of man(7).
#include <fmt/format.h>

#include <sstream>

#include "cli/generated.h"
#include "cli/help.h"
#include "sora/error.h"

namespace sora {
namespace {

// A line of text: no request, no escape, and minus signs that can be copied.
std::string escaped(std::string_view text) {
  std::string out;
  bool starts_line = true;
  for (const char letter : text) {
    if (starts_line && (letter == '.' || letter == '\'')) out += "\\&";
    starts_line = letter == '\n';
    if (letter == '\\')
      out += "\\e";
    else if (letter == '-')
      out += "\\-";
    else
      out += letter;
  }
  return out;
}

// The words of `text` in lines of at most 80 characters.
std::string paragraph(std::string_view text) {
  constexpr std::size_t kColumns = 80;
  std::istringstream words{std::string(text)};
  std::string lines, line;
  for (std::string word; words >> word;) {
    const std::string longer = line.empty() ? word : line + ' ' + word;
    if (!line.empty() && escaped(longer).size() > kColumns) {
      lines += escaped(line) + '\n';
      line = word;
    } else {
      line = longer;
    }
  }
  return lines + escaped(line) + '\n';
}

// What a macro takes as one word.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char letter : escaped(text)) out += letter == '"' ? "\\(dq" : std::string(1, letter);
  return out + '"';
}

std::string flag_entry(const FlagInfo& flag) {
  std::string term = flag.letter == '\0' ? "" : fmt::format("\\fB\\-{}\\fP, ", flag.letter);
  term += fmt::format("\\fB\\-\\-{}\\fP", escaped(flag.name));
  if (!flag.value.empty()) term += fmt::format(" \\fI{}\\fP", escaped(flag.value));
  return fmt::format(".TP\n{}\n{}", term, paragraph(flag.help));
}

std::string flag_entries(const std::vector<FlagInfo>& flags, bool headings) {
  std::string text;
  std::string_view group;
  for (const FlagInfo& flag : flags) {
    if (headings && flag.group != group) text += fmt::format(".SS {}\n", in_quotes(flag.group));
    group = flag.group;
    text += flag_entry(flag);
  }
  return text;
}

std::string synopsis() {
  std::string text = ".SH SYNOPSIS\n";
  bool first = true;
  for (const CommandInfo& command : commands()) {
    if (!first) text += ".br\n";
    first = false;
    text += fmt::format("{}\n", escaped(usage_of(command).call));
  }
  return text;
}

std::string command_sections(const std::vector<CommandInfo>& all) {
  std::string text = ".SH COMMANDS\n";
  for (const CommandInfo& command : all) {
    if (command.name.empty()) continue;
    text += fmt::format(".SS {}\n{}{}", in_quotes(usage_of(command).call), paragraph(command.text),
                        flag_entries(command.flags, false));
  }
  return text;
}

std::string examples() {
  std::string text = ".SH EXAMPLES\n.nf\n";
  for (const std::string_view example : kExamples) text += escaped(example) + '\n';
  return text + ".fi\n";
}

std::string exit_status() {
  std::string text = ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : kExitCodes) text += fmt::format(".TP\n{}\n{}", code, paragraph(meaning));
  return text;
}

constexpr std::string_view kEnvironment = R"(.SH ENVIRONMENT
.TP
\fBSORA_GEN_\fP\fIFLAG\fP
A flag's value; see OPTIONS.
A variable of this form that no flag has is an error.
.TP
\fBHF_HUB_CACHE\fP, \fBHF_HOME\fP, \fBXDG_CACHE_HOME\fP
Where the Hugging Face cache lies: in itself, in hub, in huggingface/hub.
.TP
\fBXDG_CONFIG_HOME\fP
Where the user's own file lies, in place of ~/.config.
.TP
\fBNO_COLOR\fP, \fBCLICOLOR_FORCE\fP, \fBTERM\fP
Messages have colour on a terminal that is not "dumb"; never with NO_COLOR,
always with CLICOLOR_FORCE.
.SH FILES
.TP
~/.config/sora\-gen/config.json
The user's own flags, as a JSON object such as {"device": "cuda", "crf": 20}.
Read unless \fB\-\-config\fP names another file, or \fBnone\fP.
)";

}  // namespace

std::string generated(std::string_view kind) {
  if (kind == "man") return manual_page();
  if (kind == "complete-bash") return bash_completion();
  if (kind == "complete-zsh") return zsh_completion();
  if (kind == "complete-fish") return fish_completion();
  fail(Fault::bug, "nothing is generated as {}", kind);
}

std::string manual_page() {
  const std::vector<CommandInfo> all = commands();
  std::string page =
      fmt::format(".TH SORA\\-GEN 1 {} {} \"User Commands\"\n", SORA_RELEASED, "\"sora-gen " SORA_VERSION "\"");
  page += ".SH NAME\nsora\\-gen \\- make videos from text, images and clips\n";
  page += synopsis();
  page += ".SH DESCRIPTION\n" + paragraph(all[0].text);
  page += ".SH OPTIONS\n" + paragraph(other_sources());
  page += flag_entries(all[0].flags, true);
  page += command_sections(all);
  page += kEnvironment;
  page += exit_status();
  page += examples();
  return page;
}

}  // namespace sora
