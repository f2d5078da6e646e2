// What `cmake --install` brings, and that it runs from where it lies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using testing::IsSupersetOf;
using testing::StartsWith;

TEST(Installation, IsCompleteAndRuns) {
  const test::TempDir folder;
  const test::RunResult installed =
      test::run_program({SORA_CMAKE, "--install", SORA_BUILD_DIR, "--prefix", folder.path()});
  ASSERT_EQ(installed.exit_code, 0) << installed.err;
  std::set<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
    if (entry.is_regular_file()) files.insert(entry.path().lexically_relative(folder.path()));
  }
  EXPECT_THAT(
      files,
      IsSupersetOf({"bin/sora-gen", "share/man/man1/sora-gen.1", "share/bash-completion/completions/sora-gen",
                    "share/fish/vendor_completions.d/sora-gen.fish", "share/zsh/site-functions/_sora-gen",
                    "share/doc/sora-gen/NOTICE", "lib/sora-gen/libc2pa_c.so", "share/sora-gen/policy.json",
                    "share/sora-gen/policy/public-figures.txt", "share/sora-gen/models/tiny-world/model_index.json",
                    "share/sora-gen/models/tiny-world/SHA256SUMS"}));
  EXPECT_THAT(test::read_text(folder / "share/man/man1/sora-gen.1"), StartsWith(".TH SORA\\-GEN 1 "));

  const std::string program = folder / "bin/sora-gen";
  EXPECT_THAT(test::run_program({program, "--version"}).out, StartsWith("sora-gen "));
  const test::RunResult plan = test::run_program({program, "-p", "x", "--dry-run", "--json"});
  EXPECT_EQ(nlohmann::json::parse(plan.out)["model"], (folder / "share/sora-gen/models/tiny-world").string());
  const test::RunResult policy = test::run_program({program, "policy", "--json"});
  EXPECT_EQ(nlohmann::json::parse(policy.out)["file"], (folder / "share/sora-gen/policy.json").string());
  EXPECT_EQ(test::run_program({program, "models", "verify", "tiny-world"}).exit_code, 0);
}

}  // namespace
}  // namespace sora
