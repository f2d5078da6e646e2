// Which frames are looked at, what is refused in which words, and modules that are no frame checkers.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <limits>
#include <numeric>

#include "base/sha256.h"
#include "jobs/checked_sink.h"
#include "jobs/torchscript_checker.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

using test::error_of;
using testing::DoubleEq;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

constexpr int kHeight = 2, kWidth = 3, kBytes = kHeight * kWidth * 3;

// Frames of which every byte is the frame's number.
std::vector<std::uint8_t> numbered(int first, int count) {
  std::vector<std::uint8_t> rgb;
  for (int frame = first; frame < first + count; ++frame) rgb.insert(rgb.end(), kBytes, std::uint8_t(frame));
  return rgb;
}

class Collector final : public FrameSink {
 public:
  Collector(std::vector<std::uint8_t>& rgb, bool& finished) : rgb_(rgb), finished_(finished) {}
  void write(const Frames& frames) override { rgb_.insert(rgb_.end(), frames.rgb.begin(), frames.rgb.end()); }
  void finish() override { finished_ = true; }

 private:
  std::vector<std::uint8_t>& rgb_;
  bool& finished_;
};

// Gives `worst` to the frame `refused`, and little to the others.
class FakeChecker final : public FrameChecker {
 public:
  std::vector<CategoryScore> check(const Frames& frame, double seconds) override {
    EXPECT_EQ(frame.count, 1);
    EXPECT_EQ(frame.height, kHeight);
    EXPECT_EQ(frame.width, kWidth);
    EXPECT_EQ(frame.rgb.size(), kBytes);
    frames.push_back(frame.rgb[0]);
    times.push_back(seconds);
    if (frames.back() == broken) fail(Fault::input, "x.pt: is broken");
    return {{"gore", 0.1}, {"violence", frames.back() == refused ? worst : 0.2}, {"hate", 0}};
  }
  const std::string& sha256() const override { return none; }

  int refused = -1, broken = -1;
  double worst = 0.93;
  std::vector<int> frames;
  std::vector<double> times;
  std::string none;
};

class CheckedFrames : public testing::Test {
 protected:
  CheckedSink sink(const Rational& fps, double threshold = 0.5) {
    return {std::make_unique<Collector>(passed_, finished_), checker_, {"x.pt", threshold}, fps};
  }
  // In pieces of 1, 2, 3 ... frames, as a decoder may give them.
  static void write(CheckedSink& to, int count) {
    for (int first = 0, piece = 1; first < count; first += piece++) {
      const int frames = std::min(piece, count - first);
      to.write({frames, kHeight, kWidth, numbered(first, frames)});
    }
  }
  std::vector<int> looked_at(const Rational& fps, int count) {
    checker_.frames.clear();
    CheckedSink checked = sink(fps);
    write(checked, count);
    return checker_.frames;
  }

  FakeChecker checker_;
  std::vector<std::uint8_t> passed_;
  bool finished_ = false;
};

