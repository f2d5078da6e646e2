// From the words of the command line to a Command. The only file that includes CLI11, which splits words into flags and
// values; what they mean, and every message, is ours.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <span>

#include "base/text.h"
#include "cli/generated.h"
#include "cli/help.h"
#include "cli/problems.h"
#include "cli/settings.h"
#include "cli/sidecar.h"
#include "cli/variables.h"
#include "cli/variations.h"
#include "sora/checkpoint.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr std::string_view kNoConfig = "none";
constexpr std::size_t kAnyNumber = 10'000;
constexpr const char* kNoPrompt = "no prompt: give --prompt TEXT, or --prompt - to read it from standard input";

using Words = std::vector<std::string>;

struct Split {
  Settings settings;
  Words rest;  // what belongs to no flag
};

template <class Options>
std::string dashed(const Flag<Options>& flag) {
  return "--" + std::string(flag.name);
}

template <class Options>
std::string dashed_letter(const Flag<Options>& flag) {
  return flag.letter == '\0' ? "" : std::string{'-', flag.letter};
}

template <class Options>
const Flag<Options>* find_flag(std::span<const Flag<Options>> flags, std::string_view word) {
  if (word.empty()) return nullptr;
  const auto found = std::find_if(flags.begin(), flags.end(), [&](const auto& flag) {
    return word == dashed(flag) || word == dashed_letter(flag);
  });
  return found == flags.end() ? nullptr : &*found;
}

// The flag that the next word belongs to if it takes a value: of "-o", of "--output", of the o in "-qo".
template <class Options>
const Flag<Options>* last_flag(std::span<const Flag<Options>> flags, std::string_view word) {
  const bool letters = word.size() > 2 && word[0] == '-' && word[1] != '-';
  if (!letters) return find_flag(flags, word);
  for (const char letter : word.substr(1, word.size() - 2)) {
    const Flag<Options>* flag = find_flag(flags, std::string{'-', letter});
    if (flag == nullptr || flag->takes != Takes::nothing) return nullptr;
  }
  return find_flag(flags, std::string{'-', word.back()});
}

int values_of(Takes takes) { return takes == Takes::nothing ? 0 : takes == Takes::two_texts ? 2 : 1; }

template <class Options>
const std::string& next_value(std::span<const Flag<Options>> flags, const Flag<Options>& flag, const Words& words,
                              std::size_t at) {
  const std::string_view value = flag.takes == Takes::two_texts ? "a value" : "the value";
  require(at < words.size(), Fault::usage, "--{}: {} is missing", flag.name, value);
  const std::string& word = words[at];
  if (find_flag(flags, word) == nullptr) return word;
  require(flag.takes != Takes::two_texts, Fault::usage,
          "--{}: {} is missing; {} is a flag (write ./{} if it is a file)", flag.name, value, word, word);
  fail(Fault::usage, "--{}: {} is missing; {} is a flag (write --{}={} if it is meant as the value)", flag.name, value,
       word, flag.name, word);
}

// Where CLI11 would guess, an error: "--prompt --steps 5" makes "--steps" the prompt, "--json=no" sets json, and "-o=x"
// makes "=x" the output. "--prompt= x" makes x the prompt: here the empty value gets a word of its own.
template <class Options>
Words without_traps(std::span<const Flag<Options>> flags, const Words& words) {
  Words safe;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      safe.insert(safe.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
      return safe;
    }
    const std::size_t equals = word.rfind("--", 0) == 0 ? word.find('=') : std::string::npos;
    const bool has_value = equals != std::string::npos;
    const Flag<Options>* flag = last_flag(flags, std::string_view(word).substr(0, equals));
    require(word.size() < 3 || word[2] != '=' || find_flag(flags, word.substr(0, 2)) == nullptr, Fault::usage,
            "{}: a short flag's value follows a space", printable(word));
    safe.push_back(word);
    if (flag == nullptr) continue;
    if (flag->takes == Takes::nothing) {
      require(!has_value, Fault::usage, "--{} takes no value, found {}", flag->name, printable(word));
    } else if (has_value && flag->takes == Takes::two_texts) {
      fail(Fault::usage, "--{} takes two values, as in --{} {}; found {}", flag->name, flag->name, flag->value,
           printable(word));
    } else if (has_value && equals + 1 == word.size()) {
      safe.back().pop_back();
      safe.emplace_back();
    } else if (!has_value) {
      for (int n = 0; n < values_of(flag->takes); ++n) safe.push_back(next_value(flags, *flag, words, ++i));
    }
  }
  return safe;
}

[[noreturn]] void fail_unknown_flag(std::string_view word, const Words& flags) {
  const std::string name(word.substr(0, word.find('=')));
  const std::string meant = nearest(name, flags);
  require(meant.empty(), Fault::usage, "unknown flag {}; did you mean {}?", printable(name), meant);
  fail(Fault::usage, "unknown flag {}; --help lists all", printable(name));
}

