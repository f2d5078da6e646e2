// Three ways to show progress.
#include "cli/terminal.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace sora {
namespace {

using Clock = std::chrono::steady_clock;

// Which stage runs, since when, and whether it is time to say so again.
class StageClock {
 public:
  // True for the first and the last call of a stage, and between them at most ten times a second.
  bool due(Stage stage, std::int64_t done, std::int64_t total) {
    const Clock::time_point now = Clock::now();
    const bool first = stage != stage_ || done < done_;
    if (first) {
      started_ = now;
      done_at_start_ = done;
    }
    stage_ = stage;
    done_ = done;
    if (!first && done < total && now - said_ < std::chrono::milliseconds(100)) return false;
    said_ = now;
    return true;
  }
  double seconds() const { return std::chrono::duration<double>(said_ - started_).count(); }
  // Counts from where the stage was entered: sampling goes on at a later step after the second expert is loaded.
  std::optional<double> eta(std::int64_t total) const {
    if (done_ == done_at_start_) return std::nullopt;
    return seconds() * static_cast<double>(total - done_) / static_cast<double>(done_ - done_at_start_);
  }

 private:
  std::optional<Stage> stage_;
  std::int64_t done_ = 0, done_at_start_ = 0;
  Clock::time_point started_, said_;
};

int terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

class TerminalProgress final : public Progress {
 public:
  ~TerminalProgress() override { clear(); }

  void begin(std::string_view title) override { title_ = fmt::format("{}  ", title); }

  void update(Stage stage, std::int64_t done, std::int64_t total) override {
    if (!clock_.due(stage, done, total)) return;
    clear();
    if (done >= total) return;
    // One column stays free: a full line would wrap on some terminals.
    const int width = terminal_width() - 1 - static_cast<int>(title_.size());
    const std::string line = title_ + progress_bar(stage, done, total, clock_.eta(total), width);
    std::fwrite(line.data(), 1, line.size(), stderr);
    drawn_ = true;
  }

  void note(std::string_view text) override {
    clear();
    spdlog::warn("{}", text);
  }

 private:
  void clear() {
    constexpr std::string_view kEraseLine = "\r\x1b[K";
    if (drawn_) std::fwrite(kEraseLine.data(), 1, kEraseLine.size(), stderr);
    drawn_ = false;
  }

  StageClock clock_;
  std::string title_;
  bool drawn_ = false;
};

class JsonLines final : public Progress {
 public:
  void begin(std::string_view title) override {
    say(nlohmann::ordered_json{{"event", "video"}, {"title", title}}.dump());
  }

  void update(Stage stage, std::int64_t done, std::int64_t total) override {
    if (clock_.due(stage, done, total)) say(progress_line(stage, done, total, clock_.seconds()));
  }

  void note(std::string_view text) override {
    const nlohmann::ordered_json line{{"event", "note"}, {"text", text}};
    say(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }

 private:
  static void say(const std::string& line) { fmt::print(stderr, "{}\n", line); }

  StageClock clock_;
};

class Silent final : public Progress {
 public:
  void update(Stage, std::int64_t, std::int64_t) override {}
  void note(std::string_view text) override { spdlog::warn("{}", text); }
};

bool can_animate() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && (terminal == nullptr || std::string_view(terminal) != "dumb");
}

std::string amount(Stage stage, std::int64_t done, std::int64_t total) {
  switch (stage) {
    case Stage::load_text_encoder:
    case Stage::load_model:
    case Stage::verify:
      return fmt::format("{} of {}", human_bytes(done), human_bytes(total));
    case Stage::encode_prompt:
      return fmt::format("{}/{} prompts", done, total);
    case Stage::sample:
      return fmt::format("{}/{} steps", done, total);
    case Stage::decode:
      return fmt::format("{}/{} frames", done, total);
  }
  return "";
}

}  // namespace

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::load_text_encoder:
      return "load text encoder";
    case Stage::encode_prompt:
      return "encode prompt";
    case Stage::load_model:
      return "load model";
    case Stage::sample:
      return "sample";
    case Stage::decode:
      return "decode";
    case Stage::verify:
      return "verify";
  }
  return "";
}

std::string progress_bar(Stage stage, std::int64_t done, std::int64_t total, std::optional<double> eta_seconds,
                         int width) {
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
  const std::string eta = eta_seconds ? "  ETA " + human_seconds(*eta_seconds) : "";
  const std::string left = fmt::format("{:<17} ", to_string(stage));
  const std::string right = fmt::format(" {:3.0f}%  {}{}", 100 * share, amount(stage, done, total), eta);
  const int columns = std::clamp(width - static_cast<int>(left.size() + right.size()) - 2, 0, 40);
  std::string bar;
  if (columns >= 5) {
    const auto full = static_cast<std::size_t>(share * columns);
    bar = '[' + std::string(full, '#') + std::string(static_cast<std::size_t>(columns) - full, '-') + ']';
  }
  return (left + bar + right).substr(0, static_cast<std::size_t>(std::max(0, width)));
}

std::string progress_line(Stage stage, std::int64_t done, std::int64_t total, double seconds) {
  return fmt::format(R"({{"event":"progress","stage":"{}","done":{},"total":{},"seconds":{:.1f}}})", to_string(stage),
                     done, total, seconds);
}

std::unique_ptr<Progress> progress_of(const Generate& options) {
  const bool silent = options.quiet && options.progress != ProgressKind::json_lines;
  return make_progress(silent ? ProgressKind::none : options.progress);
}

std::unique_ptr<Progress> make_progress(ProgressKind kind) {
  switch (kind) {
    case ProgressKind::automatic:
      if (can_animate()) return std::make_unique<TerminalProgress>();
      return std::make_unique<Silent>();
    case ProgressKind::terminal:
      if (isatty(STDERR_FILENO) != 0) return std::make_unique<TerminalProgress>();
      spdlog::warn("--progress tty: standard error is no terminal, so no progress is shown");
      return std::make_unique<Silent>();
    case ProgressKind::json_lines:
      return std::make_unique<JsonLines>();
    case ProgressKind::none:
      return std::make_unique<Silent>();
  }
  return std::make_unique<Silent>();
}

}  // namespace sora
