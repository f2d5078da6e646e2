#include "cli/prompt_file.h"

#include <fmt/format.h>

#include <utility>

#include "base/files.h"
#include "base/name_template.h"
#include "base/text.h"
#include "cli/settings.h"
#include "cli/standard_input.h"
#include "cli/variations.h"

namespace sora {
namespace {

// A hundred thousand lines of a thousand letters, and what stands around them.
constexpr std::int64_t kMostFileBytes = 128 << 20;

// Collects the videos of a batch.
class Batch {
 public:
  explicit Batch(Problems& problems) : problems_(problems) {}

  /// False if there are too many.
  bool add(const std::string& origin, Generate options) {
    const std::vector<std::optional<std::uint64_t>> seeds = variation_seeds(options);
    if (jobs_.size() + seeds.size() > kMostJobs) {
      problems_.add(fmt::format("{}: with this line there are {} videos, at most {} are made in one run", origin,
                                jobs_.size() + seeds.size(), kMostJobs));
      return false;
    }
    options.prompts.clear();
    options.seeds.clear();
    options.num_videos.reset();
    for (const std::optional<std::uint64_t>& seed : seeds) {
      options.request.seed = seed;
      jobs_.push_back({origin, static_cast<int>(jobs_.size()) + 1, options});
    }
    return true;
  }

  std::vector<BatchLine> finished() && {
    DerivedSeeds derived;
    for (BatchLine& job : jobs_) {
      Request& request = job.options.request;
      const std::uint64_t seed = derived.next(request.prompt);
      if (!request.seed) request.seed = seed;
      if (!request.output.path.empty()) continue;
      request.output.path = kBatchOutput;
      request.output.root = NameTemplate(kBatchOutput).root();
    }
    return std::move(jobs_);
  }
  std::vector<BatchLine> single() && { return std::move(jobs_); }
  std::size_t size() const { return jobs_.size(); }

 private:
  Problems& problems_;
  std::vector<BatchLine> jobs_;
};

void check_line(const std::string& origin, const Generate& options) {
  const std::string& prompt = options.request.prompt;
  require(prompt.find_first_not_of(" \t\r\n") != prompt.npos, Fault::usage, "{}: has no prompt", origin);
  require(prompt != "-", Fault::usage, "{}: prompt -: standard input is read by --prompts -, not by a line", origin);
  try {
    check_variations(options);
  } catch (const Error& error) {
    throw error.within(origin);
  }
}

std::string read_prompts(const std::string& name) {
  if (name != "-") return read_file(name, kMostFileBytes, Fault::usage);
  std::string text = read_standard_input("--prompts -", "prompts", kMostFileBytes + 1);
  require(std::cmp_less_equal(text.size(), kMostFileBytes), Fault::usage,
          "--prompts -: standard input has more than {} ({} bytes)", human_bytes(kMostFileBytes), kMostFileBytes);
  return text;
}

}  // namespace

std::vector<BatchLine> batch_lines(const Generate& command) {
  if (command.prompts == "-") {
    const std::string text = read_prompts("-");
    return batch_lines(command, text, prompt_format_of(text), "standard input");
  }
  if (!command.prompts.empty()) {
    const PromptFormat format = prompt_format(command.prompts);
    return batch_lines(command, read_prompts(command.prompts), format, printable(command.prompts, 300));
  }
  Problems problems;
  Batch batch(problems);
  Generate options = command;
  options.settings.clear();
  batch.add("--prompt", std::move(options));
  problems.throw_if_any();
  return batch.size() > 1 ? std::move(batch).finished() : std::move(batch).single();
}

std::vector<BatchLine> batch_lines(const Generate& command, std::string_view text, PromptFormat format,
                                   const std::string& name) {
  Problems problems;
  Batch batch(problems);
  read_prompt_lines(text, format, name, problems, [&](const std::string& origin, const Settings& line) {
    Generate options;
    const int before = problems.count();
    options.settings = merged(command.settings, line);
    apply_settings(options.settings, options, problems);
    options.prompts = command.prompts;
    if (problems.count() > before) return true;
    options.settings = line;
    return !problems.collect([&] { check_line(origin, options); }) || batch.add(origin, std::move(options));
  });
  problems.throw_if_any();
  require(batch.size() > 0, Fault::usage, "{}: has no prompt", name);
  return std::move(batch).finished();
}

}  // namespace sora
