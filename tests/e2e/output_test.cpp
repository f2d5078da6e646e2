// What a render leaves besides the video: pictures beside it, and what it teaches about the next one.
#include <gmock/gmock.h>

#include "support/shipped.h"

namespace sora {
namespace {

using nlohmann::json;
using test::operator+;
using test::Words;

class Outputs : public test::Shipped {
 protected:
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      if (entry.is_regular_file()) names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST_F(Outputs, PosterAndContactSheet) {
  const Words words{"--num-frames", "9", "--poster", "--contact-sheet", "--crf", "0", "-o", "x.mp4"};
  const test::RunResult result = render(words);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "x.mp4\n");
  EXPECT_THAT(files(), testing::ElementsAre("x.mp4", "x.poster.png", "x.sheet.png"));
  EXPECT_EQ(test::read_video(folder_ / "x.sheet.png").codec.width, 3 * 64);
  // PNG is exact: the same frames as numbered files.
  EXPECT_TRUE(test::read_video(folder_ / "x.poster.png").frames[0] == frames("f", {"--num-frames", "9"}).at(4));

  std::filesystem::remove(folder_ / "x.mp4");
  const test::RunResult again = render(words);
  EXPECT_EQ(again.exit_code, 5);
  EXPECT_EQ(again.err, "sora-gen: error: x.poster.png exists already; use --overwrite to replace it\n");
}

TEST_F(Outputs, ARenderTeachesHowLongTheNextOneTakes) {
  const auto estimated = [&](const Words& words) { return result(words + Words{"--dry-run"})["estimated_seconds"]; };
  const Words nowhere{"--num-frames", "9", "--steps", "3", "-o", "null:"};
  EXPECT_EQ(estimated(nowhere)["total"], nullptr);
  const json measured = result(nowhere)["seconds"];
  const json known = estimated(nowhere);
  for (const std::string stage : {"load_text_encoder", "encode_prompt", "load_model", "decode"}) {
    EXPECT_NEAR(known[stage].get<double>(), measured[stage].get<double>(), 1e-6) << stage;
  }
  // More where the first step, which sets up, happened to be faster than the others.
  EXPECT_GE(known["sample"].get<double>(), measured["sample"].get<double>() - 1e-6);
  EXPECT_GT(known["total"], 0);
}

TEST_F(Outputs, AShortRenderTeachesItToo) {
  const Words words{"--num-frames", "40", "--steps", "5", "--calibrate", "--dry-run", "-o", "x.mp4"};
  const json known = result(words)["estimated_seconds"];
  for (const auto& [stage, seconds] : known.items()) EXPECT_GT(seconds, 0) << stage;
  EXPECT_THAT(files(), testing::IsEmpty());
}

}  // namespace
}  // namespace sora
