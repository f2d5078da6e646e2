#include "cli/settings.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

using Texts = std::vector<std::string>;

// Each group says one thing in several ways, of which the last that was said holds.
constexpr std::array<std::array<std::string_view, 3>, 5> kAlternatives{{{"seconds", "num-frames", "extend-frames"},
                                                                        {"prompt", "prompts"},
                                                                        {"seed", "seeds"},
                                                                        {"num-videos", "seeds"},
                                                                        {"quiet", "verbose"}}};

std::string place_of(const JsonObject& json) { return shown(json.file()); }

// A number or, for what no decimal can say, a string: "24000/1001".
std::string fraction_text(JsonObject& json, std::string_view key) {
  try {
    return fmt::format("{}", json.read<double>(key));
  } catch (const Error&) {
    return json.read<std::string>(key);
  }
}

// A seed may have 64 bits and no sign.
std::string integer_text(JsonObject& json, std::string_view key) {
  try {
    return fmt::format("{}", json.read<std::int64_t>(key));
  } catch (const Error&) {
    return fmt::format("{}", json.read<std::uint64_t>(key));
  }
}

Texts texts_of(JsonObject& json, std::string_view key) {
  return json.has_array(key) ? json.read<Texts>(key) : Texts{json.read<std::string>(key)};
}

Texts two_texts_of(JsonObject& json, std::string_view key) {
  Texts texts = json.read<Texts>(key);
  if (texts.size() != 2) json.fail_at(key, fmt::format("expected two strings, found {}", texts.size()));
  return texts;
}

Texts read_texts(JsonObject& json, const Flag<Generate>& flag) {
  switch (flag.takes) {
    case Takes::nothing:
      return json.read<bool>(flag.name) ? Texts{""} : Texts{};
    case Takes::text:
      return {json.read<std::string>(flag.name)};
    case Takes::two_texts:
      return two_texts_of(json, flag.name);
    case Takes::texts:
      return texts_of(json, flag.name);
    case Takes::integer:
      return {integer_text(json, flag.name)};
    case Takes::number:
      return {fmt::format("{}", json.read<double>(flag.name))};
    case Takes::fraction:
      return {fraction_text(json, flag.name)};
  }
  fail(Fault::bug, "--{} takes nothing that is known", flag.name);
}

Texts checked_texts(JsonObject& json, const Flag<Generate>& flag) {
  Texts texts = read_texts(json, flag);
  for (const std::string& text : texts) {
    if (text.find('\0') != std::string::npos) json.fail_at(flag.name, "contains a NUL character");
  }
  return texts;
}

void require_scope(std::string_view place, const Flag<Generate>& flag, Scope widest) {
  require(flag.scope <= widest, Fault::usage, "{}: \"{}\" is no setting of {}; give --{} on the command line", place,
          flag.name, widest == Scope::video ? "one video" : "a file", flag.name);
}

}  // namespace

const Flag<Generate>& flag_for(std::string_view place, std::string_view name, Scope widest) {
  std::vector<std::string> names;
  for (const Flag<Generate>& flag : generate_flags()) {
    if (flag.name == name) {
      require_scope(place, flag, widest);
      return flag;
    }
    if (flag.scope <= widest) names.emplace_back(flag.name);
  }
  const std::string meant = nearest(name, names);
  fail(Fault::usage, "{}: there is no flag \"{}\"{}", place, printable(name),
       meant.empty() ? "; --help lists all" : fmt::format("; did you mean \"{}\"?", meant));
}

Settings read_settings(JsonObject json, Scope widest, Problems& problems) {
  Settings settings;
  const std::string place = place_of(json);
  for (const Flag<Generate>& flag : generate_flags()) {
    if (!json.has(flag.name)) {
      if (flag.scope <= widest) json.ignore({flag.name});  // known, so that finish() can suggest it
      continue;
    }
    problems.collect([&] {
      json.ignore({flag.name});
      require_scope(place, flag, widest);
      settings[std::string(flag.name)] = {fmt::format("{}: {}", place, flag.name), checked_texts(json, flag)};
    });
  }
  problems.collect([&] { json.finish(); });
  return settings;
}

Settings merged(Settings under, const Settings& over) {
  for (const auto& group : kAlternatives) {
    const auto said = [&](std::string_view name) { return over.contains(name); };
    if (std::none_of(group.begin(), group.end(), said)) continue;
    for (const std::string_view name : group) {
      if (const auto found = under.find(name); found != under.end()) under.erase(found);
    }
  }
  for (const auto& [name, setting] : over) under.insert_or_assign(name, setting);
  return under;
}

void apply_settings(const Settings& settings, Generate& options, Problems& problems) {
  for (const Flag<Generate>& flag : generate_flags()) {
    const auto found = settings.find(flag.name);
    if (found == settings.end()) continue;
    for (const std::string& text : found->second.texts) {
      const Value value{found->second.origin, text};
      const bool right = problems.collect([&] {
        if (flag.offer.only) value.one_of(flag.offer.words);
        flag.set(options, value);
      });
      if (!right) break;
    }
  }
}

}  // namespace sora