TEST_F(CheckedFrames, AreTheFirstOfEachHalfSecond) {
  EXPECT_THAT(looked_at({8, 1}, 17), ElementsAre(0, 4, 8, 12, 16));
  EXPECT_THAT(looked_at({24, 1}, 30), ElementsAre(0, 12, 24));
  EXPECT_THAT(looked_at({25, 1}, 52), ElementsAre(0, 13, 25, 38, 50));
  EXPECT_THAT(looked_at({24000, 1001}, 50), ElementsAre(0, 12, 24, 36, 48));
  EXPECT_THAT(looked_at({3, 1}, 7), ElementsAre(0, 2, 3, 5, 6));
  EXPECT_THAT(looked_at({2, 1}, 4), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(looked_at({1, 2}, 3), ElementsAre(0, 1, 2));
  EXPECT_THAT(looked_at({8, 1}, 1), ElementsAre(0));
}

TEST_F(CheckedFrames, KnowTheirTimes) {
  looked_at({24000, 1001}, 13);
  EXPECT_THAT(checker_.times, ElementsAre(DoubleEq(0), DoubleEq(12 * 1001 / 24000.0)));
}

TEST_F(CheckedFrames, ArePassedOnAsTheyAre) {
  CheckedSink checked = sink({8, 1});
  write(checked, 17);
  EXPECT_EQ(passed_, numbered(0, 17));
  EXPECT_FALSE(finished_);
  checked.finish();
  EXPECT_TRUE(finished_);
}

TEST_F(CheckedFrames, EndTheVideoFromTheThresholdOn) {
  checker_.refused = 16;
  CheckedSink checked = sink({8, 1});
  try {
    checked.write({17, kHeight, kWidth, numbered(0, 17)});
    FAIL() << "not refused";
  } catch (const FrameRefused& refused) {
    EXPECT_EQ(refused.fault(), Fault::refused);
    EXPECT_EQ(refused.category(), "violence");
    EXPECT_STREQ(refused.what(),
                 "frame 16 (2.0 s): the checker x.pt gives category \"violence\" 0.93, refused from 0.5 on");
  }
  EXPECT_THAT(passed_, IsEmpty());

  checker_.worst = 0.5;
  CheckedSink exact = sink({8, 1}, 0.5);
  EXPECT_EQ(error_of(Fault::refused, [&] { write(exact, 17); }),
            "frame 16 (2.0 s): the checker x.pt gives category \"violence\" 0.5, refused from 0.5 on");
  CheckedSink above = sink({8, 1}, 0.51);
  write(above, 17);
}

TEST_F(CheckedFrames, ThatCannotBeCheckedEndTheVideo) {
  checker_.broken = 4;
  CheckedSink checked = sink({8, 1});
  EXPECT_EQ(error_of(Fault::input, [&] { write(checked, 17); }), "frame 4 (0.5 s): x.pt: is broken");
}

class TorchScriptModules : public testing::Test {
 protected:
  // A module of this body of forward(), with the attribute `categories` unless it is None.
  std::filesystem::path module(const std::string& body, const c10::IValue& categories = {}) const {
    torch::jit::Module made("made");
    if (!categories.isNone()) made.register_attribute("categories", categories.type(), categories);
    if (!body.empty()) made.define("def forward(self, x: Tensor):\n" + body + "\n");
    made.save(path_);
    return path_;
  }
  static c10::IValue names(std::initializer_list<std::string> names) { return c10::List<std::string>(names); }

  std::string load_error() const {
    return error_of(Fault::input, [&] { load_frame_checker(path_, at::kCPU); });
  }
  std::string load_error(const std::string& body, const c10::IValue& categories = {}) const {
    module(body, categories);
    return load_error();
  }
  // Of the trial with a grey frame.
  std::string error(const std::string& body, const c10::IValue& categories = {}) const {
    const auto checker = load_frame_checker(module(body, categories), at::kCPU);
    return error_of(Fault::input, [&] { try_frame_checker(*checker, {kWidth, kHeight}); });
  }
  std::string place() const { return "the frame checker " + path_ + ": "; }

  test::TempDir folder_;
  std::string path_ = folder_ / "made.pt";
};

TEST_F(TorchScriptModules, GiveTheScoresOfTheirCategories) {
  const std::filesystem::path file = test::data("frame_checker/red.pt");
  const auto checker = load_frame_checker(file, at::kCPU);
  EXPECT_EQ(checker->sha256(), sha256_hex(test::read_text(file)));
  std::vector<std::uint8_t> rgb(kBytes);
  for (int i = 0; i < kBytes; i += 3) rgb[i] = 255, rgb[i + 2] = 51;
  const std::vector<std::uint8_t> before = rgb;
  const auto scores = checker->check({1, kHeight, kWidth, rgb}, 0);
  ASSERT_EQ(scores.size(), 2);
  EXPECT_EQ(scores[0].category, "red");
  EXPECT_NEAR(scores[0].score, 1, 1e-6);
  EXPECT_EQ(scores[1].category, "blue");
  EXPECT_NEAR(scores[1].score, 0.2, 1e-6);
  EXPECT_EQ(rgb, before);  // this module wipes what it is given
  try_frame_checker(*checker, {64, 32});
}

TEST_F(TorchScriptModules, AreShownRowsOfPixels) {
  const auto checker = load_frame_checker(
      module("  return torch.stack([x[0, 1, 0, 2].double() / 10, torch.tensor(x.size(1)).double() / 10])"), at::kCPU);
  std::vector<std::uint8_t> rgb(kBytes);
  std::iota(rgb.begin(), rgb.end(), 0);
  rgb[kWidth * 3 + 2] = 7;
  const auto scores = checker->check({1, kHeight, kWidth, rgb}, 0);
  ASSERT_EQ(scores.size(), 2);
  EXPECT_EQ(scores[0].category, "0");
  EXPECT_DOUBLE_EQ(scores[0].score, 0.7);
  EXPECT_EQ(scores[1].category, "1");
  EXPECT_DOUBLE_EQ(scores[1].score, 0.2);
}

TEST_F(TorchScriptModules, MayHaveWeights) {
  torch::jit::Module made("made");
  made.register_parameter("weight", at::full({1}, 0.25, at::kFloat).set_requires_grad(true), /*is_buffer=*/false);
  made.define("def forward(self, x):\n  return self.weight * x[0, 0, 0, 0]\n");
  made.save(path_);
  const c10::InferenceMode as_in_a_render;
  const auto checker = load_frame_checker(path_, at::kCPU);
  const std::vector<std::uint8_t> rgb(kBytes, 3);
  EXPECT_DOUBLE_EQ(checker->check({1, kHeight, kWidth, rgb}, 0).at(0).score, 0.75);
}

TEST_F(TorchScriptModules, MustBeThere) {
  EXPECT_EQ(load_error(), path_ + ": cannot be opened: No such file or directory");
}

TEST_F(TorchScriptModules, MustBeModules) {
  test::write_file(path_, "a text");
  EXPECT_EQ(load_error(), place() + "is no TorchScript module: it is no zip archive, which torch.jit.save() writes");
  module("  return torch.ones([1])");
  const std::string whole = test::read_text(path_);
  test::write_file(path_, whole.substr(0, whole.size() / 2));
  EXPECT_THAT(load_error(), StartsWith(place() + "LibTorch cannot load it as a TorchScript module: "));
  EXPECT_EQ(load_error(""), place() + "the module has no forward()");
}

TEST_F(TorchScriptModules, MustNameTheirCategoriesAsStrings) {
  EXPECT_EQ(load_error("  return torch.ones([1])", "red"),
            place() + "its attribute categories is str, expected List[str]");
  EXPECT_EQ(load_error("  return torch.ones([1])", c10::List<std::int64_t>({1})),
            place() + "its attribute categories is List[int], expected List[str]");
  EXPECT_EQ(load_error("  return torch.ones([1])", names({})), place() + "its attribute categories is empty");
}

TEST_F(TorchScriptModules, MustReturnScores) {
  const std::string expected = ", expected float [n]";
  EXPECT_EQ(error("  return [x, x]"),
            place() + "forward() returns List[Tensor], expected a float tensor [n] of scores");
  EXPECT_EQ(error("  return 0.5"), place() + "forward() returns float, expected a float tensor [n] of scores");
  EXPECT_EQ(error("  return torch.ones([1, 2])"),
            place() + "forward() returns a tensor of type Float and shape [1, 2]" + expected);
  EXPECT_EQ(error("  return torch.tensor(0.5)"),
            place() + "forward() returns a tensor of type Float and shape []" + expected);
  EXPECT_EQ(error("  return torch.ones([0])"),
            place() + "forward() returns a tensor of type Float and shape [0]" + expected);
  EXPECT_EQ(error("  return x.flatten()"),
            place() + "forward() returns a tensor of type Byte and shape [18]" + expected);
  EXPECT_EQ(error("  return torch.ones([3])", names({"a", "b"})),
            place() + "forward() returns 3 scores for 2 categories");
}

TEST_F(TorchScriptModules, MustReturnScoresFrom0To1) {
  const auto given = [&](const std::string& score) {
    return place() + "forward() gives category \"b\" " + score + ", expected 0 to 1";
  };
  const std::string body = "  return torch.tensor([0.5, ";
  EXPECT_EQ(error(body + "float('nan')])", names({"a", "b"})), given("nan"));
  EXPECT_EQ(error(body + "-0.25])", names({"a", "b"})), given("-0.25"));
  EXPECT_EQ(error(body + "3.5])", names({"a", "b"})), given("3.5"));
}

TEST_F(TorchScriptModules, MayFail) {
  EXPECT_EQ(error("  assert x.size(0) == 2, \"no frames\x1b here\"\n  return x"),
            place() + "forward() fails for a frame of 3x2: RuntimeError: AssertionError: no frames\\x1b here");
  EXPECT_EQ(error("  return torch.mm(x, x)"),
            place() + "forward() fails for a frame of 3x2: RuntimeError: self must be a matrix");
}

}  // namespace
}  // namespace sora
