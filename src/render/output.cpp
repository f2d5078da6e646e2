#include "render/output.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/interrupt.h"
#include "render/pixels.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr int kFramesAtOnce = 16;  // of a clip that is copied

}  // namespace

Output::Output(const Plan& plan, PixelReader& read, const MarkedSink& to, Progress& progress)
    : plan_(plan), read_(read), to_(to), progress_(progress), quality_(plan) {
  progress_.update(Stage::decode, 0, plan_.pixel_frames);
  if (plan_.before) copy(*plan_.before);
}

void Output::write(const Tensor& pixels) {
  check_interrupted();
  require(at::isfinite(pixels).all().item<bool>(), Fault::input,
          "decoded pixels are not finite at frame {}: the VAE's weights are damaged or do not fit its config",
          decoded_);
  const FrameRange range{decoded_, static_cast<int>(pixels.size(2))}, shown = common(range, plan_.shown);
  if (shown.count > 0) {
    const Tensor rgb = to_8bit(pixels.narrow(2, shown.first - range.first, shown.count));
    decoded_ = shown.first;
    const Tensor given = put_given(rgb);
    quality_.add_frames(rgb);
    put(marked(rgb, given));
  }
  decoded_ = range.end();
}

void Output::finish() {
  if (plan_.after) copy(*plan_.after);
  to_.sink.finish();
}

void Output::copy(const ClipPart& part) {
  for (int first = part.frames.first; first < part.frames.end(); first += kFramesAtOnce) {
    check_interrupted();
    put(read_.frames(part.media, {first, std::min(kFramesAtOnce, part.frames.end() - first)}));
  }
}

void Output::put(const Tensor& rgb) {
  to_.sink.write({static_cast<int>(rgb.size(0)),
                  static_cast<int>(rgb.size(1)),
                  static_cast<int>(rgb.size(2)),
                  {rgb.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(rgb.numel())}});
  written_ += static_cast<int>(rgb.size(0));
  progress_.update(Stage::decode, written_, plan_.pixel_frames);
}

// rgb: the frames from decoded_ on. A codec's loss and the VAE's are no reason to change what the user gave. Returns
// where that was done, bool [n, H, W, 1], or nothing.
Tensor Output::put_given(const Tensor& rgb) const {
  const FrameRange range{decoded_, static_cast<int>(rgb.size(0))};
  Tensor put;
  for (const GivenSpan& span : plan_.given) {
    const FrameRange part = common(range, {span.at, span.count});
    if (!span.kept || part.count == 0) continue;
    const Tensor given = read_.frames(span.media, {span.source_first + part.first - span.at, part.count});
    const Tensor to = rgb.narrow(0, part.first - range.first, part.count);
    if (!put.defined()) put = at::zeros({rgb.size(0), rgb.size(1), rgb.size(2), 1}, at::kBool);
    const Tensor stays = put.narrow(0, part.first - range.first, part.count);
    if (plan_.mask) {
      const FrameRange masked = plan_.mask->image ? FrameRange{0, 1} : part;
      stays.copy_(read_.frames(plan_.mask->media, masked).narrow(3, 0, 1).le(127));
    } else {
      stays.fill_(true);
    }
    to.copy_(at::where(stays, given, to));
  }
  return put;
}

Tensor Output::marked(const Tensor& rgb, const Tensor& given) const {
  if (!to_.mark) return rgb;
  Tensor marked = rgb.clone();
  const std::int64_t height = rgb.size(1), width = rgb.size(2), bytes = height * width * 3;
  auto* frame = marked.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < rgb.size(0); ++i, frame += bytes) {
    to_.mark({frame, static_cast<std::size_t>(bytes)}, static_cast<int>(height), static_cast<int>(width), written_ + i);
  }
  return given.defined() ? at::where(given, rgb, marked) : marked;
}

}  // namespace sora
