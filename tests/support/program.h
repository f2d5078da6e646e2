// The program as a user calls it.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/files.h"

namespace sora::test {

using Words = std::vector<std::string>;

inline RunResult run(Words words, const RunOptions& options = {}) {
  words.insert(words.begin(), SORA_BINARY);
  return run_program(words, options);
}

// Standard error of a run that must end with `exit_code` and print no result.
inline std::string refusal(int exit_code, const Words& words, const RunOptions& options = {}) {
  const RunResult result = run(words, options);
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_EQ(result.out, "");
  return result.err;
}

// The plan that a command line makes.
inline nlohmann::json dry_run(Words words, const RunOptions& options = {}) {
  words.insert(words.end(), {"--dry-run", "--json"});
  const RunResult result = run(words, options);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return nlohmann::json::parse(result.out);
}

}  // namespace sora::test
