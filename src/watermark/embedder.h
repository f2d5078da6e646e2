// Puts the invisible watermark into frames.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "watermark/key.h"

namespace sora {

/// What manifests call the way in which a video is marked.
inline constexpr std::string_view kWatermarkAlgorithm = "org.sora-gen.tiled-spread-spectrum.1";

class Embedder {
 public:
  /// `id`: 48 bits. Frames are `width` × `height`, of any size from 16 × 16 on.
  Embedder(const WatermarkKey& key, std::uint64_t id, int width, int height, double fps);

  /// Marks an RGB frame [H, W, 3] in place, the same change to R, G and B: what changes is luma, at 42.2 dB PSNR or
  /// more in each frame. A frame's bytes follow from the key, the id, its index in the video and its own pixels, and
  /// from no other frame: a render that was resumed gives the same video.
  void embed(std::span<std::uint8_t> rgb, std::int64_t frame_index) const;

 private:
  int width_, height_;
  double fps_;
  // What is added, before and after the flip: rows of a tile [kTile, W, 3].
  std::array<std::vector<std::int8_t>, 2> change_;
};

}  // namespace sora
