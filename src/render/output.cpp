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

Output::Output(const Plan& plan, PixelReader& read, FrameSink& sink, Progress& progress)
    : plan_(plan), read_(read), sink_(sink), progress_(progress), quality_(plan) {
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
    put_given(rgb);
    quality_.add_frames(rgb);
    put(rgb);
  }
  decoded_ = range.end();
}

void Output::finish() {
  if (plan_.after) copy(*plan_.after);
  sink_.finish();
}

void Output::copy(const ClipPart& part) {
  for (int first = part.frames.first; first < part.frames.end(); first += kFramesAtOnce) {
    check_interrupted();
    put(read_.frames(part.media, {first, std::min(kFramesAtOnce, part.frames.end() - first)}));
  }
}

void Output::put(const Tensor& rgb) {
  sink_.write({static_cast<int>(rgb.size(0)),
               static_cast<int>(rgb.size(1)),
               static_cast<int>(rgb.size(2)),
               {rgb.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(rgb.numel())}});
  written_ += static_cast<int>(rgb.size(0));
  progress_.update(Stage::decode, written_, plan_.pixel_frames);
}

// rgb: the frames from decoded_ on. A codec's loss and the VAE's are no reason to change what the user gave.
void Output::put_given(const Tensor& rgb) const {
  const FrameRange range{decoded_, static_cast<int>(rgb.size(0))};
  for (const GivenSpan& span : plan_.given) {
    const FrameRange part = common(range, {span.at, span.count});
    if (!span.kept || part.count == 0) continue;
    const Tensor given = read_.frames(span.media, {span.source_first + part.first - span.at, part.count});
    const Tensor to = rgb.narrow(0, part.first - range.first, part.count);
    if (!plan_.mask) {
      to.copy_(given);
      continue;
    }
    const FrameRange masked = plan_.mask->image ? FrameRange{0, 1} : part;
    const Tensor white = read_.frames(plan_.mask->media, masked).narrow(3, 0, 1).gt(127);  // [n, H, W, 1]
    to.copy_(at::where(white, to, given));
  }
}

}  // namespace sora
