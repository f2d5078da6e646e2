// What manifest and watermark say together.
#include "cli/verdict.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace sora {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kPayload = 0x123456789abc;

class VerdictTest : public testing::Test {
 protected:
  VerdictTest() {
    key_.fill(7);
    findings_.file = "a.mp4";
    findings_.watermark_key = key_;
    findings_.manifest.state = ManifestState::trusted;
    findings_.manifest.actions = {
        {.action = "c2pa.created", .digital_source_type = "http://x/trainedAlgorithmicMedia"}};
    findings_.manifest.watermark = {{"key_id", watermark_key_id(key_)},
                                    {"payload_hmac_sha256", watermark_payload_digest(key_, kPayload)}};
    WatermarkFinding mark;
    mark.found = true;
    mark.log10_chance = -20.3;
    mark.payload = kPayload;
    mark.frames = 40;
    findings_.watermark = mark;
  }

  SecretKey key_{};
  OriginFindings findings_;
};

TEST_F(VerdictTest, WhatAgreesIsVerified) {
  EXPECT_THAT(contradictions(findings_), IsEmpty());
  EXPECT_TRUE(is_verified(findings_));
  const std::string text = text_of(findings_);
  EXPECT_THAT(text, HasSubstr("a.mp4: verified\n"));
  EXPECT_THAT(text, HasSubstr("by chance at most 1 in 10^20; payload 123456789abc in 40 frames"));
}

TEST_F(VerdictTest, AMarkOfAnotherVideoContradicts) {
  findings_.watermark->payload = kPayload + 1;
  EXPECT_THAT(contradictions(findings_),
              ElementsAre("the watermark's payload is that of another video than the manifest's"));
  EXPECT_FALSE(is_verified(findings_));
  // Unless it is of what the video was made from.
  findings_.manifest.ingredients = {{.title = "b.mp4", .relationship = "parentOf"}};
  EXPECT_TRUE(is_verified(findings_));
}

TEST_F(VerdictTest, AMarkThatTheManifestDoesNotNameContradicts) {
  findings_.manifest.watermark = nullptr;
  EXPECT_THAT(contradictions(findings_),
              ElementsAre("the frames carry this installation's watermark, of which the manifest says nothing"));
  findings_.manifest.watermark = {{"key_id", "0123"}};
  EXPECT_THAT(contradictions(findings_), ElementsAre(HasSubstr("the manifest names key 0123")));
}

TEST_F(VerdictTest, AManifestThatSaysACameraMadeItContradicts) {
  findings_.manifest.actions[0].digital_source_type = "http://x/digitalCapture";
  EXPECT_THAT(contradictions(findings_), ElementsAre(HasSubstr("the manifest does not say that it is one")));
}

// A pattern can be copied; only the log says that the video is from here.
TEST_F(VerdictTest, PresenceOfAMarkAloneVerifiesNothing) {
  findings_.manifest = {};
  EXPECT_FALSE(is_verified(findings_));
  findings_.made_here =
      OutputRecord{.job = "0123456789abcdef", .model = "tiny-world", .output = "/x/a.mp4", .sha256 = ""};
  EXPECT_TRUE(is_verified(findings_));
  EXPECT_THAT(text_of(findings_), HasSubstr("made here: job 0123456789ab, "));
}

TEST_F(VerdictTest, NeitherIsAStrangersSignature) {
  findings_.manifest.state = ManifestState::unknown_signer;
  EXPECT_FALSE(is_verified(findings_));
  findings_.manifest.state = ManifestState::invalid;
  findings_.made_here = OutputRecord{.job = "", .model = "", .output = "", .sha256 = ""};
  EXPECT_FALSE(is_verified(findings_)) << "it has been changed since";
}

TEST_F(VerdictTest, WhatStrangersWriteReachesNoTerminal) {
  findings_.manifest.generator = "\x1b[31mred";
  findings_.manifest.watermark = {{"key_id", 7}};
  EXPECT_EQ(text_of(findings_).find('\x1b'), std::string::npos);
  EXPECT_EQ(json_of(findings_)["verified"], false);
}

}  // namespace
}  // namespace sora
