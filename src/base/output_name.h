// What an output's name means, and what can be refused about an output before anything is computed.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <string_view>

#include "sora/geometry.h"
#include "sora/request.h"

namespace sora {

enum class OutputKind {
  mp4,           ///< name.mp4
  png_sequence,  ///< frame-%d.png or frame-%05d.png: a file for each frame, the first is number 1 as in ffmpeg
  png,           ///< name.png: a video of one frame
  null,          ///< null: frames are thrown away
  md5,           ///< md5: one checksum of all frames
};

/// Error{usage} if the name means none of them.
OutputKind output_kind(const std::filesystem::path& path);

/// Whether frames go to files at all.
bool has_files(const std::filesystem::path& path);

/// The name of frame `number` of a png_sequence.
std::filesystem::path numbered_path(const std::filesystem::path& pattern, int number);

/// The folder in which a render keeps its latents until its video is whole; empty for frames that go nowhere.
std::filesystem::path latents_folder(const std::filesystem::path& output);

/// The file in that folder that says what the latents are of, its seed among it.
inline constexpr const char* kSavedPlan = "plan.json";

/// How OutputOptions::metadata begins, so that it is told from other people's comments, and how long it may be.
inline constexpr std::string_view kMetadataBegins = R"({"sora-gen":)";
inline constexpr std::size_t kMostMetadataBytes = 1 << 20;

/// Beside an MP4 with the poster, x.mp4: x.poster.png; and the contact sheet, x.sheet.png.
std::filesystem::path poster_path(const std::filesystem::path& video);
std::filesystem::path contact_sheet_path(const std::filesystem::path& video);

/// Of x264, from the fastest to the smallest file.
inline constexpr std::array<std::string_view, 10> kPresets{"ultrafast", "superfast", "veryfast", "faster",   "fast",
                                                           "medium",    "slow",      "slower",   "veryslow", "placebo"};

/// Error{usage} if `options` cannot hold `frame_count` frames of `size`, or crf or preset is none of x264's.
void check_output(const OutputOptions& options, const PixelSize& size, int frame_count);

}  // namespace sora
