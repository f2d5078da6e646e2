#include "render/conditions.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "base/interrupt.h"
#include "render/pixels.h"
#include "sora/error.h"

namespace sora {
namespace {

// A video is encoded in pieces, whose pixels are few beside what the encoder itself takes.
constexpr int kLatentFramesAtOnce = 8;

class Builder {
 public:
  Builder(const Plan& plan, const Vae& vae, PixelReader& read, at::Device device)
      : plan_(plan), vae_(vae), read_(read), device_(device) {}

  Conditions build() const {
    switch (plan_.sampling.given) {
      case GivenUse::none:
        return {};
      case GivenUse::clean_frames:
        return clean_frames();
      case GivenUse::image_channels:
        return image_channels();
      case GivenUse::control:
        return control();
      case GivenUse::noised:
        return noised();
    }
    fail(Fault::bug, "given pixels of no use");
  }

 private:
  // One picture [1, 3, 1, H, W] -> its latents, on the host.
  Tensor encode(const Tensor& picture) const { return vae_.encode(picture.to(device_), plan_.vae_tiling).cpu(); }

  // The pixel frames of latent frames [first, first + count).
  FrameRange frames_of(int first, int count) const {
    const int begin = first_pixel_frame(first, plan_.compression);
    return {begin, first_pixel_frame(first + count, plan_.compression) - begin};
  }

  // The latents of latent frames [first, first + count), whose pixels are pixels(range), [1, 3, n, H, W]. The video's
  // first latent frame holds one frame, all others several; those cannot begin a video, so that a copy of the first
  // frame goes in front, and its latent goes.
  template <class Pixels>
  Tensor encode_frames(int first, int count, const Pixels& pixels) const {
    const std::unique_ptr<VideoEncoder> encoder = vae_.begin_encoding(plan_.vae_tiling);
    std::vector<Tensor> latents;
    for (int done = 0; done < count;) {
      check_interrupted();
      const int now = std::min(kLatentFramesAtOnce, count - done);
      Tensor piece = pixels(frames_of(first + done, now)).to(device_);
      if (first > 0 && done == 0) piece = at::cat({piece.narrow(2, 0, 1), piece}, 2);
      done += now;
      latents.push_back(encoder->encode(piece, done == count ? Piece::last : Piece::more_follow).cpu());
    }
    const Tensor all = at::cat(latents, 2);
    return all.narrow(2, all.size(2) - count, count);
  }
  template <class Pixels>
  Tensor encode_video(const Pixels& pixels) const {
    return encode_frames(0, plan_.latent.frames, pixels);
  }

  // The span's frames for the video's frames [first, first + count). Where it has none, its nearest.
  Tensor pixels_of(const GivenSpan& span, int first, int count) const {
    const auto nearest = [&](int frame) { return std::clamp(frame - span.at, 0, span.count - 1); };
    const int from = nearest(first), to = nearest(first + count - 1);
    const Tensor frames = read_.frames(span.media, {span.source_first + from, to - from + 1});
    std::vector<std::int64_t> order;
    for (int i = 0; i < count; ++i) order.push_back(nearest(first + i) - from);
    return to_pixels(frames.index_select(0, at::tensor(order)));
  }

  Tensor latents_of(const GivenSpan& span) const {
    return encode_frames(span.latents.first, span.latents.count,
                         [&](const FrameRange& range) { return pixels_of(span, range.first, range.count); });
  }

  Conditions clean_frames() const {
    Conditions conditions;
    conditions.clean = at::zeros(plan_.latent.sizes(), at::kFloat);
    conditions.known = at::zeros({plan_.latent.frames}, at::kBool);
    for (const GivenSpan& span : plan_.given) {
      if (span.at >= plan_.rendered_frames) {
        conditions.after = encode(pixels_of(span, span.at, 1));
        continue;
      }
      conditions.clean.narrow(2, span.latents.first, span.latents.count).copy_(latents_of(span));
      conditions.known.narrow(0, span.latents.first, span.latents.count).fill_(true);
    }
    return conditions;
  }

  // Frames of the video that the reference builds out of what is given: grey where nothing is. A video that is changed
  // is as long as what is rendered: where its end is to be trimmed, its last frame stays.
  Tensor video_of(const FrameRange& range) const {
    Tensor video = at::zeros({1, 3, range.count, plan_.size.height, plan_.size.width}, at::kFloat);
    for (const GivenSpan& span : plan_.given) {
      const FrameRange part = common(range, {span.at, span.changed ? plan_.rendered_frames - span.at : span.count});
      if (part.count == 0) continue;
      video.narrow(2, part.first - range.first, part.count).copy_(pixels_of(span, part.first, part.count));
    }
    return video;
  }

