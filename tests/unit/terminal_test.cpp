// The lines in which progress is shown.
#include "cli/terminal.h"

#include <gtest/gtest.h>

#include <string>

namespace sora {
namespace {

std::string sampling(int width) { return progress_bar(Stage::sample, 4, 16, 125.0, width); }

TEST(ProgressBar, ShowsShareAmountAndTimeLeft) {
  EXPECT_EQ(sampling(60), "sample            [###----------]  25%  4/16 steps  ETA 2:05");
  EXPECT_EQ(progress_bar(Stage::load_model, 0, 10'000'000, std::nullopt, 60),
            "load model        [-------------------]   0%  0 B of 10.0 MB");
  EXPECT_EQ(progress_bar(Stage::decode, 32, 33, 0.25, 60),
            "decode            [#########-]  97%  32/33 frames  ETA 0.2 s");
}

TEST(ProgressBar, FitsItsWidth) {
  EXPECT_EQ(sampling(60).size(), 60u);
  EXPECT_EQ(sampling(50), "sample              25%  4/16 steps  ETA 2:05");  // no room for a bar
  EXPECT_EQ(sampling(10), "sample    ");
  EXPECT_EQ(sampling(200).size(), sampling(300).size());  // the bar stops growing
}

TEST(ProgressBar, OfNothingIsFull) {
  EXPECT_EQ(progress_bar(Stage::encode_prompt, 0, 0, std::nullopt, 50),
            "encode prompt     [############] 100%  0/0 prompts");
}

TEST(ProgressLine, IsJson) {
  EXPECT_EQ(progress_line(Stage::sample, 3, 16, 1.23),
            R"({"event":"progress","stage":"sample","done":3,"total":16,"seconds":1.2})");
}

}  // namespace
}  // namespace sora
