// Signing and reading: what is written holds, and what was changed afterwards does not.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <random>

#include "base/descriptor.h"
#include "provenance/c2pa_library.h"
#include "support/errors.h"
#include "support/signing.h"

namespace sora {
namespace {

using nlohmann::ordered_json;
using test::Box;
using test::Studio;
namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kGenerated = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

fs::path picture() { return test::data("media/rgb.png"); }

std::string box(const char* type, std::string_view content) {
  const auto size = static_cast<std::uint32_t>(8 + content.size());
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift);
  return bytes + type + std::string(content);
}

TEST(Signing, IsReadBack) {
  for (const KeyAlgorithm algorithm : {KeyAlgorithm::es256, KeyAlgorithm::es384, KeyAlgorithm::ed25519}) {
    const Studio studio({.algorithm = algorithm, .name = "Some Film Company"});
    const ManifestReport report = read_manifest(studio.sign("x.mp4"), studio.root());
    EXPECT_EQ(report.state, ManifestState::trusted) << testing::PrintToString(report.faults);
    EXPECT_EQ(report.faults, std::vector<std::string>{});
    EXPECT_THAT(report.signer, testing::StartsWith("sora-gen claim signer "));
    EXPECT_EQ(report.issuer, "Some Film Company");
    EXPECT_EQ(report.generator, "sora-gen 0.1.0");
    EXPECT_EQ(report.time, "");
  }
}

TEST(Signing, SaysHowTheVideoWasMade) {
  const Studio studio;
  ProvenanceRecord record = test::video_record();
  record.watermark = WatermarkRecord{"tiles-1", "0123", "4567"};
  record.thumbnail = Thumbnail{"image/png", test::read_text(picture())};
  sign_mp4(test::data("media/h264.mp4"), studio / "x.mp4", record, studio.signer());
  const ordered_json report = to_json(read_manifest(studio / "x.mp4", studio.root()));
  EXPECT_EQ(report["state"], "trusted");
  EXPECT_EQ(report["title"], "x.mp4");
  const ordered_json expected = ordered_json::parse(R"({
    "fps": "24000/1001", "frames": 17, "guidance_scale": 5.0, "height": 96,
    "model": {"name": "tiny-world", "parts": [
      {"component": "transformer", "sha256": "A"}, {"component": "vae", "sha256": "B"}]},
    "policy": {"id": "default-1", "sha256": "D"}, "prompt_hmac_sha256": "C", "sampler": "UniPCMultistepScheduler",
    "seed": "18446744073709551615", "steps": 8, "version": 1, "width": 128})");
  std::string text = expected.dump();
  for (const char letter : {'A', 'B', 'C', 'D'}) {
    const std::string quoted = {'"', letter, '"'};
    text.replace(text.find(quoted), 3, '"' + std::string(64, static_cast<char>(letter - 'A' + 'a')) + '"');
  }
  EXPECT_EQ(report["generation"], ordered_json::parse(text));
  EXPECT_EQ(report["watermark"], ordered_json::parse(R"({"algorithm": "tiles-1", "key_id": "0123",
    "payload_hmac_sha256": "4567", "version": 1, "visible": false})"));
  EXPECT_EQ(report["actions"].size(), 2U);
  EXPECT_EQ(report["actions"][0]["action"], "c2pa.created");
  EXPECT_EQ(report["actions"][0]["when"], "2026-11-22T10:00:00Z");
  EXPECT_EQ(report["actions"][0]["digital_source_type"], kGenerated);
  EXPECT_EQ(report["actions"][0]["software"], "sora-gen 0.1.0");
  EXPECT_EQ(report["actions"][1]["action"], "c2pa.watermarked.unbound");
  EXPECT_THAT(read_crjson(studio / "x.mp4", ""), HasSubstr("c2pa.thumbnail.claim"));
}

TEST(Signing, TellsThePromptOnlyWhereAsked) {
  const Studio studio;
  ProvenanceRecord record = test::video_record();
  record.prompt = "a cat\nin the \"snow\" \xe2\x9d\x84";
  const ManifestReport report = read_manifest(studio.sign("x.mp4", record), "");
  EXPECT_EQ(report.generation["prompt"], *record.prompt);
  EXPECT_FALSE(report.generation.contains("prompt_hmac_sha256"));
}

