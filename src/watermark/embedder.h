// Puts the invisible watermark into frames.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "watermark/key.h"

namespace sora {

class Embedder {
 public:
  /// `id`: 48 bits. Frames are `width` × `height`, of any size from 16 × 16 on.
  Embedder(const WatermarkKey& key, std::uint64_t id, int width, int height, double fps);
  ~Embedder();

  /// Marks an RGB frame [H, W, 3] in place, the same change to R, G and B: what changes is luma, by at least 42 dB
  /// PSNR. A frame's bytes follow from the key, the id, its index in the video and its own pixels, and from no other
  /// frame: a render that was resumed gives the same video. One thread at a time for each Embedder.
  void embed(std::span<std::uint8_t> rgb, std::int64_t frame_index);

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace sora