[[noreturn]] void fail_unexpected(std::string_view command, const std::string& word, bool first) {
  Words known;
  for (const NextWord& next : next_words(command)) known.emplace_back(next.word);
  const std::string meant = first ? nearest(word, known) : "";
  require(meant.empty(), Fault::usage, "unknown command {}; did you mean {}?", printable(word), meant);
  require(!command.empty(), Fault::usage,
          "unexpected argument {}; a value with spaces needs quotes, and a prompt goes after --prompt",
          printable(word));
  fail(Fault::usage, "unexpected argument {}; sora-gen {} --help says what it takes", printable(word), command);
}

// What is no flag and no flag's value. Throws Error{usage} if that is more than `most` words.
Words checked_rest(std::string_view command, const Words& remaining, std::size_t most, const Words& flags) {
  Words rest;
  bool flags_ended = false;
  for (const std::string& word : remaining) {
    if (word == "--" && !flags_ended) {
      flags_ended = true;
      continue;
    }
    if (!flags_ended && word.size() > 1 && word[0] == '-') fail_unknown_flag(word, flags);
    rest.push_back(word);
  }
  if (rest.size() > most) fail_unexpected(command, rest[most], most == 0);
  return rest;
}

template <class Options>
Split split(std::string_view command, std::span<const Flag<Options>> flags, const Words& words, std::size_t most_rest) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::map<std::string_view, CLI::Option*> options;
  Words names;
  for (const Flag<Options>& flag : flags) {
    names.push_back(dashed(flag));
    const std::string spelling = flag.letter == '\0' ? dashed(flag) : dashed_letter(flag) + "," + dashed(flag);
    CLI::Option* option = flag.takes == Takes::nothing ? app.add_flag(spelling)
                                                       : app.add_option(spelling)->expected(values_of(flag.takes));
    options[flag.name] = option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  Words reversed = without_traps(flags, words);
  std::reverse(reversed.begin(), reversed.end());  // as CLI11 wants it
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    fail(Fault::usage, "{}", printable(error.what(), 300));
  }

  Split result;
  result.rest = checked_rest(command, app.remaining(), most_rest, names);
  for (const Flag<Options>& flag : flags) {
    const CLI::Option* option = options.at(flag.name);
    const std::size_t times = option->count() / static_cast<std::size_t>(std::max(1, values_of(flag.takes)));
    require(times <= 1 || flag.takes == Takes::texts, Fault::usage, "--{} is given {} times", flag.name, times);
    if (times > 0) result.settings[std::string(flag.name)] = {dashed(flag), option->results()};
  }
  return result;
}

template <class Options>
void apply(std::span<const Flag<Options>> flags, const Settings& settings, Options& options) {
  for (const Flag<Options>& flag : flags) {
    const auto given = settings.find(flag.name);
    if (given == settings.end()) continue;
    for (const std::string& text : given->second.texts) {
      const Value value{given->second.origin, text};
      if (flag.offer.only) value.one_of(flag.offer.words);
      flag.set(options, value);
    }
  }
}

CommandInfo info_of(std::string_view command) {
  const std::vector<CommandInfo> all = commands();
  return *std::find_if(all.begin(), all.end(), [&](const CommandInfo& info) { return info.name == command; });
}

Generate generate_of(Settings settings) {
  Problems problems;
  Generate options;
  apply_settings(settings, options, problems);
  problems.throw_if_any();
  options.settings = std::move(settings);
  return options;
}

// Whatever wins over them, wrong values are errors.
Settings checked(Settings settings) { return generate_of(std::move(settings)).settings; }

Settings settings_of_file(const std::filesystem::path& file) {
  Problems problems;
  Settings settings = read_settings(JsonObject::from_file(file, Fault::usage), Scope::run, problems);
  problems.throw_if_any();
  return settings;
}

// What variables and files say, and over it what is `given`.
Settings completed(const Settings& given, const Generate& flags, const Variables& variables) {
  Settings settings;
  const std::optional<std::filesystem::path> own = flags.config.empty() ? user_config_file(variables) : std::nullopt;
  if (own) settings = checked(settings_of_file(*own));
  settings = merged(std::move(settings), checked(settings_of(variables, info_of("").flags)));
  if (!flags.config.empty() && flags.config != kNoConfig)
    settings = merged(std::move(settings), checked(settings_of_file(flags.config)));
  if (!flags.from.empty()) settings = merged(std::move(settings), checked(settings_from(flags.from)));
  return merged(std::move(settings), given);
}

