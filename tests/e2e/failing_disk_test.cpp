// Every write, fsync and rename of a batch fails once: nothing half-written has a final name, the exit code says so,
// and the same command then makes what is missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "support/files.h"
#include "support/program.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::RunResult;
using test::Words;

class FailingDisk : public testing::TestWithParam<const char*> {
 protected:
  RunResult render(const std::string& out, int fail_at) const {
    test::RunOptions options{.working_directory = folder_.path()};
    if (fail_at > 0) {
      options.env = {{"LD_PRELOAD", SORA_FAILING_CALLS},
                     {"SORA_FAIL_CALL", GetParam()},
                     {"SORA_FAIL_AT", std::to_string(fail_at)},
                     {"SORA_FAIL_FOLDER", (fs::canonical(folder_.path()) / out).string()}};
    }
    return test::run(
        {"-p", "a red ball", "--seeds", "1..2", "--threads", "1", "--steps", "1", "--size", "32x32", "--num-frames",
         "5", "--guidance-scale", "1", "--sidecar", "yes", "--quiet", "-o", out + "/{seed}.mp4"},
        options);
  }
  std::string bytes(const std::string& name) const { return test::read_text(folder_ / name); }

  test::TempDir folder_;
};

TEST_P(FailingDisk, AtAnyCall) {
  ASSERT_EQ(render("whole", 0).exit_code, 0);
  int failures = 0;
  for (int call = 1;; ++call) {
    const std::string out = "out" + std::to_string(call);
    fs::create_directory(folder_ / out);
    const RunResult result = render(out, call);
    ASSERT_TRUE(result.exit_code == 0 || result.exit_code == 5) << call << ": " << result.err;
    failures += result.exit_code == 5 ? 1 : 0;
    for (const std::string video : {"1.mp4", "2.mp4"}) {
      const fs::path file = folder_ / out / video;
      EXPECT_TRUE(!fs::exists(file) || bytes(out + "/" + video) == bytes("whole/" + video)) << call << " " << video;
      EXPECT_TRUE(result.exit_code != 0 || fs::exists(file)) << call << " " << video;
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / out)) {
      EXPECT_NE(entry.path().extension(), ".part") << call << " " << entry.path();
    }
    const RunResult again = render(out, 0);
    EXPECT_EQ(again.exit_code, 0) << call << ": " << again.err;
    for (const std::string video : {"1.mp4", "2.mp4"}) {
      EXPECT_TRUE(bytes(out + "/" + video) == bytes("whole/" + video)) << call << " " << video;
    }
    if (!fs::exists(folder_ / (out + ".failed"))) break;  // there is no such call
    ASSERT_LT(call, 500);
  }
  EXPECT_GT(failures, 3);
}

INSTANTIATE_TEST_SUITE_P(Calls, FailingDisk, testing::Values("write", "fsync", "rename"),
                         [](const auto& call) { return std::string(call.param); });

}  // namespace
}  // namespace sora
