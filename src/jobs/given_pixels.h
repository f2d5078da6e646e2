// The user's pictures and clips as the tensors that a render asks for.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sora/plan.h"
#include "sora/render.h"

namespace sora {

/// Reads and fits what the plan names.
std::unique_ptr<PixelReader> make_pixel_reader(const Plan& plan);

/// A picture of any size, in memory of its own.
struct Picture {
  PixelSize size;
  std::vector<std::uint8_t> rgb;  ///< [height, width, 3]

  Frames frames() const { return {1, size.height, size.width, rgb}; }
};

/// The first frame of each of the plan's spans, as it is in its file.
std::vector<Picture> read_originals(const Plan& plan);

}  // namespace sora
