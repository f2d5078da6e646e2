// Given images and clips: where they go in time, and every way in which they can be refused, as whole messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/plans.h"

namespace sora {
namespace {

using test::a_cat;
using testing::ElementsAre;

struct Where {
  std::string media;
  int source_first, count, at;
  FrameRange latents;
  bool operator==(const Where&) const = default;
};

void PrintTo(const Where& where, std::ostream* out) {
  *out << where.media << " " << where.source_first << "+" << where.count << " at " << where.at << ", latents "
       << where.latents.first << "+" << where.latents.count;
}

std::vector<Where> given(const Plan& plan) {
  std::vector<Where> list;
  for (const GivenSpan& span : plan.given)
    list.push_back({span.media.string(), span.source_first, span.count, span.at, span.latents});
  return list;
}

Given image(const std::string& file) { return {"--image", file, {}, 0}; }
Given last_image(const std::string& file) { return {"--last-image", file, {}, -1}; }
Given at(const std::string& file, int frame, std::optional<FrameRange> take = {}) {
  return {"--given", file, take, frame};
}

Request with(std::vector<Given> given) {
  Request request = a_cat();
  request.given = std::move(given);
  return request;
}

Request extending(const std::string& clip, std::optional<int> frames = {}) {
  Request request = a_cat();
  request.extend = clip;
  request.extend_frames = frames;
  return request;
}

Request connecting(const std::string& from, const std::string& to, std::optional<int> frames = {}) {
  Request request = a_cat();
  request.connect = Connect{from, to};
  request.extend_frames = frames;
  return request;
}

Request changing(const std::string& clip) {
  Request request = a_cat();
  request.video = clip;
  return request;
}

TEST(Given, NothingAsksNobody) {
  Request request = a_cat();
  const MediaProbe probe = [](const auto&) -> MediaInfo { throw std::logic_error("asked"); };
  EXPECT_EQ(make_plan(request, test::clean_frames(), {}, 0, probe).sampling.given, GivenUse::none);
}

TEST(Given, AnImageFillsItsLatentFrame) {
  struct Row {
    int frame;
    FrameRange latents;  // latent frames begin at frames 0, 1, 5, 9 ...
  };
  for (const Row& row : {Row{0, {0, 1}}, Row{1, {1, 1}}, Row{4, {1, 1}}, Row{5, {2, 1}}, Row{-1, {8, 1}}}) {
    const Plan plan = test::plan(with({at("a.png", row.frame)}), test::clean_frames());
    EXPECT_EQ(plan.given[0].latents, row.latents) << row.frame;
    EXPECT_TRUE(plan.given[0].image);
    EXPECT_TRUE(plan.given[0].kept);
    EXPECT_EQ(plan.sampling.given, GivenUse::clean_frames);
  }
}

TEST(Given, AClipFillsTheLatentFramesThatItCovers) {
  const auto place = [](int frame, FrameRange take) {
    return given(test::plan(with({at("a.mp4", frame, take)}), test::clean_frames()))[0];
  };
  EXPECT_EQ(place(0, {3, 5}), (Where{"a.mp4", 3, 5, 0, {0, 2}}));
  EXPECT_EQ(place(0, {0, 8}), (Where{"a.mp4", 0, 8, 0, {0, 2}}));
  EXPECT_EQ(place(2, {0, 8}), (Where{"a.mp4", 0, 8, 2, {2, 1}}));
  EXPECT_EQ(place(5, {0, 8}), (Where{"a.mp4", 0, 8, 5, {2, 2}}));
  EXPECT_EQ(place(2, {0, 3}), (Where{"a.mp4", 0, 3, 2, {1, 1}}));
  EXPECT_EQ(place(-8, {0, 8}), (Where{"a.mp4", 0, 8, 25, {7, 2}}));
  EXPECT_EQ(place(7, {9, 3}), (Where{"a.mp4", 9, 3, 7, {2, 1}}));
}

TEST(Given, StandsInOrder) {
  const Plan plan =
      test::plan(with({last_image("z.png"), at("m.mp4", 9, FrameRange{0, 4}), image("a.png")}), test::clean_frames());
  EXPECT_THAT(given(plan), ElementsAre(Where{"a.png", 0, 1, 0, {0, 1}}, Where{"m.mp4", 0, 4, 9, {3, 1}},
                                       Where{"z.png", 0, 1, 32, {8, 1}}));
}

TEST(Given, ClipsAreReadAtTheVideosFps) {
  EXPECT_EQ(given(test::plan(with({at("fast33.mp4", 0)}), test::clean_frames()))[0].count, 17);
  EXPECT_EQ(test::refusal(with({at("fast33.mp4", 0, FrameRange{0, 18})}), test::clean_frames()),
            "--given fast33.mp4#0-17@0: there are 17 frames, from 0 to 16, at 8 fps");
}

TEST(Given, InTheWayOfEachCheckpoint) {
  const auto use = [](const Traits& traits) { return test::plan(with({image("a.png")}), traits).sampling.given; };
  EXPECT_EQ(use(test::clean_frames()), GivenUse::clean_frames);
  EXPECT_EQ(use(test::forcing()), GivenUse::clean_frames);
  EXPECT_EQ(use(test::first_frame()), GivenUse::image_channels);
  EXPECT_EQ(use(test::first_maybe_last()), GivenUse::image_channels);
  EXPECT_EQ(use(test::pixels()), GivenUse::control);
  EXPECT_EQ(test::plan(a_cat(), test::pixels()).sampling.given, GivenUse::control);
  EXPECT_EQ(test::plan(with({image("a.png"), last_image("z.png")}), test::first_and_last()).sampling.given,
            GivenUse::image_channels);
}

// Which given frames come out as they are, by default: where diffusers has a pipeline for it, none.
TEST(Given, ComesOutAsInTheReferenceOrAsItIs) {
  const auto kept = [](const Request& request, const Traits& traits) {
    return test::plan(request, traits).given[0].kept;
  };
  Traits first_frame_decoded = test::clean_frames();
  first_frame_decoded.decodes_first_frame = true;
  const Request first = with({image("a.png")});
  EXPECT_TRUE(kept(first, test::clean_frames()));
  EXPECT_FALSE(kept(first, first_frame_decoded));
  EXPECT_FALSE(kept(first, test::forcing()));
  EXPECT_FALSE(kept(first, test::first_frame()));
  EXPECT_FALSE(kept(first, test::pixels()));
  EXPECT_FALSE(kept(with({image("a.png"), last_image("z.png")}), test::first_and_last()));
  EXPECT_TRUE(kept(with({image("a.png"), last_image("z.png")}), first_frame_decoded));
  EXPECT_TRUE(kept(with({at("a.mp4", 0, FrameRange{0, 5})}), first_frame_decoded));
  for (const Traits& traits : {first_frame_decoded, test::forcing(), test::first_frame(), test::pixels()}) {
    EXPECT_TRUE(kept(extending("a.mp4"), traits));
  }
  EXPECT_TRUE(kept(connecting("a.mp4", "b.mp4"), test::pixels()));
}

TEST(Given, ComesOutAsTheUserSays) {
  const auto kept = [](Request request, const Traits& traits, bool keep) {
    request.keep_given = keep;
    return test::plan(request, traits).given[0].kept;
  };
  EXPECT_FALSE(kept(with({image("a.png")}), test::clean_frames(), false));
  EXPECT_FALSE(kept(extending("a.mp4"), test::clean_frames(), false));
  EXPECT_TRUE(kept(with({image("a.png")}), test::first_frame(), true));
  EXPECT_TRUE(kept(with({image("a.png")}), test::pixels(), true));
}

TEST(Given, TheLastFrameOfForcingStandsBehindTheVideo) {
  const Plan plan = test::plan(with({image("a.png"), last_image("z.png")}), test::forcing());
  EXPECT_THAT(given(plan), ElementsAre(Where{"a.png", 0, 1, 0, {0, 1}}, Where{"z.png", 0, 1, 33, {9, 1}}));
  EXPECT_FALSE(plan.given[1].kept);
  EXPECT_EQ(plan.rendered_frames, 33);
  EXPECT_EQ(plan.windows[0].tokens, (9 + 1) * 8 * 8);
}

TEST(Given, ThatIsRefused) {
  const auto refusal = [](std::vector<Given> given, std::optional<int> frames = {},
                          const Traits& traits = test::clean_frames()) {
    Request request = with(std::move(given));
    request.num_frames = frames;
    return test::refusal(request, traits);
  };
  EXPECT_EQ(refusal({image("a.mp4")}), "--image a.mp4: is a clip of 33 frames; --given a.mp4#0-0@0 takes one of them");
  EXPECT_EQ(refusal({last_image("a.mp4")}),
            "--last-image a.mp4: is a clip of 33 frames; --given a.mp4#0-0@-1 takes one of them");
  EXPECT_EQ(refusal({at("a.png", 33)}), "--given a.png@33: the video has 33 frames, from 0 to 32 or from -33 to -1");
  EXPECT_EQ(refusal({at("a.png", -34)}), "--given a.png@-34: the video has 33 frames, from 0 to 32 or from -33 to -1");
  EXPECT_EQ(refusal({at("a.mp4", -1, FrameRange{2, 9})}),
            "--given a.mp4#2-10@-1: 9 frames from frame 32 on go beyond the end of the video, which has 33");
  EXPECT_EQ(refusal({at("a.mp4", 0, FrameRange{20, 14})}),
            "--given a.mp4#20-33@0: there are 33 frames, from 0 to 32, at 8 fps");
  EXPECT_EQ(refusal({at("a.png", 4), at("b.mp4", 2, FrameRange{0, 9})}),
            "--given b.mp4#0-8@2 and --given a.png@4: both give frame 4");
  EXPECT_EQ(refusal({image("a.png"), at("b.png", 0)}), "--image a.png and --given b.png@0: both give frame 0");
  EXPECT_EQ(
      refusal({at("a.png", 9), at("b.png", 10)}),
      "--given a.png@9 and --given b.png@10: both need frames 9 to 12, which this checkpoint (Test) takes as one");
  EXPECT_EQ(refusal({at("a.mp4", 0)}), "--given a.mp4@0: gives the whole video, and nothing is left to generate");
  EXPECT_EQ(refusal({at("a\x1b.mp4", 0, FrameRange{40, 1})}),
            "--given a\\x1b.mp4#40-40@0: there are 33 frames, from 0 to 32, at 8 fps");
}

TEST(Given, WhatACheckpointCannotTake) {
  const auto refusal = [](std::vector<Given> given, Traits traits) {
    for (const Skill skill : kSkills) traits.who_can.emplace(skill, "X");
    return test::refusal(with(std::move(given)), traits);
  };
  EXPECT_EQ(refusal({image("a.png")}, test::text_only()),
            "--image a.png: this checkpoint (Test) cannot start from given frames; these can: X");
  EXPECT_EQ(refusal({last_image("a.png")}, test::text_only()),
            "--last-image a.png: this checkpoint (Test) cannot end at a given frame; these can: X");
  EXPECT_EQ(refusal({image("a.png"), last_image("b.png")}, test::first_frame()),
            "--last-image b.png: this checkpoint (Test) cannot end at a given frame; these can: X");
  EXPECT_EQ(refusal({image("a.png"), at("b.png", 5)}, test::first_maybe_last()),
            "--given b.png@5: this checkpoint (Test) cannot take frames at any place; these can: X");
  EXPECT_EQ(refusal({at("b.mp4", -8, FrameRange{0, 8})}, test::forcing()),
            "--given b.mp4#0-7@-8: this checkpoint (Test) cannot take frames at any place; these can: X");
  EXPECT_EQ(refusal({at("b.mp4", 0, FrameRange{4, 5})}, test::first_frame()),
            "--given b.mp4#4-8@0: has 5 frames; this checkpoint (Test) takes one there, such as b.mp4#4-4@0");
}

TEST(Given, WhatACheckpointNeeds) {
  EXPECT_EQ(test::refusal(a_cat(), test::first_frame()),
            "this checkpoint (Test) starts from an image: --image is needed");
  EXPECT_EQ(test::refusal(with({last_image("a.png")}), test::first_maybe_last()),
            "this checkpoint (Test) starts from an image: --image is needed");
  EXPECT_EQ(test::refusal(with({image("a.png")}), test::first_and_last()),
            "this checkpoint (Test) goes from one image to another: --image and --last-image are both needed");
  Request request = with({image("a.png"), last_image("b.png")});
  request.num_frames = 30;
  EXPECT_EQ(test::refusal(request, test::first_and_last()),
            "--last-image b.png: with a last frame this checkpoint (Test) makes 1 + a multiple of 4 frames, not 30; "
            "nearest: 29, 33");
  EXPECT_EQ(test::plan(request, test::clean_frames()).given[1].at, 29);
  request.given = {image("a.png")};
  request.num_frames = 33;
  request.causal_block_size = 3;
  request.overlap_frames = 9;
  EXPECT_EQ(
      test::refusal(request, test::forcing()),
      "--image a.png: 1 latent frames are no whole number of blocks of 3; --causal-block-size 1 takes any number");
  request.given = {last_image("b.png")};
  request.num_frames = 29;
  EXPECT_EQ(
      test::refusal(request, test::forcing()),
      "--last-image b.png: a last frame stands behind the video, where blocks of 3 latent frames have no place for "
      "one; --causal-block-size 1 has");
}

TEST(Given, AFixedTextLengthIsFixed) {
  Traits traits = test::first_frame();
  traits.fixed_text_length = true;
  Request request = with({image("a.png")});
  request.max_sequence_length = 64;
  EXPECT_EQ(test::refusal(request, traits), "--max-sequence-length 64: this model (Test) takes 512 only");
}

TEST(Extend, GoesOnFromTheEndOfTheClip) {
  const Plan plan = test::plan(extending("a33.mp4", 20), test::clean_frames());
  EXPECT_EQ(plan.before, (ClipPart{"a33.mp4", {0, 28}}));
  EXPECT_EQ(plan.after, std::nullopt);
  EXPECT_THAT(given(plan), ElementsAre(Where{"a33.mp4", 28, 5, 0, {0, 2}}));
  EXPECT_EQ(plan.shown, (FrameRange{0, 25}));
  EXPECT_EQ(plan.rendered_frames, 25);
  EXPECT_EQ(plan.pixel_frames, 53);
  EXPECT_EQ(plan.windows.size(), 1u);
}

TEST(Extend, ByOneWindowUnlessSaidOtherwise) {
  EXPECT_EQ(test::plan(extending("a33.mp4"), test::clean_frames()).pixel_frames, 33 + 28);
  Request request = extending("a33.mp4");
  request.num_frames = 100;
  const Plan plan = test::plan(request, test::clean_frames());
  EXPECT_EQ(plan.pixel_frames, 100);
  EXPECT_EQ(plan.shown, (FrameRange{0, 72}));
  EXPECT_EQ(plan.rendered_frames, 73);
  EXPECT_EQ(plan.windows.size(), 3u);
  request.num_frames.reset();
  request.seconds = 60;
  EXPECT_EQ(test::plan(request, test::clean_frames()).pixel_frames, 480);
  request.seconds = 4;
  EXPECT_EQ(test::refusal(request, test::clean_frames()),
            "--seconds 4: what is given has 33 frames already, and this counts the whole output (32); --extend-frames "
            "counts new frames only");
}

TEST(Extend, AClipThatIsShorterThanAnOverlap) {
  EXPECT_THAT(given(test::plan(extending("a4.mp4", 9), test::clean_frames())),
              ElementsAre(Where{"a4.mp4", 3, 1, 0, {0, 1}}));
  const Plan plan = test::plan(extending("a1.mp4", 9), test::clean_frames());
  EXPECT_EQ(plan.before, std::nullopt);
  EXPECT_EQ(plan.pixel_frames, 10);
}

TEST(Extend, AsMuchAsEachCheckpointSees) {
  EXPECT_THAT(given(test::plan(extending("a.mp4", 9), test::first_frame())),
              ElementsAre(Where{"a.mp4", 32, 1, 0, {0, 1}}));
  EXPECT_THAT(given(test::plan(extending("a.mp4", 9), test::forcing())), ElementsAre(Where{"a.mp4", 28, 5, 0, {0, 2}}));
  EXPECT_THAT(given(test::plan(extending("a4.mp4", 9), test::pixels())), ElementsAre(Where{"a4.mp4", 0, 4, 0, {0, 1}}));
}

TEST(Extend, FollowsTheClipInFpsAndSize) {
  const Plan plan = test::plan(extending("widefast.mp4"), test::clean_frames());
  EXPECT_EQ(plan.fps, (Rational{8, 1}));
  EXPECT_EQ(plan.size, (PixelSize{256, 128}));
  EXPECT_EQ(test::plan(extending("fast.mp4"), test::clean_frames()).fps, (Rational{16, 1}));
  EXPECT_EQ(
      test::refusal(extending("odd.mp4"), test::clean_frames()),
      "--extend: odd.mp4 is 130x128, which this checkpoint cannot make: width 130 is not a multiple of 16; nearest: "
      "128x128, 144x128. Say another --size, and --resize crop, pad or stretch");
  Request request = extending("odd.mp4");
  request.size = {128, 128};
  request.resize = Resize::pad;
  EXPECT_EQ(test::plan(request, test::clean_frames()).size, (PixelSize{128, 128}));
  EXPECT_EQ(test::plan(request, test::clean_frames()).resize, Resize::pad);
}

TEST(Extend, ThatIsRefused) {
  EXPECT_EQ(test::refusal(extending("a.png"), test::clean_frames()),
            "--extend a.png: is an image; --image a.png makes a video of it");
  EXPECT_EQ(test::refusal(extending("a.mp4"), test::text_only()),
            "--extend a.mp4: this checkpoint (Test) cannot go on from a clip");
  EXPECT_EQ(test::refusal(extending("a.mp4"), test::first_and_last()),
            "--extend a.mp4: this checkpoint (Test) cannot go on from a clip");
  EXPECT_EQ(test::refusal(extending("a.mp4", 300), test::first_frame()),
            "--extend a.mp4: 301 frames are to be made at once; this model makes at most 253");
  Request backward = extending("a.mp4");
  backward.backward = true;
  EXPECT_EQ(test::refusal(backward, test::forcing()),
            "--extend a.mp4 --backward: this checkpoint (Test) cannot make what comes before a clip");
}

// Latent frames begin at frames 0, 1, 5, 9 ...: before the clip there are 1 + 4n, of which the first are dropped.
TEST(Extend, Backwards) {
  Request request = extending("a33.mp4", 10);
  request.backward = true;
  const Plan plan = test::plan(request, test::clean_frames());
  EXPECT_THAT(given(plan), ElementsAre(Where{"a33.mp4", 0, 8, 13, {4, 2}}));
  EXPECT_EQ(plan.rendered_frames, 21);
  EXPECT_EQ(plan.shown, (FrameRange{3, 18}));
  EXPECT_EQ(plan.after, (ClipPart{"a33.mp4", {8, 25}}));
  EXPECT_EQ(plan.before, std::nullopt);
  EXPECT_EQ(plan.pixel_frames, 43);

  request.extend_frames = 100;
  const Plan longer = test::plan(request, test::clean_frames());
  EXPECT_EQ(longer.windows.front().end(), longer.latent.frames);
  EXPECT_EQ(longer.windows.back().first, 0);
  EXPECT_EQ(longer.windows[1].context_after, 2);

  request.extend = "a3.mp4";  // less than a latent frame, whose last pixel frames are not shown
  request.extend_frames = 9;
  const Plan brief = test::plan(request, test::clean_frames());
  EXPECT_THAT(given(brief), ElementsAre(Where{"a3.mp4", 0, 3, 9, {3, 1}}));
  EXPECT_EQ(brief.rendered_frames, 13);
  EXPECT_EQ(brief.shown, (FrameRange{0, 12}));

  request.extend = "a33.mp4";
  request.extend_frames = 10;
  const Plan by_pixels = test::plan(request, test::pixels());
  EXPECT_THAT(given(by_pixels), ElementsAre(Where{"a33.mp4", 0, 8, 10, {4, 1}}));
  EXPECT_EQ(by_pixels.shown, (FrameRange{0, 18}));
}

TEST(Connect, LeadsFromTheEndOfOneToTheStartOfTheOther) {
  const Plan plan = test::plan(connecting("a33.mp4", "b20.mp4", 12), test::clean_frames());
  EXPECT_EQ(plan.before, (ClipPart{"a33.mp4", {0, 28}}));
  EXPECT_EQ(plan.after, (ClipPart{"b20.mp4", {8, 12}}));
  EXPECT_THAT(given(plan), ElementsAre(Where{"a33.mp4", 28, 5, 0, {0, 2}}, Where{"b20.mp4", 0, 8, 17, {5, 2}}));
  EXPECT_EQ(plan.rendered_frames, 25);
  EXPECT_EQ(plan.shown, (FrameRange{0, 25}));
  EXPECT_EQ(plan.pixel_frames, 33 + 12 + 20);
}

TEST(Connect, ByOneWindowUnlessSaidOtherwise) {
  EXPECT_EQ(test::plan(connecting("a.mp4", "b.mp4"), test::clean_frames()).rendered_frames, 33);
  EXPECT_EQ(test::plan(connecting("a.mp4", "b.mp4"), test::forcing()).rendered_frames, 33);
  EXPECT_EQ(test::plan(connecting("a.mp4", "b.mp4"), test::pixels()).rendered_frames, 33);
  EXPECT_EQ(test::plan(connecting("a.mp4", "b.mp4"), test::first_and_last()).rendered_frames, 33);
  Request request = connecting("a33.mp4", "b33.mp4");
  request.num_frames = 33 + 33 + 80;
  const Plan plan = test::plan(request, test::clean_frames());
  EXPECT_EQ(plan.pixel_frames, 146);
  EXPECT_EQ(plan.rendered_frames, 5 + 80 + 8);
  // The last window sees what it leads to.
  EXPECT_EQ(plan.windows.back().end(), plan.latent.frames);
  EXPECT_EQ(plan.windows.back().context, 2);
}

TEST(Connect, AsEachCheckpointTakesTheEnd) {
  const Plan pair = test::plan(connecting("a.mp4", "b.mp4", 7), test::first_and_last());
  EXPECT_THAT(given(pair), ElementsAre(Where{"a.mp4", 32, 1, 0, {0, 1}}, Where{"b.mp4", 0, 1, 8, {2, 1}}));
  EXPECT_EQ(pair.after, (ClipPart{"b.mp4", {1, 32}}));

  const Plan appended = test::plan(connecting("a.mp4", "b.mp4", 8), test::forcing());
  EXPECT_THAT(given(appended), ElementsAre(Where{"a.mp4", 28, 5, 0, {0, 2}}, Where{"b.mp4", 0, 1, 13, {4, 1}}));
  EXPECT_EQ(appended.after, (ClipPart{"b.mp4", {0, 33}}));
  EXPECT_EQ(appended.shown, (FrameRange{0, 13}));

  const Plan by_pixels = test::plan(connecting("a.mp4", "b.mp4", 10), test::pixels());
  EXPECT_EQ(by_pixels.given[1].at, 15);
  EXPECT_EQ(by_pixels.shown, (FrameRange{0, 23}));
}

TEST(Connect, TakesImages) {
  const Plan plan = test::plan(connecting("a.png", "b.png"), test::clean_frames());
  EXPECT_EQ(plan.size, (PixelSize{128, 128}));
  EXPECT_EQ(plan.before, std::nullopt);
  EXPECT_EQ(plan.after, std::nullopt);
  EXPECT_THAT(given(plan), ElementsAre(Where{"a.png", 0, 1, 0, {0, 1}}, Where{"b.png", 0, 1, 29, {8, 1}}));
  EXPECT_EQ(test::plan(connecting("a.png", "widefast.mp4"), test::clean_frames()).size, (PixelSize{256, 128}));
}

TEST(Connect, ThatIsRefused) {
  EXPECT_EQ(test::refusal(connecting("a.mp4", "b.mp4", 10), test::clean_frames()),
            "--extend-frames 10: between two clips this checkpoint makes 8 or 12 frames, not 10");
  EXPECT_EQ(test::refusal(connecting("a.mp4", "b.mp4", 2), test::clean_frames()),
            "--extend-frames 2: between two clips this checkpoint makes at least 4 frames, not 2");
  EXPECT_EQ(test::refusal(connecting("a.mp4", "b.mp4", 8), test::first_and_last()),
            "--extend-frames 8: between two clips this checkpoint makes 7 or 11 frames, not 8");
  Request request = connecting("a33.mp4", "b33.mp4");
  request.num_frames = 33 + 33 + 81;
  EXPECT_EQ(test::refusal(request, test::clean_frames()),
            "--num-frames 147: between two clips this checkpoint makes 80 or 84 frames, not 81");
  EXPECT_EQ(test::refusal(connecting("a.mp4", "b.mp4"), test::first_frame()),
            "--connect a.mp4 b.mp4: this checkpoint (Test) cannot lead from one clip to another");
  EXPECT_EQ(
      test::refusal(connecting("a.mp4", "wide.mp4"), test::clean_frames()),
      "--connect: a.mp4 is 128x128 and wide.mp4 is 256x128; say --resize crop, pad or stretch for how they become one "
      "size");
}

TEST(Change, StartsFromTheNoisedVideo) {
  const Plan plan = test::plan(changing("fast20.mp4"), test::text_only());
  EXPECT_EQ(plan.sampling.given, GivenUse::noised);
  EXPECT_EQ(plan.sampling.strength, 0.8);
  EXPECT_EQ(plan.fps, (Rational{16, 1}));
  EXPECT_EQ(plan.pixel_frames, 20);
  EXPECT_EQ(plan.rendered_frames, 21);
  EXPECT_THAT(given(plan), ElementsAre(Where{"fast20.mp4", 0, 20, 0, {0, 5}}));
  EXPECT_FALSE(plan.given[0].kept);
}

TEST(Change, OfAPart) {
  Request request = changing("a33.mp4");
  request.mask = "mask.png";
  const Plan plan = test::plan(request, test::clean_frames());
  EXPECT_EQ(plan.sampling.strength, 1);
  EXPECT_TRUE(plan.given[0].kept);
  EXPECT_TRUE(plan.mask->image);
  EXPECT_FALSE(test::plan(request, test::pixels()).given[0].kept);
  request.mask = "mask33.mp4";
  EXPECT_FALSE(test::plan(request, test::clean_frames()).mask->image);
  request.mask = "mask20.mp4";
  EXPECT_EQ(test::refusal(request, test::clean_frames()),
            "--mask mask20.mp4: has 20 frames, and the video 33; expected an image, or a clip of the same length");
  Request given = with({image("a.png")});
  given.mask = "mask.png";
  EXPECT_EQ(test::plan(given, test::clean_frames()).sampling.given, GivenUse::noised);
  EXPECT_EQ(test::plan(given, test::pixels()).sampling.given, GivenUse::control);
}

// A control starts from noise, whatever it shows.
TEST(Change, ByControl) {
  const Plan plan = test::plan(changing("a33.mp4"), test::pixels());
  EXPECT_EQ(plan.sampling.given, GivenUse::control);
  EXPECT_EQ(plan.sampling.strength, 1);
  EXPECT_FALSE(plan.given[0].kept);
}

TEST(Change, KeepsNothingWithoutAMask) {
  Request request = changing("a33.mp4");
  request.keep_given = true;
  EXPECT_EQ(test::refusal(request, test::text_only()),
            "--keep-given yes: all frames of --video are changed, unless a --mask says where");
  request.mask = "mask.png";
  EXPECT_TRUE(test::plan(request, test::text_only()).given[0].kept);
}

TEST(Control, IsScaledAsAWholeOrByLayer) {
  Traits traits = test::pixels();
  traits.control_layers = 3;
  const auto scaled = [](std::vector<double> scale) {
    Request request = a_cat();
    request.conditioning_scale = std::move(scale);
    return request;
  };
  EXPECT_TRUE(test::plan(a_cat(), traits).conditioning_scale.empty());
  EXPECT_THAT(test::plan(scaled({0.5}), traits).conditioning_scale, ElementsAre(0.5));
  EXPECT_THAT(test::plan(scaled({1, 0.5, 0}), traits).conditioning_scale, ElementsAre(1, 0.5, 0));
  EXPECT_EQ(test::refusal(scaled({1, 0.5}), traits),
            "--conditioning-scale 1,0.5: that is 2 numbers; this checkpoint (Test) takes one, or 3, one for each layer "
            "that sees the control");
  EXPECT_EQ(test::refusal(scaled({1}), test::text_only()),
            "--conditioning-scale 1: this checkpoint (Test) has no control that could be scaled");
}

TEST(Change, CostsTheStepsThatAreMade) {
  Traits traits = test::text_only();
  traits.denoiser.flop_per_item = 1;
  Request request = changing("a33.mp4");
  request.strength = 0.35;
  EXPECT_EQ(steps_made(test::plan(request, traits)), 3);
  EXPECT_EQ(test::plan(request, traits).cost.sample_flop, 3 * 2 * 9 * 64);
  request.strength = 0.05;
  EXPECT_EQ(test::refusal(request, traits), "--strength 0.05: of 10 steps not one would be made; at least 0.1");
}

TEST(Change, ThatIsRefused) {
  Request request = changing("a33.mp4");
  EXPECT_EQ(test::refusal(request, test::first_frame()),
            "--video a33.mp4: this checkpoint (Test) cannot change a video");
  EXPECT_EQ(test::refusal(request, test::forcing()), "--video a33.mp4: this checkpoint (Test) cannot change a video");
  request.num_frames = 40;
  EXPECT_EQ(test::refusal(request, test::text_only()),
            "--num-frames 40: that is 40 frames, and --video a33.mp4 has 33");
  request.num_frames.reset();
  request.strength = 0.5;
  EXPECT_EQ(
      test::refusal(request, test::pixels()),
      "--strength 0.5: this checkpoint (Test) is steered by the video, and starts from noise whatever the video is");
  request.mask = "m.png";
  EXPECT_EQ(test::refusal(request, test::forcing()),
            "--mask m.png: this checkpoint (Test) cannot generate a part of the picture");
}

TEST(References, StandBeforeTheLatentFrames) {
  Request request = a_cat();
  request.reference_images = {"a.png", "b.png"};
  const Plan plan = test::plan(request, test::pixels());
  EXPECT_EQ(plan.windows[0].tokens, (9 + 2) * 64);
  EXPECT_THAT(plan.reference_images, ElementsAre("a.png", "b.png"));
  EXPECT_EQ(test::refusal(request, test::clean_frames()),
            "--reference-image a.png: this checkpoint (Test) cannot take reference images");
}

TEST(Contradictions, AreNamed) {
  const auto refusal = [](auto change) {
    Request request = a_cat();
    change(request);
    return test::refusal(request, test::clean_frames());
  };
  EXPECT_EQ(
      refusal([](Request& r) {
        r.extend = "a.mp4", r.connect = Connect{"a.mp4", "b.mp4"};
      }),
      "--extend and --connect: one goes on from a clip, the other leads from one clip to another; give one of them");
  EXPECT_EQ(refusal([](Request& r) { r.extend = "a.mp4", r.video = "b.mp4"; }),
            "--extend and --video: one goes on from a clip, the other changes it; give one of them");
  EXPECT_EQ(refusal([](Request& r) {
              r.connect = Connect{"a.mp4", "b.mp4"}, r.video = "b.mp4";
            }),
            "--connect and --video: one leads from one clip to another, the other changes one; give one of them");
  EXPECT_EQ(
      refusal([](Request& r) { r.extend = "a.mp4", r.given = {last_image("z.png")}; }),
      "--last-image z.png and --extend: the clip is all that is given then; to lead it to an image, --connect CLIP "
      "IMAGE");
  EXPECT_EQ(
      refusal([](Request& r) {
        r.connect = Connect{"a.mp4", "b.mp4"}, r.given = {at("m.png", 5)};
      }),
      "--given m.png@5 and --connect: both ends are given already; for more than two, --given takes each with its "
      "frame");
  EXPECT_EQ(refusal([](Request& r) { r.video = "a.mp4", r.given = {image("m.png")}; }),
            "--image m.png and --video: all frames are given already; leave one of them out");
  EXPECT_EQ(refusal([](Request& r) { r.backward = true; }),
            "--backward: there is no clip to begin earlier; give it with --extend CLIP");
  EXPECT_EQ(refusal([](Request& r) { r.extend_frames = 9; }),
            "--extend-frames 9: counts the new frames of --extend or --connect, and neither is given");
  EXPECT_EQ(refusal([](Request& r) { r.strength = 0.5; }),
            "--strength 0.5: says how much of --video is changed, and there is none");
  EXPECT_EQ(refusal([](Request& r) { r.mask = "m.png"; }),
            "--mask m.png: there are no pixels that it could keep; give them with --video or --given");
  EXPECT_EQ(refusal([](Request& r) { r.mask = "m.png", r.extend = "a.mp4"; }),
            "--mask m.png: --extend keeps all pixels of its clips; a mask goes with --video or --given");
  EXPECT_EQ(refusal([](Request& r) {
              r.mask = "m.png", r.connect = Connect{"a.mp4", "b.mp4"};
            }),
            "--mask m.png: --connect keeps all pixels of its clips; a mask goes with --video or --given");
  EXPECT_EQ(refusal([](Request& r) { r.resize = Resize::pad; }), "--resize: there is no image and no clip to resize");
  EXPECT_EQ(refusal([](Request& r) { r.keep_given = true; }),
            "--keep-given: there is no image and no clip whose frames could be kept");
  EXPECT_EQ(refusal([](Request& r) { r.extend = "a.mp4", r.extend_frames = 9, r.num_frames = 50; }),
            "--extend-frames 9 and --num-frames 50 both give the length: the first counts new frames, the second the "
            "clips' too; give one of them");
  EXPECT_EQ(
      refusal([](Request& r) { r.extend = "a.mp4", r.extend_frames = 9, r.seconds = 5; }),
      "--extend-frames 9 and --seconds 5 both give the length: the first counts new frames, the second the clips' "
      "too; give one of them");
}

TEST(SceneTimes, CountFromTheStartOfTheOutput) {
  Request request = extending("a33.mp4", 60);
  request.scenes = {{5, "a dog"}};  // frame 40 of the output, 12 of what is rendered
  EXPECT_EQ(test::plan(request, test::clean_frames()).scenes[1].first, 4);
  request.scenes = {{4, "a dog"}};
  EXPECT_EQ(test::refusal(request, test::clean_frames()),
            "--scene at 4 s: what is generated lies between 4.12 and 11.62 s, and a scene begins inside it");
  request.backward = true;
  request.scenes = {{2, "a dog"}};  // frame 16, and 17 of what is rendered, of which one is dropped
  EXPECT_EQ(test::plan(request, test::clean_frames()).scenes[1].first, 5);
  request.scenes = {{7.5, "a dog"}};
  EXPECT_EQ(test::refusal(request, test::clean_frames()),
            "--scene at 7.5 s: what is generated lies between 0.00 and 7.50 s, and a scene begins inside it");
  Request image_to_video = with({image("a.png")});
  image_to_video.scenes = {{1, "a dog"}};
  EXPECT_EQ(test::refusal(image_to_video, test::first_frame()),
            "--scene at 1 s: this checkpoint (Test) cannot make a video of several windows");
}

}  // namespace
}  // namespace sora
