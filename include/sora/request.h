// What the user asked for. Everything that the user may leave open is an optional; a Plan has none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "sora/geometry.h"

namespace sora {

/// What the output file is and how it is encoded.
struct OutputOptions {
  /// *.mp4, a numbered pattern such as out/%05d.png, *.png for one frame, null: or md5:; empty for sora-gen-SEED.mp4
  std::filesystem::path path;
  int crf = 18;  ///< x264's constant rate factor, 0 (lossless) to 51
  std::string preset = "medium";
  bool overwrite = false;
};

struct Request {
  std::string prompt;
  std::optional<std::string> negative_prompt;
  std::optional<PixelSize> size;
  std::optional<int> num_frames;  ///< pixel frames; at most one of num_frames and seconds
  std::optional<double> seconds;
  std::optional<Rational> fps;
  std::optional<int> steps;
  std::optional<double> guidance_scale, guidance_scale_2;
  std::optional<int> max_sequence_length;
  std::optional<std::uint64_t> seed;
  std::optional<PixelSize> vae_tile_size, vae_tile_stride;
  OutputOptions output;
};

}  // namespace sora