  // WanImageToVideoPipeline: a mask of one channel a pixel frame of the latent frame, and the latents of the video.
  Conditions image_channels() const {
    const LatentShape& latent_shape = plan_.latent;
    Tensor mask = at::zeros({1, plan_.compression.time, latent_shape.frames, latent_shape.height, latent_shape.width},
                            at::kFloat);
    for (const GivenSpan& span : plan_.given) {
      for (int frame = span.at; frame < span.at + span.count; ++frame) {
        const int latent = latent_frame_of(frame, plan_.compression);
        const Tensor channels = mask.select(2, latent).squeeze(0);  // [time, h, w]
        // The first latent frame's only pixel frame counts for all of its channels.
        if (latent == 0) {
          channels.fill_(1);
        } else {
          channels.select(0, frame - first_pixel_frame(latent, plan_.compression)).fill_(1);
        }
      }
    }
    Conditions conditions;
    conditions.channels = at::cat({mask, encode_video([&](const FrameRange& range) { return video_of(range); })}, 1);
    return conditions;
  }

  // 1 where pixels of these frames are generated, [1, 1, n, H, W].
  Tensor mask_of(const FrameRange& range) const {
    if (plan_.mask) {
      const int count = plan_.mask->image ? 1 : plan_.shown.count;  // its last frame stays
      const int first = std::min(range.first, count - 1), end = std::min(range.end(), count);
      const Tensor mask = read_.frames(plan_.mask->media, {first, std::max(end, first + 1) - first});
      const Tensor white = to_pixels(mask).narrow(1, 0, 1).mul(0.5).add(0.5).clamp(0, 1);
      return white.index_select(2, at::arange(range.first, range.end()).clamp_max(count - 1) - first);
    }
    Tensor mask = at::ones({1, 1, range.count, plan_.size.height, plan_.size.width}, at::kFloat);
    for (const GivenSpan& span : plan_.given) {
      const FrameRange part = common(range, {span.at, span.count});
      if (!span.changed && part.count > 0) mask.narrow(2, part.first - range.first, part.count).zero_();
    }
    return mask;
  }

  Tensor binary_mask_of(const FrameRange& range) const { return mask_of(range).gt(0.5).to(at::kFloat); }

  // WanVACEPipeline: latents of the video where it stays and where it changes, and the mask with one channel a pixel of
  // a latent's square. Reference images stand in front, the last one first.
  Conditions control() const {
    const Tensor stays =
        encode_video([&](const FrameRange& range) { return video_of(range) * (1 - binary_mask_of(range)); });
    const Tensor changes =
        encode_video([&](const FrameRange& range) { return video_of(range) * binary_mask_of(range); });
    Tensor latents = at::cat({stays, changes}, 1), masks = control_masks();
    Conditions conditions;
    for (const auto& image : plan_.reference_images) {
      const Tensor encoded = encode(read_.reference(image));
      latents = at::cat({at::cat({encoded, at::zeros_like(encoded)}, 1), latents}, 2);
      masks = at::cat({at::zeros_like(masks.narrow(2, 0, 1)), masks}, 2);
      ++conditions.references;
    }
    conditions.control = at::cat({latents, masks}, 1);
    return conditions;
  }

  // The mask of one pixel frame for each latent frame, [1, space · space, T, h, w].
  Tensor control_masks() const {
    const std::int64_t space = plan_.compression.space, height = plan_.latent.height, width = plan_.latent.width;
    std::vector<Tensor> masks;
    for (int t = 0; t < plan_.latent.frames; ++t) {
      const auto middle = static_cast<int>((t + 0.5) * plan_.rendered_frames / plan_.latent.frames);
      const Tensor mask = mask_of({std::min(middle, plan_.rendered_frames - 1), 1});
      masks.push_back(mask.reshape({height, space, width, space}).permute({1, 3, 0, 2}).flatten(0, 1));
    }
    return at::stack(masks, 1).unsqueeze(0);
  }

  // WanVideoToVideoPipeline. With a mask, a latent stays where all of its pixels are black.
  Conditions noised() const {
    Conditions conditions;
    conditions.clean = encode_video([&](const FrameRange& range) { return video_of(range); });
    if (!plan_.mask) return conditions;
    const std::int64_t space = plan_.compression.space;
    Tensor changes = at::empty({1, 1, plan_.latent.frames, plan_.latent.height, plan_.latent.width}, at::kFloat);
    for (int t = 0; t < plan_.latent.frames; ++t) {
      const Tensor mask = mask_of(frames_of(t, 1)).squeeze(0);                   // [1, n, H, W]
      changes.select(2, t).copy_(at::max_pool2d(mask, {space, space}).amax(1));  // [1, h, w]
    }
    conditions.stays = changes.le(0.5);
    return conditions;
  }

  const Plan& plan_;
  const Vae& vae_;
  PixelReader& read_;
  at::Device device_;
};

}  // namespace

int leading_known(const Tensor& known) {
  int count = 0;
  while (known.defined() && count < known.size(0) && known[count].item<bool>()) ++count;
  return count;
}

Conditions make_conditions(const Plan& plan, const Vae& vae, PixelReader& read, at::Device device) {
  return Builder(plan, vae, read, device).build();
}

}  // namespace sora
