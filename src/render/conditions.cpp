#include "render/conditions.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "sora/error.h"

namespace sora {
namespace {

// 8-bit frames [n, H, W, 3] -> [1, 3, n, H, W] in -1..1.
Tensor to_pixels(const Tensor& frames) {
  return frames.to(at::kFloat).div_(255).mul_(2).sub_(1).permute({3, 0, 1, 2}).unsqueeze(0).contiguous();
}

class Builder {
 public:
  Builder(const Plan& plan, const Vae& vae, const PixelReader& read, at::Device device)
      : plan_(plan), vae_(vae), read_(read), device_(device), time_(plan.compression.time) {}

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
  // Pixels [1, 3, n, H, W] -> latents on the host.
  Tensor encode(const Tensor& pixels) const { return vae_.encode(pixels.to(device_), plan_.vae_tiling).cpu(); }

  // The span's frames for the video's frames [first, first + count). Where it has none, its nearest.
  Tensor pixels_of(const GivenSpan& span, int first, int count) const {
    const auto nearest = [&](int frame) { return std::clamp(frame - span.at, 0, span.count - 1); };
    const int from = nearest(first), to = nearest(first + count - 1);
    const Tensor frames = read_.frames(span.media, {span.source_first + from, to - from + 1});
    std::vector<std::int64_t> order;
    for (int i = 0; i < count; ++i) order.push_back(nearest(first + i) - from);
    return to_pixels(frames.index_select(0, at::tensor(order)));
  }

  // The latents of the latent frames that a span fills. The video's first latent frame holds one frame, all others
  // several; those cannot begin a video, so that a copy of the first frame goes in front, and its latent goes.
  Tensor latents_of(const GivenSpan& span) const {
    const auto [first, count] = span.latents;
    if (first == 0) return encode(pixels_of(span, 0, 1 + (count - 1) * time_));
    const Tensor pixels = pixels_of(span, 1 + (first - 1) * time_, count * time_);
    return encode(at::cat({pixels.narrow(2, 0, 1), pixels}, 2)).narrow(2, 1, count);
  }

  Tensor empty_latents() const { return at::zeros(plan_.latent.sizes(), at::kFloat); }

  Conditions clean_frames() const {
    Conditions conditions;
    conditions.clean = empty_latents();
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

  // As the reference builds a video out of what is given: grey where nothing is. A video that is changed is as long as
  // what is rendered: where its end is to be trimmed, its last frame stays.
  Tensor whole_video() const {
    const int frames = plan_.rendered_frames;
    Tensor video = at::zeros({1, 3, frames, plan_.size.height, plan_.size.width}, at::kFloat);
    for (const GivenSpan& span : plan_.given) {
      const int count = span.changed ? frames - span.at : span.count;
      video.narrow(2, span.at, count).copy_(pixels_of(span, span.at, count));
    }
    return video;
  }

  // WanImageToVideoPipeline: a mask of one channel a pixel frame of the latent frame, and the latents of the video.
  Conditions image_channels() const {
    Tensor mask = at::zeros({1, time_, plan_.latent.frames, plan_.latent.height, plan_.latent.width}, at::kFloat);
    for (const GivenSpan& span : plan_.given) {
      for (int frame = span.at; frame < span.at + span.count; ++frame) {
        // The first latent frame's only pixel frame counts for all of its channels.
        if (frame == 0) {
          mask.select(2, 0).fill_(1);
        } else {
          mask.select(2, 1 + (frame - 1) / time_).select(1, (frame - 1) % time_).fill_(1);
        }
      }
    }
    Conditions conditions;
    conditions.channels = at::cat({mask, encode(whole_video())}, 1);
    return conditions;
  }

  // Of every frame that is rendered: 1 where pixels are generated, [1, 1, n, H, W].
  Tensor pixel_mask() const {
    const int frames = plan_.rendered_frames;
    if (plan_.mask) {
      const int count = plan_.mask->image ? 1 : plan_.shown.count;
      const Tensor mask = read_.frames(plan_.mask->media, {0, count});
      const Tensor white = to_pixels(mask).narrow(1, 0, 1).mul(0.5).add(0.5).clamp(0, 1);
      return white.index_select(2, at::arange(frames).clamp_max(count - 1));
    }
    Tensor mask = at::ones({1, 1, frames, plan_.size.height, plan_.size.width}, at::kFloat);
    for (const GivenSpan& span : plan_.given) {
      if (!span.changed) mask.narrow(2, span.at, span.count).zero_();
    }
    return mask;
  }

  // WanVACEPipeline: latents of the video where it stays and where it changes, and the mask with one channel a pixel of
  // a latent's square. Reference images stand in front, the last one first.
  Conditions control() const {
    const Tensor video = whole_video(), mask = pixel_mask(), binary = mask.gt(0.5).to(at::kFloat);
    Tensor latents = at::cat({encode(video * (1 - binary)), encode(video * binary)}, 1);
    const std::int64_t space = plan_.compression.space, height = plan_.latent.height, width = plan_.latent.width;
    const Tensor squares = mask.reshape({plan_.rendered_frames, height, space, width, space})
                               .permute({2, 4, 0, 1, 3})
                               .flatten(0, 1);  // [space · space, n, h, w]
    std::vector<std::int64_t> nearest;
    for (int t = 0; t < plan_.latent.frames; ++t) {
      const auto middle = static_cast<std::int64_t>((t + 0.5) * plan_.rendered_frames / plan_.latent.frames);
      nearest.push_back(std::min<std::int64_t>(middle, plan_.rendered_frames - 1));
    }
    Tensor masks = squares.index_select(1, at::tensor(nearest)).unsqueeze(0);

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

  // WanVideoToVideoPipeline. With a mask, a latent stays where all of its pixels are black.
  Conditions noised() const {
    Conditions conditions;
    conditions.clean = encode(whole_video());
    if (!plan_.mask) return conditions;
    const Tensor mask = pixel_mask().squeeze(0);  // [1, n, H, W]
    const std::int64_t space = plan_.compression.space;
    const Tensor small = at::max_pool2d(mask, {space, space}).squeeze(0);  // [n, h, w]
    Tensor changes = at::empty({1, 1, plan_.latent.frames, plan_.latent.height, plan_.latent.width}, at::kFloat);
    for (int t = 0; t < plan_.latent.frames; ++t) {
      const int first = t == 0 ? 0 : 1 + (t - 1) * time_, count = t == 0 ? 1 : time_;
      changes.select(2, t).copy_(small.narrow(0, first, count).amax(0));
    }
    conditions.stays = changes.le(0.5);
    return conditions;
  }

  const Plan& plan_;
  const Vae& vae_;
  const PixelReader& read_;
  at::Device device_;
  int time_;
};

}  // namespace

int leading_known(const Tensor& known) {
  int count = 0;
  while (known.defined() && count < known.size(0) && known[count].item<bool>()) ++count;
  return count;
}

Conditions make_conditions(const Plan& plan, const Vae& vae, const PixelReader& read, at::Device device) {
  return Builder(plan, vae, read, device).build();
}

}  // namespace sora
