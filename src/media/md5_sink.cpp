// A sink that keeps nothing of the frames but a checksum: equal pixels, equal digits, whatever the encoder.
#include "media/md5_sink.h"

extern "C" {
#include <libavutil/md5.h>
#include <libavutil/mem.h>
}

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <new>

namespace sora {

void Md5Sink::Free::operator()(AVMD5* md5) const { av_free(md5); }

Md5Sink::Md5Sink(const PixelSize& size, int frame_count) : check_(size, frame_count), md5_(av_md5_alloc()) {
  if (!md5_) throw std::bad_alloc();
  av_md5_init(md5_.get());
}

void Md5Sink::write(const Frames& frames) {
  check_.accept(frames);
  av_md5_update(md5_.get(), frames.rgb.data(), frames.rgb.size());
}

void Md5Sink::finish() {
  check_.require_complete();
  std::array<std::uint8_t, 16> sum{};
  av_md5_final(md5_.get(), sum.data());
  digest_ = fmt::format("{:02x}", fmt::join(sum, ""));
}

}  // namespace sora
