// What videos say of their origin, as a user meets it: signed and marked by default, verified afterwards.
#include <gmock/gmock.h>

#include <fstream>

#include "support/shipped.h"

namespace sora::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Origins : public Shipped {
 protected:
  // A video of 5 s, large enough for its watermark to be read.
  json make(const std::string& name, const Words& words = {}) const {
    return made(words + Words{"--seconds", "5", "-o", name, "--json"});
  }
  json made(const Words& words) const {
    const RunResult result = marked(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out);
  }
  RunResult marked(const Words& words) const {
    const Words usual{"--prompt", "a red ball over a green meadow", "--steps", "2", "--seed", "1"};
    return program(words + usual);
  }
  RunResult program(const Words& words) const {
    return run(words, {.env = {{"XDG_CACHE_HOME", cache_.path()}, {"XDG_DATA_HOME", data_}},
                       .working_directory = folder_.path(),
                       .marks = true});
  }
  json verified(int exit_code, const std::string& name, const Words& words = {}) const {
    const RunResult result = program(Words{"verify", name, "--json"} + words);
    EXPECT_EQ(result.exit_code, exit_code) << result.err << result.out;
    const json findings = json::parse(result.out);
    EXPECT_EQ(findings["exit"], exit_code);
    EXPECT_EQ(findings["files"][0]["verified"], exit_code == 0);
    return findings["files"][0];
  }
  void ffmpeg(const Words& words) const {
    const RunResult result =
        run_program(Words{"ffmpeg", "-v", "error", "-y"} + words, {.working_directory = folder_.path()});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  TempDir data_folder_;
  std::string data_ = data_folder_.path();
};

TEST_F(Origins, AVideoIsSignedMarkedLoggedAndRecognised) {
  const RunResult first = marked({"--seconds", "5", "-o", "a.mp4", "--json"});
  EXPECT_THAT(first.err, HasSubstr("made the keys that this installation signs and marks its videos with"));
  const json result = json::parse(first.out)["origin"];
  const RunResult second = marked({"--seconds", "5", "-o", "b.mp4"});
  EXPECT_THAT(second.err, testing::Not(HasSubstr("made the keys")));

  const json findings = verified(0, "a.mp4");
  EXPECT_EQ(findings["manifest"]["state"], "trusted");
  EXPECT_EQ(findings["manifest"]["label"], result["manifest"]);
  EXPECT_EQ(findings["watermark"]["found"], true);
  EXPECT_EQ(findings["watermark"]["payload"], result["watermark"]);
  EXPECT_EQ(findings["made_here"]["this_file"], true);
  EXPECT_EQ(findings["made_here"]["model"], "tiny-world");
  EXPECT_EQ(findings["contradictions"], json::array());

  EXPECT_EQ(program({"audit", "verify"}).exit_code, 0);
}

TEST_F(Origins, WhatIsNotSignedIsMarkedAndLoggedAllTheSame) {
  const json result = make("a.mp4", {"--no-provenance"})["origin"];
  const json findings = verified(0, "a.mp4");
  EXPECT_EQ(findings["manifest"]["state"], "none");
  EXPECT_EQ(findings["watermark"]["payload"], result["watermark"]);
  EXPECT_EQ(findings["made_here"]["this_file"], false) << "nobody knows its digest before it is there";
}

// Remuxed and encoded again, it has lost its manifest, and is still known.
TEST_F(Origins, TheWatermarkOutlivesTheManifest) {
  const json result = make("a.mp4")["origin"];
  ffmpeg({"-i", "a.mp4", "-c:v", "libx264", "-crf", "23", "b.mp4"});
  const json findings = verified(0, "b.mp4");
  EXPECT_EQ(findings["manifest"]["state"], "none");
  EXPECT_EQ(findings["watermark"]["payload"], result["watermark"]);
  EXPECT_EQ(findings["made_here"]["this_file"], false);
  // Elsewhere nobody can tell.
  const TempDir elsewhere;
  const RunResult stranger =
      run({"verify", "b.mp4"}, {.env = {{"XDG_DATA_HOME", elsewhere.path()}}, .working_directory = folder_.path()});
  EXPECT_EQ(stranger.exit_code, 7);
  EXPECT_THAT(stranger.out, HasSubstr("not looked for: this installation has no key yet"));
}

TEST_F(Origins, WhatWasChangedIsNotVerified) {
  make("a.mp4");
  std::string bytes = read_text(folder_ / "a.mp4");
  bytes[bytes.size() - 1000] ^= 1;
  write_file(folder_ / "a.mp4", bytes);
  const json findings = verified(7, "a.mp4");
  EXPECT_EQ(findings["manifest"]["state"], "invalid");
  EXPECT_THAT(findings["manifest"]["faults"].dump(), HasSubstr("assertion.bmffHash.mismatch"));
}

// The signature is a stranger's: it holds, and means nothing here.
TEST_F(Origins, ASignerWhomNobodyTrustsVouchesForNothing) {
  make("a.mp4", {"--watermark", "off"});
  const TempDir elsewhere;
  const auto verify = [&](const Words& words) {
    return run(Words{"verify", "a.mp4"} + words,
               {.env = {{"XDG_DATA_HOME", elsewhere.path()}}, .working_directory = folder_.path()});
  };
  const RunResult stranger = verify({});
  EXPECT_EQ(stranger.exit_code, 7);
  EXPECT_THAT(stranger.out, HasSubstr("valid, unknown signer"));
  EXPECT_EQ(verify({"--trust", data_ + "/sora-gen/keys/root.pem"}).exit_code, 0);
}

// The clip's own frames keep the mark that they came with, and the manifest says what the video was made from.
TEST_F(Origins, AVideoThatGoesOnNamesItsParent) {
  make("a.mp4");
  made({"--extend", "a.mp4", "--extend-frames", "8", "-o", "b.mp4", "--json"});
  const json manifest = verified(0, "b.mp4")["manifest"];
  EXPECT_EQ(manifest["state"], "trusted");
  ASSERT_EQ(manifest["ingredients"].size(), 1U);
  EXPECT_EQ(manifest["ingredients"][0]["relationship"], "parentOf");
  EXPECT_EQ(manifest["ingredients"][0]["has_manifest"], true);

  // In its settings: the pictures can still be decoded.
  std::string bytes = read_text(folder_ / "a.mp4");
  bytes.at(bytes.find("meadow")) = 'M';
  write_file(folder_ / "a.mp4", bytes);
  const Words go_on{"--extend", "a.mp4", "--extend-frames", "8", "-o", "c.mp4"};
  const RunResult refused = marked(go_on);
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_THAT(refused.err, HasSubstr("a.mp4"));
  EXPECT_EQ(marked(go_on + Words{"--accept-broken-sources"}).exit_code, 0);
  EXPECT_THAT(program({"verify", "c.mp4"}).out, HasSubstr("ITS OWN MANIFEST DOES NOT HOLD"));
}

TEST_F(Origins, BytesThatAreNoVideo) {
  write_file(folder_ / "a.mp4", "not a video at all");
  const json findings = verified(7, "a.mp4");
  EXPECT_EQ(findings["manifest"]["state"], "unreadable");
  EXPECT_EQ(program({"verify", "missing.mp4"}).exit_code, 4);
  EXPECT_EQ(program({"verify"}).exit_code, 2);
}

TEST_F(Origins, AnAuthorityThatCannotBeReachedFailsTheJob) {
  const RunResult result = marked({"--num-frames", "1", "-o", "a.mp4", "--tsa", "http://127.0.0.1:9/"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.mp4"));
}

TEST_F(Origins, ACertificateThatDoesNotServeIsRefusedAtOnce) {
  EXPECT_THAT(marked({"-o", "a.mp4", "--certificate", "c.pem"}).err, HasSubstr("--certificate needs --key"));
  write_file(folder_ / "c.pem", "no certificate");
  write_file(folder_ / "k.pem", "no key");
  const RunResult result = marked({"-o", "a.mp4", "--certificate", "c.pem", "--key", "k.pem"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr(".pem: there is no "));
}

TEST_F(Origins, NothingIsSaidWhereTheUserWantsThat) {
  const json result = make("a.mp4", {"--no-provenance", "--watermark", "off", "--no-audit"});
  EXPECT_EQ(result["origin"]["manifest"], nullptr);
  EXPECT_EQ(result["origin"]["watermark"], nullptr);
  EXPECT_FALSE(std::filesystem::exists(data_ + "/sora-gen"));
  verified(7, "a.mp4");
}

// The label is seen by anyone; frames without marks are other frames.
TEST_F(Origins, FourKindsOfWatermark) {
  std::map<std::string, Rgb> frames;
  for (const std::string kind : {"off", "invisible", "visible", "both"}) {
    made({"--num-frames", "1", "-o", kind + ".png", "--watermark", kind, "--json"});
    frames[kind] = read_video(folder_ / (kind + ".png")).frames.at(0);
  }
  EXPECT_GT(psnr(frames["invisible"], frames["off"]), 42);
  EXPECT_LT(psnr(frames["visible"], frames["off"]), 42);
  EXPECT_GT(psnr(frames["both"], frames["visible"]), 42);
  EXPECT_NE(frames["both"], frames["visible"]);
}

TEST_F(Origins, ABatchLogsWhatItMadeAndWhatItRefused) {
  write_file(folder_ / "p.txt", "a red ball\na naked woman having sex\na blue cube\n");
  const RunResult batch =
      program({"--prompts", "p.txt", "-o", "{index}.mp4", "--num-frames", "1", "--steps", "1", "--json"});
  EXPECT_EQ(batch.exit_code, 3) << batch.err;
  const std::string log = read_text(data_ + "/sora-gen/audit.jsonl");
  EXPECT_THAT(log, HasSubstr("\"refused\""));
  EXPECT_THAT(log, testing::Not(HasSubstr("naked")));
  EXPECT_EQ(program({"audit", "verify"}).exit_code, 0);
  write_file(data_ + "/sora-gen/audit.jsonl", log.substr(log.find('\n') + 1));
  EXPECT_EQ(program({"audit", "verify"}).exit_code, 7);
}

TEST_F(Origins, SettingsOfTheOriginComeBackFromAVideo) {
  make("a.mp4", {"--watermark", "both", "--no-provenance"});
  const json again = json::parse(program({"--from", "a.mp4", "-o", "b.mp4", "--json"}).out);
  EXPECT_EQ(again["origin"]["manifest"], nullptr);
  EXPECT_EQ(read_text(folder_ / "b.mp4"), read_text(folder_ / "a.mp4"));
}

}  // namespace
}  // namespace sora::test
