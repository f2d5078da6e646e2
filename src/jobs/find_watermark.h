// Engine::find_watermark.
#pragma once

#include "sora/engine.h"

namespace sora {

WatermarkFinding find_watermark(const std::filesystem::path& media, std::span<const std::array<std::uint8_t, 32>> keys);

}  // namespace sora