TEST(Signing, LeavesTheVideoAsItIs) {
  const Studio studio;
  const std::string before = test::read_text(test::data("media/h264.mp4"));
  const SignedVideo made =
      sign_mp4(test::data("media/h264.mp4"), studio / "x.mp4", test::video_record(), studio.signer());
  const std::string after = test::read_text(studio / "x.mp4");
  const Box from = test::box_of(before, "mdat"), to = test::box_of(after, "mdat");
  EXPECT_EQ(before.substr(from.at, from.size), after.substr(to.at, to.size));
  EXPECT_THAT(made.manifest, testing::MatchesRegex("urn:c2pa:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                                   "[0-9a-f]{12}"));
  EXPECT_EQ(read_manifest(studio / "x.mp4", "").label, made.manifest);
  EXPECT_GT(made.manifest_bytes, 3000);
  EXPECT_NE(sign_mp4(test::data("media/h264.mp4"), studio / "y.mp4", test::video_record(), studio.signer()).manifest,
            made.manifest);
}

TEST(Signing, NeverReplacesAFile) {
  const Studio studio;
  studio.write("x.mp4", "mine");
  EXPECT_EQ(test::error_of(Fault::output, [&] { studio.sign("x.mp4"); }),
            (studio / "x.mp4").string() + " exists already; use --overwrite to replace it");
  EXPECT_EQ(test::read_text(studio / "x.mp4"), "mine");
}

TEST(Signing, FailsForWhatIsNoMp4) {
  const Studio studio;
  const auto error = [&](const fs::path& from) {
    return test::error_of(Fault::input,
                          [&] { sign_mp4(from, studio / "y.mp4", test::video_record(), studio.signer()); });
  };
  EXPECT_THAT(error(picture()), testing::StartsWith("the video cannot be signed: "));
  EXPECT_THAT(error(studio.write("empty", "")), testing::StartsWith("the video cannot be signed: "));
  EXPECT_EQ(error(studio / "none"), (studio / "none").string() + ": cannot be opened: No such file or directory");
  EXPECT_FALSE(fs::exists(studio / "y.mp4"));
}

TEST(Signing, FailsWhereTheDiskDoes) {
  const Studio studio;
  const Descriptor from(open(test::data("media/h264.mp4").c_str(), O_RDONLY | O_CLOEXEC));
  const Descriptor full(memfd_create("full", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(fcntl(full.get(), F_ADD_SEALS, F_SEAL_GROW), 0);
  EXPECT_EQ(
      test::error_of(Fault::output, [&] { sign_mp4(from.get(), full.get(), test::video_record(), studio.signer()); }),
      "the signed video cannot be written: Operation not permitted");
}

TEST(Signing, FailsWithoutTheTimeStampThatWasAskedFor) {
  const Studio studio;
  // A port that nobody listens on, and that nobody else gets.
  const Descriptor port(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(port.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(port.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/tsa";
  EXPECT_EQ(
      test::error_of(Fault::output, [&] { studio.sign("x.mp4", test::video_record(), {.tsa = url}); }),
      "the video cannot be signed with a time stamp of " + url +
          ": Signature: internal error (an error occurred from the underlying http resolver: error sending request "
          "for url (" +
          url + ")); without --tsa it is signed without one");
  EXPECT_FALSE(fs::exists(studio / "x.mp4"));
}

TEST(Sources, OfAnimatedPicturesAreInputs) {
  const Studio studio;
  ProvenanceRecord record = test::video_record();
  record.sources = {{picture(), SourceMedia::Relation::input, "first frame"},
                    {test::data("media/rgb.bmp"), SourceMedia::Relation::input, "last frame"}};
  const ManifestReport report = read_manifest(studio.sign("x.mp4", record), studio.root());
  EXPECT_EQ(report.state, ManifestState::trusted) << testing::PrintToString(report.faults);
  ASSERT_EQ(report.actions.size(), 1U);
  EXPECT_EQ(report.actions[0].action, "c2pa.created");
  ASSERT_EQ(report.ingredients.size(), 2U);
  // In no particular order.
  const bool png_first = report.ingredients[0].title == "rgb.png";
  const IngredientReport &png = report.ingredients[png_first ? 0 : 1], &bmp = report.ingredients[png_first ? 1 : 0];
  EXPECT_EQ(png.relationship, "inputTo");
  EXPECT_EQ(png.type, "image/png");
  EXPECT_FALSE(png.has_manifest);
  // Of a kind that the C2PA library does not read: named all the same.
  EXPECT_EQ(bmp.title, "rgb.bmp");
  EXPECT_EQ(bmp.relationship, "inputTo");
  EXPECT_EQ(bmp.type, "image/bmp");
}

TEST(Sources, OfExtendedClipsAreParents) {
  const Studio studio, stranger({.name = "Stranger"});
  ProvenanceRecord record = test::video_record();
  record.sources = {{stranger.sign("clip.mp4"), SourceMedia::Relation::parent, "clip that is extended"}};
  const SignedVideo made = sign_mp4(test::data("media/h264.mp4"), studio / "x.mp4", record, studio.signer());
  ASSERT_EQ(made.sources.size(), 1U);
  EXPECT_TRUE(made.sources[0].has_manifest);
  EXPECT_EQ(made.sources[0].faults, std::vector<std::string>{});
  const ManifestReport report = read_manifest(studio / "x.mp4", studio.root());
  EXPECT_EQ(report.state, ManifestState::trusted) << testing::PrintToString(report.faults);
  ASSERT_EQ(report.actions.size(), 2U);
  EXPECT_EQ(report.actions[0].action, "c2pa.opened");
  EXPECT_EQ(report.actions[0].digital_source_type, "");
  EXPECT_EQ(report.actions[1].action, "c2pa.edited");
  EXPECT_EQ(report.actions[1].digital_source_type, kGenerated);
  ASSERT_EQ(report.ingredients.size(), 1U);
  EXPECT_EQ(report.ingredients[0].relationship, "parentOf");
  EXPECT_TRUE(report.ingredients[0].has_manifest);
  EXPECT_EQ(report.ingredients[0].faults, std::vector<std::string>{});
}

TEST(Sources, ThatWereChangedAreRefusedOrTold) {
  const Studio studio;
  std::string clip = test::read_text(studio.sign("clip.mp4"));
  clip[test::box_of(clip, "mdat").at + 20] ^= 1;
  const fs::path broken = studio.write("broken.mp4", clip);
  ProvenanceRecord record = test::video_record();
  record.sources = {{broken, SourceMedia::Relation::parent, "clip"}};
  const std::string fault =
      "assertion.bmffHash.mismatch: asset hash error, name: jumbf manifest, error: hash verification( BMFF file level "
      "hash mismatch )";
  EXPECT_EQ(test::error_of(Fault::input, [&] { studio.sign("x.mp4", record); }),
            broken.string() + ": its C2PA manifest does not hold (" + fault +
                "): it was changed after it was signed, or the signature is not what it says; --accept-broken-sources "
                "makes the video all the same, and its manifest tells of the fault");
  EXPECT_FALSE(fs::exists(studio / "x.mp4"));

  const SignedVideo made = sign_mp4(test::data("media/h264.mp4"), studio / "x.mp4", record, studio.signer(),
                                    {.accept_broken_sources = true});
  EXPECT_EQ(made.sources[0].faults, std::vector<std::string>{fault});
  const ManifestReport report = read_manifest(studio / "x.mp4", studio.root());
  EXPECT_EQ(report.state, ManifestState::trusted);
  EXPECT_EQ(report.ingredients[0].faults, std::vector<std::string>{fault});
}

// Rules of the conformance program's rubric for C2PA 2.4 (c2pa-org/conformance-public), as far as a generator can break
// them; `parents` of the video.
void expect_conformant(const ordered_json& crjson, std::size_t parents) {
  const ordered_json& manifest = crjson["manifests"][0];
  const ordered_json& claim = manifest["claim.v2"];
  EXPECT_EQ(claim["claim_generator_info"]["name"], "sora-gen");
  EXPECT_EQ(claim["claim_generator_info"]["specVersion"], "2.4");
  EXPECT_EQ(claim["alg"], "sha256");
  EXPECT_TRUE(claim["redacted_assertions"].empty());
  std::vector<std::string> created;
  for (const ordered_json& link : claim["created_assertions"]) {
    const auto url = link["url"].get<std::string>();
    created.push_back(url.substr(url.rfind('/') + 1));
  }
  EXPECT_THAT(created, testing::IsSupersetOf({"c2pa.actions.v2", "c2pa.hash.bmff.v3", "org.sora-gen.generation"}));

  std::size_t bindings = 0, parent_ingredients = 0;
  for (const auto& [label, data] : manifest["assertions"].items()) {
    EXPECT_THAT(label, testing::MatchesRegex("(c2pa\\.(actions\\.v2|hash\\.bmff\\.v3|ingredient\\.v3(__[0-9]+)?|"
                                             "thumbnail\\.claim)|cawg\\.training-mining|org\\.sora-gen\\..*)"));
    bindings += label.starts_with("c2pa.hash.") ? 1 : 0;
    if (label.starts_with("c2pa.ingredient")) parent_ingredients += data["relationship"] == "parentOf" ? 1 : 0;
  }
  EXPECT_EQ(bindings, 1U);
  EXPECT_EQ(parent_ingredients, parents);

  const ordered_json& actions = manifest["assertions"]["c2pa.actions.v2"];
  EXPECT_EQ(actions["allActionsIncluded"], true);
  for (std::size_t i = 0; i < actions["actions"].size(); ++i) {
    const ordered_json& action = actions["actions"][i];
    const auto name = action["action"].get<std::string>();
    const bool begins = name == "c2pa.created" || name == "c2pa.opened";
    EXPECT_EQ(begins, i == 0) << name;
    EXPECT_EQ(action.contains("digitalSourceType"), name == "c2pa.created" || name == "c2pa.edited") << name;
    EXPECT_EQ(action["softwareAgent"]["name"], "sora-gen");
    EXPECT_EQ(name == "c2pa.opened" ? action["parameters"]["ingredients"].size() : 1, 1U);
  }
  for (const ordered_json& failure : manifest["validationResults"]["failure"])
    EXPECT_EQ(failure["code"], "signingCredential.untrusted");
}

TEST(Conformance, RulesHold) {
  const Studio studio;
  ProvenanceRecord record = test::video_record();
  record.watermark = WatermarkRecord{"tiles-1", "0123", "4567"};
  record.thumbnail = Thumbnail{"image/png", test::read_text(picture())};
  const fs::path created = studio.sign("created.mp4", record);
  expect_conformant(ordered_json::parse(read_crjson(created, "")), 0);
  record.sources = {{picture(), SourceMedia::Relation::input, "first frame"}};
  expect_conformant(ordered_json::parse(read_crjson(studio.sign("animated.mp4", record), "")), 0);
  record.sources.push_back({created, SourceMedia::Relation::parent, "clip"});
  expect_conformant(ordered_json::parse(read_crjson(studio.sign("extended.mp4", record), "")), 1);
}

TEST(Reading, KnowsWhoIsTrusted) {
  const Studio studio, other;
  const fs::path video = studio.sign("x.mp4");
  for (const std::string& roots : {std::string(), other.root()}) {
    const ManifestReport report = read_manifest(video, roots);
    EXPECT_EQ(report.state, ManifestState::unknown_signer);
    EXPECT_EQ(report.faults, std::vector<std::string>{});
  }
  EXPECT_EQ(read_manifest(video, other.root() + studio.root()).state, ManifestState::trusted);

  const test::TempDir home;
  const test::ScopedEnv data("XDG_DATA_HOME", home.path().c_str());
  EXPECT_EQ(trusted_roots(), "");
  ensure_keys();
  EXPECT_EQ(read_manifest(video, trusted_roots()).state, ManifestState::unknown_signer);
  EXPECT_EQ(read_manifest(video, trusted_roots({studio.files().root()})).state, ManifestState::trusted);
  EXPECT_EQ(test::error_of(Fault::input, [&] { trusted_roots({video}); }),
            video.string() + ": there is no certificate in it; expected PEM");
  renew_keys(keys_folder(), {});
  EXPECT_NO_THROW(trusted_roots());
}

TEST(Reading, TellsNoManifestFromNoMedia) {
  const Studio studio;
  for (const char* none : {"media/h264.mp4", "media/h264_ntsc.mov", "media/rgb.png", "media/444.jpg", "media/raw.avi",
                           "media/lossy.webp", "media/animation.gif", "media/av1.mp4", "media/alpha.webp"}) {
    const ManifestReport report = read_manifest(test::data(none), "");
    EXPECT_EQ(report.state, ManifestState::none) << none;
    EXPECT_EQ(report.faults, std::vector<std::string>{});
  }
  for (const char* unreadable : {"media/rgb.bmp", "media/vp9.webm", "media/pictures.safetensors"}) {
    const ManifestReport report = read_manifest(test::data(unreadable), "");
    EXPECT_EQ(report.state, ManifestState::unreadable) << unreadable;
    EXPECT_EQ(report.faults, std::vector<std::string>{"no file of a kind that can have a C2PA manifest"});
  }
  EXPECT_EQ(read_manifest(studio.write("empty", ""), "").state, ManifestState::unreadable);
  EXPECT_EQ(read_manifest(studio.write("short", "\x89PNG"), "").state, ManifestState::unreadable);
  const ManifestReport damaged =
      read_manifest(studio.write("damaged.mp4", box("ftyp", "isom1234isom") + "damaged bytes"), "");
  EXPECT_EQ(damaged.state, ManifestState::unreadable);
  EXPECT_EQ(damaged.faults,
            std::vector<std::string>{"Other: asset could not be parsed: Box size extends beyond asset bounds"});
  EXPECT_EQ(test::error_of(Fault::input, [&] { read_manifest(studio / "none", ""); }),
            (studio / "none").string() + ": cannot be opened: No such file or directory");
  EXPECT_EQ(test::error_of(Fault::input, [&] { read_manifest(studio / "keys", ""); }),
            (studio / "keys").string() + ": is no regular file");
  EXPECT_EQ(test::error_of(Fault::verification, [&] { read_crjson(test::data("media/h264.mp4"), ""); }),
            test::data("media/h264.mp4").string() +
                ": no C2PA manifest that can be read: ManifestNotFound: no JUMBF data found");
}

// Positions that are covered by a digest or a signature: the content of the manifest's boxes, and of the video all but
// the file type, which C2PA leaves out. The boxes' names and the room that the signature was given say nothing.
void add_content(std::string_view boxes, std::size_t offset, std::vector<std::size_t>& covered) {
  for (const Box& box : test::boxes_of(boxes)) {
    const std::string_view content = boxes.substr(box.at + 8, box.size - 8);
    const std::size_t at = offset + box.at + 8;
    if (box.type == "jumb") add_content(content, at, covered);
    if (box.type == "jumb" || box.type == "jumd") continue;
    const std::size_t pad = std::min(content.find("cpad"), content.size());
    const std::size_t padded = std::min(content.find_first_not_of('\0', pad + 7), content.size());
    for (std::size_t i = 0; i < content.size(); ++i) {
      if (i < pad || i >= padded) covered.push_back(at + i);
    }
  }
}

TEST(Reading, FindsEveryFlippedBit) {
  const Studio studio({.algorithm = KeyAlgorithm::ed25519});
  const std::string video = test::read_text(studio.sign("x.mp4"));
  std::vector<std::size_t> manifest, media;
  const Box store = test::box_of(video, "uuid");
  const std::size_t first = video.find("jumb", store.at) - 4;
  add_content(std::string_view(video).substr(first, store.at + store.size - first), first, manifest);
  for (const Box& box : test::boxes_of(video)) {
    for (std::size_t i = 0; i < box.size && box.type != "ftyp" && box.type != "uuid"; ++i) media.push_back(box.at + i);
  }
  ASSERT_GT(manifest.size(), 2000U);
  ASSERT_GT(media.size(), 2000U);
  std::mt19937 random(7);
  for (int flip = 0; flip < 1000; ++flip) {
    const std::vector<std::size_t>& covered = flip % 2 == 0 ? manifest : media;
    const std::size_t at = covered[random() % covered.size()];
    std::string changed = video;
    changed[at] = static_cast<char>(changed[at] ^ 1 << random() % 8);
    const ManifestState state = read_manifest(studio.write("changed.mp4", changed), studio.root()).state;
    EXPECT_EQ(state, ManifestState::invalid) << at;
  }
}

TEST(Reading, FindsWhatWasAppended) {
  const Studio studio;
  const std::string video = test::read_text(studio.sign("x.mp4"));
  for (const char* type : {"mdat", "free", "skip", "udta", "abcd"}) {
    const fs::path longer = studio.write("longer.mp4", video + box(type, "hidden"));
    const ManifestReport report = read_manifest(longer, studio.root());
    EXPECT_EQ(report.state, ManifestState::invalid) << type;
    EXPECT_THAT(report.faults, testing::Contains(testing::StartsWith("assertion.bmffHash.mismatch: "))) << type;
  }
  EXPECT_EQ(read_manifest(studio.write("longer.mp4", video + "x"), studio.root()).state, ManifestState::invalid);
}

TEST(Reading, FindsWhatIsMissing) {
  const Studio studio;
  const std::string video = test::read_text(studio.sign("x.mp4"));
  for (std::size_t size = video.size() - 1; size > 5000; size -= 997)
    EXPECT_EQ(read_manifest(studio.write("cut.mp4", video.substr(0, size)), studio.root()).state,
              ManifestState::invalid);
}

TEST(Reading, FindsAManifestThatWasCopied) {
  const Studio studio;
  const std::string video = test::read_text(studio.sign("x.mp4"));
  const Box manifest = test::box_of(video, "uuid");
  const std::string other = test::read_text(test::data("media/one_frame.mp4"));
  const Box type = test::box_of(other, "ftyp");
  const std::string forged =
      other.substr(0, type.size) + video.substr(manifest.at, manifest.size) + other.substr(type.size);
  const ManifestReport report = read_manifest(studio.write("forged.mp4", forged), studio.root());
  EXPECT_EQ(report.state, ManifestState::invalid);
  EXPECT_THAT(report.faults, testing::Contains(testing::StartsWith("assertion.bmffHash.mismatch: ")));
}

TEST(Reading, FindsNothingAfterARemux) {
  const Studio studio;
  const fs::path video = studio.sign("x.mp4");
  if (test::run_program({"sh", "-c", "command -v ffmpeg"}).exit_code != 0) GTEST_SKIP() << "no ffmpeg";
  const test::RunResult made =
      test::run_program({"ffmpeg", "-v", "error", "-i", video, "-c", "copy", studio / "copy.mp4"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(read_manifest(studio / "copy.mp4", studio.root()).state, ManifestState::none);
}

// Signed with a certificate that held for two seconds, without a time-stamp authority.
TEST(Reading, FindsAnExpiredCertificate) {
  const std::string root = test::read_text(test::data("provenance/expired_root.pem"));
  const ManifestReport report = read_manifest(test::data("provenance/expired.mp4"), root);
  EXPECT_EQ(report.state, ManifestState::invalid);
  EXPECT_THAT(report.faults, testing::ElementsAre(testing::StartsWith("signingCredential.expired: ")));
}

TEST(Reading, AManifestThatSaysSomethingOfThePrompt) {
  const Studio studio;
  ProvenanceRecord record = test::video_record();
  record.prompt = std::string(100'000, 'x');
  EXPECT_EQ(read_manifest(studio.sign("x.mp4", record), "").generation["prompt"], *record.prompt);
  record.prompt = "\xff";
  EXPECT_EQ(read_manifest(studio.sign("y.mp4", record), "").generation["prompt"], "\xef\xbf\xbd");
}

TEST(Library, IsCheckedWhenItIsLoaded) {
  const auto error = [](const fs::path& file) { return test::error_of(Fault::input, [&] { load_c2pa(file); }); };
  EXPECT_EQ(error("/nonexistent/libc2pa_c.so"),
            "cannot load libc2pa_c.so: /nonexistent/libc2pa_c.so: cannot open shared object file: No such file or "
            "directory; C2PA manifests are written and read by it; run scripts/setup and build again");
  EXPECT_EQ(
      error(SORA_OLD_C2PA),
      std::string(SORA_OLD_C2PA) +
          " is c2pa-c-ffi/0.90.0 c2pa-rs/0.90.0, this program is made for 0.91; run scripts/setup and build again");
  EXPECT_EQ(error("libcrypto.so.3"), "libcrypto.so.3 has no function c2pa_version; run scripts/setup and build again");
}

}  // namespace
}  // namespace sora
