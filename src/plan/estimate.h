// How long a render will take, told from how long others took.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sora/engine.h"
#include "sora/plan.h"

namespace sora {

/// What was measured, by name. Of each name the last few values are kept, and of names those that were measured last.
class Timings {
 public:
  static constexpr std::size_t kMostNames = 500, kMostValues = 5;
  struct Entry {
    std::string name;
    std::vector<double> values;  ///< the last is the newest
    bool operator==(const Entry&) const = default;
  };

  /// The median: one render beside other programs, or from a cold disk, does not count.
  std::optional<double> find(const std::string& name) const;
  void add(const std::string& name, double value);
  const std::vector<Entry>& entries() const { return entries_; }  ///< the last is the newest

 private:
  std::vector<Entry> entries_;
};

/// Seconds of each stage; empty where nothing like it has been measured. What a batch does once for all is in each.
struct Estimate {
  std::optional<double> load_text_encoder, encode_prompt, load_model, sample, decode;
  std::optional<double> total() const;
  /// For the second video of a model and those after it.
  std::optional<double> without_loading() const;
};

/// `place` stands for all that times depend on besides the plan: checkpoint, program, hardware, type, threads.
Estimate estimate(const Plan& plan, const Timings& timings, const std::string& place);

/// What a finished render teaches. Stages that took no time, because an earlier run or another job of a batch had done
/// them, teach nothing.
void learn(Timings& timings, const Plan& plan, const JobResult& result, const std::string& place);

/// A short render of the same window, size and type, which goes nowhere: three steps (the first of which sets up) of
/// the plan's largest window, and its frames.
Plan calibration_plan(const Plan& plan, const Traits& traits);

}  // namespace sora