Command parse_generate(const Words& words, const Variables& variables) {
  // A wrong flag is reported before a wrong variable or file.
  const Generate flags = generate_of(split("", generate_flags(), words, 0).settings);
  if (flags.help) return ShowText{help_text(info_of(""))};
  if (flags.version) return ShowText{"sora-gen " SORA_VERSION "\n"};
  if (!flags.generate.empty()) return ShowText{generated(flags.generate)};
  Generate options = generate_of(completed(flags.settings, flags, variables));
  const bool prompted = options.prompt_given || !options.prompts.empty();
  require(prompted || !words.empty(), Fault::usage, "{}\n\n{}", kNoPrompt, short_help());
  require(prompted, Fault::usage, "{}", kNoPrompt);
  require(!options.prompt_given || options.prompts.empty(), Fault::usage,
          "--prompt and --prompts both say what to make; give one of them");
  require(!options.quiet || !options.verbose, Fault::usage, "--quiet and --verbose contradict each other");
  check_variations(options);
  return options;
}

// The flags of a command that is not Generate; what is left over goes to `take`.
template <class Options>
Command parse_other(std::string_view command, std::span<const Flag<Options>> flags, const Words& words,
                    const Variables& variables, std::size_t most_rest, void (*take)(Options&, Words)) {
  const CommandInfo info = info_of(command);
  Split given = split(command, flags, words, most_rest);
  Options options;
  apply(flags, given.settings, options);
  if (options.help) return ShowText{help_text(info)};
  Options all;
  apply(flags, merged(settings_of(variables, info.flags), given.settings), all);
  take(all, std::move(given.rest));
  return all;
}

}  // namespace

Command parse_command_line(const std::vector<std::string>& arguments, const Variables& variables) {
  const std::string first = arguments.empty() ? "" : arguments[0];
  const auto after = [&](std::ptrdiff_t words) { return Words(arguments.begin() + words, arguments.end()); };
  if (first == "inspect") {
    return parse_other<Inspect>("inspect", inspect_flags(), after(1), variables, 1, [](Inspect& options, Words rest) {
      if (!rest.empty()) options.model = rest[0];
    });
  }
  if (first == "doctor")
    return parse_other<Doctor>("doctor", doctor_flags(), after(1), variables, 0, [](Doctor&, Words) {});
  if (first == "models" && arguments.size() > 1 && arguments[1] == "verify") {
    return parse_other<VerifyModels>("models verify", verify_models_flags(), after(2), variables, kAnyNumber,
                                     [](VerifyModels& options, Words rest) { options.models = std::move(rest); });
  }
  if (first == "verify") {
    Command command = parse_other<Verify>("verify", verify_flags(), after(1), variables, kAnyNumber,
                                          [](Verify& options, Words rest) { options.files = std::move(rest); });
    const auto* verify = std::get_if<Verify>(&command);
    require(verify == nullptr || !verify->files.empty(), Fault::usage,
            "sora-gen verify: no file; sora-gen verify FILE ... says where videos come from");
    return command;
  }
  if (first == "keygen")
    return parse_other<Keygen>("keygen", keygen_flags(), after(1), variables, 0, [](Keygen&, Words) {});
  if (first == "audit") {
    require(arguments.size() > 1 && arguments[1] == "verify", Fault::usage,
            "sora-gen audit: verify is missing; sora-gen audit verify [FILE] says whether the log is whole");
    return parse_other<VerifyAudit>("audit verify", verify_audit_flags(), after(2), variables, 1,
                                    [](VerifyAudit& options, Words rest) {
                                      if (!rest.empty()) options.file = rest[0];
                                    });
  }
  if (first == "models")
    return parse_other<Models>("models", models_flags(), after(1), variables, 0, [](Models&, Words) {});
  const std::string second = first == "policy" && arguments.size() > 1 ? arguments[1] : "";
  if (second == "check") {
    return parse_other<PolicyCheck>("policy check", policy_check_flags(), after(2), variables, 1,
                                    [](PolicyCheck& options, Words rest) {
                                      if (!rest.empty()) options.text = rest[0];
                                    });
  }
  if (second == "eval") {
    return parse_other<PolicyEval>("policy eval", policy_eval_flags(), after(2), variables, 0,
                                   [](PolicyEval&, Words) {});
  }
  if (first == "policy")
    return parse_other<PolicyShow>("policy", policy_flags(), after(1), variables, 0, [](PolicyShow&, Words) {});
  return parse_generate(arguments, variables);
}

bool asks_for_json(const std::vector<std::string>& arguments, const Variables& variables) {
  if (std::find(arguments.begin(), arguments.end(), "--json") != arguments.end()) return true;
  const auto variable = variables.find(variable_of("json"));
  try {
    return variable != variables.end() && is_on({variable->first, variable->second});
  } catch (const Error&) {
    return false;  // reported when the variables are read
  }
}

}  // namespace sora
