#include "render/quality.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sora {
namespace {

// A scene may well get darker or quieter by itself: only what is far beyond that is worth a warning.
constexpr double kMostLumaDrift = 0.12, kMostSaturationDrift = 0.5, kLeastMotion = 0.15, kMostClipped = 0.35;
constexpr double kMostJoin = 5, kVisibleMotion = 1.0 / 255;

double mean_of(const Tensor& tensor) { return tensor.mean().item<double>(); }

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void QualityWatch::add_frames(const Tensor& rgb) {
  for (std::int64_t i = 0; i < rgb.size(0); ++i) {
    const Tensor bytes = rgb[i], unit = bytes.to(at::kFloat).div_(255);  // [H, W, 3]
    const Tensor luma = unit.select(2, 0) * 0.2126 + unit.select(2, 1) * 0.7152 + unit.select(2, 2) * 0.0722;
    Frame frame{};
    frame.luma = mean_of(luma);
    frame.saturation = mean_of(unit.amax(2) - unit.amin(2));
    frame.clipped = mean_of((bytes.eq(0) | bytes.eq(255)).to(at::kFloat));
    frame.change = last_luma_.defined() ? mean_of((luma - last_luma_).abs()) : 0;
    frames_.push_back(frame);
    last_luma_ = luma;
  }
}

// Frames that a window adds, counted from the first that is shown.
FrameRange QualityWatch::shown_of(int index) const {
  const Window& window = plan_.windows[static_cast<std::size_t>(index)];
  const int first_latent = window.first + window.context, end_latent = window.end() - window.context_after;
  const auto pixel = [&](int latent) { return first_pixel_frame(latent, plan_.compression); };
  const int first = std::clamp(pixel(first_latent) - plan_.shown.first, 0, static_cast<int>(frames_.size()));
  const int end = std::clamp(pixel(end_latent) - plan_.shown.first, first, static_cast<int>(frames_.size()));
  return {first, end - first};
}

WindowQuality QualityWatch::measure(int index, const Tensor& latents) const {
  const Window& window = plan_.windows[static_cast<std::size_t>(index)];
  const FrameRange range = shown_of(index);
  WindowQuality quality;
  quality.first_frame = range.first + (plan_.before ? plan_.before->frames.count : 0);
  quality.frames = range.count;
  quality.scene = window.scene;
  for (int i = range.first; i < range.end(); ++i) {
    const Frame& frame = frames_[static_cast<std::size_t>(i)];
    quality.luma += frame.luma / range.count;
    quality.saturation += frame.saturation / range.count;
    quality.clipped += frame.clipped / range.count;
    if (i > range.first) quality.motion += frame.change / std::max(1, range.count - 1);
  }
  const Tensor own = latents.narrow(2, window.first, window.shape.frames);
  quality.latent_mean = mean_of(own);
  quality.latent_std = own.std().item<double>();
  return quality;
}

Quality QualityWatch::result(const Tensor& latents) const {
  Quality quality;
  std::vector<double> inside;
  std::vector<int> joins;
  for (int i = 0; i < static_cast<int>(plan_.windows.size()); ++i) {
    quality.windows.push_back(measure(i, latents));
    const FrameRange range = shown_of(i);
    joins.push_back(range.first);
    for (int frame = range.first + 1; frame < range.end(); ++frame) {
      inside.push_back(frames_[static_cast<std::size_t>(frame)].change);
    }
  }
  const double usual = std::max(median(std::move(inside)), kVisibleMotion);
  for (std::size_t i = 0; i < joins.size(); ++i) {
    if (joins[i] == 0 || quality.windows[i].frames == 0) continue;
    quality.windows[i].join = frames_[static_cast<std::size_t>(joins[i])].change / usual;
  }
  quality.warnings = warnings_of(quality.windows, plan_.fps.value());
  return quality;
}

std::vector<std::string> warnings_of(const std::vector<WindowQuality>& windows, double fps) {
  std::vector<std::string> warnings;
  using Measured = WindowQuality;
  // What changes with the prompt is meant to.
  const auto start_of = [&](int scene) -> const Measured& {
    return *std::find_if(windows.begin(), windows.end(), [&](const Measured& each) { return each.scene == scene; });
  };
  // Each kind once, where it is first seen: windows after it are made of it.
  const auto first_that = [&](auto is_bad) -> const Measured* {
    const auto found = std::find_if(windows.begin(), windows.end(), [&](const Measured& each) {
      return each.frames > 0 && is_bad(each, start_of(each.scene));
    });
    return found == windows.end() ? nullptr : &*found;
  };
  const auto at = [&](const Measured& window) { return window.first_frame / fps; };
  if (const Measured* w = first_that([](const Measured& each, const Measured& start) {
        return std::abs(each.luma - start.luma) > kMostLumaDrift;
      })) {
    const Measured& start = start_of(w->scene);
    warnings.push_back(
        fmt::format("brightness drifts from {:.2f} at {:.1f} s to {:.2f} at {:.1f} s; another --seed or a longer "
                    "--overlap-frames may hold it",
                    start.luma, at(start), w->luma, at(*w)));
  }
  if (const Measured* w = first_that([](const Measured& each, const Measured& start) {
        const double drift = std::abs(each.saturation - start.saturation);
        return drift > kMostSaturationDrift * start.saturation && drift > kMostLumaDrift;
      })) {
    const Measured& start = start_of(w->scene);
    warnings.push_back(
        fmt::format("colours drift: saturation goes from {:.2f} at {:.1f} s to {:.2f} at {:.1f} s; a lower "
                    "--guidance-scale or another --seed may hold them",
                    start.saturation, at(start), w->saturation, at(*w)));
  }
  if (const Measured* w = first_that([](const Measured& each, const Measured& start) {
        return start.motion > kVisibleMotion && each.frames > 1 && each.motion < kLeastMotion * start.motion;
      })) {
    warnings.push_back(fmt::format(
        "the picture freezes at {:.1f} s; another --seed or a shorter --overlap-frames may keep it moving", at(*w)));
  }
  if (const Measured* w = first_that(
          [](const Measured& each, const Measured& start) { return each.join > kMostJoin && &each != &start; })) {
    warnings.push_back(
        fmt::format("the picture jumps at {:.1f} s, {:.0f} times as far as from frame to frame elsewhere; a longer "
                    "--overlap-frames may smooth it",
                    at(*w), w->join));
  }
  if (const Measured* w =
          first_that([](const Measured& each, const Measured&) { return each.clipped > kMostClipped; })) {
    warnings.push_back(
        fmt::format("{:.0f} % of the values are black or white at {:.1f} s; a lower --guidance-scale may help",
                    100 * w->clipped, at(*w)));
  }
  return warnings;
}

}  // namespace sora
