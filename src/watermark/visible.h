// The visible mark: a small label in a corner that says that the picture was made by a machine.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace sora {

/// What the label of a picture of this size says: "AI-generated · sora-gen", "AI-generated" or "AI", as much as fits
/// into two fifths of its width; nothing in pictures too small for even that.
std::string visible_label(int width, int height);

/// Draws the label into an RGB frame [H, W, 3] in place; the invisible mark comes after it. It changes its corner every
/// four seconds, so that no crop loses it. Where it is follows from the frame's index alone.
void draw_visible_mark(std::span<std::uint8_t> rgb, int width, int height, std::int64_t frame_index, double fps);

}  // namespace sora
