#include "watermark/visible.h"
namespace sora {
void draw_visible_mark(std::span<std::uint8_t>, int, int, std::int64_t, double) {}
}  // namespace sora
