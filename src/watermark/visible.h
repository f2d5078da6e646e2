// The visible mark: a small label in a corner that says that the picture is made by a machine.
#pragma once

#include <cstdint>
#include <span>

namespace sora {

/// Draws the label into an RGB frame [H, W, 3] in place, before the invisible mark. It goes from corner to corner every
/// few seconds, so that no crop loses it; where it is follows from the frame's index alone. Pictures too small for it
/// stay as they are.
void draw_visible_mark(std::span<std::uint8_t> rgb, int width, int height, std::int64_t frame_index, double fps);

}  // namespace sora
