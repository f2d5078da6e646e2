// Results and failures. Messages go through spdlog's default logger, which prints no time.
#include "cli/report.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/prompt_policy.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr const char* kPattern = "sora-gen: %^%l%$: %v";

}  // namespace

void write_result(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  require(written, Fault::output, "standard output: {}", std::strerror(errno));
}

void write_line(const std::string& name) {
  write_result((isatty(STDOUT_FILENO) != 0 ? printable(name, name.size()) : name) + "\n");
}

void write_json(const nlohmann::ordered_json& object, int indent) {
  write_result(object.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

bool wants_colour(bool terminal, const Variables& variables) {
  const auto value = [&](std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? "" : found->second;
  };
  if (!value("NO_COLOR").empty()) return false;
  const std::string force = value("CLICOLOR_FORCE");
  if (!force.empty() && force != "0") return true;
  return terminal && value("TERM") != "dumb" && value("CLICOLOR") != "0";
}

void start_messages(bool colour) {
  const auto mode = colour ? spdlog::color_mode::always : spdlog::color_mode::never;
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(mode);
  sink->set_color(spdlog::level::err, sink->red_bold);
  sink->set_color(spdlog::level::warn, sink->yellow_bold);
  for (const auto level : {spdlog::level::info, spdlog::level::debug}) sink->set_color(level, sink->reset);
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("sora-gen", std::move(sink)));
  spdlog::set_pattern(kPattern);
}

void set_message_level(bool quiet, bool verbose) {
  spdlog::set_level(quiet ? spdlog::level::err : verbose ? spdlog::level::debug : spdlog::level::info);
}

void say_refused(const std::string& origin, const std::string& message) {
  spdlog::set_pattern("sora-gen: %^refused%$: %v");
  spdlog::error("{}{}{}", origin, origin.empty() ? "" : ": ", message);
  spdlog::set_pattern(kPattern);
}

void report_refusal(const Refused& refused, bool json) noexcept {
  try {
    say_refused("", refused.what());
    if (!json) return;
    nlohmann::ordered_json object{{"exit", exit_code(refused.fault())}, {"error", refused.what()}};
    object.update(refused.details());
    write_json(object, -1);
  } catch (const std::exception&) {
    return;  // as below
  }
}

void report_failure(int exit_code, const std::string& message, bool json) noexcept {
  try {
    const bool refused = exit_code == sora::exit_code(Fault::refused);
    if (refused)
      say_refused("", message);
    else
      spdlog::error("{}", message);
    if (!json) return;
    nlohmann::ordered_json object{{"exit", exit_code}, {"error", message}};
    if (refused) object["code"] = kFramesRefused;
    write_json(object, -1);
  } catch (const std::exception&) {
    // Nowhere is left to say it; the exit code still does.
    return;
  }
}

}  // namespace sora
