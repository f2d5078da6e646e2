// The settings that an MP4 carries: written, shown by libav, read back; and files that carry none, or nonsense.
#include "media/mp4_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/output_name.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/films.h"
#include "support/video_reader.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::Film;
using test::read_text;
using test::TempDir;
using test::write_film;

const std::string kSettings = R"({"sora-gen":{"prompt":"a \"cat\" \\ in the snow; ein Kätzchen, 雪の猫 🐈 = #1"}})";
constexpr std::size_t kSizeBytes = 4;  // of a box, in front of its name

class Mp4Metadata : public testing::Test {
 protected:
  std::string write(const std::string& metadata) {
    write_film(film_, {.path = path_, .overwrite = true, .metadata = metadata});
    return read_text(path_);
  }
  std::string refusal() const {
    return error_of(Fault::input, [&] { read_mp4_metadata(path_); });
  }
  std::string none() const {
    return path_.string() +
           ": carries no settings of sora-gen: it was made by something else, with --no-metadata, or has lost its tags";
  }

  TempDir folder_;
  fs::path path_ = folder_ / "a.mp4";
  Film film_ = test::moving_film({64, 32}, 3);
};

TEST_F(Mp4Metadata, IsReadBackAndShownByLibav) {
  std::string longest = R"({"sora-gen":")";
  while (longest.size() < kMostMetadataBytes - 5) longest += "猫";
  longest.resize(longest.size() + kMostMetadataBytes - 2 - longest.size(), '.');
  longest += "\"}";
  ASSERT_EQ(longest.size(), 1u << 20);
  for (const std::string& metadata : {kSettings, longest}) {
    const std::string file = write(metadata);
    EXPECT_TRUE(read_mp4_metadata(path_) == metadata);
    const test::Video video = test::read_video(path_);
    EXPECT_TRUE(video.comment == metadata);
    EXPECT_EQ(video.encoder, "sora-gen");
    EXPECT_EQ(video.frames.size(), 3u);
    EXPECT_LT(file.find("moov"), file.find("mdat"));
  }
}

TEST_F(Mp4Metadata, IsAllThatItChanges) {
  const std::string file = write(kSettings), frames = file.substr(file.find("mdat"));
  EXPECT_TRUE(write(kSettings) == file);
  for (const std::string& metadata : {std::string(), std::string(R"({"sora-gen":7})")}) {
    const std::string other = write(metadata);
    EXPECT_TRUE(other != file);
    EXPECT_TRUE(other.substr(other.find("mdat")) == frames);
  }
}

TEST_F(Mp4Metadata, ThatIsNotThere) {
  EXPECT_EQ(write("").find("cmt"), std::string::npos);
  EXPECT_EQ(refusal(), none());
}

TEST_F(Mp4Metadata, OfSomebodyElse) {
  std::string file = write(kSettings);
  file.replace(file.find("sora-gen\":"), 8, "soda-gen");
  test::write_file(path_, file);
  EXPECT_EQ(refusal(), none());
}

TEST_F(Mp4Metadata, OfWhatIsNoMp4) {
  path_ = folder_ / "a.png";
  write_film(test::noise({16, 16}, 1), {.path = path_});
  EXPECT_EQ(refusal(), path_.string() + ": is no MP4; only these carry the settings they were made with");
  path_ = folder_ / "b.mp4";
  EXPECT_EQ(refusal(), path_.string() + ": cannot be opened: No such file or directory");
  test::write_file(path_, kSettings);
  EXPECT_THAT(refusal(), testing::StartsWith(path_.string() + ": "));
  path_ = folder_.path();
  EXPECT_EQ(refusal(), path_.string() + ": is a folder, expected a picture or a clip");
}

TEST_F(Mp4Metadata, NeedsNoWholeVideo) {
  const std::string file = write(kSettings);
  const std::size_t settings_end = file.find(kSettings) + kSettings.size();
  for (std::size_t size = 1; size < file.size(); ++size) {
    test::write_file(path_, file.substr(0, size));
    // moov ends where the settings do, and ftyp says from byte 12 on that it is an MP4.
    if (size >= settings_end)
      EXPECT_EQ(read_mp4_metadata(path_), kSettings) << size;
    else
      EXPECT_THAT(refusal(), testing::StartsWith(path_.string() + ": ")) << size;
  }
}

TEST_F(Mp4Metadata, NeverBelievesSizes) {
  const std::string file = write(kSettings);
  for (const std::string name : {"moov", "udta", "meta", "ilst",
                                 "\xa9"
                                 "cmt",
                                 "data"}) {
    const std::size_t at = file.rfind(name, file.find(kSettings)) - kSizeBytes;
    for (const std::string& size :
         {std::string("\xff\xff\xff\xff"), std::string("\x7f\xff\xff\xff"), std::string("\0\0\0\7", 4),
          std::string("\0\0\0\1", 4), std::string("\0\0\0\x8", 4)}) {
      std::string damaged = file;
      damaged.replace(at, kSizeBytes, size);
      test::write_file(path_, damaged);
      EXPECT_EQ(refusal(), none()) << name;
    }
  }
}

TEST_F(Mp4Metadata, BoxesMayHaveLongSizes) {
  std::string file = write(kSettings);
  const std::size_t at = file.find("moov") - kSizeBytes;
  // <size> moov becomes 1 moov <64-bit size>: eight bytes more.
  std::string size = std::string(4, '\0') + file.substr(at, kSizeBytes);
  size.back() = static_cast<char>(size.back() + 8);
  file.replace(at, kSizeBytes, std::string("\0\0\0\1", 4)).insert(at + 2 * kSizeBytes, size);
  test::write_file(path_, file);
  EXPECT_EQ(read_mp4_metadata(path_), kSettings);
}

TEST_F(Mp4Metadata, IsRefusedWhereItCouldNotBeReadBack) {
  const std::string too_long = R"({"sora-gen":")" + std::string(kMostMetadataBytes, 'x') + "\"}";
  EXPECT_EQ(error_of(Fault::usage, [&] { write(too_long); }),
            "prompts and settings are 1.0 MB in all, of which an MP4 is to carry at most 1.0 MB; --no-metadata leaves "
            "them out");
  EXPECT_EQ(error_of(Fault::bug, [&] { write("{}"); }), "metadata that could not be found again: {}");
  EXPECT_THAT(test::names_in(folder_.path()), testing::IsEmpty());
}

}  // namespace
}  // namespace sora
